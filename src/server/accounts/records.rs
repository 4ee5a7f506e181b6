//! The tokens of users.

use std::sync::Arc;

use super::Accounts;
use crate::access::User;
use crate::accounts::file::UserLine;
use crate::accounts::records::{ChangeError, Issued, NewToken, Record, Unusable, WallTime};
use crate::blocking::Blocking;

impl Accounts {
    /// The line of a user; `None` if it is there no longer.
    pub(in crate::server) fn line_of(&self, user: &User) -> Option<UserLine> {
        let users = self.users();
        let account = users.find(&user.name).filter(|account| !account.line.is_disabled)?;
        Some(account.line.clone())
    }

    /// Makes a token of this user.
    pub(in crate::server) fn add_token(
        &self,
        user: &UserLine,
        token: NewToken,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.0.records.add_token(user, token, WallTime::now(), disk)
    }

    /// These records of a user, also those that have ended, the oldest first.
    pub(in crate::server) fn records_of(
        &self,
        user: &UserLine,
        which: impl Fn(&Record) -> bool,
    ) -> Result<Vec<Arc<Record>>, Unusable> {
        self.0.records.list(|record| record.is_of(user) && which(record))
    }

    /// Ends these records of a user; returns how many there were.
    pub(in crate::server) fn revoke(
        &self,
        user: &UserLine,
        which: impl Fn(&Record) -> bool,
        disk: Blocking<'_>,
    ) -> Result<usize, ChangeError> {
        self.0.records.revoke(|record| record.is_of(user) && which(record), WallTime::now(), disk)
    }
}
