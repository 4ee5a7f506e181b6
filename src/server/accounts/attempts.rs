//! Attempts to log in, which delay later ones. Servers that share their records tell each other about them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::{Accounts, lock};
use crate::accounts::attempts::{AttemptResult, Guess};
use crate::accounts::file::UserLine;
use crate::blocking::Blocking;
use crate::server::client_key::ClientKey;
use crate::server::shared::{HeardAttempts, StoredAttempt};
use crate::server::store_error::StoreError;

/// How many attempts wait for the store. Further ones count at this server only.
const WAITING: usize = 1_000;

impl Accounts {
    /// Counts a failure.
    pub(super) fn has_failed(&self, client: &ClientKey, guess: Guess<'_>, now: Instant) {
        let mut attempts = lock(&self.0.attempts);
        attempts.failed(client, guess, now);
        let attempt =
            StoredAttempt { client: *client, guess: attempts.hash(guess), result: AttemptResult::Failed };
        drop(attempts);
        self.tell(attempt, now);
    }

    /// Forgets the failures of a client that has logged in, as the user with this line or through a link. Returns whether it
    /// has never logged in from there.
    pub(super) fn has_succeeded(
        &self,
        client: &ClientKey,
        guess: Guess<'_>,
        user: Option<&UserLine>,
        now: Instant,
    ) -> bool {
        let mut attempts = lock(&self.0.attempts);
        // With this lock, the known addresses of a user are forgotten when the password changes.
        if user.is_some_and(|user| !self.has_password_of(user)) {
            return false;
        }
        let is_new = attempts.succeeded(client, guess, now);
        let result = AttemptResult::Passed(user.map(|user| attempts.mark(user.hash.as_str())));
        let attempt = StoredAttempt { client: *client, guess: attempts.hash(guess), result };
        drop(attempts);
        self.tell(attempt, now);
        is_new
    }

    /// Whether the user still has the password of this line.
    fn has_password_of(&self, line: &UserLine) -> bool {
        self.users().find(line.name.as_str()).is_some_and(|account| account.line.hash == line.hash)
    }

    fn tell(&self, attempt: StoredAttempt, now: Instant) {
        let Some(shared) = &self.0.attempts_elsewhere else { return };
        let mut waiting = lock(&shared.waiting);
        if waiting.len() < WAITING {
            waiting.push_back((attempt, now));
        }
    }

    /// Tells the other servers what has happened here, and counts what has happened there.
    pub(in crate::server) fn follow_attempts(&self, disk: Blocking<'_>) -> Result<(), StoreError> {
        let Some(shared) = &self.0.attempts_elsewhere else { return Ok(()) };
        let sent: Vec<_> =
            lock(&shared.waiting).iter().map(|(attempt, at)| (*attempt, at.elapsed())).collect();
        match shared.store.send(&sent, disk) {
            // Sent again, a failure could count twice.
            Ok(()) | Err(StoreError::Unconfirmed(_)) => drop(lock(&shared.waiting).drain(..sent.len())),
            Err(error) => return Err(error),
        }
        loop {
            let after = lock(&shared.last).clone();
            let HeardAttempts { attempts, last, is_full } = shared.store.read(&after, disk)?;
            *lock(&shared.last) = last;
            self.hear(&attempts, disk);
            if !is_full {
                return Ok(());
            }
        }
    }

    fn hear(&self, attempts: &[(StoredAttempt, u64)], disk: Blocking<'_>) {
        if attempts.is_empty() {
            return;
        }
        let has_login = attempts.iter().any(|(attempt, _)| attempt.result != AttemptResult::Failed);
        if has_login {
            // It may be with a password that has just been changed.
            self.follow_users(disk);
        }
        // With this lock, the known addresses of a user are forgotten when the password changes.
        let mut counted = lock(&self.0.attempts);
        let (users, now) = (self.users(), Instant::now());
        let mark = |line: &UserLine| {
            (counted.hash(Guess::User(line.name.as_str())), counted.mark(line.hash.as_str()))
        };
        let marks: HashMap<_, _> = users.file.users().filter(|_| has_login).map(mark).collect();
        let mut count = 0_usize;
        for (StoredAttempt { client, guess, result }, age) in attempts {
            let Some(at) = now.checked_sub(Duration::from_millis(*age)) else { continue };
            match result {
                AttemptResult::Failed => counted.failed_elsewhere(client, *guess, at, now),
                // With an earlier password, somebody else may have logged in.
                AttemptResult::Passed(mark) if *mark != marks.get(guess).copied() => continue,
                AttemptResult::Passed(_) => {
                    if counted.succeeded_elsewhere(client, *guess, at) {
                        self.0.known_file.note();
                    }
                }
            }
            count += 1;
        }
        log::debug!("{count} attempts to log in at other servers count here");
    }
}
