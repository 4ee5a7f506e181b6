//! How fast a response arrives. The client gives up on a server that sends too little, as it does if the server sends
//! nothing.

use std::time::Instant;

use super::error::ClientError;
use super::timeouts::Timeouts;

/// The bytes that arrived in the current interval, which is as long as the silence timeout.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    bytes: u64,
}

impl Pace {
    /// The first interval begins now.
    pub(super) fn begin() -> Self {
        Self { since: Instant::now(), bytes: 0 }
    }

    /// Counts bytes. Fails if too few bytes arrived in an interval.
    pub(super) fn check(&mut self, count: usize, timeouts: Timeouts) -> Result<(), ClientError> {
        self.bytes += count as u64;
        let elapsed = self.since.elapsed();
        if elapsed < timeouts.silence {
            return Ok(());
        }
        let enough = self.bytes >= elapsed.as_secs().saturating_mul(timeouts.least_rate);
        *self = Self::begin();
        // The end of the connection is reported elsewhere.
        if enough || count == 0 { Ok(()) } else { Err(ClientError::Trickle(timeouts.silence.as_secs())) }
    }
}
