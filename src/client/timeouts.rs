//! How long a client waits for a server.

use std::time::Duration;

use super::socket::STALL;

/// How long a server is waited for in mid-exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// How long it may be silent, or take nothing.
    pub silence: Duration,
    /// Fewer bytes a second than this, over the time of [`silence`](Self::silence), count as silence.
    pub least_rate: u64,
}

/// As long as wharf itself waits, and any rate will do: an event stream may have little to say.
impl Default for Timeouts {
    fn default() -> Self {
        Self { silence: STALL, least_rate: 0 }
    }
}
