//! What all senders know of their server.

use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use super::there::Knowledge;
use crate::client::address::{Endpoint, ServerAddress};

/// A server, and the directory there.
#[derive(Debug)]
pub struct PutServer {
    pub(super) address: ServerAddress,
    /// Whether it has answered in this run: then a refused connection may pass.
    pub(super) was_there: AtomicBool,
    /// Whether it takes uploads that can be gone on with, once that was asked.
    pub(super) resumes: OnceLock<bool>,
    /// Whether it tells what it has.
    pub(super) knowledge: Knowledge,
}

impl PutServer {
    /// The server, and the directory there, at this address.
    pub fn new(address: ServerAddress) -> Self {
        let knowledge = Knowledge::default();
        Self { address, was_there: AtomicBool::new(false), resumes: OnceLock::new(), knowledge }
    }

    /// Over a socket of this machine nothing breaks that would be worth going on with.
    pub(super) fn is_far(&self) -> bool {
        matches!(self.address.server, Endpoint::Tcp { .. })
    }
}
