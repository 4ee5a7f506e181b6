//! Who waits in the poller: one worker at a time, the leader.
//!
//! Waking a thread costs as much as half a small request, so it is done only where it gains something. A leader that
//! has found something to do serves it and comes back to lead again; meanwhile nobody leads, for some microseconds. It
//! wakes another worker in two cases: more is ready than it can do itself and a processor may be free for it, or it is
//! about to wait for the disk ([`Baton::may_wait`]), which could take long.
//!
//! A leader takes all that is ready at once, so that many requests share one system call; whoever comes next takes from
//! that before the poller is asked again.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The right to lead, and what leaders have found.
#[derive(Debug)]
pub struct Baton<T> {
    inner: Mutex<Inner<T>>,
    is_free: Condvar,
    /// How many workers can do something at the same time.
    processors: usize,
}

#[derive(Debug)]
struct Inner<T> {
    /// Whether a worker leads now.
    is_held: bool,
    /// Workers that wait to lead.
    waiting: usize,
    /// Workers that do something, the leader included.
    awake: usize,
    /// Whether one of those who wait has been called and has not come yet.
    is_called: bool,
    /// What a leader found beyond what it does itself, in that order. Nobody leads before it is taken.
    spare: VecDeque<T>,
    /// How often the baton was taken or given back.
    passed: u64,
    watch: Watch,
}

/// What the watch over the lead has seen.
#[derive(Debug, Default)]
struct Watch {
    /// Whether somebody looks every [`TICK`].
    is_on: bool,
    /// How often the baton had been passed at the last look.
    passed: u64,
    /// How many looks in a row have found nothing new.
    quiet: u32,
}

/// How often the watch looks whether somebody polls. A call that is expected to return at once may still wait for a disk;
/// other connections then wait no longer than two of these.
pub const TICK: Duration = Duration::from_millis(5);

/// After this many looks without news the watch ends, until there is something to do again: a server at rest uses no
/// processor time.
const QUIET: u32 = 200;

/// What a worker is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chance<T> {
    /// This, which a leader has found.
    Found(T),
    /// Lead.
    Lead,
}

impl<T> Baton<T> {
    /// A baton that nobody holds, on a machine with so many processors.
    pub fn new(processors: usize) -> Self {
        let inner = Inner {
            is_held: false,
            waiting: 0,
            awake: 0,
            is_called: false,
            spare: VecDeque::new(),
            passed: 0,
            watch: Watch::default(),
        };
        Self { inner: Mutex::new(inner), is_free: Condvar::new(), processors }
    }

    /// A worker joins those who are awake; to be called once by each.
    pub fn join(&self) {
        self.lock().awake += 1;
    }

    /// Takes what was found, or the baton; waits until there is either.
    pub fn take(&self) -> Chance<T> {
        let mut inner = self.lock();
        loop {
            inner.passed += 1;
            if let Some(found) = inner.spare.pop_front() {
                self.share(inner);
                return Chance::Found(found);
            }
            if !inner.is_held {
                inner.is_held = true;
                return Chance::Lead;
            }
            inner.waiting += 1;
            inner.awake -= 1;
            inner = self.is_free.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.awake += 1;
            inner.waiting -= 1;
            inner.is_called = false;
        }
    }

    /// Gives the baton back, with what was found beyond what the leader does itself. Whether the watch has to begin.
    #[must_use]
    pub fn give(&self, found: impl IntoIterator<Item = T>) -> bool {
        let mut inner = self.lock();
        inner.is_held = false;
        inner.passed += 1;
        inner.spare.extend(found);
        let begins = !std::mem::replace(&mut inner.watch.is_on, true);
        self.share(inner);
        begins
    }

    /// To be called every [`TICK`] while this is true: wakes a worker when nobody has polled since the last look, since
    /// whoever came back last is kept waiting.
    pub fn watch(&self) -> bool {
        let mut inner = self.lock();
        let Inner { is_held, passed, ref mut watch, .. } = *inner;
        if !watch.is_on {
            return false;
        }
        let is_new = std::mem::replace(&mut watch.passed, passed) != passed;
        watch.quiet = if is_new { 0 } else { watch.quiet + 1 };
        if is_new {
            return true;
        }
        if !is_held {
            self.call(inner);
            return true;
        }
        watch.is_on = watch.quiet < QUIET;
        watch.is_on
    }

