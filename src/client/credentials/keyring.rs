//! The credentials of this process, by server. All sessions share them, like the trusted certificates.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use super::authorization::Authorization;
use crate::client::address::Endpoint;

/// What [`log_in`] has set.
static KEYRING: OnceLock<Keyring> = OnceLock::new();

/// Credentials by server: scheme, host and port. A server that was named by a redirect is a different [`Endpoint`] from
/// one that the user has named, so it gets no credentials.
#[derive(Debug)]
pub struct Keyring(HashMap<Endpoint, Arc<Authorization>>);

impl FromIterator<(Endpoint, Arc<Authorization>)> for Keyring {
    fn from_iter<I: IntoIterator<Item = (Endpoint, Arc<Authorization>)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

/// Sends these with each request to their servers. Only the first call counts, before the first connection.
pub fn log_in(keyring: Keyring) {
    let _ = KEYRING.set(keyring);
}

/// The credentials for this server.
pub(in crate::client) fn of(server: &Endpoint) -> Option<Arc<Authorization>> {
    KEYRING.get()?.0.get(server).map(Arc::clone)
}
