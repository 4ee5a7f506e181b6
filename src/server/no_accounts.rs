//! A build without accounts: no server knows users.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::access::User;
use crate::blocking::Blocking;
use crate::server::request::ClientAddress;
use crate::server::timing::Deadline;

/// No accounts.
#[derive(Debug, Clone)]
pub enum Accounts {}

/// No password is ever checked.
#[derive(Debug)]
pub(super) struct PasswordCheck {
    pub client: ClientAddress,
    _never: Infallible,
}

/// What a check would lead to.
#[derive(Debug)]
#[allow(dead_code, reason = "no password is ever checked")]
pub(super) enum PasswordVerdict {
    Right(Arc<User>),
    Wrong,
    TooMany(Duration),
}

/// A verdict, and when the client may learn of it.
#[derive(Debug)]
pub(super) struct CheckedPassword {
    pub verdict: PasswordVerdict,
    pub due: Deadline,
}

#[allow(missing_docs)]
impl Accounts {
    pub(super) fn check(&self, _: &PasswordCheck, _: Blocking<'_>) -> CheckedPassword {
        match *self {}
    }

    pub fn check_file(&self) -> io::Result<()> {
        match *self {}
    }

    pub fn reload_soon(&self) {
        match *self {}
    }

    pub(super) fn follow_file(&self, _: Blocking<'_>) {
        match *self {}
    }
}
