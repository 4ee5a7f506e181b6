//! Counters of failures, and the resulting delays.

use std::hash::Hash;
use std::time::{Duration, Instant};

use crate::accounts::recent::Recent;

/// How many failures cause no delay.
pub(super) const FREE: u32 = 3;

/// The first delay.
const FIRST: Duration = Duration::from_secs(1);

/// The longest delay.
pub(super) const LONGEST: Duration = Duration::from_secs(60);

/// Failures are forgotten after this time without a further failure. Waiting this long each time allows 16 guesses an
/// hour; waiting for the end of the longest delay allows 60.
pub(super) const FADE: Duration = Duration::from_secs(15 * 60);

/// How often something failed, and when it last failed.
#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// How long the next attempt has to wait: until 1, 2, 4, … 60 s after the last failure.
    fn delay(self, now: Instant) -> Option<Duration> {
        let doublings = self.count.checked_sub(FREE + 1)?.min(LONGEST.as_secs().ilog2() + 1);
        let whole = (FIRST * (1 << doublings)).min(LONGEST);
        let rest = whole.checked_sub(now.saturating_duration_since(self.last))?;
        (!rest.is_zero()).then_some(rest)
    }

    fn is_forgotten(self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) >= FADE
    }
}

/// A counter for each key. Counters that cause a delay are stored separately, so that many keys with one or two
/// failures do not evict them.
#[derive(Debug)]
pub(super) struct Counters<Key> {
    free: Recent<Key, Failures>,
    delayed: Recent<Key, Failures>,
}

impl<Key: Eq + Hash + Clone> Counters<Key> {
    /// Creates counters with this many places in all.
    pub(super) fn new(places: usize) -> Self {
        Self { free: Recent::new(places / 2), delayed: Recent::new(places / 2) }
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.get(key).is_some()
    }

    pub(super) fn delay(&self, key: &Key, now: Instant) -> Option<Duration> {
        self.get(key)?.delay(now)
    }

    /// Counts a failure, which may be older than the last one that was counted. Returns the key that was evicted, if any.
    pub(super) fn count(&mut self, key: Key, at: Instant) -> Option<Key> {
        let before = self.get(&key).copied().filter(|failures| !failures.is_forgotten(at));
        self.forget(&key);
        let failures = before.map_or(Failures { count: 1, last: at }, |before| Failures {
            count: before.count.saturating_add(1),
            last: before.last.max(at),
        });
        let places = if failures.count > FREE { &mut self.delayed } else { &mut self.free };
        places.put(key, failures).map(|(key, _)| key)
    }

    /// Removes a counter; returns whether it existed.
    fn forget(&mut self, key: &Key) -> bool {
        self.free.remove(key).or_else(|| self.delayed.remove(key)).is_some()
    }

    /// Removes a counter, unless there was a failure after this time; returns whether it was removed.
    pub(super) fn forget_until(&mut self, key: &Key, at: Instant) -> bool {
        self.get(key).is_some_and(|failures| failures.last <= at) && self.forget(key)
    }

    /// Forgets the failures of one key, if they are old enough.
    pub(super) fn fade(&mut self, now: Instant) -> Option<Key> {
        let is_old = |failures: &Failures| failures.is_forgotten(now);
        self.free.pop_if(is_old).or_else(|| self.delayed.pop_if(is_old)).map(|(key, _)| key)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.free.len() + self.delayed.len()
    }

    fn get(&self, key: &Key) -> Option<&Failures> {
        self.free.get(key).or_else(|| self.delayed.get(key))
    }
}
