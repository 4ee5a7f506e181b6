//! Disk work that no client waits for: closing files and directories, and sweeps.
//!
//! Closing a file may block: a network file system writes it back first, and an unfinished upload is deleted. So the
//! threads that must never block (the timer, the acceptor, the worker that polls) pass such values to this thread,
//! which drops them; the type [`Deferred`](super::deferred::Deferred) ensures that.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Work for the chores thread.
pub(crate) type Chore = Box<dyn FnOnce() + Send>;

/// Sends chores to their thread. Its queue is bounded by its senders: each connection has only a few values
/// to drop.
#[derive(Clone)]
pub(crate) struct Chores {
    queue: Sender<Chore>,
    undropped: Arc<Undropped>,
}

/// How many values wait to be dropped. Their files are open until then.
#[derive(Default)]
struct Undropped {
    count: AtomicU64,
    lock: Mutex<()>,
    decreased: Condvar,
}

/// Counts one value as long as it exists.
struct Counted(Arc<Undropped>);

impl Chores {
    /// The two ends of the queue. The receiving thread ends when the last sender is dropped.
    pub(crate) fn new() -> (Self, Receiver<Chore>) {
        let (queue, receiver) = channel();
        (Self { queue, undropped: Arc::default() }, receiver)
    }

    /// Runs `chore` on the chores thread.
    pub(crate) fn later(&self, chore: impl FnOnce() + Send + 'static) {
        // Fails only if that thread has ended because the server is about to exit. The chore is then dropped
        // here.
        let _ = self.queue.send(Box::new(chore));
    }

    /// Drops `value` on the chores thread.
    pub(crate) fn drop_later(&self, value: impl Send + 'static) {
        let counted = Counted::new(&self.undropped);
        self.later(move || {
            drop(value);
            drop(counted);
        });
    }

    /// How many values wait to be dropped.
    pub(crate) fn undropped(&self) -> u64 {
        self.undropped.count.load(Ordering::Acquire)
    }

    /// Waits at most this long until few enough values wait to be dropped.
    pub(crate) fn wait_until(&self, at_most: Duration, are_few: impl Fn(u64) -> bool) {
        let lock = self.undropped.lock();
        let waited =
            self.undropped.decreased.wait_timeout_while(lock, at_most, |()| !are_few(self.undropped()));
        drop(waited);
    }
}

impl Undropped {
    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn new(undropped: &Arc<Undropped>) -> Self {
        undropped.count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(undropped))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        // A thread that finds too many values holds the lock until it waits. So it cannot miss the notification.
        drop(self.0.lock());
        self.0.decreased.notify_all();
    }
}

impl fmt::Debug for Chores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chores")
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_value_counts_until_it_is_dropped() {
        const LONG: Duration = Duration::from_secs(60);
        let (chores, to_do) = Chores::new();
        chores.drop_later("one");
        chores.drop_later("two");
        assert_eq!(chores.undropped(), 2);
        chores.wait_until(LONG, |count| count <= 2);
        chores.wait_until(Duration::ZERO, |_| false);
        let thread = thread::spawn(move || to_do.iter().take(2).for_each(|chore| chore()));
        chores.wait_until(LONG, |count| count == 0);
        thread.join().expect("no panic");
        chores.drop_later("there is no thread");
        assert_eq!(chores.undropped(), 0);
    }
}
