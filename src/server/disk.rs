//! Whether the thread that serves a connection may wait for the disk.
//!
//! At most three quarters of the workers may wait for the disk at once, so the others always serve requests that need
//! only memory. A connection that may not wait becomes a job; the job queue is fair between clients. The timer never
//! waits.

use crate::blocking::Blocking;
use crate::server::jobs::permits::Permit;
use crate::server::state::State;

/// The right of a thread to wait for the disk, for one turn of a connection.
#[derive(Debug)]
pub(super) enum Disk {
    /// A worker, which has to ask first.
    Worker,
    /// A worker that may wait until its turn is over.
    Granted {
        /// One of the permits for waiting workers.
        _place: Permit,
        /// Whether another worker was woken to poll.
        is_announced: bool,
    },
    /// A dedicated thread, whose waiting delays no client.
    OwnThread,
    /// A thread that must not wait.
    Never,
}

/// How many of `workers` may wait for the disk at once. A single worker may not, since no other would poll.
pub(super) const fn places(workers: usize) -> usize {
    workers / 4 * 3 + workers % 4 * 3 / 4
}

impl Disk {
    /// Asks to wait for the disk, perhaps for a long time: another worker is woken to poll. `None` if this
    /// thread may not.
    #[must_use]
    pub(super) fn may_wait(&mut self, state: &State) -> Option<Blocking<'_>> {
        self.may_touch(state)?;
        if let Self::Granted { is_announced: is_announced @ false, .. } = self {
            *is_announced = true;
            state.lead.may_wait();
        }
        Some(Blocking::with(self))
    }

    /// Asks to wait for something that may take far longer than a disk. Only a dedicated thread may wait for that, so
    /// the request usually has to become a job first.
    #[must_use]
    pub(super) fn may_wait_long(&mut self) -> Option<Blocking<'_>> {
        matches!(self, Self::OwnThread).then(|| Blocking::with(self))
    }

    /// Asks to make a call that very likely finds what it needs in memory: no other worker is woken. If the call takes
    /// long after all, the watch over the lead wakes another worker
    /// ([`Lead::watch`](crate::server::connections::lead::Lead::watch)).
    #[must_use]
    pub(super) fn may_touch(&mut self, state: &State) -> Option<Blocking<'_>> {
        match self {
            Self::Worker => *self = Self::Granted { _place: state.blocking.take()?, is_announced: false },
            Self::Granted { .. } | Self::OwnThread => {}
            Self::Never => return None,
        }
        Some(Blocking::with(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_quarters_of_the_workers_may_wait() {
        for (workers, waiting) in [(1, 0), (2, 1), (3, 2), (4, 3), (5, 3), (64, 48), (4096, 3072)] {
            assert_eq!(places(workers), waiting, "{workers}");
        }
    }
}
