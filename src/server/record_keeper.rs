//! The thread that follows what several servers share about users: their sessions, tokens and links, and attempts to log in.

use std::fmt::Display;
use std::sync::Weak;
use std::time::Duration;

use crate::accounts::records::{ChangeError, ClusterError};
use crate::blocking::Blocking;
use crate::server::accounts::Accounts;
use crate::server::runtime::Runtime;

/// How often it reads what other servers have changed.
const ROUND: Duration = Duration::from_millis(500);

/// Follows the store until the server ends.
pub(super) fn run(accounts: &Accounts, runtime: &Weak<Runtime>, disk: Blocking<'_>) {
    let (mut records, mut attempts) = (None, None);
    while runtime.strong_count() > 0 {
        let followed = accounts.follow_records(disk);
        // Waiting for the store again would delay the next round.
        let is_away = matches!(&followed, Err(ChangeError::Cluster(ClusterError::Away(_))));
        log_once("sessions, tokens and links", followed, &mut records);
        if !is_away {
            log_once("delays after failed logins", accounts.follow_attempts(disk), &mut attempts);
        }
        std::thread::sleep(ROUND);
    }
}

/// Logs an error when it begins, and when it is over.
fn log_once<E: Display>(what: &str, result: Result<(), E>, logged: &mut Option<String>) {
    let error = result.err().map(|error| error.to_string());
    if error != *logged {
        match &error {
            Some(error) => log::warn!("{what} do not follow the store: {error}"),
            None => log::info!("{what} follow the store again"),
        }
        *logged = error;
    }
}
