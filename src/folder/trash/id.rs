//! The id of an entry of the trash.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, SystemTime};

/// How many digits the time has, in milliseconds since 1970: enough until the year 10889.
const TIME: usize = 12;
/// How many digits the random number has.
const NUMBER: usize = 16;

/// The id of an entry: when it was removed, and a random number. The written forms sort by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrashId {
    milliseconds: u64,
    number: u64,
}

impl TrashId {
    /// A new id for something that is removed now. `RandomState` is seeded by the system, and differs for each instance.
    pub(in crate::folder) fn new(now: SystemTime) -> Self {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let most = (1 << (4 * TIME)) - 1;
        let milliseconds = u64::try_from(since.as_millis()).unwrap_or(most).min(most);
        Self { milliseconds, number: RandomState::new().build_hasher().finish() }
    }

    /// The same id, or the id after `last` if `last` is not smaller. So the ids of one server have the order in which
    /// they were assigned, also within a millisecond.
    pub(super) fn after(self, last: Option<Self>) -> Self {
        match last {
            Some(last) if self <= last => match last.number.checked_add(1) {
                Some(number) => Self { number, ..last },
                None => Self { milliseconds: last.milliseconds + 1, number: 0 },
            },
            _ => self,
        }
    }

    /// Parses an id in exactly the form that `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (time, number) = text.split_once('-')?;
        let id = Self {
            milliseconds: u64::from_str_radix(time, 16).ok()?,
            number: u64::from_str_radix(number, 16).ok()?,
        };
        (time.len() == TIME && number.len() == NUMBER && id.to_string() == text).then_some(id)
    }

    /// When it was removed.
    pub fn time(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.milliseconds)
    }
}

impl fmt::Display for TrashId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0TIME$x}-{:0NUMBER$x}", self.milliseconds, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_one_written_form() {
        let id = TrashId { milliseconds: 0x18c_2a3b_4c5d, number: 0xab };
        let text = id.to_string();
        assert_eq!(text, "018c2a3b4c5d-00000000000000ab");
        assert_eq!(TrashId::parse(&text), Some(id));
        for wrong in [
            "",
            "-",
            "18c2a3b4c5d-00000000000000ab",
            "018C2A3B4C5D-00000000000000ab",
            "+18c2a3b4c5d-00000000000000ab",
        ] {
            assert_eq!(TrashId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ids_sort_by_time() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let ids = [0, 1, 1_700_000_000, 1_700_000_001].map(|seconds| TrashId::new(at(seconds)));
        assert!(ids.is_sorted() && ids.map(|id| id.to_string()).is_sorted(), "{ids:?}");
        assert_eq!(ids[2].time(), at(1_700_000_000));
        assert_ne!(TrashId::new(at(1)), TrashId::new(at(1)));
        let mut last = None;
        for _ in 0..100 {
            let id = TrashId::new(at(1)).after(last);
            assert!(last.is_none_or(|last| last < id), "{last:?} {id:?}");
            last = Some(id);
        }
        let highest = TrashId { milliseconds: 1, number: u64::MAX };
        assert_eq!(highest.after(Some(highest)), TrashId { milliseconds: 2, number: 0 });
    }
}
