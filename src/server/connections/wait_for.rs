//! What a parked connection waits for.

use std::time::Duration;

use crate::net::poller::Interest;
use crate::server::moment::Moment;
use crate::server::timing::Deadline;

/// What a parked connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaitFor {
    /// The readiness to wait for.
    pub interest: Interest,
    pub deadline: Deadline,
    /// When it became idle, if it waits between two requests. An idle connection may be evicted, and is closed at
    /// shutdown.
    pub idle_since: Option<Moment>,
}

impl WaitFor {
    /// Waits for the first byte of a request, for this long.
    pub(crate) fn idle(since: Moment, time: Duration) -> Self {
        let deadline = Deadline::after(since, time);
        Self { interest: Interest::Readable, deadline, idle_since: Some(since) }
    }

    /// Waits for input.
    pub(crate) fn readable(deadline: Deadline) -> Self {
        Self { interest: Interest::Readable, deadline, idle_since: None }
    }

    /// Waits until the socket is writable; often just for another turn.
    pub(crate) fn writable(deadline: Deadline) -> Self {
        Self { interest: Interest::Writable, deadline, idle_since: None }
    }

    /// Waits for this time to come.
    pub(crate) fn until(deadline: Deadline) -> Self {
        Self { interest: Interest::Nothing, deadline, idle_since: None }
    }

    /// The same wait, but the connection gets another turn as soon as the socket is writable. It is not idle.
    pub(crate) fn for_another_turn(self) -> Self {
        Self { interest: Interest::Writable, idle_since: None, ..self }
    }

    /// The same wait, for a connection whose input has been read completely: it may stay armed while it is served.
    pub(crate) fn for_news(self) -> Self {
        Self { interest: Interest::News, ..self }
    }
}
