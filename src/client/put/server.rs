//! What all senders of a run share about their server.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use super::there::Knowledge;
use crate::client::address::{Endpoint, ServerAddress};
use crate::client::undo_cookies::UndoCookies;
use crate::http::resumable::Limits;

/// A server, and the directory there.
#[derive(Debug)]
pub struct PutServer {
    pub(super) address: ServerAddress,
    /// Whether it has answered in this run: then a refused connection is retried.
    pub(super) was_there: AtomicBool,
    /// Its limits for resumable uploads, once they are known; `None` if it does not support them.
    pub(super) limits: OnceLock<Option<Limits>>,
    /// Whether it can be asked for checksums.
    pub(super) knowledge: Knowledge,
    /// The cookies with which the user can restore what an upload has replaced.
    pub(super) undo: Arc<UndoCookies>,
}

impl PutServer {
    /// The server, and the directory there, at this address.
    pub fn new(address: ServerAddress, undo: UndoCookies) -> Self {
        let (knowledge, undo) = (Knowledge::default(), Arc::new(undo));
        Self { address, was_there: AtomicBool::new(false), limits: OnceLock::new(), knowledge, undo }
    }

    /// Whether resumable uploads are worth it: a Unix socket loses no connections.
    pub(super) fn is_far(&self) -> bool {
        !matches!(self.address.server, Endpoint::Unix(_))
    }
}
