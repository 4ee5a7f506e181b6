//! The accounts of a server: who its users are, and whether credentials are theirs.
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

pub(super) mod credential;
mod known_file;
pub(super) mod password_change;
pub(in crate::server) mod records;
pub(super) mod sessions;
mod shared_password;
#[cfg(test)]
mod tests;
mod users;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io, thread};

use zeroize::Zeroizing;

pub use self::known_file::KnownFile;
use self::known_file::KnownLine;
use self::users::Users;
use crate::access::{Subject, User};
use crate::accounts::attempts::{Attempts, Guess};
use crate::accounts::file::UserLine;
use crate::accounts::password::{Password, PasswordHash};
use crate::accounts::records::{RecordId, Records, WallTime};
use crate::accounts::remembered::Remembered;
use crate::blocking::Blocking;
use crate::chat::name::Name;
use crate::printable::Printable;
use crate::server::client_key::ClientKey;
use crate::server::jobs::fair_permits::{FairPermit, FairPermits};
use crate::server::moment::Moment;
use crate::server::password_verdict::{CheckedPassword, PasswordVerdict};
use crate::server::random;
use crate::server::request::ClientAddress;
use crate::server::timing::Deadline;
use crate::server::watched_file::{self, Check, Stamp};

/// How many checks may wait from addresses from which their user has never logged in. Each takes some 40 ms,
/// so a check from a known address waits a few seconds at most, however many addresses send guesses. One
/// address gets at most half of the places.
const STRANGERS: usize = 128;

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
    attempts: Mutex<Attempts<ClientKey>>,
    known_file: KnownFile,
    remembered: Mutex<Remembered<ClientKey>>,
    /// Permits for checks from addresses from which their user has never logged in.
    strangers: FairPermits,
    records: Records,
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

/// A password that has to be checked.
#[derive(Debug)]
pub(super) struct PasswordCheck {
    pub of: PasswordOwner,
    pub password: Password,
    pub client: ClientAddress,
    /// Its place among the checks of strangers, until it is done.
    _place: Option<FairPermit>,
}

/// What a password opens.
#[derive(Debug)]
pub(super) enum PasswordOwner {
    /// The account of this name.
    User(Zeroizing<String>),
    /// The link with this public id.
    Link(RecordId),
}

impl PasswordCheck {
    pub(super) fn new(of: PasswordOwner, password: Password, client: ClientAddress) -> Self {
        Self { of, password, client, _place: None }
    }
}

impl PasswordOwner {
    /// How failures for this owner are counted.
    fn guess<'c>(&'c self, users: &'c Users) -> Guess<'c> {
        match self {
            Self::User(name) => users.guess(name),
            Self::Link(id) => Guess::Link(id.as_str()),
        }
    }
}

