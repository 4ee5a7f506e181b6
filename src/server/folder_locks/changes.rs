//! The changes that are being made. A new lock waits for them: they began before it, and it must not come into effect in
//! the middle of one.

use std::convert::Infallible;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a new lock waits for changes that are being made. A change takes longer only if the disk hangs.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Nothing is ever sent. But the receiver notices when the last sender is dropped.
type Channel = (Sender<Infallible>, Receiver<Infallible>);

/// The changes that have begun since the last wait.
#[derive(Debug)]
pub(super) struct Changes(Mutex<Channel>);

/// A change that is being made, until this is dropped.
#[derive(Debug)]
pub(crate) struct ChangeInProgress(#[allow(dead_code, reason = "only its end matters")] Sender<Infallible>);

impl Default for Changes {
    fn default() -> Self {
        Self(Mutex::new(channel()))
    }
}

impl Changes {
    /// Begins a change. Call it before the locks are checked.
    pub(super) fn begin(&self) -> ChangeInProgress {
        ChangeInProgress(self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone())
    }

    /// Waits until all changes have ended that began before this call. Returns whether they have.
    pub(super) fn wait_for_earlier(&self) -> bool {
        self.wait(LONGEST_WAIT)
    }

    fn wait(&self, most: Duration) -> bool {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (sender, receiver) = std::mem::replace(&mut *current, channel());
        drop(current);
        drop(sender);
        matches!(receiver.recv_timeout(most), Err(RecvTimeoutError::Disconnected))
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn only_earlier_changes_are_waited_for() {
        let changes = Changes::default();
        assert!(changes.wait(Duration::ZERO), "there are none");
        let earlier = changes.begin();
        assert!(!changes.wait(Duration::ZERO), "one is being made");
        let later = changes.begin();
        drop(earlier);
        assert!(!changes.wait(Duration::ZERO), "another one");
        drop(later);
        assert!(changes.wait(Duration::ZERO));
        let earlier = changes.begin();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| changes.wait(LONGEST_WAIT));
            drop(earlier);
            assert!(waiting.join().expect("it returns"));
        });
    }
}
