//! Which worker polls: one at a time, the leader.
//!
//! Waking a thread costs as much as half a small request, so a worker is woken only if there is work for it. A leader
//! that finds an event serves it and then leads again; for these microseconds there is no leader. The leader wakes
//! another worker in two cases. Either more events are ready than it can serve itself, and a processor may be free; or
//! it is about to wait for the disk ([`Lead::may_wait`]), which can take long.
//!
//! A leader takes all ready events at once, so that many requests share one system call. Workers take these events
//! first, before one of them polls again.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The right to poll, and the events that leaders have found.
#[derive(Debug)]
pub(crate) struct Lead<T> {
    inner: Mutex<Inner<T>>,
    is_free: Condvar,
}

/// What the lock protects. Each method is one step that no other thread sees half done, so that `model` can run the
/// steps of several workers in every order.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
struct Inner<T> {
    /// How many workers can run at the same time.
    processors: usize,
    /// Whether there is a leader now.
    has_leader: bool,
    /// Workers that wait to lead.
    waiting: usize,
    /// Workers that are running, the leader included.
    awake: usize,
    /// Whether a waiting worker has been woken and is not running yet.
    is_waking: bool,
    /// Events beyond the one that the leader serves itself, in order. There is no leader until they are
    /// taken.
    spare: VecDeque<T>,
    /// How often a worker took or released the lead.
    changes: u64,
    watch: Watch,
}

/// The watch over the lead, which notices when no worker polls.
#[derive(Debug, Default)]
#[cfg_attr(test, derive(Clone, PartialEq, Eq, Hash))]
struct Watch {
    /// Whether [`Lead::watch`] is called every [`TICK`].
    is_on: bool,
    /// The value of `changes` at the last check.
    changes: u64,
    /// How many checks in a row have found no change.
    quiet: u32,
}

/// How often the watch checks that a worker polls. A call that should return at once may still wait for a
/// disk; other connections then wait for at most two ticks.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// The watch ends after this many checks without a change, until there is work again: an idle server uses no processor
/// time.
const QUIET: u32 = 200;

/// What a worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Assignment<T> {
    /// Serve this event, which a leader has found.
    Serve(T),
    /// Poll.
    Poll,
}

/// Whether a waiting worker has to be woken after a step.
type Wakes = bool;

impl<T> Inner<T> {
    fn new(processors: usize) -> Self {
        Self {
            processors,
            has_leader: false,
            waiting: 0,
            awake: 0,
            is_waking: false,
            spare: VecDeque::new(),
            changes: 0,
            watch: Watch::default(),
        }
    }

    /// What the calling worker does next. `None`: it waits, and calls [`wake`](Self::wake) afterwards.
    fn take(&mut self) -> (Option<Assignment<T>>, Wakes) {
        self.changes += 1;
        if let Some(found) = self.spare.pop_front() {
            return (Some(Assignment::Serve(found)), self.share());
        }
        if !self.has_leader {
            self.has_leader = true;
            return (Some(Assignment::Poll), false);
        }
        self.waiting += 1;
        self.awake -= 1;
        (None, false)
    }

    /// The calling worker no longer waits.
    fn wake(&mut self) {
        self.awake += 1;
        self.waiting -= 1;
        self.is_waking = false;
    }

    /// Returns whether the watch has to start, too.
    fn give(&mut self, found: impl IntoIterator<Item = T>) -> (bool, Wakes) {
        self.has_leader = false;
        self.changes += 1;
        self.spare.extend(found);
        let begins = !std::mem::replace(&mut self.watch.is_on, true);
        (begins, self.share())
    }

    /// Returns whether the watch continues, too.
    fn watch(&mut self) -> (bool, Wakes) {
        let Self { has_leader, changes, ref mut watch, .. } = *self;
        if !watch.is_on {
            return (false, false);
        }
        let is_new = std::mem::replace(&mut watch.changes, changes) != changes;
        watch.quiet = if is_new { 0 } else { watch.quiet + 1 };
        if is_new {
            return (true, false);
        }
        if !has_leader {
            return (true, self.call());
        }
        watch.is_on = watch.quiet < QUIET;
        (watch.is_on, false)
    }

    /// Wakes another worker if there is an event for it and a processor may be free.
    fn share(&mut self) -> Wakes {
        !self.spare.is_empty() && self.awake < self.processors && self.call()
    }

    fn may_wait(&mut self) -> Wakes {
        !self.has_leader && self.call()
    }

    /// Wakes a waiting worker, unless one is waking already.
    fn call(&mut self) -> Wakes {
        let wakes = self.waiting > 0 && !self.is_waking;
        self.is_waking |= wakes;
        wakes
    }

    fn end(&mut self) {
        self.has_leader = false;
    }
}

