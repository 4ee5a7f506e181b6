//! Dates as HTTP writes them (RFC 9110 §5.6.7): whole seconds, in UTC.
//!
//! A file system's times are finer and have a wider range than a field line can express. So a time is first
//! converted to a [`Date`], and all comparisons use the value that a client can see. The caller passes the
//! time.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time in a field line: a whole second, in the years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    seconds: u64,
}

impl Date {
    /// The last second of a four-digit year, 9999-12-31 23:59:59, in seconds since 1970.
    const LAST: u64 = 253_402_300_799;

    /// This many seconds after the start of 1970, at most the last second of the year 9999.
    pub fn from_secs(seconds: u64) -> Self {
        Self { seconds: seconds.min(Self::LAST) }
    }

    /// Parses any of the three forms in §5.6.7; `None` for anything else, even a leap second (`:60`).
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        httpdate::parse_http_date(text).ok().map(Self::from)
    }

    /// The time from `earlier` to this date; zero if this is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.seconds.saturating_sub(earlier.seconds))
    }
}

/// The text of dates. If many are on the same day, each costs little.
#[derive(Debug, Clone)]
pub struct DateText {
    seconds: u64,
    text: String,
}

/// Where the time of day is in the text.
const TIME: std::ops::Range<usize> = "Sun, 06 Nov 1994 ".len().."Sun, 06 Nov 1994 08:49:37".len();

const DAY: u64 = 24 * 60 * 60;

impl DateText {
    /// The date in the preferred form.
    pub fn of(&mut self, date: Date) -> &str {
        if self.seconds / DAY != date.seconds / DAY {
            *self = Self::from(date);
        } else if self.seconds != date.seconds {
            self.seconds = date.seconds;
            let second = date.seconds % DAY;
            let [hour, minute, second] = [second / 3600, second / 60 % 60, second % 60].map(two_digits);
            let time = [hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1]];
            self.text.replace_range(TIME, std::str::from_utf8(&time).unwrap_or_default());
        }
        &self.text
    }
}

impl From<Date> for DateText {
    fn from(date: Date) -> Self {
        Self { seconds: date.seconds, text: date.to_string() }
    }
}

/// A number below 100.
fn two_digits(number: u64) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

/// Fractions of a second are cut off. A time before 1970 becomes the first second of 1970, and a time after
/// 9999 the last second of 9999, so that files with such times can be served.
impl From<SystemTime> for Date {
    fn from(time: SystemTime) -> Self {
        Self::from_secs(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}

impl From<Date> for SystemTime {
    fn from(date: Date) -> Self {
        UNIX_EPOCH + Duration::from_secs(date.seconds)
    }
}

/// The preferred form, as in `Sun, 06 Nov 1994 08:49:37 GMT`.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        httpdate::HttpDate::from(SystemTime::from(*self)).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// About two days.
    const DAY_STEP: i64 = 200_000;

    #[test]
    fn three_forms_are_one_moment() {
        let moment = Some(Date { seconds: 784_111_777 });
        let cases: [(&str, &[u8], Option<Date>); 8] = [
            ("IMF-fixdate", b"Sun, 06 Nov 1994 08:49:37 GMT", moment),
            ("RFC 850", b"Sunday, 06-Nov-94 08:49:37 GMT", moment),
            ("asctime", b"Sun Nov  6 08:49:37 1994", moment),
            ("wrong day of the week", b"Mon, 06 Nov 1994 08:49:37 GMT", None),
            ("no such day", b"Fri, 31 Feb 2020 08:49:37 GMT", None),
            ("not in GMT", b"Sun, 06 Nov 1994 08:49:37 CET", None),
            ("not text", b"\xff", None),
            ("empty", b"", None),
        ];
        for (name, value, expected) in cases {
            assert_eq!(Date::parse(value), expected, "{name} (§5.6.7)");
        }
    }

    #[test]
    fn times_that_no_date_can_say() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        let beyond = UNIX_EPOCH + Duration::from_secs(Date::LAST + 1);
        assert_eq!(Date::from(before).to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(Date::from(beyond).to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(Date::from(UNIX_EPOCH + Duration::from_millis(1999)), Date { seconds: 1 });
    }

    proptest! {
        #[test]
        fn a_text_is_used_again(first in 0..=Date::LAST, steps in prop::collection::vec(-DAY_STEP..DAY_STEP, 0..9)) {
            let mut text = DateText::from(Date::from_secs(first));
            for step in steps {
                let date = Date::from_secs(text.seconds.saturating_add_signed(step));
                let written = text.of(date).to_owned();
                prop_assert_eq!(written, date.to_string());
            }
        }

        #[test]
        fn what_is_written_is_read_back(seconds in 0..=Date::LAST) {
            let date = Date { seconds };
            prop_assert_eq!(Date::parse(date.to_string().as_bytes()), Some(date));
            prop_assert_eq!(Date::from(SystemTime::from(date)), date);
        }
    }
}
