//! Attempts to log in, which delay later ones. Servers that share their records tell each other about them.

use std::time::{Duration, Instant};

use super::{Accounts, lock};
use crate::accounts::attempts::Guess;
use crate::blocking::Blocking;
use crate::server::client_key::ClientKey;
use crate::server::shared::{HeardAttempts, StoredAttempt};
use crate::server::store_error::StoreError;

/// How many attempts wait for the store. Further ones count at this server only.
const WAITING: usize = 1_000;

impl Accounts {
    /// Counts a failure.
    pub(super) fn has_failed(&self, client: &ClientKey, guess: Guess<'_>, now: Instant) {
        lock(&self.0.attempts).failed(client, guess, now);
        self.tell(client, guess, true);
    }

    /// Forgets the failures of a client that has logged in. Returns whether it has never logged in from there.
    pub(super) fn has_succeeded(&self, client: &ClientKey, guess: Guess<'_>, now: Instant) -> bool {
        let is_new = lock(&self.0.attempts).succeeded(client, guess, now);
        self.tell(client, guess, false);
        is_new
    }

    fn tell(&self, client: &ClientKey, guess: Guess<'_>, has_failed: bool) {
        let Some(shared) = &self.0.attempts_elsewhere else { return };
        let guess = lock(&self.0.attempts).hash(guess);
        let mut waiting = lock(&shared.waiting);
        if waiting.len() < WAITING {
            waiting.push_back(StoredAttempt { client: *client, guess, has_failed });
        }
    }

    /// Tells the other servers what has happened here, and counts what has happened there.
    pub(in crate::server) fn follow_attempts(&self, disk: Blocking<'_>) -> Result<(), StoreError> {
        let Some(shared) = &self.0.attempts_elsewhere else { return Ok(()) };
        let sent: Vec<_> = lock(&shared.waiting).iter().copied().collect();
        match shared.store.send(&sent, disk) {
            // Sent again, a failure could count twice.
            Ok(()) | Err(StoreError::Unconfirmed(_)) => drop(lock(&shared.waiting).drain(..sent.len())),
            Err(error) => return Err(error),
        }
        loop {
            let after = lock(&shared.last).clone();
            let HeardAttempts { attempts, last, is_full } = shared.store.read(&after, disk)?;
            *lock(&shared.last) = last;
            self.hear(&attempts);
            if !is_full {
                return Ok(());
            }
        }
    }

    fn hear(&self, attempts: &[(StoredAttempt, u64)]) {
        if attempts.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut counted = lock(&self.0.attempts);
        for (StoredAttempt { client, guess, has_failed }, age) in attempts {
            let at = now.checked_sub(Duration::from_millis(*age)).unwrap_or(now);
            if *has_failed {
                counted.failed_elsewhere(client, *guess, at);
            } else if counted.succeeded_elsewhere(client, *guess, at) {
                self.0.known_file.note();
            }
        }
        log::debug!("{} attempts to log in at other servers count here", attempts.len());
    }
}
