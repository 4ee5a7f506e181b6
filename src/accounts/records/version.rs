//! Identifies a record's user beyond the name: a new user with the same name inherits nothing.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::hex;
use crate::accounts::file::UserLine;

/// The first half of a SHA-256 of the part of the user's line that must not change while a record stays
/// valid.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct UserVersion([u8; 16]);

impl UserVersion {
    /// For sessions: each password has a different version.
    pub fn of_password(user: &UserLine) -> Self {
        Self::of(user.hash.as_str())
    }

    /// For tokens and links: the version stays the same with a new password, but not with a new account.
    pub(super) fn of_account(user: &UserLine) -> Self {
        Self::of(user.hash.account_part())
    }

    /// Parses the displayed form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        hex::parse(text).map(Self)
    }

    fn of(part: &str) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&Sha256::digest(part)[..16]);
        Self(half)
    }
}

impl fmt::Display for UserVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for UserVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserVersion({self})")
    }
}
