//! Attempts to log in of which other servers hear, and how many of theirs were read.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::server::shared::{StoredAttempt, StoredAttempts};

/// The attempts that other servers hear of.
#[derive(Debug)]
pub(super) struct SharedAttempts {
    pub store: StoredAttempts,
    pub waiting: Mutex<VecDeque<StoredAttempt>>,
    /// The last entry of the store that was read; empty before the first.
    pub last: Mutex<String>,
}

impl SharedAttempts {
    pub(super) fn new(store: StoredAttempts) -> Self {
        Self { store, waiting: Mutex::default(), last: Mutex::default() }
    }
}
