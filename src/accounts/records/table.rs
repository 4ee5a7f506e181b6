//! The records in memory, and the changes to them. This module uses no disk and no clock.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::file;
use super::id::RecordId;
use super::limits::{
    LINKS_PER_GIVER, RECORDS, SESSION_LIFE, SESSIONS_OF_SHARED_USER, SESSIONS_PER_USER, TOKENS_PER_USER,
    TOUCH_INTERVAL, VISIT_LIFE, VISITS_PER_GIVER, VISITS_PER_LINK,
};
use super::record::{NewLink, NewSession, NewToken, Purpose, Record, RecordEnd, RecordNotes};
use super::refused::{RecordLimit, Refused};
use super::secret::{RecordSecret, SecretDigest};
use super::time::WallTime;
use super::unusable::Unusable;
use crate::accounts::file::{UserLine, UsersFile};
use crate::accounts::name::UserName;

/// All records. Each change copies the table, which is cheap enough, as it writes the whole file anyway.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    records: BTreeMap<RecordId, Arc<Record>>,
    by_secret: HashMap<SecretDigest, Arc<Record>>,
}

/// The id and the secret of a new record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) id: RecordId,
    pub(super) digest: SecretDigest,
}

impl Table {
    /// A table of these records, which have different ids and secrets.
    pub(super) fn new(records: impl IntoIterator<Item = Record>) -> Self {
        let mut table = Self::default();
        records.into_iter().for_each(|record| {
            table.insert(record);
        });
        table
    }

    /// The content of the file, oldest record first.
    pub(super) fn print(&self) -> String {
        let mut records: Vec<&Record> = self.records.values().map(|record| &**record).collect();
        records.sort_by_key(|record| (record.created, record.id));
        file::print(records)
    }

    /// The record with this id.
    pub(super) fn get(&self, id: RecordId) -> Option<&Arc<Record>> {
        self.records.get(&id)
    }

