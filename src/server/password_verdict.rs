//! The result of a password check.

use std::sync::Arc;
use std::time::Duration;

use crate::access::User;
use crate::server::timing::Deadline;

/// The result of a check.
#[derive(Debug)]
#[cfg_attr(not(feature = "accounts"), allow(dead_code, reason = "no password is ever checked"))]
pub(super) enum PasswordVerdict {
    /// The password belongs to this user.
    Right(Arc<User>),
    /// There is no such user, or the password is wrong.
    Wrong,
    /// There were too many failures, or too many checks wait; the next attempt is allowed after this time.
    TooMany(Duration),
}

/// The number of seconds until the next attempt is allowed, and a sentence that says so.
#[cfg(feature = "accounts")]
pub(super) fn try_again(wait: Duration) -> (u64, String) {
    let seconds = wait.as_secs() + 1;
    (seconds, format!("There were too many attempts. Try again in {seconds} s."))
}

/// A verdict, and the time at which the client may learn it.
#[derive(Debug)]
pub(super) struct CheckedPassword {
    pub verdict: PasswordVerdict,
    pub due: Deadline,
}
