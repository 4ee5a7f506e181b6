//! Follows changes of the users file and of the records.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::users::Users;
use super::{Accounts, lock};
use crate::accounts::attempts::Guess;
use crate::accounts::name::UserName;
use crate::accounts::records::{ChangeError, ClusterError, WallTime};
use crate::blocking::Blocking;
use crate::printable::Printable;
use crate::server::watched_file;

impl Accounts {
    /// Fails if the users file may no longer be used.
    pub fn check_file(&self) -> io::Result<()> {
        let Some(path) = self.0.source.path() else { return Ok(()) };
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", Printable::path(path)));
        (self.0.check)(path).map_err(named)
    }

    /// Reads the users again within a second.
    pub fn reload_soon(&self) {
        self.0.is_due.store(true, Ordering::Relaxed);
    }

    /// Reads the users and the records again if their files have changed. To be called each second. Returns whether the users
    /// were read since the last call, by this or by a request.
    pub(in crate::server) fn follow_files(&self, disk: Blocking<'_>) -> bool {
        self.follow_users(disk);
        let error = self.0.records.refresh(WallTime::now(), disk).err().map(|error| error.to_string());
        let mut last = lock(&self.0.records_error);
        if let Some(error) = error.as_ref().filter(|error| last.as_ref() != Some(error)) {
            log::error!("{error}; sessions, tokens and links do not work until this is fixed");
        }
        *last = error;
        self.keep_known_addresses(disk);
        self.0.has_new_users.swap(false, Ordering::Relaxed)
    }

    /// Whether several servers share the records through a store.
    pub(in crate::server) fn share_records(&self) -> bool {
        self.0.records.are_in_cluster()
    }

    /// Whether the store of the records cannot be reached.
    pub(in crate::server) fn are_records_away(&self) -> bool {
        self.0.records.are_away()
    }

    /// Reads the users, and the records in the store, as they are now: another server may have changed a password.
    pub(in crate::server) fn catch_up(&self, disk: Blocking<'_>) -> Result<(), ClusterError> {
        self.follow_users(disk);
        self.0.records.catch_up(WallTime::now(), disk)
    }

    /// Reads what other servers have changed in the store. If this server has seen that a user was removed or changed, it ends
    /// the records of that user there, and no others: another server may have a newer copy of the users file.
    pub(in crate::server) fn follow_records(&self, disk: Blocking<'_>) -> Result<(), ChangeError> {
        self.0.records.follow(WallTime::now(), disk)?;
        // The names are taken before the users: a user is replaced before its name is noted.
        let gone = std::mem::take(&mut *lock(&self.0.gone));
        if gone.is_empty() {
            return Ok(());
        }
        let (users, is_gone) = (self.users(), |name: &UserName| gone.contains(name.as_str()));
        let end = || self.0.records.keep_users(&users.file, is_gone, WallTime::now(), disk);
        // An empty file may be a mistake, and ends nothing.
        let ended = (users.count() > 0).then(end).transpose();
        if !matches!(ended, Ok(Some(_))) {
            lock(&self.0.gone).extend(gone);
        }
        ended.map(drop)
    }

    /// Reads the users again if their file has changed, or if a reload was requested. If the file cannot be used, the
    /// users stay as they were; if it is gone, there are no users.
    pub(super) fn follow_users(&self, disk: Blocking<'_>) {
        let shared = &*self.0;
        let Some(path) = shared.source.path() else { return };
        let is_due = shared.is_due.swap(false, Ordering::Relaxed);
        let found = watched_file::stamp(path);
        let mut stamp = lock(&shared.stamp);
        if !is_due && *stamp == found {
            return;
        }
        let is_gone = found.is_none() && matches!(path.try_exists(), Ok(false));
        *stamp = found;
        if is_gone {
            self.replace_users(self.users().without_accounts());
            log::error!("{}: the users file is gone, so there are no users", Printable::path(path));
            return;
        }
        match shared.source.read(&shared.check, disk) {
            Ok(users) => {
                let count = users.count();
                self.end_records(&users, disk);
                self.replace_users(users);
                log::info!("reloaded {count} users");
            }
            Err(error) => log::error!("{error}; the users stay as they were"),
        }
    }

    /// Replaces the users. Forgets the remembered logins of users whose password has changed: somebody else may have
    /// known the old password.
    fn replace_users(&self, users: Users) {
        let newer = Arc::new(users.keeping(&self.users()));
        let older = std::mem::replace(&mut *lock(&self.0.users), Arc::clone(&newer));
        self.0.generation.fetch_add(1, Ordering::Release);
        self.0.has_new_users.store(true, Ordering::Relaxed);
        let mut attempts = lock(&self.0.attempts);
        for name in older.ended(&newer) {
            attempts.forget(Guess::User(name));
        }
        drop(attempts);
        if self.share_records() {
            lock(&self.0.gone).extend(older.ended(&newer).map(str::to_owned));
        }
    }

    /// Ends the sessions, tokens and links of users that are gone or have a different password. Requests check this too.
    /// But a new user of the same name must not get the old user's records.
    fn end_records(&self, users: &Users, disk: Blocking<'_>) {
        if self.share_records() {
            // The store may take long, so its own thread does it: see `follow_records`.
            return;
        }
        if let Err(error) = self.0.records.keep_users(&users.file, |_| true, WallTime::now(), disk) {
            log::error!("cannot end the sessions of removed users: {error}");
        }
    }
}
