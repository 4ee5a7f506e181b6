//! Flood control: how fast one member may speak.
//!
//! A token bucket, kept as one instant (the "virtual scheduling" form of the leaky bucket of ITU-T I.371):
//! the time at which the bucket would be full again. Each message puts it one interval later. Exact to the
//! nanosecond, and nothing has to run while nobody speaks.

use std::time::{Duration, Instant};

/// One message per so long, once the burst is used up: 20 a second, faster than anyone types or reads.
pub(super) const INTERVAL: Duration = Duration::from_millis(50);

/// Messages that may come at once: a pasted page, line by line.
pub(super) const BURST: u32 = 40;

/// How far ahead of the time a member may be and still speak: the first of a burst waits for nothing.
const LEAD: Duration = Duration::from_millis(50 * (BURST as u64 - 1));

/// One member's bucket.
pub(super) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one message out; or says how long to wait until one can be taken.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let ahead = self.full_at.saturating_duration_since(now);
        if ahead > LEAD {
            return Err(ahead.saturating_sub(LEAD));
        }
        self.full_at = self.full_at.max(now) + INTERVAL;
        Ok(())
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
        let mut bucket = Bucket::new(start);
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
        let mut bucket = Bucket::new(start);
        taken(&mut bucket, start, BURST);
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
        let mut bucket = Bucket::new(start);
        taken(&mut bucket, start, 10_000);
        assert_eq!(bucket.take(start).unwrap_err(), INTERVAL);
    }

    #[test]
    fn a_clock_that_stands_behind_does_no_harm() {
        let start = Instant::now() + Duration::from_secs(10);
        let mut bucket = Bucket::new(start);
        assert!(bucket.take(start.checked_sub(Duration::from_millis(1)).unwrap()).is_ok());
    }
}
