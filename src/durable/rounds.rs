//! Lets `fsync` calls start together.
//!
//! A file system's journal commits all pending changes at once, and each commit flushes the disk. On a fast disk a
//! commit ends before the next file arrives, so each file would cost one commit. So when many threads save files, a
//! thread that is about to sync waits a moment for the others, and they start together.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// With fewer members, nobody waits, because there is little to share.
const CROWD: usize = 8;

/// Threads that sync in rounds.
#[derive(Debug)]
pub struct Rounds {
    /// How long a round waits for more threads.
    gather: Duration,
    /// A round with this many threads starts without waiting any longer.
    most: usize,
    state: Mutex<State>,
    started: Condvar,
}

#[derive(Debug, Default)]
struct State {
    members: usize,
    /// How many members wait for the next round.
    waiting: usize,
    /// How many members wait for another member's sync.
    idle: usize,
    /// How many rounds have started.
    rounds: u64,
}

/// A thread that is about to sync a file or directory, or has just done so.
#[derive(Debug)]
pub struct RoundMember<'r>(&'r Rounds);

/// A member that waits for another member's sync.
#[derive(Debug)]
pub struct IdleMember<'r>(&'r Rounds);

impl Rounds {
    /// Rounds that wait for more threads, up to `gather`, or until `most` threads wait.
    pub fn new(gather: Duration, most: usize) -> Self {
        Self { gather, most, state: Mutex::default(), started: Condvar::new() }
    }

    /// Call this before the change that will be synced.
    pub fn join(&self) -> RoundMember<'_> {
        self.lock().members += 1;
        RoundMember(self)
    }

    /// Starts the next round if a member waits for it and no other can join it.
    fn start_if_all_wait(&self, state: &mut State) {
        if state.waiting > 0 && state.all_wait() {
            self.start(state);
        }
    }

    fn start(&self, state: &mut State) {
        state.waiting = 0;
        state.rounds += 1;
        self.started.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RoundMember<'_> {
    /// Waits until the next round starts. Sync as soon as this returns.
    pub fn wait_for_round(&self) {
        let rounds = self.0;
        let mut state = rounds.lock();
        state.waiting += 1;
        if state.members < CROWD || state.waiting >= rounds.most || state.all_wait() {
            return rounds.start(&mut state);
        }
        let next = state.rounds + 1;
        let (mut state, timeout) = rounds
            .started
            .wait_timeout_while(state, rounds.gather, |state| state.rounds < next)
            .unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            rounds.start(&mut state);
        }
    }
}

impl State {
    /// Whether every member waits for the next round or for another member's sync.
    fn all_wait(&self) -> bool {
        self.waiting + self.idle >= self.members
    }
}

impl<'r> RoundMember<'r> {
    /// Call this before waiting for another member's sync; drop the result afterwards.
    pub fn idle(&self) -> IdleMember<'r> {
        let mut state = self.0.lock();
        state.idle += 1;
        self.0.start_if_all_wait(&mut state);
        drop(state);
        IdleMember(self.0)
    }
}

impl Drop for RoundMember<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.members -= 1;
        self.0.start_if_all_wait(&mut state);
    }
}

impl Drop for IdleMember<'_> {
    fn drop(&mut self) {
        self.0.lock().idle -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_few_do_not_wait() {
        let rounds = Rounds::new(LONG, usize::MAX);
        let members: Vec<_> = (1..CROWD).map(|_| rounds.join()).collect();
        members.iter().for_each(RoundMember::wait_for_round);
        assert_eq!(rounds.lock().rounds, members.len() as u64);
        drop(members);
        assert_eq!(rounds.lock().members, 0);
    }

    #[test]
    fn all_that_wait_start_together() {
        let rounds = Rounds::new(LONG, CROWD);
        thread::scope(|scope| {
            let members: Vec<_> = (0..CROWD).map(|_| rounds.join()).collect();
            for member in members {
                scope.spawn(move || member.wait_for_round());
            }
        });
        assert_eq!(rounds.lock().rounds, 1);
    }

    /// Otherwise this test would take a minute.
    #[test]
    fn a_round_starts_when_nobody_else_can_come() {
        let rounds = Rounds::new(LONG, usize::MAX);
        thread::scope(|scope| {
            let mut members: Vec<_> = (0..CROWD + 2).map(|_| rounds.join()).collect();
            let (leaves, idles) = (members.pop().expect("a member"), members.pop().expect("a member"));
            for member in members {
                scope.spawn(move || member.wait_for_round());
            }
            while rounds.lock().waiting < CROWD {
                thread::yield_now();
            }
            assert_eq!(rounds.lock().rounds, 0, "two may still come");
            let _idle = idles.idle();
            assert_eq!(rounds.lock().rounds, 0, "one may still come");
            drop(leaves);
        });
        assert_eq!(rounds.lock().rounds, 1);
    }

    #[test]
    fn a_round_waits_no_longer_than_allowed() {
        let rounds = Rounds::new(Duration::from_millis(1), usize::MAX);
        let members: Vec<_> = (0..CROWD).map(|_| rounds.join()).collect();
        members[0].wait_for_round();
        assert_eq!(rounds.lock().rounds, 1);
    }
}
