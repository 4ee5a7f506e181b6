//! The times of an entry: the MS-DOS time, and the Unix time in an extra field.

use std::time::{Duration, SystemTime};

/// When an entry was last modified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// The MS-DOS time and date, in UTC, as the reader's time zone is unknown. 1980 for times before 1980 or
    /// after 2107.
    pub dos: (u16, u16),
    /// In seconds since 1970, if the number fits in 32 bits.
    pub unix: Option<i32>,
}

impl Times {
    /// The times of an entry last modified at `modified`.
    pub(super) fn of(modified: SystemTime) -> Self {
        let seconds = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { dos: dos(modified).unwrap_or((0, EARLIEST)), unix: i32::try_from(seconds).ok() }
    }
}

/// 1 January 1980.
const EARLIEST: u16 = (1 << 5) | 1;

/// The time and the date (APPNOTE 4.4.6); `None` before 1980 and after 2107.
fn dos(time: SystemTime) -> Option<(u16, u16)> {
    /// The last second of 2107.
    const LAST: Duration = Duration::from_secs(4_354_819_199);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok().filter(|since| *since <= LAST)?;
    let text = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string();
    let mut numbers =
        text.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u16>().ok());
    let year = numbers.next()?.checked_sub(1980)?;
    let mut next = || numbers.next();
    let (month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?);
    Some(((hour << 11) | (minute << 5) | (second / 2), (year << 9) | (month << 5) | day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dos_times() {
        let table = [
            ("before 1980", 0, None),
            ("1980", 315_532_800, Some((1980, 1, 1, 0, 0, 0))),
            ("an odd second", 1_700_000_001, Some((2023, 11, 14, 22, 13, 20))),
            ("2107", 4_354_819_199, Some((2107, 12, 31, 23, 59, 58))),
            ("after it", 4_354_819_200, None),
        ];
        for (name, seconds, expected) in table {
            let found = dos(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).map(|(time, date)| {
                let (hour, minute, second) = (time >> 11, time >> 5 & 63, (time & 31) * 2);
                (1980 + (date >> 9), date >> 5 & 15, date & 31, hour, minute, second)
            });
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(Times::of(SystemTime::UNIX_EPOCH), Times { dos: (0, 0x21), unix: Some(0) });
    }

    #[test]
    fn unix_times_end_in_2038() {
        let at = |seconds| Times::of(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unix;
        assert_eq!((at(i32::MAX as u64), at(i32::MAX as u64 + 1)), (Some(i32::MAX), None));
    }
}
