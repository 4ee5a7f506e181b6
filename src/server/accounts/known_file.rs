//! The addresses from which users have logged in, kept from one start to the next. Otherwise, after each
//! restart, many guesses would delay users at their usual addresses. A server that exits when it is idle restarts often.
//!
//! A line is valid for one password. It becomes invalid with a new password, or with a new user of the same name, even if no
//! server was running then. Several servers of a folder may share the file: each keeps the lines of the others.

use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::users::Users;
use crate::accounts::attempts::{ADDRESSES, Attempts, Guess, KNOWN};
use crate::accounts::file::UsersFile;
use crate::accounts::name::UserName;
use crate::accounts::records::{UserVersion, WallTime};
use crate::blocking::Blocking;
use crate::server::client_key::{self, ClientKey};
use crate::server::state_directory::{LockedState, StateDirectory};

/// How the name of the file begins; the id of the folder follows.
const FILE_PREFIX: &str = "known-";

/// How many addresses are kept at most; the newest stay. They fit into a file of the state directory, even with the longest names.
const LINES: usize = 3_000;

/// Without new addresses, the file is written once in this time, so that addresses in use do not expire.
const REFRESHED: Duration = Duration::from_secs(24 * 3600);

/// The file. Only the server's user may read it.
#[derive(Debug)]
pub struct KnownFile {
    state: StateDirectory,
    name: String,
    has_news: AtomicBool,
    /// When it was last written, in seconds, or when the server has started.
    written: AtomicU64,
}

/// A user logged in from an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownLine {
    pub user: UserName,
    pub address: ClientKey,
    /// When the user last logged in from there.
    pub since: WallTime,
}

impl KnownFile {
    /// For the folder with this id.
    pub fn new(state: StateDirectory, folder: &str) -> Self {
        let written = AtomicU64::new(WallTime::now().as_secs());
        Self { state, name: format!("{FILE_PREFIX}{folder}"), has_news: AtomicBool::new(false), written }
    }

    /// A user has logged in from a new address.
    pub(super) fn note(&self) {
        self.has_news.store(true, Ordering::Relaxed);
    }

    /// Whether the file has to be written now.
    pub(super) fn is_due(&self, now: WallTime) -> bool {
        let written = WallTime::from_secs(self.written.load(Ordering::Relaxed));
        let is_due = self.has_news.swap(false, Ordering::Relaxed) || now.since(written) >= REFRESHED;
        if is_due {
            self.written.store(now.as_secs(), Ordering::Relaxed);
        }
        is_due
    }

    /// The lines that are still valid for these users, oldest first.
    pub(super) fn read(
        &self,
        users: &UsersFile,
        now: WallTime,
        _: Blocking<'_>,
    ) -> Result<Vec<KnownLine>, Box<dyn Error>> {
        self.read_in(&self.state.lock()?, users, now)
    }

    /// Adds these lines to the valid lines of the file.
    pub(super) fn add(
        &self,
        lines: Vec<KnownLine>,
        users: &UsersFile,
        now: WallTime,
        _: Blocking<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let locked = self.state.lock()?;
        let mut newest = HashMap::new();
        for KnownLine { user, address, since } in self.read_in(&locked, users, now)?.into_iter().chain(lines)
        {
            let known = newest.entry((user, address)).or_insert(since);
            *known = since.max(*known);
        }
        let lines = newest.into_iter().map(|((user, address), since)| KnownLine { user, address, since });
        let mut lines: Vec<_> = lines.collect();
        lines.sort_by(|one, other| (other.since, &one.user).cmp(&(one.since, &other.user)));
        let mut shares = HashMap::new();
        lines.retain(|line| {
            let share = shares.entry(line.user.clone()).or_insert(0);
            *share += 1;
            *share <= ADDRESSES
        });
        lines.truncate(LINES);
        let text: String = lines.into_iter().filter_map(|line| line.text(users)).collect();
        Ok(locked.replace(&self.name, text.as_bytes())?)
    }

    /// Malformed lines are left out.
    fn read_in(
        &self,
        locked: &LockedState,
        users: &UsersFile,
        now: WallTime,
    ) -> Result<Vec<KnownLine>, Box<dyn Error>> {
        let bytes = locked.read_secret(&self.name)?.unwrap_or_default();
        let lines = String::from_utf8_lossy(&bytes);
        let mut lines: Vec<_> = lines.lines().filter_map(|line| KnownLine::parse(line, users)).collect();
        lines.retain(|line| now.since(line.since) < KNOWN);
        lines.sort_by_key(|line| line.since);
        Ok(lines)
    }
}

impl KnownLine {
    /// `None` if the user is gone or has another password.
    fn parse(line: &str, users: &UsersFile) -> Option<Self> {
        let [name, version, since, address] = line.splitn(4, ' ').collect::<Vec<_>>().try_into().ok()?;
        let user = users.get(&name.parse().ok()?)?;
        (version == UserVersion::of_password(user).to_string()).then_some(())?;
        let since = WallTime::from_secs(since.parse().ok()?);
        Some(Self { user: user.name.clone(), address: client_key::of_text(address)?, since })
    }

    /// The line with its end; `None` if the user is gone.
    fn text(&self, users: &UsersFile) -> Option<String> {
        let version = UserVersion::of_password(users.get(&self.user)?);
        let address = client_key::as_text(self.address);
        Some(format!("{} {version} {} {address}\n", self.user, self.since.as_secs()))
    }
}

/// Adds the addresses from which users have logged in before this start.
pub(super) fn attempts_before(
    mut attempts: Attempts<ClientKey>,
    file: &KnownFile,
    users: &Users,
    disk: Blocking<'_>,
) -> Attempts<ClientKey> {
    let (now, wall) = (Instant::now(), WallTime::now());
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
