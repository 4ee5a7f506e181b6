//! The principal of a request.

use std::net::IpAddr;
use std::sync::Arc;

/// The user that a request acts for, and where it comes from. It is determined once for each request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `None` for a request without credentials.
    user: Option<Arc<User>>,
    /// The address of the client; a program at a Unix socket has none.
    address: Option<IpAddr>,
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
        Self { user: None, address }
    }

    /// A request of this user, from this address.
    pub const fn of_user(user: Arc<User>, address: Option<IpAddr>) -> Self {
        Self { user: Some(user), address }
    }

    /// The user, unless it is anonymous.
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
