//! The tokens and links of users.

use std::sync::Arc;

use super::{Accounts, PasswordOwner};
use crate::access::User;
use crate::accounts::file::UserLine;
use crate::accounts::name::UserName;
use crate::accounts::password::PasswordHash;
use crate::accounts::records::{
    ChangeError, Issued, NewLink, NewToken, Purpose, Record, RecordId, RecordSecret, SecretUse, Unusable,
    WallTime,
};
use crate::blocking::Blocking;

/// A link, and the user that created it.
pub(in crate::server) struct GivenLink {
    pub record: Arc<Record>,
    pub giver: Arc<User>,
}

impl Accounts {
    /// The line of a user; `None` if it is gone.
    pub(in crate::server) fn line_of(&self, user: &User) -> Option<UserLine> {
        let users = self.users();
        let account = users.find(&user.name).filter(|account| !account.line.is_disabled)?;
        Some(account.line.clone())
    }

    /// Makes a token for this user.
    pub(in crate::server) fn add_token(
        &self,
        user: &UserLine,
        token: &NewToken,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.0.records.add_token(user, token, WallTime::now(), disk)
    }

    /// Makes a link for this user.
    pub(in crate::server) fn add_link(
        &self,
        user: &UserLine,
        link: &NewLink,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.0.records.add_link(user, link, WallTime::now(), disk)
    }

    /// Whether the record with this secret is known here, and has ended: no other server can make it valid again.
    pub(in crate::server) fn has_ended(&self, secret: &RecordSecret) -> bool {
        self.0.records.of_secret(secret).is_ok_and(|record| record.check(WallTime::now()).is_err())
    }

    /// The link with this secret, even if it has expired or is used up; `None` if there is none, or if its
    /// giver is gone.
    pub(in crate::server) fn link(&self, secret: &str) -> Option<GivenLink> {
        let secret = RecordSecret::parse(SecretUse::Link, secret.as_bytes())?;
        let record = self.0.records.of_secret(&secret).ok()?;
        let users = self.users();
        let account = users.find(record.user.as_str()).filter(|account| record.is_of(&account.line))?;
        Some(GivenLink { record, giver: Arc::clone(&account.user) })
    }

    /// The session with this secret, if a use of the link has started it.
    pub(in crate::server) fn visit(&self, secret: &[u8], of: RecordId) -> Option<Arc<Record>> {
        RecordSecret::parse(SecretUse::Session, secret)
            .and_then(|secret| self.0.records.find(&secret, WallTime::now()).ok())
            .filter(|record| matches!(record.purpose, Purpose::Visit { link, .. } if link == of))
    }

    /// The giver of a link that can be used now, and the hash of its password.
    pub(super) fn protected_link(&self, of: &PasswordOwner) -> Option<(UserName, PasswordHash)> {
        let PasswordOwner::Link(id) = of else { return None };
        let record = self.0.records.get(*id).ok().filter(|record| record.check(WallTime::now()).is_ok())?;
        match &record.purpose {
            Purpose::Link { password: Some(hash), .. } => Some((record.user.clone(), hash.clone())),
            _ => None,
        }
    }

    /// Whether a link asks for a password. Also true if the records cannot be read at the moment.
    pub(in crate::server) fn has_password(&self, id: RecordId) -> bool {
        let record = self.0.records.get(id);
        record.map_or(true, |record| !matches!(record.purpose, Purpose::Link { password: None, .. }))
    }

    /// Counts one use of a link, and starts a session for it.
    pub(in crate::server) fn take_use(
        &self,
        link: RecordId,
        disk: Blocking<'_>,
    ) -> Result<Issued, ChangeError> {
        self.0.records.take_use(link, WallTime::now(), disk)
    }

    /// These records of a user, including those that have ended, the oldest first.
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
