//! Flood control: how fast one member may speak, and all members with one client key together.
//!
//! A token bucket, kept as one instant (the "virtual scheduling" form of the leaky bucket of ITU-T I.371):
//! the time at which the bucket would be full again. Each message puts it one interval later. Exact to the
//! nanosecond, and nothing has to run while nobody speaks.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::client_key::ClientKey;

/// How fast, and how much at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// One per so long, once the burst is used up.
    pub(super) interval: Duration,
    /// So many may come at once.
    pub(super) burst: u32,
}

/// What one member may say: 20 a second, faster than anyone types or reads; at once, a pasted page, line by line.
pub(super) const MEMBER: Rate = Rate { interval: Duration::from_millis(50), burst: 40 };

/// What those with one key may say together, and how often they may join: an office of two hundred who all speak each
/// second. At once, what as many say who come back after a restart.
pub(super) const CLIENT: Rate = Rate { interval: Duration::from_millis(5), burst: 2_000 };

/// A bucket of this rate.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: Rate,
    full_at: Instant,
}

impl Rate {
    /// How far ahead of the time one may be and still take: the first of a burst waits for nothing.
    fn lead(self) -> Duration {
        self.interval * (self.burst - 1)
    }
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    /// Takes one out; or says how long to wait until one can be taken.
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

/// A bucket for each client that has taken anything lately.
#[derive(Debug, Default)]
pub(super) struct ClientBuckets(HashMap<ClientKey, Bucket>);

impl ClientBuckets {
    /// As [`Bucket::take`], of this client's.
    pub(super) fn take(&mut self, client: ClientKey, now: Instant) -> Result<(), Duration> {
        self.0.entry(client).or_insert_with(|| Bucket::new(CLIENT, now)).take(now)
    }

    /// Forgets those who have been quiet: a full bucket is as good as none.
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
            ("nothing yet", 49, 100, 0),
            ("one interval later, one", 50, 100, 1),
            ("a second later, twenty", 1050, 100, 20),
            ("after a long rest, no more than the burst", 3_600_000, 100, 40),
        ];
        for (case, ms, tries, expected) in rows {
            assert_eq!(taken(&mut bucket, start + Duration::from_millis(ms), tries), expected, "{case}");
        }
    }

    #[test]
    fn the_wait_that_is_told_is_exactly_enough() {
        let start = Instant::now();
        let mut bucket = Bucket::new(MEMBER, start);
        taken(&mut bucket, start, MEMBER.burst);
        let now = start + Duration::from_millis(7);
        let wait = bucket.take(now).unwrap_err();
        assert_eq!(wait, Duration::from_millis(43));
        assert!(
            bucket.take(now + wait.saturating_sub(Duration::from_nanos(1))).is_err(),
            "a moment too soon"
        );
        assert!(bucket.take(now + wait).is_ok());
    }

    #[test]
    fn refused_tries_cost_nothing() {
        let start = Instant::now();
        let mut bucket = Bucket::new(MEMBER, start);
        taken(&mut bucket, start, 10_000);
        assert_eq!(bucket.take(start).unwrap_err(), MEMBER.interval);
    }

    #[test]
    fn a_clock_that_stands_behind_does_no_harm() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut bucket = Bucket::new(MEMBER, start);
        assert!(bucket.take(start.checked_sub(Duration::from_millis(1)).unwrap()).is_ok());
    }

    #[test]
    fn places_are_apart_and_forgotten_once_they_are_quiet() {
        let start = Instant::now();
        let (mut places, [here, there]) = (ClientBuckets::default(), [1, 2].map(ClientKey::User));
        for _ in 0..CLIENT.burst {
            places.take(here, start).unwrap();
        }
        assert_eq!(places.take(here, start), Err(CLIENT.interval));
        assert_eq!(places.take(there, start), Ok(()));
        places.forget_quiet(start + CLIENT.interval);
        assert_eq!(places.0.keys().collect::<Vec<_>>(), [&here]);
        assert_eq!(places.take(here, start), Err(CLIENT.interval), "to be forgotten gains nothing");
    }
}
