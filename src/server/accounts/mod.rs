//! The accounts of a server: its users, and whether credentials are valid.
//!
//! ```text
//! gate::authenticate ── name and password ──> remembered? ── yes ──> user
//!                                                  └─ no ──> PasswordCheck ──> password thread ──> PasswordVerdict
//! ```
//!
//! A hash takes tens of milliseconds of processor time on purpose, so no worker computes one: a single
//! low-priority thread checks one password at a time, fairly between clients. A success is remembered for a
//! minute. The response to a failure is sent at a fixed time after the check began, so its time says nothing
//! about the name.
//!
//! The users are read again when their file changes.

mod attempts;
mod checks;
pub(super) mod credential;
mod follow;
mod known_addresses;
mod known_file;
pub(super) mod password_change;
mod password_check;
pub(in crate::server) mod records;
pub(super) mod sessions;
mod shared_attempts;
mod shared_password;
#[cfg(test)]
mod tests;
mod users;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::known_file::KnownFile;
use self::known_file::attempts_before;
use self::password_check::STRANGERS;
pub(super) use self::password_check::{PasswordCheck, PasswordOwner};
use self::shared_attempts::SharedAttempts;
use self::users::Users;
use crate::access::{Subject, User};
use crate::accounts::attempts::Attempts;
use crate::accounts::password::PasswordHash;
use crate::accounts::records::Records;
use crate::accounts::remembered::Remembered;
use crate::blocking::Blocking;
use crate::chat::name::Name;
use crate::server::client_key::ClientKey;
use crate::server::jobs::fair_permits::FairPermits;
use crate::server::random;
use crate::server::shared::StoredAttempts;
use crate::server::watched_file::{self, Check, Stamp};

/// The accounts of a server; clones share them.
#[derive(Clone)]
pub struct Accounts(Arc<Shared>);

struct Shared {
    source: AccountsSource,
    check: Check,
    /// Whether passwords may be sent without TLS beyond this machine.
    allows_plain: bool,
    users: Mutex<Arc<Users>>,
    /// How often the users were replaced.
    generation: AtomicU64,
    /// The state of the file when it was last read, successfully or not.
    stamp: Mutex<Stamp>,
    /// Whether SIGHUP has requested a reload.
    is_due: AtomicBool,
    /// Whether the users were read since [`Accounts::follow_files`] last said so.
    has_new_users: AtomicBool,
    attempts: Mutex<Attempts<ClientKey>>,
    attempts_elsewhere: Option<SharedAttempts>,
    known_file: KnownFile,
    remembered: Mutex<Remembered<ClientKey>>,
    /// Permits for checks from addresses from which their user has never logged in.
    strangers: FairPermits,
    records: Records,
    /// Users that are gone, or have another password: their records have to be ended in the store.
    gone: Mutex<BTreeSet<String>>,
    /// The last error with the records, so that it is logged only once.
    records_error: Mutex<Option<String>>,
}

/// Where the accounts come from.
#[derive(Debug)]
pub enum AccountsSource {
    /// A users file.
    File(PathBuf),
    /// One password for everybody, whatever name they give: they are all the user `guest`.
    Shared(PasswordHash),
}

impl Accounts {
    /// Reads the users, and measures how long a check takes. `check` decides whether the users file may be
    /// used.
    pub fn new(
        source: AccountsSource,
        records: Records,
        known_file: KnownFile,
        shared_attempts: Option<StoredAttempts>,
        allows_plain: bool,
        check: Check,
        disk: Blocking<'_>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let stamp = source.path().and_then(watched_file::stamp);
        let users = source.read(&check, disk)?;
        let none =
            shared_attempts.as_ref().map(|store| Attempts::keyed(store.hash_key())).unwrap_or_default();
        let attempts = attempts_before(none, &known_file, &users, disk);
        Ok(Self(Arc::new(Shared {
            source,
            check,
            allows_plain,
            users: Mutex::new(Arc::new(users)),
            generation: AtomicU64::new(0),
            stamp: Mutex::new(stamp),
            is_due: AtomicBool::new(false),
            has_new_users: AtomicBool::new(false),
            strangers: FairPermits::new(STRANGERS),
            records,
            gone: Mutex::default(),
            records_error: Mutex::default(),
            attempts: Mutex::new(attempts),
            attempts_elsewhere: shared_attempts.map(SharedAttempts::new),
            known_file,
            remembered: Mutex::new(Remembered::new(random::bytes())),
        })))
    }

    /// Whether passwords may be sent without TLS beyond this machine.
    pub(super) fn allows_plain(&self) -> bool {
        self.0.allows_plain
    }

    /// Whether everybody is the same user, with one password.
    pub(super) fn are_shared(&self) -> bool {
        matches!(self.0.source, AccountsSource::Shared(_))
    }

    /// The user of this name, unless there is none, or it is disabled.
    pub(super) fn user(&self, name: &str) -> Option<Arc<User>> {
        let users = self.users();
        let account = users.find(name)?;
        (!account.line.is_disabled).then(|| Arc::clone(&account.user))
    }

    /// Whether there is a user of this name, perhaps a disabled one.
    pub(super) fn has_user(&self, name: &str) -> bool {
        self.users().find(name).is_some()
    }

    /// Whether a rule's subject can stand for anybody, even for a disabled user.
    pub fn has(&self, subject: &Subject) -> bool {
        self.users().has(subject)
    }

    /// Whether this user has been neither removed nor changed.
    pub(super) fn is_current(&self, user: &Arc<User>) -> bool {
        let users = self.users();
        let account = users.find(&user.name);
        account.is_some_and(|account| !account.line.is_disabled && Arc::ptr_eq(&account.user, user))
    }

    /// Whether each user has their own name.
    pub(super) fn have_names(&self) -> bool {
        matches!(self.0.source, AccountsSource::File(_))
    }

    /// Whether a user has this name, in any spelling.
    pub(super) fn has_name(&self, name: &Name) -> bool {
        self.users().has_name(name)
    }

    /// A number that changes with each change of the users and their records.
    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire) + self.0.records.generation()
    }

    fn users(&self) -> Arc<Users> {
        Arc::clone(&lock(&self.0.users))
    }
}

impl AccountsSource {
    fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Shared(_) => None,
        }
    }

    fn read(&self, check: &Check, disk: Blocking<'_>) -> Result<Users, Box<dyn std::error::Error>> {
        match self {
            Self::File(path) => Users::read(path, check, disk),
            Self::Shared(hash) => Ok(Users::guests(hash.clone(), disk)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("source", &self.0.source).finish_non_exhaustive()
    }
}