impl<T> Lead<T> {
    /// A lead without a leader, on a machine with this many processors.
    pub(crate) fn new(processors: usize) -> Self {
        Self { inner: Mutex::new(Inner::new(processors)), is_free: Condvar::new() }
    }

    /// Counts the calling worker as running; each worker calls it once.
    pub(crate) fn join(&self) {
        self.lock().awake += 1;
    }

    /// Takes an event that was found, or the lead; waits until there is either.
    pub(crate) fn take(&self) -> Assignment<T> {
        let mut inner = self.lock();
        loop {
            if let (Some(assignment), wakes) = inner.take() {
                drop(inner);
                self.notify(wakes);
                return assignment;
            }
            inner = self.is_free.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.wake();
        }
    }

    /// Releases the lead, and leaves the events that the leader does not serve itself. Returns whether the caller has to
    /// start the watch.
    #[must_use]
    pub(crate) fn give(&self, found: impl IntoIterator<Item = T>) -> bool {
        let (begins, wakes) = self.lock().give(found);
        self.notify(wakes);
        begins
    }

    /// Wakes a worker if no worker has polled since the last call: then the last leader is blocked. Call it every
    /// [`TICK`] as long as it returns true.
    pub(crate) fn watch(&self) -> bool {
        let (goes_on, wakes) = self.lock().watch();
        self.notify(wakes);
        goes_on
    }

    /// Call before blocking: wakes another worker to poll.
    pub(crate) fn may_wait(&self) {
        let wakes = self.lock().may_wait();
        self.notify(wakes);
    }

    /// Releases the lead permanently and wakes all workers.
    pub(crate) fn end(&self) {
        self.lock().end();
        self.is_free.notify_all();
    }

    /// Called without the lock, because the worker that wakes takes the lock at once.
    fn notify(&self, wakes: Wakes) {
        if wakes {
            self.is_free.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// Runs `act` while a worker takes from the lead and sends what it got.
    fn with_worker(lead: &Lead<u32>, act: impl FnOnce(&dyn Fn() -> Option<Assignment<u32>>)) {
        let (took, taken) = channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                lead.join();
                took.send(lead.take()).expect("the receiver is alive");
                lead.end();
            });
            while lead.lock().waiting == 0 && lead.lock().has_leader {
                thread::yield_now();
            }
            act(&|| taken.try_recv().ok());
            lead.end();
        });
    }

    #[test]
    fn one_worker_leads_while_another_serves_the_events_left() {
        let lead = Lead::new(2);
        lead.join();
        assert_eq!(lead.take(), Assignment::Poll);
        with_worker(&lead, |taken| {
            assert_eq!(taken(), None, "it waits while there is a leader");
            let _ = lead.give([7]);
            loop {
                if let Some(assignment) = taken() {
                    assert_eq!(assignment, Assignment::Serve(7));
                    break;
                }
                thread::yield_now();
            }
        });
    }

    #[test]
    fn events_are_taken_in_order_before_anyone_leads() {
        let lead = Lead::new(1);
        lead.join();
        assert_eq!(lead.take(), Assignment::Poll);
        let _ = lead.give([1, 2]);
        let chances = [lead.take(), lead.take(), lead.take()];
        assert_eq!(chances, [Assignment::Serve(1), Assignment::Serve(2), Assignment::Poll]);
    }

    #[test]
    fn a_leader_that_returns_wakes_no_other_worker() {
        let lead = Lead::new(2);
        lead.join();
        lead.take();
        with_worker(&lead, |_| {
            let _ = lead.give(None);
            assert_eq!(lead.lock().waiting, 1, "still asleep");
            assert_eq!(lead.take(), Assignment::Poll, "the same worker leads again");
        });
    }

    #[test]
    fn a_worker_that_may_block_wakes_another() {
        let lead = Lead::new(1);
        lead.join();
        lead.take();
        with_worker(&lead, |taken| {
            let _ = lead.give([1]);
            lead.may_wait();
            while taken().is_none() {
                thread::yield_now();
            }
        });
    }

    #[test]
    fn a_blocked_worker_is_replaced() {
        let lead = Lead::new(1);
        lead.join();
        assert!(!lead.watch(), "nothing to watch yet");
        lead.take();
        with_worker(&lead, |taken| {
            assert!(lead.give(None), "the watch must start");
            assert!(lead.watch() && taken().is_none(), "the worker has only just started");
            assert!(lead.watch(), "it has not returned");
            while taken().is_none() {
                thread::yield_now();
            }
        });
    }

    #[test]
    fn the_watch_ends_when_idle() {
        let lead = Lead::<u32>::new(1);
        lead.join();
        lead.take();
        assert!(lead.give(None) && !lead.give(None), "it starts once");
        lead.take();
        let looks = std::iter::repeat_with(|| lead.watch()).take_while(|goes_on| *goes_on).count();
        assert_eq!(looks, QUIET as usize);
        assert!(lead.give(None), "and starts again");
    }
}
