//! The changes that are being made. A new lock waits for them: they began before it, and it must not come into effect in
//! the middle of one.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a new lock waits for changes that are being made. They take longer only if the disk hangs or is very slow.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The changes that are being made.
#[derive(Debug, Default)]
pub(super) struct Changes(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    running: Mutex<Running>,
    ended: Condvar,
}

/// Changes have numbers in the order in which they begin.
#[derive(Debug, Default)]
struct Running {
    next: u64,
    numbers: BTreeSet<u64>,
}

/// A change that is being made, until this is dropped.
#[derive(Debug)]
pub(crate) struct ChangeInProgress {
    shared: Arc<Shared>,
    number: u64,
}

impl Changes {
    /// Begins a change. Call it before the locks are checked.
    pub(super) fn begin(&self) -> ChangeInProgress {
        let mut running = self.0.running();
        let number = running.next;
        running.next += 1;
        running.numbers.insert(number);
        ChangeInProgress { shared: Arc::clone(&self.0), number }
    }

    /// Waits until all changes have ended that began before this call. Returns whether they have.
    pub(super) fn wait_for_earlier(&self) -> bool {
        self.wait(LONGEST_WAIT)
    }

    fn wait(&self, most: Duration) -> bool {
        let running = self.0.running();
        let next = running.next;
        let are_left = |running: &mut Running| running.numbers.first().is_some_and(|first| *first < next);
        let waited = self.0.ended.wait_timeout_while(running, most, are_left);
        let (_running, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        !timeout.timed_out()
    }
}

impl Shared {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ChangeInProgress {
    fn drop(&mut self) {
        self.shared.running().numbers.remove(&self.number);
        self.shared.ended.notify_all();
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
        assert!(!changes.wait(Duration::ZERO), "for the next one that waits, too");
        let later = changes.begin();
        drop(earlier);
        assert!(!changes.wait(Duration::ZERO), "another one");
        drop(later);
        assert!(changes.wait(Duration::ZERO));
        let earlier = changes.begin();
        let long = Duration::from_secs(600);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| changes.wait(long));
            drop(earlier);
            assert!(waiting.join().expect("it is woken"));
        });
    }
}
