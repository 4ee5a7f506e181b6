//! A build without accounts: no server has users.

#[path = "no_credential.rs"]
pub(super) mod credential;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use crate::access::{Subject, User};
use crate::blocking::Blocking;
use crate::chat::name::Name;
use crate::server::password_verdict::CheckedPassword;
use crate::server::request::ClientAddress;

/// No accounts.
#[derive(Debug, Clone)]
pub enum Accounts {}

/// No password is ever checked.
#[derive(Debug)]
pub(super) struct PasswordCheck {
    pub client: ClientAddress,
    _never: Infallible,
}

#[allow(missing_docs)]
impl Accounts {
    pub(super) fn generation(&self) -> u64 {
        match *self {}
    }

    pub(super) fn check(&self, _: &PasswordCheck, _: Blocking<'_>) -> CheckedPassword {
        match *self {}
    }

    pub(super) fn user(&self, _: &str) -> Option<Arc<User>> {
        match *self {}
    }

    pub(super) fn has_user(&self, _: &str) -> bool {
        match *self {}
    }

    pub fn has(&self, _: &Subject) -> bool {
        match *self {}
    }

    pub fn check_file(&self) -> io::Result<()> {
        match *self {}
    }

    pub fn reload_soon(&self) {
        match *self {}
    }

    pub(super) fn follow_files(&self, _: Blocking<'_>) -> bool {
        match *self {}
    }

    pub(super) fn is_current(&self, _: &Arc<User>) -> bool {
        match *self {}
    }

    pub(super) fn have_names(&self) -> bool {
        match *self {}
    }

    pub(super) fn has_name(&self, _: &Name) -> bool {
        match *self {}
    }
}
