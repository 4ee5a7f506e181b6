//! The principal of a request.

use std::net::IpAddr;
use std::sync::Arc;

use super::right::Rights;
use crate::path::SharePath;

/// The user that a request acts for, and where it comes from. It is determined once for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `None` for a request without credentials.
    user: Option<Arc<User>>,
    /// The address of the client; a program at a Unix socket has none.
    address: Option<IpAddr>,
    /// The part of the user's rights that it has; `None` for all of them.
    scope: Option<Arc<Scope>>,
}

/// What the name of an owner begins with: of a user, and of whoever has opened a link.
const ACCOUNT: &str = "account ";
const LINK: &str = "link ";

/// A part of what a user may do: that of a token, or of whoever has opened a link. They never have more rights than the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The folder or file. Nothing outside of it can be reached.
    pub path: SharePath,
    /// The rights.
    pub rights: Rights,
    /// The public id of the link, if it is for whoever has opened that: its holder need not be the user.
    pub link: Option<String>,
}

/// A user with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name of the account.
    pub name: String,
    /// The groups that it is in.
    pub groups: Vec<String>,
}

impl Principal {
    /// A request without credentials, from this address.
    pub const fn anonymous(address: Option<IpAddr>) -> Self {
        Self { user: None, address, scope: None }
    }

    /// A request of this user, from this address.
    pub const fn of_user(user: Arc<User>, address: Option<IpAddr>) -> Self {
        Self { user: Some(user), address, scope: None }
    }

    /// A request with a part of this user's rights.
    pub fn within(user: Arc<User>, address: Option<IpAddr>, scope: Scope) -> Self {
        Self { user: Some(user), address, scope: Some(Arc::new(scope)) }
    }

    /// The same, from this address.
    #[must_use]
    pub fn at(&self, address: Option<IpAddr>) -> Self {
        Self { user: self.user.clone(), address, scope: self.scope.clone() }
    }

    /// The name of the owner of what it begins, such as an upload; `None` for clients without an account.
    pub fn owner(&self) -> Option<String> {
        match (self.scope().and_then(|scope| scope.link.as_ref()), self.user()) {
            (Some(link), _) => Some(format!("{LINK}{link}")),
            (None, Some(user)) => Some(format!("{ACCOUNT}{}", user.name)),
            (None, None) => None,
        }
    }

    /// Whether it may continue what this owner has begun. What nobody with an account has begun is open to all who know of it.
    pub(super) fn is_owner(&self, owner: &str) -> bool {
        let is_somebodys = owner.starts_with(ACCOUNT) || owner.starts_with(LINK);
        !is_somebodys || self.owner().is_some_and(|own| own == owner)
    }

    /// Whom it acts for: the user itself, if its own credentials say so, not the holder of a link.
    pub fn person(&self) -> Option<&User> {
        self.user.as_deref().filter(|_| self.scope().is_none_or(|scope| scope.link.is_none()))
    }

    /// The part of the user's rights that it has.
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_deref()
    }

    /// The user whose rights it has, unless it is anonymous.
    pub fn user(&self) -> Option<&User> {
        self.user.as_deref()
    }

    /// The same, as the accounts hold it: whatever changes in an account makes another one.
    pub fn account(&self) -> Option<&Arc<User>> {
        self.user.as_ref()
    }

    /// The address of the client.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }
}
