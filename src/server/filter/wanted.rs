//! What a client said about the response to its request.

use crate::http::fields::Fields;
use crate::server::pages;

/// What a client said about the response to its request.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::server) struct Wanted {
    /// Whether it prefers HTML, as browsers do when they open an address.
    pub html: bool,
    /// Whether it was sent over TLS.
    pub is_encrypted: bool,
}

impl Wanted {
    /// Reads these fields.
    pub(in crate::server) fn by(fields: Fields<'_, '_>) -> Self {
        Self { html: pages::are_wanted(fields), is_encrypted: false }
    }
}
