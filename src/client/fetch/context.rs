//! What all workers of a run share.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::downloads::Downloads;
use super::options::FetchOptions;
use crate::client::address::Endpoint;
use crate::client::error::ClientError;

/// The options, the directory, and the servers that cannot be reached.
pub(super) struct FetchContext<'a> {
    pub(super) options: &'a FetchOptions,
    pub(super) downloads: &'a Downloads,
    /// Servers that could not be reached after all retries, and the error message of each.
    given_up: Mutex<HashMap<Endpoint, String>>,
}

impl<'a> FetchContext<'a> {
    pub(super) fn new(options: &'a FetchOptions, downloads: &'a Downloads) -> Self {
        Self { options, downloads, given_up: Mutex::default() }
    }

    /// Remembers that a server cannot be reached, so that other files fail at once.
    pub(super) fn give_up(&self, server: &Endpoint, error: &ClientError) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.insert(server.clone(), error.to_string());
    }

    /// The error, if this server could not be reached.
    pub(super) fn is_given_up(&self, server: &Endpoint) -> Option<ClientError> {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.get(server).cloned().map(ClientError::Gone)
    }
}
