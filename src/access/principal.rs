//! The principal of a request.

use std::net::IpAddr;
use std::sync::Arc;

use super::right::Rights;
use crate::path::SharePath;

/// The user that a request acts for, and the address it comes from. It is determined once for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `None` for a request without credentials.
    user: Option<Arc<User>>,
    /// The address of the client; a program on a Unix socket has none.
    address: Option<IpAddr>,
    /// The part of the user's rights that the principal has; `None` if it has all of them.
    scope: Option<Arc<Scope>>,
}

/// The prefixes of an owner's name: for a user, and for the holder of a link.
const ACCOUNT: &str = "account ";
const LINK: &str = "link ";

/// The part of a user's rights that a token or a link gives. It is never more than the user's own rights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The folder or file. Nothing outside of it can be reached.
    pub path: SharePath,
    /// The rights.
    pub rights: Rights,
    /// The public id of the link, if the rights come from a link. Then the client need not be the user.
    pub link: Option<String>,
}

/// A user with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name of the account.
    pub name: String,
    /// The user's groups.
    pub groups: Vec<String>,
}

impl Principal {
    /// A request without credentials, from this address.
    pub const fn anonymous(address: Option<IpAddr>) -> Self {
        Self { user: None, address, scope: None }
    }

    /// A request from this user, at this address.
    pub const fn of_user(user: Arc<User>, address: Option<IpAddr>) -> Self {
        Self { user: Some(user), address, scope: None }
    }

    /// A request with a part of this user's rights.
    pub fn within(user: Arc<User>, address: Option<IpAddr>, scope: Scope) -> Self {
        Self { user: Some(user), address, scope: Some(Arc::new(scope)) }
    }

    /// The same principal, at this address.
    #[must_use]
    pub fn at(&self, address: Option<IpAddr>) -> Self {
        Self { user: self.user.clone(), address, scope: self.scope.clone() }
    }

    /// The principal's name as the owner of what it begins, such as an upload; `None` for clients without an
    /// account.
    pub fn owner(&self) -> Option<String> {
        match (self.scope().and_then(|scope| scope.link.as_ref()), self.user()) {
            (Some(link), _) => Some(format!("{LINK}{link}")),
            (None, Some(user)) => Some(format!("{ACCOUNT}{}", user.name)),
            (None, None) => None,
        }
    }

    /// The user whose name an [owner](Principal::owner) has; `None` for a link, and for clients without an account.
    pub fn user_of_owner(owner: &str) -> Option<&str> {
        owner.strip_prefix(ACCOUNT)
    }

    /// Whether the principal may continue what this owner began. Anyone who knows its address may continue
    /// what a client without an account began.
    pub(super) fn is_owner(&self, owner: &str) -> bool {
        let is_somebodys = owner.starts_with(ACCOUNT) || owner.starts_with(LINK);
        !is_somebodys || self.owner().is_some_and(|own| own == owner)
    }

    /// The user, if the request has the user's own credentials; `None` for the holder of a link.
    pub fn person(&self) -> Option<&User> {
        self.user.as_deref().filter(|_| self.scope().is_none_or(|scope| scope.link.is_none()))
    }

    /// The part of the user's rights that the principal has.
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_deref()
    }

    /// The user whose rights the principal has; `None` if it is anonymous.
    pub fn user(&self) -> Option<&User> {
        self.user.as_deref()
    }

    /// The same user, as the accounts store it: any change to an account creates a new `Arc`.
    pub fn account(&self) -> Option<&Arc<User>> {
        self.user.as_ref()
    }

    /// The address of the client.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }
}
