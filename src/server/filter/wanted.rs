//! What a client said about the response to its request.

use std::sync::Arc;

use crate::access::User;
use crate::http::fields::Fields;
use crate::server::link_view::LinkView;
use crate::server::pages;

/// What a client said about the response to its request.
#[derive(Debug, Clone, Default)]
pub(in crate::server) struct Wanted {
    /// Whether it prefers HTML, as browsers do when they open an address.
    pub html: bool,
    /// Whether it was sent over TLS.
    pub is_encrypted: bool,
    /// Whether a page's script has sent the request; such a script has to ask for a password itself.
    pub is_by_script: bool,
    /// Which other clients may get the same response.
    pub audience: Audience,
    /// The path of the login page, if a browser opens a page without credentials. After the login, the browser returns
    /// to that page.
    pub login: Option<Box<str>>,
    /// The user of the request, unless it was sent through a link; for the log.
    pub user: Option<Arc<User>>,
    /// The link through which it was sent.
    pub link: Option<Arc<LinkView>>,
}

/// Which clients may get the same response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::server) enum Audience {
    /// Anybody.
    #[default]
    Anybody,
    /// Clients without an account; users may get a different response.
    WithoutAccount,
    /// One user only.
    OneUser,
}

impl Wanted {
    /// Reads these fields.
    pub(in crate::server) fn by(fields: Fields<'_, '_>) -> Self {
        Self { html: pages::are_wanted(fields), ..Self::default() }
    }
}
