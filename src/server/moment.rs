//! The monotonic clock.

use std::num::NonZeroU64;
use std::ops::Add;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment of the monotonic clock. Unlike an `Instant` it takes 8 bytes, even in an `Option`: each idle
/// connection keeps several. The difference of two is one subtraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// Nanoseconds since the clock started, plus one.
    nanoseconds: NonZeroU64,
}

impl Moment {
    /// This moment.
    pub(super) fn now() -> Self {
        let now = clock_gettime(ClockId::Monotonic);
        let nanoseconds = now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs();
        Self { nanoseconds: NonZeroU64::MIN.saturating_add(nanoseconds) }
    }

    /// The time from an earlier moment to this one; zero if that one is later.
    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanoseconds.get().saturating_sub(earlier.nanoseconds.get()))
    }

    /// The time from this moment until now.
    pub(super) fn elapsed(self) -> Duration {
        Self::now().since(self)
    }

    /// The moment this long before; `None` if the clock had not started then.
    pub(super) fn before(self, time: Duration) -> Option<Self> {
        let nanoseconds = self.nanoseconds.get().checked_sub(nanoseconds(time)).and_then(NonZeroU64::new)?;
        Some(Self { nanoseconds })
    }
}

/// The moment this long after.
impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self { nanoseconds: self.nanoseconds.saturating_add(nanoseconds(time)) }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_small_and_count_nanoseconds() {
        assert_eq!(size_of::<Option<Moment>>(), 8);
        let (now, time) = (Moment::now(), Duration::new(3, 7));
        assert!(now.elapsed() < Duration::from_secs(3600) && Moment::now() >= now);
        assert_eq!((now + time).since(now), time);
        assert_eq!(now.since(now + time), Duration::ZERO);
        assert_eq!((now + time).before(time), Some(now));
        assert_eq!(now.before(Duration::MAX), None);
    }
}
