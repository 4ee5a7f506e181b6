//! The users that a server has at one moment.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::access::{Subject, User};
use crate::accounts::attempts::Guess;
use crate::accounts::file::{UserLine, UsersFile};
use crate::accounts::name::GroupName;
use crate::accounts::password::PasswordHash;
use crate::accounts::store::{self, Stored};
use crate::accounts::timing::{self, Slowest};
use crate::blocking::Blocking;
use crate::chat::name::Name;
use crate::printable::Printable;
use crate::server::watched_file::Check;

/// The user of a shared password.
const GUEST: &str = "guest";

/// The delay before a failure is reported is a multiple of this, so that it does not depend on small
/// differences between measurements.
const STEP: Duration = Duration::from_millis(50);

/// The users of a server.
pub(super) struct Users {
    /// The lines of the file.
    pub file: UsersFile,
    accounts: Known,
    /// The users' names in the form that the chat compares, if each user has one.
    names: HashSet<Name>,
    /// The hash for checking the password of an unknown user. Its check takes as long as any other.
    pub decoy: PasswordHash,
    /// How long the slowest check takes.
    pub slowest: Duration,
}

enum Known {
    /// Each user has a name.
    Named(HashMap<String, Account>),
    /// All names mean this account.
    Anybody(Account),
}

/// A user, and its line in the users file, with the hash of its password.
pub(super) struct Account {
    pub user: Arc<User>,
    pub line: UserLine,
}

impl Users {
    /// Reads a users file, which must not be in the shared folder.
    pub(super) fn read(
        path: &Path,
        check: &Check,
        disk: Blocking<'_>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let name = Printable::path(path);
        check(path).map_err(|error: io::Error| format!("cannot use the users file {name}: {error}"))?;
        let Stored { users, is_exposed } = store::read(path, disk)?;
        if is_exposed {
            log::warn!("{name}: every user of this machine can read the hashes (chmod 600 protects it)");
        }
        let Slowest { hash: decoy, time: slowest } =
            timing::slowest(users.users().map(|user| &user.hash), disk);
        let mut names = HashSet::new();
        for name in users.users().filter_map(|user| Name::of_user(user.name.as_str()).ok()) {
            if let Some(other) = names.replace(name.clone()) {
                log::warn!(
                    "two users look alike: {other} and {name} (the chat takes them for one; rename one of them)"
                );
            }
        }
        let accounts = users.users().map(|user| (user.name.as_str().to_owned(), Account::of(user.clone())));
        let accounts = Known::Named(accounts.collect());
        Ok(Self { file: users, accounts, names, decoy, slowest })
    }

    /// One user for all clients, with this password.
    pub(super) fn guests(hash: PasswordHash, disk: Blocking<'_>) -> Self {
        let Slowest { hash: decoy, time: slowest } = timing::slowest([&hash], disk);
        let name = GUEST.parse().expect("it can be a name");
        let guest = UserLine { name, hash, is_disabled: false, groups: Vec::new() };
        let mut file = UsersFile::default();
        let added = file.add(guest.clone());
        debug_assert_eq!(added, Ok(()), "the file is empty");
        let accounts = Known::Anybody(Account::of(guest));
        Self { file, accounts, names: HashSet::new(), decoy, slowest }
    }

    /// No users, because the users file is gone.
    pub(super) fn without_accounts(&self) -> Self {
        Self {
            file: UsersFile::default(),
            accounts: Known::Named(HashMap::new()),
            names: HashSet::new(),
            decoy: self.decoy.clone(),
            slowest: self.slowest,
        }
    }

    /// These users; each unchanged user keeps the [`User`] that it had before.
    pub(super) fn keeping(mut self, before: &Self) -> Self {
        if let Known::Named(accounts) = &mut self.accounts {
            for (name, account) in accounts {
                if let Some(old) = before.find(name).filter(|old| old.line == account.line) {
                    account.user = Arc::clone(&old.user);
                }
            }
        }
        self
    }

    /// Whether a user has this name, in any spelling.
    pub(super) fn has_name(&self, name: &Name) -> bool {
        self.names.contains(name)
    }

    /// Whether the subject of a rule is everybody, or includes some user.
    pub(super) fn has(&self, subject: &Subject) -> bool {
        let users: Vec<_> = match &self.accounts {
            Known::Named(accounts) => accounts.values().map(|account| &account.user).collect(),
            Known::Anybody(account) => vec![&account.user],
        };
        match subject {
            Subject::Everyone => true,
            Subject::Users => !users.is_empty(),
            Subject::User(name) => users.iter().any(|user| user.name == *name),
            Subject::Group(group) => users.iter().any(|user| user.groups.contains(group)),
        }
    }

    /// The account of this name. Names are compared by their bytes.
    pub(super) fn find(&self, name: &str) -> Option<&Account> {
        match &self.accounts {
            Known::Named(accounts) => accounts.get(name),
            Known::Anybody(account) => Some(account),
        }
    }

    /// How attempts with this name are counted. With a shared password, all names count as the same user.
    pub(super) fn guess<'n>(&'n self, name: &'n str) -> Guess<'n> {
        match &self.accounts {
            Known::Named(_) => Guess::User(name),
            Known::Anybody(account) => Guess::User(&account.user.name),
        }
    }

    /// How long after its start a failed check is reported; no check takes longer.
    pub(super) fn answer_after(&self) -> Duration {
        round_up(self.slowest)
    }

    /// The names that have a different password among the newer users, or are missing there.
    pub(super) fn ended<'u>(&'u self, newer: &'u Self) -> impl Iterator<Item = &'u str> {
        let is_same = |line: &UserLine| {
            newer.find(line.name.as_str()).is_some_and(|newer| newer.line.hash == line.hash)
        };
        self.file.users().filter(move |line| !is_same(line)).map(|line| line.name.as_str())
    }

    /// How many users there are.
    pub(super) fn count(&self) -> usize {
        match &self.accounts {
            Known::Named(accounts) => accounts.len(),
            Known::Anybody(_) => 1,
        }
    }
}

impl Account {
    fn of(line: UserLine) -> Self {
        let groups = line.groups.iter().map(GroupName::as_str).map(str::to_owned).collect();
        Self { user: Arc::new(User { name: line.name.as_str().to_owned(), groups }), line }
    }
}

fn round_up(time: Duration) -> Duration {
    let steps = time.as_millis() / STEP.as_millis() + 1;
    STEP * u32::try_from(steps).unwrap_or(u32::MAX)
}
