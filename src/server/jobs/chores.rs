//! Disk work that no client waits for: closing files and directories, and sweeps.
//!
//! Closing a file may block: a network file system writes it back first, and an unfinished upload is deleted. So what the
//! threads that must never block (the timer, the acceptor, the worker that polls) would drop is dropped here; the type
//! [`Deferred`](super::deferred::Deferred) sees to that.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Work for the chores thread.
pub(crate) type Chore = Box<dyn FnOnce() + Send>;

/// Sends chores to their thread. Its queue is bounded by its senders: each connection has a few values to drop.
#[derive(Clone)]
pub(crate) struct Chores(Sender<Chore>);

impl Chores {
    /// The two ends of the queue. The receiving thread ends when the last sender is dropped.
    pub(crate) fn new() -> (Self, Receiver<Chore>) {
        let (sender, receiver) = channel();
        (Self(sender), receiver)
    }

    /// Runs this on the chores thread.
    pub(crate) fn later(&self, chore: impl FnOnce() + Send + 'static) {
        // Fails only if that thread has ended, as the server is about to exit. The chore is dropped here then.
        let _ = self.0.send(Box::new(chore));
    }

    /// Drops this on the chores thread.
    pub(crate) fn drop_later(&self, value: impl Send + 'static) {
        self.later(move || drop(value));
    }
}

impl fmt::Debug for Chores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chores")
    }
}
