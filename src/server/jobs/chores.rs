//! What has to be done on the disk and no client waits for: files and directories that are closed, and sweeps.
//!
//! Closing a file may have to wait for the disk: a network file system writes back first, an unfinished upload is
//! removed. So the threads that must never wait (the timer, the acceptor, the worker that polls) send here what they
//! would drop.

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};

/// Work for the thread of chores.
pub type Chore = Box<dyn FnOnce() + Send>;

/// Sends chores to their thread. What is sent is bounded by what sends it: each connection has one thing to drop.
#[derive(Clone)]
pub struct Chores(Sender<Chore>);

impl Chores {
    /// A way to send chores, and where they arrive. The thread that receives them ends when the last sender has gone.
    pub fn new() -> (Self, Receiver<Chore>) {
        let (sender, receiver) = channel();
        (Self(sender), receiver)
    }

    /// Does this later, on the thread of chores.
    pub fn later(&self, chore: impl FnOnce() + Send + 'static) {
        // Without that thread the server is about to exit.
        let _ = self.0.send(Box::new(chore));
    }

    /// Drops this later, on the thread of chores.
    pub fn drop_later(&self, value: impl Send + 'static) {
        self.later(move || drop(value));
    }
}

impl fmt::Debug for Chores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chores")
    }
}
