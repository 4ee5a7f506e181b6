//! How long a client waits for a server.

use std::time::Duration;

use super::socket::STALL;

/// Timeouts within an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// How long the server may neither send nor read.
    pub silence: Duration,
    /// The minimum rate in bytes a second, on average over [`silence`](Self::silence).
    pub least_rate: u64,
}

/// The server's own timeout, and no minimum rate: an event stream may have little to send.
impl Default for Timeouts {
    fn default() -> Self {
        Self { silence: STALL, least_rate: 0 }
    }
}
