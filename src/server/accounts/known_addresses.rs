//! Writes the addresses from which users have logged in.

use std::time::{Duration, Instant};

use super::known_file::KnownLine;
use super::{Accounts, lock};
use crate::accounts::attempts::Guess;
use crate::accounts::file::UserLine;
use crate::accounts::records::WallTime;
use crate::blocking::Blocking;
use crate::server::client_key::ClientKey;

impl Accounts {
    /// Writes the addresses from which users have logged in, if there are new ones.
    pub(super) fn keep_known_addresses(&self, disk: Blocking<'_>) {
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
}
