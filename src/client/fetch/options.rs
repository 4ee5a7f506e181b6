//! How files are fetched.

use std::time::Duration;

use crate::client::session::Timeouts;

/// How many files are fetched at once, unless told otherwise: enough to hide the time that an answer takes on its way, and
/// few enough to be a burden to nobody.
pub const WORKERS: usize = 4;

/// How often a file is tried again, unless told otherwise.
pub const RETRIES: u32 = 5;

/// Fewer bytes a second than this are not worth waiting for: a modem of the eighties was faster.
const LEAST_RATE: u64 = 64;

/// How files are fetched.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// How often a file is tried again without getting further.
    pub retries: u32,
    /// How long a server is waited for.
    pub timeouts: Timeouts,
    /// Whether files that are here and unchanged are fetched all the same.
    pub again: bool,
    /// Whether a file is on the disk before it has its name.
    pub sync: bool,
    /// From which length on, in bytes, a file is fetched in several ranges at once; none for never.
    pub split: Option<u64>,
}

impl FetchOptions {
    /// How long a server is waited for that is given so much time to be silent.
    pub fn timeouts(silence: Duration) -> Timeouts {
        Timeouts { silence, least_rate: LEAST_RATE }
    }
}

/// As a person expects who has said nothing about it.
impl Default for FetchOptions {
    fn default() -> Self {
        let timeouts = Self::timeouts(Timeouts::default().silence);
        Self { retries: RETRIES, timeouts, again: false, sync: true, split: None }
    }
}
