//! How long things may take: the keep-alive rule, deadlines, and the idle clock.
//!
//! Nothing here reads a clock: `now` is an input.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::server::moment::Moment;

/// How long a connection is kept without a request, and how long a request's head may take to arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// `max(5, 20 - n)` seconds for n open connections: long for few, short for many.
    Dynamic,
    /// Always this long.
    Fixed(Duration),
}

impl KeepAlive {
    /// The maximum and the minimum of the dynamic rule, in seconds.
    const MOST: u64 = 20;
    const LEAST: u64 = 5;

    /// The timeout while `open` connections are open; in whole seconds under the dynamic rule.
    pub fn timeout(self, open: usize) -> Duration {
        match self {
            Self::Dynamic => Duration::from_secs(Self::MOST.saturating_sub(open as u64).max(Self::LEAST)),
            Self::Fixed(time) => time,
        }
    }
}

/// A moment by which something must have happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline(Moment);

impl Deadline {
    /// This long after `start`.
    pub(super) fn after(start: Moment, time: Duration) -> Self {
        /// Longer than a server runs, and short enough for every call that waits.
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        Self(start + time.min(YEAR))
    }

    /// Whether it has passed.
    pub(super) fn is_over(self, now: Moment) -> bool {
        self.0 <= now
    }

    /// The time left; zero once it has passed.
    pub(super) fn left(self, now: Moment) -> Duration {
        self.0.since(now)
    }
}

/// Measures how long the server has been idle: without a request, a transfer or a new connection. Parked connections
/// do not count.
#[derive(Debug)]
pub(super) struct IdleClock {
    /// The server exits after this idle time; `None`: never.
    limit: Option<Duration>,
    start: Moment,
    /// Requests that are being served, and the bit [`OVER`] once the idle server is about to exit.
    active: AtomicUsize,
    /// When the latest request ended or the latest connection arrived, in milliseconds since `start`.
    latest: AtomicU64,
}

/// A request that is being served: the server is not idle until this is dropped.
#[derive(Debug)]
pub(super) struct Active {
    clock: Arc<IdleClock>,
    is_late: bool,
}

/// A bit above any number of requests.
const OVER: usize = 1 << (usize::BITS - 1);

impl IdleClock {
    /// A clock that starts now.
    pub(super) fn new(limit: Option<Duration>, now: Moment) -> Self {
        Self { limit, start: now, active: AtomicUsize::new(0), latest: AtomicU64::new(0) }
    }

    /// Call when a request starts.
    pub(super) fn begin(self: &Arc<Self>) -> Active {
        let before = self.active.fetch_add(1, Ordering::AcqRel);
        Active { clock: Arc::clone(self), is_late: before & OVER != 0 }
    }

    /// When the idle time is over, unless a request arrives before. `None` if there is no limit. While requests are
    /// served, this is always `now` plus the limit.
    pub(super) fn deadline(&self, now: Moment) -> Option<Deadline> {
        let limit = self.limit?;
        if self.active.load(Ordering::Acquire) > 0 {
            return Some(Deadline::after(now, limit));
        }
        let latest = self.start + Duration::from_millis(self.latest.load(Ordering::Acquire));
        Some(Deadline::after(latest, limit))
    }

    /// Whether the idle time is over.
    fn is_over(&self, now: Moment) -> bool {
        self.deadline(now).is_some_and(|deadline| deadline.is_over(now))
    }

    /// Like [`Self::is_over`], and atomic: if it returns true, each later [`Self::begin`] is late. Otherwise a request
    /// could begin between this check and the server's exit.
    pub(super) fn settle(&self, now: Moment) -> bool {
        let leaves = || self.active.compare_exchange(0, OVER, Ordering::AcqRel, Ordering::Acquire);
        self.is_over(now) && leaves().is_ok()
    }

    /// Call for a new connection, which will send a request.
    pub(super) fn note(&self, now: Moment) {
        let since_start = now.since(self.start).as_millis();
        self.latest.fetch_max(u64::try_from(since_start).unwrap_or(u64::MAX), Ordering::AcqRel);
    }
}

impl Active {
    /// Whether the server had already decided to exit when this request began.
    pub(super) const fn is_late(&self) -> bool {
        self.is_late
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        // Sets the time before the count: if another thread sees no active request, it also sees when the latest
        // request ended.
        self.clock.note(Moment::now());
        self.clock.active.fetch_sub(1, Ordering::AcqRel);
    }
}

/// In the format of the `--timeout` flag.
impl fmt::Display for KeepAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dynamic => f.write_str("dynamic"),
            Self::Fixed(time) => write!(f, "{}", time.as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dynamic_rule() {
        for (open, seconds) in
            [(0, 20), (1, 19), (10, 10), (14, 6), (15, 5), (16, 5), (200, 5), (usize::MAX, 5)]
        {
            assert_eq!(KeepAlive::Dynamic.timeout(open), Duration::from_secs(seconds), "{open} open");
        }
        assert_eq!(KeepAlive::Fixed(Duration::from_secs(3)).timeout(1), Duration::from_secs(3));
    }

    #[test]
    fn idle_only_without_active_requests() {
        let start = Moment::now();
        let limit = Duration::from_secs(60);
        let clock = Arc::new(IdleClock::new(Some(limit), start));
        assert_eq!(clock.deadline(start), Some(Deadline(start + limit)));
        let request = clock.begin();
        let later = start + Duration::from_secs(1000);
        assert_eq!(clock.deadline(later), Some(Deadline(later + limit)), "a request is active");
        drop(request);
        let ended = clock.deadline(later).expect("the rule is on");
        assert!(
            ended >= Deadline(start + limit) && ended < Deadline(later),
            "the idle time starts at its end"
        );
        let never = IdleClock::new(None, start);
        assert!(never.deadline(later).is_none() && !never.is_over(later));
    }

    #[test]
    fn a_request_keeps_the_server_running_or_is_late() {
        let start = Moment::now();
        let over = start + Duration::from_secs(60);
        let clock = Arc::new(IdleClock::new(Some(Duration::from_secs(60)), start));
        let request = clock.begin();
        assert!(!request.is_late() && !clock.settle(over), "a request is active");
        drop(request);
        let over = over + Duration::from_secs(60);
        assert!(!clock.settle(start) && !clock.begin().is_late(), "too early: nothing is decided");
        assert!(clock.settle(over) && clock.begin().is_late());
        assert!(clock.begin().is_late(), "each later request is late");
    }

    #[test]
    fn a_new_connection_restarts_the_idle_time() {
        let start = Moment::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let clock = IdleClock::new(Some(Duration::from_secs(60)), start);
        assert!(!clock.is_over(after(59)) && clock.is_over(after(60)));
        clock.note(after(59));
        assert!(!clock.is_over(after(118)) && clock.is_over(after(119)));
    }
}
