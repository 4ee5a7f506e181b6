//! A user changes their own password.

use std::fmt;
use std::sync::Arc;

use super::{Accounts, AccountsSource};
use crate::access::User;
use crate::accounts::password::{Password, PasswordError};
use crate::accounts::store::{self, UsersFileError};
use crate::blocking::Blocking;

/// Why a password was not changed.
#[derive(Debug)]
pub(in crate::server) enum PasswordChangeError {
    /// The users file cannot be read or written.
    File(UsersFileError),
    /// It cannot be a password.
    Password(PasswordError),
    /// The user's line has changed since the present password was checked, or is gone.
    Meanwhile,
}

impl Accounts {
    /// Writes the hash of a new password to the users file, and returns the user as of now. All sessions of the user end. The
    /// present password has been checked against the line that this server knows, so the file must still have that line.
    pub(in crate::server) fn change_password(
        &self,
        user: &User,
        new: &Password,
        disk: Blocking<'_>,
    ) -> Result<Arc<User>, PasswordChangeError> {
        let AccountsSource::File(path) = &self.0.source else { return Err(PasswordChangeError::Meanwhile) };
        let users = self.users();
        let account = users.find(&user.name).ok_or(PasswordChangeError::Meanwhile)?;
        let mut written = None;
        store::change(path, disk, |file| {
            let line = &account.line;
            if file.get(&line.name) != Some(line) {
                return Err(PasswordChangeError::Meanwhile);
            }
            let hash = line.hash.successor(new, disk).map_err(PasswordChangeError::Password)?;
            written = Some(hash.clone());
            file.set_hash(&line.name, hash).then_some(()).ok_or(PasswordChangeError::Meanwhile)
        })?;
        self.reload_soon();
        self.follow_users(disk);
        let users = self.users();
        let account = users.find(&user.name).filter(|account| Some(&account.line.hash) == written.as_ref());
        account.map(|account| Arc::clone(&account.user)).ok_or(PasswordChangeError::Meanwhile)
    }
}

impl From<UsersFileError> for PasswordChangeError {
    fn from(error: UsersFileError) -> Self {
        Self::File(error)
    }
}

/// As a sentence for the user; the log says more about the file.
impl fmt::Display for PasswordChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => f.write_str(
                "This server cannot change its users file. Ask its administrator for another password.",
            ),
            Self::Password(error) => write!(f, "The new password cannot be used: {error}."),
            Self::Meanwhile => f.write_str("Your account has changed in the meantime. Try again."),
        }
    }
}