    /// Wakes another worker where there is something for it, and a processor may be free for it.
    fn share(&self, inner: MutexGuard<'_, Inner<T>>) {
        if !inner.spare.is_empty() && inner.awake < self.processors {
            self.call(inner);
        }
    }

    /// The caller, who does not hold the baton, may be kept waiting: somebody else has to lead meanwhile.
    pub fn may_wait(&self) {
        let inner = self.lock();
        if !inner.is_held {
            self.call(inner);
        }
    }

    /// Wakes one of those who wait, unless one is on its way already.
    fn call(&self, mut inner: MutexGuard<'_, Inner<T>>) {
        if inner.waiting > 0 && !inner.is_called {
            inner.is_called = true;
            drop(inner);
            self.is_free.notify_one();
        }
    }

    /// Gives the baton back for good: everybody wakes.
    pub fn end(&self) {
        self.lock().is_held = false;
        self.is_free.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    /// A worker that takes the baton, tells what it got with it, and keeps it until it is told to give it back.
    fn with_worker(baton: &Baton<u32>, act: impl FnOnce(&dyn Fn() -> Option<Chance<u32>>)) {
        let (took, taken) = channel();
        thread::scope(|scope| {
            scope.spawn(|| {
                baton.join();
                took.send(baton.take()).expect("somebody listens");
                baton.end();
            });
            while baton.lock().waiting == 0 && baton.lock().is_held {
                thread::yield_now();
            }
            act(&|| taken.try_recv().ok());
            baton.end();
        });
    }

    #[test]
    fn one_leads_at_a_time_and_finds_what_was_left() {
        let baton = Baton::new(2);
        baton.join();
        assert_eq!(baton.take(), Chance::Lead);
        with_worker(&baton, |taken| {
            assert_eq!(taken(), None, "it waits while the baton is held");
            let _ = baton.give([7]);
            loop {
                if let Some(chance) = taken() {
                    assert_eq!(chance, Chance::Found(7));
                    break;
                }
                thread::yield_now();
            }
        });
    }

    #[test]
    fn what_was_found_is_taken_in_order_before_anybody_leads() {
        let baton = Baton::new(1);
        baton.join();
        assert_eq!(baton.take(), Chance::Lead);
        let _ = baton.give([1, 2]);
        let chances = [baton.take(), baton.take(), baton.take()];
        assert_eq!(chances, [Chance::Found(1), Chance::Found(2), Chance::Lead]);
    }

    #[test]
    fn a_leader_that_comes_back_wakes_nobody() {
        let baton = Baton::new(2);
        baton.join();
        baton.take();
        with_worker(&baton, |_| {
            let _ = baton.give(None);
            assert_eq!(baton.lock().waiting, 1, "still asleep");
            assert_eq!(baton.take(), Chance::Lead, "the same worker leads again");
        });
    }

    #[test]
    fn whoever_may_wait_wakes_another() {
        let baton = Baton::new(1);
        baton.join();
        baton.take();
        with_worker(&baton, |taken| {
            let _ = baton.give([1]);
            baton.may_wait();
            while taken().is_none() {
                thread::yield_now();
            }
        });
    }

    #[test]
    fn a_worker_that_does_not_come_back_is_replaced() {
        let baton = Baton::new(1);
        baton.join();
        assert!(!baton.watch(), "there is nothing to watch yet");
        baton.take();
        with_worker(&baton, |taken| {
            assert!(baton.give(None), "the watch has to begin");
            assert!(baton.watch() && taken().is_none(), "the worker has only just begun");
            assert!(baton.watch(), "it has not come back");
            while taken().is_none() {
                thread::yield_now();
            }
        });
    }

    #[test]
    fn the_watch_ends_when_nothing_happens() {
        let baton = Baton::<u32>::new(1);
        baton.join();
        baton.take();
        assert!(baton.give(None) && !baton.give(None), "it begins once");
        baton.take();
        let looks = std::iter::repeat_with(|| baton.watch()).take_while(|goes_on| *goes_on).count();
        assert_eq!(looks, QUIET as usize);
        assert!(baton.give(None), "and begins again");
    }
}