impl Accounts {
    /// Reads the users, and measures how long a check takes. `check` decides whether the users file may be
    /// used.
    pub fn new(
        source: AccountsSource,
        records: Records,
        known_file: KnownFile,
        allows_plain: bool,
        check: Check,
        disk: Blocking<'_>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let stamp = source.path().and_then(watched_file::stamp);
        let users = source.read(&check, disk)?;
        let attempts = attempts_before(&known_file, &users, disk);
        Ok(Self(Arc::new(Shared {
            source,
            check,
            allows_plain,
            users: Mutex::new(Arc::new(users)),
            generation: AtomicU64::new(0),
            stamp: Mutex::new(stamp),
            is_due: AtomicBool::new(false),
            strangers: FairPermits::new(STRANGERS),
            records,
            records_error: Mutex::default(),
            attempts: Mutex::new(attempts),
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

    /// Admits a check to the password thread; returns the verdict if it is known without a check.
    pub(super) fn admit(&self, check: PasswordCheck) -> Result<Box<PasswordCheck>, PasswordVerdict> {
        if let Some(verdict) = self.known(&check) {
            return Err(verdict);
        }
        let (client, users) = (check.client.key(), self.users());
        if lock(&self.0.attempts).is_known(&client, check.of.guess(&users), Instant::now()) {
            return Ok(Box::new(check));
        }
        let place = self.0.strangers.take(client);
        let place = place.ok_or(PasswordVerdict::TooMany(users.slowest * STRANGERS as u32))?;
        Ok(Box::new(PasswordCheck { _place: Some(place), ..check }))
    }

    /// The verdict on a name and a password, if it is known without a check: they were right within the last minute, or
    /// there were too many failures.
    fn known(&self, check: &PasswordCheck) -> Option<PasswordVerdict> {
        let (client, now, users) = (check.client.key(), Instant::now(), self.users());
        // Checked first: otherwise a remembered success would reveal whether a guess is right.
        if let Some(wait) = lock(&self.0.attempts).delay(&client, check.of.guess(&users), now) {
            return Some(PasswordVerdict::TooMany(wait));
        }
        let PasswordOwner::User(name) = &check.of else { return None };
        let account = users.find(name).filter(|account| !account.line.is_disabled)?;
        let is_right = lock(&self.0.remembered).knows(&client, &account.line, &check.password, now);
        is_right.then(|| PasswordVerdict::Right(Arc::clone(&account.user)))
    }

    /// Checks a password. It takes just as long for an unknown name.
    pub(super) fn check(&self, check: &PasswordCheck, disk: Blocking<'_>) -> CheckedPassword {
        let began = Moment::now();
        let at_once = Deadline::after(began, Duration::ZERO);
        // Another connection may have sent the same credentials meanwhile.
        if let Some(verdict) = self.known(check) {
            return CheckedPassword { verdict, due: at_once };
        }
        let users = self.users();
        let link = self.protected_link(&check.of);
        let account = match (&check.of, &link) {
            (PasswordOwner::User(name), _) => users.find(name).filter(|account| !account.line.is_disabled),
            (PasswordOwner::Link(_), Some((giver, _))) => users.find(giver.as_str()),
            (PasswordOwner::Link(_), None) => None,
        };
        let hash = link.as_ref().map(|(_, hash)| hash).or(account.map(|account| &account.line.hash));
        let is_right = hash.unwrap_or(&users.decoy).is_of(&check.password, disk);
        let (client, guess, now) = (check.client.key(), check.of.guess(&users), Instant::now());
        if let Some(account) = account.filter(|_| is_right) {
            let is_new = lock(&self.0.attempts).succeeded(&client, guess, now);
            if let PasswordOwner::User(_) = check.of {
                if is_new {
                    self.0.known_file.note();
                }
                lock(&self.0.remembered).remember(&client, &account.line, &check.password, now);
                log::info!("{} logged in as {}", check.client, account.line.name);
            }
            return CheckedPassword {
                verdict: PasswordVerdict::Right(Arc::clone(&account.user)),
                due: at_once,
            };
        }
        lock(&self.0.attempts).failed(&client, guess, now);
        match &check.of {
            PasswordOwner::Link(id) => log::warn!("{} gave a wrong password for the link {id}", check.client),
            PasswordOwner::User(_) => {
                // An unknown name may be a password in the wrong field.
                let name = account.map_or("an unknown or disabled user", |account| &*account.user.name);
                log::warn!("{} failed to authenticate as {}", check.client, Printable::text(name));
            }
        }
        // Delays the next check as if this one had been the slowest; otherwise the time of this check could be measured
        // by a request that waits for the next one.
        thread::sleep(users.slowest.saturating_sub(began.elapsed()));
        CheckedPassword { verdict: PasswordVerdict::Wrong, due: Deadline::after(began, users.answer_after()) }
    }

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
    /// were read.
    pub(super) fn follow_files(&self, disk: Blocking<'_>) -> bool {
        let is_new = self.follow_users(disk);
        let error = self.0.records.refresh(WallTime::now(), disk).err().map(|error| error.to_string());
        let mut last = lock(&self.0.records_error);
        if let Some(error) = error.as_ref().filter(|error| last.as_ref() != Some(error)) {
            log::error!("{error}; sessions, tokens and links do not work until this is fixed");
        }
        *last = error;
        self.keep_known_addresses(disk);
        is_new
    }

    /// Writes the addresses from which users have logged in, if there are new ones.
    fn keep_known_addresses(&self, disk: Blocking<'_>) {
        let (now, wall) = (Instant::now(), WallTime::now());
        if !self.0.known_file.is_due(wall) {
            return;
        }
        let users = self.users();
        let lines = {
            let attempts = lock(&self.0.attempts);
            let of_user = |line: &UserLine| {
                let known = attempts.known(Guess::User(line.name.as_str()), now);
                let line = |(address, age): (&ClientKey, Duration)| KnownLine {
                    user: line.name.clone(),
                    address: *address,
                    since: WallTime::from_secs(wall.as_secs().saturating_sub(age.as_secs())),
                };
                known.map(line).collect::<Vec<_>>()
            };
            users.file.users().flat_map(of_user).collect()
        };
        if let Err(error) = self.0.known_file.add(lines, &users.file, wall, disk) {
            log::warn!("cannot keep the addresses of users for the next start: {error}");
        }
    }

    /// Reads the users again if their file has changed, or if a reload was requested. If the file cannot be used, the
    /// users stay as they were; if it is gone, there are no users. Returns whether the users were read.
    fn follow_users(&self, disk: Blocking<'_>) -> bool {
        let shared = &*self.0;
        let Some(path) = shared.source.path() else { return false };
        let is_due = shared.is_due.swap(false, Ordering::Relaxed);
        let found = watched_file::stamp(path);
        let mut stamp = lock(&shared.stamp);
        if !is_due && *stamp == found {
            return false;
        }
        let is_gone = found.is_none() && matches!(path.try_exists(), Ok(false));
        *stamp = found;
        if is_gone {
            self.replace_users(self.users().without_accounts());
            log::error!("{}: the users file is gone, so there are no users", Printable::path(path));
            return true;
        }
        match shared.source.read(&shared.check, disk) {
            Ok(users) => {
                let count = users.count();
                self.end_records(&users, disk);
                self.replace_users(users);
                log::info!("reloaded {count} users");
                true
            }
            Err(error) => {
                log::error!("{error}; the users stay as they were");
                false
            }
        }
    }

    /// Replaces the users. Forgets the remembered logins of users whose password has changed: somebody else may have
    /// known the old password.
    fn replace_users(&self, users: Users) {
        let newer = Arc::new(users.keeping(&self.users()));
        let older = std::mem::replace(&mut *lock(&self.0.users), Arc::clone(&newer));
        self.0.generation.fetch_add(1, Ordering::Release);
        let mut attempts = lock(&self.0.attempts);
        for name in older.ended(&newer) {
            attempts.forget(Guess::User(name));
        }
    }

    /// Ends the sessions, tokens and links of users who are gone or have a different password. Requests check this too;
    /// but a new user of the same name must not inherit the old user's records.
    fn end_records(&self, users: &Users, disk: Blocking<'_>) {
        if let Err(error) = self.0.records.keep_users(&users.file, WallTime::now(), disk) {
            log::error!("cannot end the sessions of users who are gone: {error}");
        }
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

/// No failures, and the addresses from which users have logged in before this start.
fn attempts_before(file: &KnownFile, users: &Users, disk: Blocking<'_>) -> Attempts<ClientKey> {
    let (now, wall, mut attempts) = (Instant::now(), WallTime::now(), Attempts::new());
    match file.read(&users.file, wall, disk) {
        Ok(lines) => {
            for KnownLine { user, address, since } in lines {
                if let Some(since) = now.checked_sub(wall.since(since)) {
                    attempts.recall(&address, Guess::User(user.as_str()), since);
                }
            }
        }
        Err(error) => log::warn!("cannot read the addresses from which users have logged in: {error}"),
    }
    attempts
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").field("source", &self.0.source).finish_non_exhaustive()
    }
}
