//! The records of a running program: in memory for its threads, and on the disk for other programs.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::change_error::ChangeError;
use super::id::RecordId;
use super::limits::{FILE_LIMIT, TOUCH_INTERVAL};
use super::record::{NewLink, NewSession, NewToken, Record};
use super::refused::{RecordLimit, Refused};
use super::secret::{RecordSecret, SecretUse};
use super::store::{LockedStore, ReadFile, RecordStore, RecordsError};
use super::table::{Key, Table};
use super::time::WallTime;
use super::unusable::Unusable;
use crate::accounts::file::{UserLine, UsersFile};
use crate::accounts::name::UserName;
use crate::blocking::Blocking;

/// Sessions, tokens and links. Several programs may have them open at once.
#[derive(Debug)]
pub struct Records {
    store: RecordStore,
    /// The records that requests see. `None` if the last attempt to read the file failed; then no record is valid.
    view: RwLock<Option<Arc<Table>>>,
    /// How often the view was replaced.
    generation: AtomicU64,
    /// Held while the file is read or changed.
    current: Mutex<Current>,
}

/// A new record, and its secret, which is not stored.
#[derive(Debug)]
pub struct Issued {
    /// The secret.
    pub secret: RecordSecret,
    /// The record.
    pub record: Arc<Record>,
}

/// The source of the view.
#[derive(Debug)]
struct Current {
    /// `None` if there was no file.
    file: Option<ReadFile>,
    /// When the last uses were written.
    noted: WallTime,
}