    /// All records, in the order of their ids.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Record>> {
        self.records.values()
    }

    /// The record that the secret opens now.
    pub(super) fn find(&self, secret: &RecordSecret, now: WallTime) -> Result<&Arc<Record>, Unusable> {
        let record = self.of_secret(secret).ok_or(Unusable::Unknown)?;
        record.check(now).map(|()| record)
    }

    /// The record with this secret, even if it has ended.
    pub(super) fn of_secret(&self, secret: &RecordSecret) -> Option<&Arc<Record>> {
        let record = self.by_secret.get(&secret.digest());
        record.filter(|record| record.purpose.secret_use() == secret.is_for())
    }

    /// Whether a record has this secret.
    pub(super) fn has_digest(&self, digest: &SecretDigest) -> bool {
        self.by_secret.contains_key(digest)
    }

    /// Adds the session of a user; the oldest one ends if there are too many.
    pub(super) fn add_session(
        &mut self,
        user: &UserLine,
        new: NewSession,
        key: Key,
        now: WallTime,
    ) -> Result<Arc<Record>, Refused> {
        let NewSession { replaces, is_shared } = new;
        self.revoke(|record| Some(record.id) == replaces, now);
        let most = if is_shared { SESSIONS_OF_SHARED_USER } else { SESSIONS_PER_USER };
        let is_session =
            |record: &Record| record.user == user.name && matches!(record.purpose, Purpose::Session { .. });
        self.keep_newest(most - 1, is_session);
        self.add(user, key, now, now.after(SESSION_LIFE), Purpose::Session { last_used: now })
    }

    /// Adds a token.
    pub(super) fn add_token(
        &mut self,
        user: &UserLine,
        new: NewToken,
        key: Key,
        now: WallTime,
    ) -> Result<Arc<Record>, Refused> {
        let NewToken { name, scope, expires } = new;
        let is_token =
            |record: &Record| record.user == user.name && matches!(record.purpose, Purpose::Token { .. });
        let has_name =
            |record: &Record| matches!(&record.purpose, Purpose::Token { name: taken, .. } if *taken == name);
        let is_same = |record: &Record| is_token(record) && has_name(record) && record.is_of(user);
        if self.iter().any(|record| is_same(record) && record.check(now).is_ok()) {
            return Err(Refused::NameTaken(name));
        }
        self.ids_of(|record| is_token(record) && has_name(record)).for_each(|id| self.remove(id));
        self.make_room(TOKENS_PER_USER, RecordLimit::Tokens, now, is_token)?;
        self.add(user, key, now, expires, Purpose::Token { name, scope })
    }

    /// Adds a link.
    pub(super) fn add_link(
        &mut self,
        user: &UserLine,
        new: NewLink,
        key: Key,
        now: WallTime,
    ) -> Result<Arc<Record>, Refused> {
        let NewLink { scope, expires, uses, is_drop, password } = new;
        let is_link =
            |record: &Record| record.user == user.name && matches!(record.purpose, Purpose::Link { .. });
        self.make_room(LINKS_PER_GIVER, RecordLimit::Links, now, is_link)?;
        let uses_left = uses.map(Into::into);
        self.add(user, key, now, expires, Purpose::Link { scope, uses_left, is_drop, password })
    }

    /// Counts one use of a link, and adds the session that the use starts. The session ends with the link.
    pub(super) fn take_use(
        &mut self,
        link: RecordId,
        key: Key,
        now: WallTime,
    ) -> Result<Arc<Record>, Refused> {
        let opened = self.get(link).ok_or(Unusable::Unknown)?.clone();
        let Purpose::Link { scope, uses_left, is_drop, password } = &opened.purpose else {
            return Err(Unusable::Unknown.into());
        };
        opened.check(now)?;
        let visit = Record {
            id: key.id,
            user: opened.user.clone(),
            created: now,
            expires: now.after(VISIT_LIFE).min(opened.expires),
            purpose: Purpose::Visit { link, scope: scope.clone(), is_drop: *is_drop },
            end: None,
            digest: key.digest,
            version: opened.version,
            notes: RecordNotes::default(),
        };
        let is_of_link =
            |record: &Record| matches!(record.purpose, Purpose::Visit { link: of, .. } if of == link);
        let is_of_giver =
            |record: &Record| record.user == opened.user && matches!(record.purpose, Purpose::Visit { .. });
        self.keep_newest(VISITS_PER_LINK - 1, is_of_link);
        self.keep_newest(VISITS_PER_GIVER - 1, is_of_giver);
        self.check_size(now)?;
        let uses_left = uses_left.map(|uses| uses.saturating_sub(1));
        let purpose =
            Purpose::Link { scope: scope.clone(), uses_left, is_drop: *is_drop, password: password.clone() };
        self.insert(Record { purpose, ..Record::clone(&opened) });
        Ok(self.insert(visit))
    }

    /// Revokes these records, and the sessions that revoked links have started. Returns the number of
    /// records, without those sessions.
    pub(super) fn revoke(&mut self, which: impl Fn(&Record) -> bool, now: WallTime) -> usize {
        let ids: HashSet<_> = self.ids_of(|record| record.end.is_none() && which(record)).collect();
        for id in &ids {
            let Some(record) = self.get(*id).cloned() else { continue };
            match record.purpose {
                Purpose::Session { .. } | Purpose::Visit { .. } => self.remove(*id),
                Purpose::Token { .. } | Purpose::Link { .. } => {
                    let end = Some(RecordEnd { at: now, is_revoked: true });
                    self.insert(Record { end, ..Record::clone(&record) });
                }
            }
        }
        self.ids_of(|record| matches!(record.purpose, Purpose::Visit { link, .. } if ids.contains(&link)))
            .for_each(|id| self.remove(id));
        ids.len()
    }

    /// Revokes the records of users for which `which` is true, if they are no longer in the file, or have changed. An empty file
    /// ends nothing.
    pub(super) fn keep_users(
        &mut self,
        users: &UsersFile,
        which: impl Fn(&UserName) -> bool,
        now: WallTime,
    ) -> usize {
        let is_empty = users.users().next().is_none();
        let by_name: HashMap<_, _> = users.users().map(|user| (&user.name, user)).collect();
        let is_kept = |record: &Record| {
            by_name.get(&record.user).is_some_and(|user| record.version == record.purpose.version_of(user))
        };
        self.revoke(|record| !is_empty && which(&record.user) && !is_kept(record), now)
    }

    /// Stores what requests have noticed, ends expired records, and removes those no longer needed. Returns
    /// whether anything but the last use of sessions changed.
    pub(super) fn sweep(&mut self, now: WallTime) -> bool {
        let due: Vec<_> = self.iter().filter(|record| record.is_due(now)).cloned().collect();
        for record in &due {
            match &record.purpose {
                _ if record.is_forgotten(now) => self.remove(record.id),
                Purpose::Session { .. } | Purpose::Visit { .. } => self.remove(record.id),
                Purpose::Token { .. } | Purpose::Link { .. } => {
                    let end = Some(RecordEnd { at: now, is_revoked: false });
                    self.insert(Record { end, ..Record::clone(record) });
                }
            }
        }
        self.write_notes();
        !due.is_empty()
    }

    /// Whether it has to be swept and written, although nothing else changes: a record has ended, or a session was used and
    /// the uses of sessions were last written a while ago, at `noted`.
    pub(super) fn must_be_written(&self, noted: WallTime, now: WallTime) -> bool {
        let is_time = now.since(noted) >= TOUCH_INTERVAL || now < noted;
        self.is_due(now) || is_time && self.has_notes()
    }

    /// Whether [`Table::sweep`] would change anything but the last use of sessions.
    fn is_due(&self, now: WallTime) -> bool {
        self.iter().any(|record| record.is_due(now))
    }

    /// Whether a session was used since the file was written.
    pub(super) fn has_notes(&self) -> bool {
        self.iter().any(|record| record.noted_use().is_some())
    }

    /// Takes over what requests have recorded for the same records in another table.
    pub(super) fn add_notes(&self, other: &Self) {
        for record in self.iter() {
            if let Some(same) = other.get(record.id).filter(|same| !Arc::ptr_eq(same, record)) {
                record.notes.add(&same.notes);
            }
        }
    }

    fn write_notes(&mut self) {
        let noted: Vec<_> = self.iter().filter(|record| record.noted_use().is_some()).cloned().collect();
        for record in noted {
            let Some(last_used) = record.noted_use() else { continue };
            let purpose = Purpose::Session { last_used };
            self.insert(Record { purpose, ..Record::clone(&record) });
        }
    }

    fn add(
        &mut self,
        user: &UserLine,
        key: Key,
        now: WallTime,
        expires: WallTime,
        purpose: Purpose,
    ) -> Result<Arc<Record>, Refused> {
        if expires <= now {
            return Err(Unusable::Expired.into());
        }
        self.check_size(now)?;
        let version = purpose.version_of(user);
        let (user, Key { id, digest }) = (user.name.clone(), key);
        let notes = RecordNotes::default();
        Ok(self.insert(Record {
            id,
            user,
            created: now,
            expires,
            purpose,
            end: None,
            digest,
            version,
            notes,
        }))
    }

    /// Makes room for one more record of this kind, if fewer than `limit` of them are still valid.
    fn make_room(
        &mut self,
        limit: usize,
        error: RecordLimit,
        now: WallTime,
        which: impl Fn(&Record) -> bool,
    ) -> Result<(), Refused> {
        let (all, valid) = self
            .iter()
            .filter(|record| which(record))
            .fold((0, 0), |(all, valid), record| (all + 1, valid + usize::from(record.check(now).is_ok())));
        if valid >= limit {
            return Err(Refused::Limit(error));
        }
        self.forget((all + 1_usize).saturating_sub(limit), now, which);
        Ok(())
    }

    /// Makes room for one more record.
    fn check_size(&mut self, now: WallTime) -> Result<(), Refused> {
        if self.records.len() >= RECORDS {
            self.forget(1, now, |_| true);
        }
        if self.records.len() < RECORDS { Ok(()) } else { Err(Refused::Limit(RecordLimit::All)) }
    }

    /// Removes `count` of these records that have ended, oldest first.
    fn forget(&mut self, count: usize, now: WallTime, which: impl Fn(&Record) -> bool) {
        if count > 0 {
            self.oldest(|record| which(record) && record.check(now).is_err())
                .into_iter()
                .take(count)
                .for_each(|id| self.remove(id));
        }
    }

    /// Removes the oldest of these records, until `count` are left.
    fn keep_newest(&mut self, count: usize, which: impl Fn(&Record) -> bool) {
        let oldest = self.oldest(which);
        let surplus = oldest.len().saturating_sub(count);
        oldest.into_iter().take(surplus).for_each(|id| self.remove(id));
    }

    fn oldest(&self, which: impl Fn(&Record) -> bool) -> Vec<RecordId> {
        let mut found: Vec<_> = self.iter().filter(|record| which(record)).collect();
        found.sort_by_key(|record| (record.created, record.id));
        found.into_iter().map(|record| record.id).collect()
    }

    fn ids_of(&self, which: impl Fn(&Record) -> bool) -> std::vec::IntoIter<RecordId> {
        let ids: Vec<_> = self.iter().filter(|record| which(record)).map(|record| record.id).collect();
        ids.into_iter()
    }

    /// Adds a record, or replaces the one with its id.
    pub(super) fn insert(&mut self, record: Record) -> Arc<Record> {
        let record = Arc::new(record);
        self.remove(record.id);
        self.by_secret.insert(record.digest, record.clone());
        self.records.insert(record.id, record.clone());
        record
    }

    pub(super) fn remove(&mut self, id: RecordId) {
        if let Some(record) = self.records.remove(&id) {
            self.by_secret.remove(&record.digest);
        }
    }
}
