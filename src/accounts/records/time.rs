//! Wall-clock time in whole seconds, passed in by the caller.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// A time, in seconds since the start of 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime(u64);

/// The text is not a time in the printed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongTime;

impl WallTime {
    /// The last second of the year 9999, the latest time in RFC 3339. It stands for "never expires".
    pub const MAX: Self = Self(253_402_300_799);

    /// The current time of the system's clock.
    pub fn now() -> Self {
        // Less work than a `SystemTime`, whose distance from 1970 has a fraction and a sign.
        let seconds = clock_gettime(ClockId::CLOCK_REALTIME).map_or(0, |now| now.tv_sec());
        Self::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    /// This many seconds after the start of 1970, at most [`WallTime::MAX`].
    pub const fn from_secs(seconds: u64) -> Self {
        if seconds > Self::MAX.0 { Self::MAX } else { Self(seconds) }
    }

    /// The seconds since the start of 1970.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// This time plus the duration, without its fraction of a second; at most [`WallTime::MAX`].
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        Self::from_secs(self.0.saturating_add(duration.as_secs()))
    }

    /// The time since `earlier`; zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

/// Drops the fraction of a second. Times before 1970 become the start of 1970.
impl From<SystemTime> for WallTime {
    fn from(time: SystemTime) -> Self {
        Self::from_secs(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
    }
}

impl From<WallTime> for SystemTime {
    fn from(time: WallTime) -> Self {
        UNIX_EPOCH + Duration::from_secs(time.0)
    }
}

/// As in `2026-11-29T21:51:03Z`.
impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_seconds((*self).into()).fmt(f)
    }
}

impl FromStr for WallTime {
    type Err = WrongTime;

    fn from_str(text: &str) -> Result<Self, WrongTime> {
        // The parser panics on multi-byte characters.
        let time = text.is_ascii().then(|| humantime::parse_rfc3339(text).ok()).flatten();
        time.map(Self::from).filter(|time| time.to_string() == text).ok_or(WrongTime)
    }
}

impl fmt::Display for WrongTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it must be a time such as 2026-11-29T21:51:03Z")
    }
}

impl std::error::Error for WrongTime {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_they_are_parsed() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_795_989_063, "2026-11-29T21:51:03Z"),
            (WallTime::MAX.as_secs(), "9999-12-31T23:59:59Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            let time = WallTime::from_secs(seconds);
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse(), Ok(time));
        }
        let wrong = [
            "",
            "2026-11-29",
            "2026-11-29 21:51:03",
            "2026-11-29T21:51:03",
            "2026-11-29T21:51:03+00:00",
            "2026-11-29T21:51:03.5Z",
            "2026-11-31T21:51:03Z",
            "2026-11-29T21:51:0ßZ",
            "1969-12-31T23:59:59Z",
        ];
        for text in wrong {
            assert_eq!(text.parse::<WallTime>(), Err(WrongTime), "{text}");
        }
    }

    #[test]
    fn durations_saturate() {
        let [early, late] = [5, 65].map(WallTime::from_secs);
        assert_eq!(late.since(early), Duration::from_secs(60));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(early.after(Duration::from_millis(60_999)), late);
        assert_eq!(late.after(Duration::MAX), WallTime::MAX);
    }
}
