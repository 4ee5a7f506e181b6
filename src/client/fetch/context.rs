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
    /// Servers that could not be reached, however often it was tried, and what is said of them.
    given_up: Mutex<HashMap<Endpoint, String>>,
}

impl<'a> FetchContext<'a> {
    pub(super) fn new(options: &'a FetchOptions, downloads: &'a Downloads) -> Self {
        Self { options, downloads, given_up: Mutex::default() }
    }

    /// Remembers that a server cannot be reached, so that it is not tried again for each file.
    pub(super) fn give_up(&self, server: &Endpoint, error: &ClientError) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.insert(server.clone(), error.to_string());
    }

    /// The error for a server that cannot be reached.
    pub(super) fn is_given_up(&self, server: &Endpoint) -> Option<ClientError> {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.get(server).cloned().map(ClientError::Gone)
    }
}
