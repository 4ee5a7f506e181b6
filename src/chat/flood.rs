//! Flood control: how fast one member, and all members from one client together, may send.
//!
//! A token bucket. It is stored as one instant, the time at which the bucket will be full again (the "virtual
//! scheduling" form of the leaky bucket in ITU-T I.371). Each message moves this time by one interval. This is exact to
//! the nanosecond and needs no timer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::client_key::ClientKey;

/// A rate limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// The time between two messages, once the burst is used up.
    pub(super) interval: Duration,
    /// How many messages may come at once.
    pub(super) burst: u32,
}

/// The rate for one member: 20 per second, faster than anyone types or reads; the burst is enough for a page
/// pasted line by line.
pub(super) const MEMBER: Rate = Rate { interval: Duration::from_millis(50), burst: 40 };

/// The rate for all members from one client together, including joins. It is enough for an office of two hundred people
/// who each send one message per second. The burst is what they send when they all reconnect after a restart.
pub(super) const CLIENT: Rate = Rate { interval: Duration::from_millis(5), burst: 2_000 };

/// A bucket with this rate.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    full_at: Instant,
}

impl Rate {
    /// How far `full_at` may be ahead of the clock while a token can be taken.
    fn lead(self) -> Duration {
        self.interval * (self.burst - 1)
    }
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    /// Takes a token, or returns how long to wait until one can be taken.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let ahead = self.full_at.saturating_duration_since(now);
        if ahead > self.rate.lead() {
            return Err(ahead.saturating_sub(self.rate.lead()));
        }
        self.full_at = self.full_at.max(now) + self.rate.interval;
        Ok(())
    }

    fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

/// A bucket for each client that took a token recently.
#[derive(Debug, Default)]
pub(super) struct ClientBuckets(HashMap<ClientKey, Bucket>);

impl ClientBuckets {
    /// Takes a token from this client's bucket, like [`Bucket::take`].
    pub(super) fn take(&mut self, client: ClientKey, now: Instant) -> Result<(), Duration> {
        self.0.entry(client).or_insert_with(|| Bucket::new(CLIENT, now)).take(now)
    }

    /// Drops full buckets, which equal new ones.
    pub(super) fn forget_quiet(&mut self, now: Instant) {
        self.0.retain(|_, bucket| !bucket.is_full(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, now: Instant, tries: u32) -> usize {
        (0..tries).filter(|_| bucket.take(now).is_ok()).count()
    }

    #[test]
    fn a_burst_then_twenty_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(MEMBER, start);
        let rows = [
            ("the burst", 0, 100, 40),
            ("too early", 49, 100, 0),
            ("one after an interval", 50, 100, 1),
            ("twenty after a second", 1050, 100, 20),
            ("after a long rest, no more than the burst", 3_600_000, 100, 40),
        ];
        for (case, ms, tries, expected) in rows {
            assert_eq!(taken(&mut bucket, start + Duration::from_millis(ms), tries), expected, "{case}");
        }
    }

    #[test]
    fn the_returned_wait_is_exactly_enough() {
        let start = Instant::now();
        let mut bucket = Bucket::new(MEMBER, start);
        taken(&mut bucket, start, MEMBER.burst);
        let now = start + Duration::from_millis(7);
        let wait = bucket.take(now).unwrap_err();
        assert_eq!(wait, Duration::from_millis(43));
        assert!(
            bucket.take(now + wait.saturating_sub(Duration::from_nanos(1))).is_err(),
            "one nanosecond too early"
        );
        assert!(bucket.take(now + wait).is_ok());
    }

    #[test]
    fn rejected_attempts_cost_nothing() {
        let start = Instant::now();
        let mut bucket = Bucket::new(MEMBER, start);
        taken(&mut bucket, start, 10_000);
        assert_eq!(bucket.take(start).unwrap_err(), MEMBER.interval);
    }

    #[test]
    fn a_clock_that_is_behind_does_no_harm() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut bucket = Bucket::new(MEMBER, start);
        assert!(bucket.take(start.checked_sub(Duration::from_millis(1)).unwrap()).is_ok());
    }

    #[test]
    fn places_are_separate_and_dropped_when_full() {
        let start = Instant::now();
        let (mut clients, [here, there]) = (ClientBuckets::default(), [1, 2].map(ClientKey::User));
        for _ in 0..CLIENT.burst {
            clients.take(here, start).unwrap();
        }
        assert_eq!(clients.take(here, start), Err(CLIENT.interval));
        assert_eq!(clients.take(there, start), Ok(()));
        clients.forget_quiet(start + CLIENT.interval);
        assert_eq!(clients.0.keys().collect::<Vec<_>>(), [&here]);
        assert_eq!(clients.take(here, start), Err(CLIENT.interval), "a dropped bucket gains nothing");
    }
}
