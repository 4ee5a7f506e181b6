//! The records of a running program: in memory for its threads, and for other programs on the disk or in a store.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::change_error::ChangeError;
use super::cluster::{ClusterError, ClusterRecords};
use super::from_cluster::ClusterSource;
use super::from_file::RecordsFile;
use super::id::RecordId;
use super::record::{NewLink, NewSession, NewToken, Record};
use super::refused::{RecordLimit, Refused};
use super::secret::{RecordSecret, SecretUse};
use super::store::{RecordStore, RecordsError};
use super::table::{Key, Table};
use super::time::WallTime;
use super::unusable::Unusable;
use super::view::RecordsView;
use crate::accounts::file::{UserLine, UsersFile};
use crate::accounts::name::UserName;
use crate::blocking::Blocking;

/// Sessions, tokens and links. Several programs may have them open at once.
#[derive(Debug)]
pub struct Records {
    source: Source,
    view: RecordsView,
}

/// Where the records are kept.
#[derive(Debug)]
enum Source {
    /// In a file, which other programs may change.
    File(RecordsFile),
    /// In a store that several servers share.
    Cluster(ClusterSource),
}

/// A new record, and its secret, which is not stored.
#[derive(Debug)]
pub struct Issued {
    /// The secret.
    pub secret: RecordSecret,
    /// The record.
    pub record: Arc<Record>,
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
        let file = RecordsFile::new(store, file, now);
        Ok(Self { source: Source::File(file), view: RecordsView::new(Some(Arc::new(Table::new(records)))) })
    }

    /// The records of a store that several servers share. Until [`Records::follow`] has read them, none is valid.
    pub fn of_cluster(records: Box<dyn ClusterRecords>, now: WallTime) -> Self {
        Self { source: Source::Cluster(ClusterSource::new(records, now)), view: RecordsView::new(None) }
    }

    /// Whether other servers share them through a store.
    pub fn are_in_cluster(&self) -> bool {
        matches!(self.source, Source::Cluster(_))
    }

    /// Whether the store cannot be reached, so that a record may exist that is unknown here.
    pub fn are_away(&self) -> bool {
        matches!(&self.source, Source::Cluster(cluster) if cluster.is_away())
    }

    /// Reads what has changed in the store, ends expired records, and writes the last use of sessions once in a while. Call
    /// this more than once a second, on a thread that may wait for the store. Does nothing for records in a file.
    pub fn follow(&self, now: WallTime, disk: Blocking<'_>) -> Result<(), ClusterError> {
        match &self.source {
            Source::File(_) => Ok(()),
            Source::Cluster(cluster) => cluster.follow(&self.view, now, disk),
        }
    }

    /// Reads from the store what other servers have changed until now.
    pub fn catch_up(&self, now: WallTime, disk: Blocking<'_>) -> Result<(), ClusterError> {
        match &self.source {
            Source::File(_) => Ok(()),
            Source::Cluster(cluster) => cluster.catch_up(&self.view, now, disk),
        }
    }

    /// The record that a secret opens now. This makes no system call. The caller checks [`Record::is_of`]
    /// next.
    pub fn find(&self, secret: &RecordSecret, now: WallTime) -> Result<Arc<Record>, Unusable> {
        self.view.with(|table| table.find(secret, now).cloned())?
    }

    /// The record with this secret, even if it has ended.
    pub fn of_secret(&self, secret: &RecordSecret) -> Result<Arc<Record>, Unusable> {
        self.view.with(|table| table.of_secret(secret).cloned())?.ok_or(Unusable::Unknown)
    }

    /// The record with this id, even if it has ended.
    pub fn get(&self, id: RecordId) -> Result<Arc<Record>, Unusable> {
        self.view.with(|table| table.get(id).cloned())?.ok_or(Unusable::Unknown)
    }

    /// Whether the record still exists and is valid.
    pub fn has(&self, record: &Record, now: WallTime) -> bool {
        self.get(record.id).is_ok_and(|found| found.digest == record.digest && found.check(now).is_ok())
    }

    /// A number that changes with each change. While this number stays the same, a look-up has the same result, unless
    /// the record expires.
    pub fn generation(&self) -> u64 {
        self.view.generation()
    }

    /// The records of a user, including those that have ended, oldest first.
    pub fn of_user(&self, user: &UserName) -> Result<Vec<Arc<Record>>, Unusable> {
        self.list(|record| record.user == *user)
    }

    /// These records, including those that have ended, oldest first.
    pub fn list(&self, which: impl Fn(&Record) -> bool) -> Result<Vec<Arc<Record>>, Unusable> {
        let found = self.view.with(|table| table.iter().filter(|record| which(record)).cloned().collect());
        found.map(|mut found: Vec<Arc<Record>>| {
            found.sort_by_key(|record| (record.created, record.id));
            found
        })
    }

    /// Reads the file if another program has changed it, ends expired records, and writes the last use of sessions once
    /// in a while. Call this about every second. While the file cannot be read, no record is valid. Records in a store are
    /// read by [`Records::follow`].
    pub fn refresh(&self, now: WallTime, disk: Blocking<'_>) -> Result<(), RecordsError> {
        match &self.source {
            Source::File(file) => file.refresh(&self.view, now, disk),
            Source::Cluster(_) => {
                self.forget_old(Instant::now());
                Ok(())
            }
        }
    }

    /// From a minute after the last contact with the store on, no record is valid.
    pub(super) fn forget_old(&self, now: Instant) {
        if let Source::Cluster(cluster) = &self.source {
            cluster.forget_old(&self.view, now);
        }
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
        token: &NewToken,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.issue(SecretUse::Token, now, disk, |table, key| table.add_token(user, token.clone(), key, now))
    }

    /// Makes a link.
    pub fn add_link(
        &self,
        user: &UserLine,
        link: &NewLink,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.issue(SecretUse::Link, now, disk, |table, key| table.add_link(user, link.clone(), key, now))
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
        self.change(now, disk, |table| Ok(table.revoke(&which, now)))
    }

    /// Ends the records of users for which `which` is true, if they are no longer in the file, or if their line has changed so
    /// that [`Record::is_of`] is false. An empty file ends nothing, so that emptying it by accident can be undone.
    /// Call this when the users file has changed.
    pub fn keep_users(
        &self,
        users: &UsersFile,
        which: impl Fn(&UserName) -> bool,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<usize, ChangeError> {
        self.change(now, disk, |table| Ok(table.keep_users(users, &which, now)))
    }

    fn issue(
        &self,
        is_for: SecretUse,
        now: WallTime,
        disk: Blocking<'_>,
        add: impl Fn(&mut Table, Key) -> Result<Arc<Record>, Refused>,
    ) -> Result<Issued, ChangeError> {
        let random = |error| ChangeError::Store(RecordsError::random(error));
        let secret = RecordSecret::random(is_for).map_err(random)?;
        let ids: Vec<_> = (0..8).map(|_| RecordId::random()).collect::<Result<_, _>>().map_err(random)?;
        let record = self.change(now, disk, |table| {
            let free = ids.iter().copied().find(|id| table.get(*id).is_none());
            // Eight random ids of 40 bits are all taken: the table is far beyond its limit.
            let id = free.ok_or(Refused::Limit(RecordLimit::All))?;
            add(table, Key { id, digest: secret.digest() })
        })?;
        Ok(Issued { secret, record })
    }

    /// Changes what other programs see too. The change may be made more than once.
    fn change<T>(
        &self,
        now: WallTime,
        disk: Blocking<'_>,
        change: impl Fn(&mut Table) -> Result<T, Refused>,
    ) -> Result<T, ChangeError> {
        match &self.source {
            Source::File(file) => file.change(&self.view, now, disk, change),
            Source::Cluster(cluster) => cluster.change(&self.view, now, disk, change),
        }
    }
}
