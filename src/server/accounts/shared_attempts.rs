//! Attempts to log in that other servers count too, and which of theirs were read last.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Instant;

use crate::server::shared::{StoredAttempt, StoredAttempts};

/// The attempts that other servers count too.
#[derive(Debug)]
pub(super) struct SharedAttempts {
    pub store: StoredAttempts,
    /// With the time of each.
    pub waiting: Mutex<VecDeque<(StoredAttempt, Instant)>>,
    /// The last entry of the store that was read; empty before the first.
    pub last: Mutex<String>,
}

impl SharedAttempts {
    pub(super) fn new(store: StoredAttempts) -> Self {
        Self { store, waiting: Mutex::default(), last: Mutex::default() }
    }
}
