//! The sessions of users: a login starts one, and a cookie holds its secret.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::Accounts;
use super::users::Account;
use crate::access::User;
use crate::accounts::records::limits::SESSION_LIFE;
use crate::accounts::records::{
    ChangeError, NewSession, Purpose, Record, RecordId, RecordSecret, SecretUse, Unusable, WallTime,
};
use crate::blocking::Blocking;

/// How long a browser keeps the cookie of a session.
pub(in crate::server) const COOKIE_LIFE: Duration = SESSION_LIFE;

impl Accounts {
    /// The id of the session that a secret opens, whatever its kind.
    pub(in crate::server) fn session_id(&self, secret: &[u8]) -> Option<RecordId> {
        let secret = RecordSecret::parse(SecretUse::Session, secret)?;
        self.0.records.find(&secret, WallTime::now()).ok().map(|record| record.id)
    }

    /// Starts a session, in place of the one that the browser had before. Returns its secret, or `None` if the user has
    /// changed since the password was checked: the session would be as good as one with the new password.
    pub(in crate::server) fn log_in(
        &self,
        user: &Arc<User>,
        before: Option<RecordId>,
        disk: Blocking<'_>,
    ) -> Result<Option<Zeroizing<String>>, ChangeError> {
        let users = self.users();
        let is_same = |account: &&Account| !account.line.is_disabled && Arc::ptr_eq(&account.user, user);
        let Some(account) = users.find(&user.name).filter(is_same) else { return Ok(None) };
        let session = NewSession { replaces: before, is_shared: self.are_shared() };
        let issued = self.0.records.add_session(&account.line, session, WallTime::now(), disk)?;
        Ok(Some(issued.secret.text()))
    }

    /// Ends the session of a browser.
    pub(in crate::server) fn log_out(
        &self,
        session: RecordId,
        disk: Blocking<'_>,
    ) -> Result<(), ChangeError> {
        self.0.records.revoke(|record| record.id == session, WallTime::now(), disk).map(|_| ())
    }

    /// The sessions of a user that have not ended, the oldest first.
    pub(in crate::server) fn sessions(&self, user: &User) -> Result<Vec<Arc<Record>>, Unusable> {
        let (now, users) = (WallTime::now(), self.users());
        let Some(account) = users.find(&user.name) else { return Ok(Vec::new()) };
        self.0.records.list(|record| {
            is_session_of(record, user) && record.is_of(&account.line) && record.check(now).is_ok()
        })
    }

    /// Ends these sessions of a user.
    pub(in crate::server) fn end_sessions(
        &self,
        user: &User,
        which: impl Fn(RecordId) -> bool,
        disk: Blocking<'_>,
    ) -> Result<usize, ChangeError> {
        let is_due = |record: &Record| is_session_of(record, user) && which(record.id);
        self.0.records.revoke(is_due, WallTime::now(), disk)
    }
}

/// Whether it is a session of this user, not one that a user's link has started.
fn is_session_of(record: &Record, user: &User) -> bool {
    record.user.as_str() == user.name && matches!(record.purpose, Purpose::Session { .. })
}
