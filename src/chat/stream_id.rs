//! The ids of entries in a stream: the time in milliseconds, and a number within it.

use std::fmt;
use std::time::{Duration, SystemTime};

/// The id of an entry. Ids only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The time in milliseconds since 1970, by the clock of the store.
    ms: u64,
    /// Counts the entries of one millisecond.
    number: u64,
}

/// How many bits of the time and of the number an event's id has room for: enough for ten thousand years.
const BITS: (u32, u32) = (48, 32);

impl StreamId {
    /// Before the first entry.
    pub const ZERO: Self = Self { ms: 0, number: 0 };

    /// Parses an id as the store writes it: `MS-NUMBER`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (ms, number) = std::str::from_utf8(text).ok()?.split_once('-')?;
        let id = Self { ms: ms.parse().ok()?, number: number.parse().ok()? };
        (id.to_string().as_bytes() == text).then_some(id)
    }

    /// When the entry was added. It is at most the year 10889, because a later time cannot be shown.
    pub fn time(self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.ms.min(1 << BITS.0))
    }

    /// Both parts, if they have the usual size. Ids that another program has set may be larger.
    pub(in crate::chat) fn parts(self) -> Option<(u64, u64)> {
        (self.ms >> BITS.0 == 0 && self.number >> BITS.1 == 0).then_some((self.ms, self.number))
    }

    pub(in crate::chat) fn of_parts((ms, number): (u64, u64)) -> Self {
        Self { ms, number }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_written_form_is_an_id() {
        let id = StreamId::parse(b"1700000000000-7").expect("an id");
        assert_eq!(id.to_string(), "1700000000000-7");
        assert_eq!(id.parts(), Some((1_700_000_000_000, 7)));
        for text in
            ["", "-", "1", "1-", "-1", "01-1", "1-+1", "1-1 ", "1-1-1", "18446744073709551616-0", "\u{e9}-1"]
        {
            assert_eq!(StreamId::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn ids_of_a_foreign_program_have_no_parts_and_a_time() {
        for text in ["281474976710656-0", "1-4294967296", "18446744073709551615-18446744073709551615"] {
            let id = StreamId::parse(text.as_bytes()).expect("an id");
            assert_eq!(id.parts(), None, "{text}");
            assert!(id.time() > SystemTime::UNIX_EPOCH, "{text}");
        }
    }
}