impl Records {
    /// Reads the records of a folder from a state directory, which must exist and belong to this process's
    /// user. Servers of different folders may share it, so the folder's id is a part of the file's name: a
    /// link must not lead into a different folder.
    pub fn open(
        directory: &Path,
        folder: &str,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<Self, RecordsError> {
        let store = RecordStore::new(directory, folder);
        let (file, records) = store.read(disk)?;
        if let Err(error) = store.clean(disk) {
            log::warn!("cannot remove unfinished files of an earlier run: {error}");
        }
        let view = RwLock::new(Some(Arc::new(Table::new(records))));
        Ok(Self {
            store,
            view,
            generation: AtomicU64::new(0),
            current: Mutex::new(Current { file, noted: now }),
        })
    }

    /// The record that a secret opens now. This makes no system call. The caller checks [`Record::is_of`]
    /// next.
    pub fn find(&self, secret: &RecordSecret, now: WallTime) -> Result<Arc<Record>, Unusable> {
        self.with_view(|table| table.find(secret, now).cloned())?
    }

    /// The record with this secret, even if it has ended.
    pub fn of_secret(&self, secret: &RecordSecret) -> Result<Arc<Record>, Unusable> {
        self.with_view(|table| table.of_secret(secret).cloned())?.ok_or(Unusable::Unknown)
    }

    /// The record with this id, even if it has ended.
    pub fn get(&self, id: RecordId) -> Result<Arc<Record>, Unusable> {
        self.with_view(|table| table.get(id).cloned())?.ok_or(Unusable::Unknown)
    }

    /// Whether the record still exists and is valid.
    pub fn has(&self, record: &Record, now: WallTime) -> bool {
        self.get(record.id).is_ok_and(|found| found.digest == record.digest && found.check(now).is_ok())
    }

    /// A number that changes with each change. While this number stays the same, a look-up has the same result, unless
    /// the record expires.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The records of a user, including those that have ended, oldest first.
    pub fn of_user(&self, user: &UserName) -> Result<Vec<Arc<Record>>, Unusable> {
        self.list(|record| record.user == *user)
    }

    /// These records, including those that have ended, oldest first.
    pub fn list(&self, which: impl Fn(&Record) -> bool) -> Result<Vec<Arc<Record>>, Unusable> {
        let found = self.with_view(|table| table.iter().filter(|record| which(record)).cloned().collect());
        found.map(|mut found: Vec<Arc<Record>>| {
            found.sort_by_key(|record| (record.created, record.id));
            found
        })
    }

    /// Reads the file if another program has changed it, ends expired records, and writes the last use of sessions once
    /// in a while. Call this about every second. While the file cannot be read, no record is valid.
    pub fn refresh(&self, now: WallTime, disk: Blocking<'_>) -> Result<(), RecordsError> {
        let mut current = self.current();
        let table = self.read_if_changed(&mut current, None, disk)?;
        let since = now.since(current.noted);
        let is_time = since >= TOUCH_INTERVAL || now < current.noted;
        if table.is_due(now) || is_time && table.has_notes() {
            let kept = self.change_locked(&mut current, now, disk, |_| Ok(()));
            return kept.or_else(|error| match error {
                ChangeError::Store(error) => Err(error),
                // Nothing was added.
                ChangeError::Refused(_) => Ok(()),
            });
        }
        Ok(())
    }

    /// Starts the session of a user. If they have too many, the oldest ends.
    pub fn add_session(
        &self,
        user: &UserLine,
        session: NewSession,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.issue(SecretUse::Session, now, disk, |table, key| table.add_session(user, session, key, now))
    }

    /// Makes a token.
    pub fn add_token(
        &self,
        user: &UserLine,
        token: NewToken,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.issue(SecretUse::Token, now, disk, |table, key| table.add_token(user, token, key, now))
    }

    /// Makes a link.
    pub fn add_link(
        &self,
        user: &UserLine,
        link: NewLink,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.issue(SecretUse::Link, now, disk, |table, key| table.add_link(user, link, key, now))
    }

    /// Counts one use of a link, and starts a session for it. Both are on the disk when this returns. The caller has
    /// checked the link's password, and that the link still belongs to its user ([`Record::is_of`]).
    pub fn take_use(&self, link: RecordId, now: WallTime, disk: Blocking<'_>) -> Result<Issued, ChangeError> {
        self.issue(SecretUse::Session, now, disk, |table, key| table.take_use(link, key, now))
    }

    /// Ends these records; the sessions that a link has started end with it. Returns the number of records,
    /// without those sessions.
    pub fn revoke(
        &self,
        which: impl Fn(&Record) -> bool,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<usize, ChangeError> {
        self.change_locked(&mut self.current(), now, disk, |table| Ok(table.revoke(which, now)))
    }

    /// Ends the records of users who are no longer in the file, or whose line has changed so that
    /// [`Record::is_of`] is false. An empty file ends nothing, so that emptying it by accident can be undone.
    /// Call this when the users file has changed.
    pub fn keep_users(
        &self,
        users: &UsersFile,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<usize, ChangeError> {
        self.change_locked(&mut self.current(), now, disk, |table| Ok(table.keep_users(users, now)))
    }

    fn issue(
        &self,
        is_for: SecretUse,
        now: WallTime,
        disk: Blocking<'_>,
        add: impl FnOnce(&mut Table, Key) -> Result<Arc<Record>, Refused>,
    ) -> Result<Issued, ChangeError> {
        let random = |error| ChangeError::Store(RecordsError::random(error));
        let secret = RecordSecret::random(is_for).map_err(random)?;
        let ids: Vec<_> = (0..8).map(|_| RecordId::random()).collect::<Result<_, _>>().map_err(random)?;
        let record = self.change_locked(&mut self.current(), now, disk, |table| {
            let free = ids.into_iter().find(|id| table.get(*id).is_none());
            // Eight random ids of 40 bits are all taken: the table is far beyond its limit.
            let id = free.ok_or(Refused::Limit(RecordLimit::All))?;
            add(table, Key { id, digest: secret.digest() })
        })?;
        Ok(Issued { secret, record })
    }

    /// Changes what is on the disk, and writes the result.
    fn change_locked<T>(
        &self,
        current: &mut Current,
        now: WallTime,
        disk: Blocking<'_>,
        change: impl FnOnce(&mut Table) -> Result<T, Refused>,
    ) -> Result<T, ChangeError> {
        let locked = self.store.lock(disk)?;
        let mut table = Table::clone(&*self.read_if_changed(current, Some(&locked), disk)?);
        table.sweep(now);
        let value = change(&mut table)?;
        let text = table.print();
        if text.len() as u64 > FILE_LIMIT {
            return Err(Refused::Limit(RecordLimit::Size).into());
        }
        current.file = locked.write(&text, disk)?;
        current.noted = now;
        self.set_view(Some(Arc::new(table)));
        Ok(value)
    }

    /// The records in the file, which is read only if it has changed.
    fn read_if_changed(
        &self,
        current: &mut Current,
        locked: Option<&LockedStore<'_>>,
        disk: Blocking<'_>,
    ) -> Result<Arc<Table>, RecordsError> {
        let fail = |_: &RecordsError| self.set_view(None);
        let (before, (file, records)) = match self.view() {
            Some(view) => {
                let known = current.file.as_ref();
                let read = match locked {
                    Some(locked) => locked.read_if_new(known, disk),
                    None => self.store.read_if_new(known, disk),
                };
                match read.inspect_err(fail)? {
                    None => return Ok(view),
                    Some(read) => (Some(view), read),
                }
            }
            None => (None, locked.map_or_else(|| self.store.read(disk), |locked| locked.read(disk))?),
        };
        let table = Table::new(records);
        if let Some(before) = before {
            table.add_notes(&before);
        }
        let table = Arc::new(table);
        current.file = file;
        self.set_view(Some(table.clone()));
        Ok(table)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> Option<Arc<Table>> {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with_view<T>(&self, look: impl FnOnce(&Table) -> T) -> Result<T, Unusable> {
        let view = self.view.read().unwrap_or_else(PoisonError::into_inner);
        view.as_deref().map(look).ok_or(Unusable::Unavailable)
    }

    fn set_view(&self, view: Option<Arc<Table>>) {
        let mut place = self.view.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *place, view);
        drop(place);
        self.generation.fetch_add(1, Ordering::Release);
        // Dropping a large table takes a while; no request waits for it.
        drop(old);
    }
}
