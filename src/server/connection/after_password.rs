//! What follows a password check.

use std::fmt;

use crate::server::connection::exchange::Exchange;
use crate::server::receive::AfterCheck;

/// What follows a password check.
pub(in crate::server) enum AfterPassword {
    /// The password belongs to the request in the input, which is then served.
    Serve,
    /// The function makes the response to a request that has been received, such as a login.
    Respond(Box<Exchange>, AfterCheck),
}

impl AfterPassword {
    pub(super) fn respond(exchange: Exchange, then: AfterCheck) -> Self {
        Self::Respond(Box::new(exchange), then)
    }
}

impl fmt::Debug for AfterPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serve => "Serve",
            Self::Respond(..) => "Respond",
        })
    }
}
