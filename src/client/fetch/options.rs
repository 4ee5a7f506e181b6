//! How files are fetched.

use std::time::Duration;

use crate::client::timeouts::Timeouts;

/// How many files are fetched at once by default. This is enough to hide the round trips, and few enough not to burden
/// a server.
pub const WORKERS: usize = 4;

/// How often a file is retried by default.
pub const RETRIES: u32 = 5;

/// The lowest rate that is worth waiting for, in bytes a second: a modem of the eighties was faster.
const LEAST_RATE: u64 = 64;

/// How files are fetched.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// How often a file is retried without progress.
    pub retries: u32,
    /// When to give up on a connection.
    pub timeouts: Timeouts,
    /// Whether local files are fetched even if they are unchanged.
    pub again: bool,
    /// Whether a file is synced before it gets its name.
    pub sync: bool,
    /// The length in bytes from which a file is fetched in several ranges at once; `None` for never.
    pub split: Option<u64>,
}

impl FetchOptions {
    /// Timeouts for a server that may be silent for this long.
    pub fn timeouts(silence: Duration) -> Timeouts {
        Timeouts { silence, least_rate: LEAST_RATE }
    }
}

impl Default for FetchOptions {
    fn default() -> Self {
        let timeouts = Self::timeouts(Timeouts::default().silence);
        Self { retries: RETRIES, timeouts, again: false, sync: true, split: None }
    }
}
