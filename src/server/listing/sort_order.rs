//! The order of a listing: by name, size or time, ascending or descending; directories always come first.
//!
//! Names are in natural order: case is ignored, and numbers are compared by value, so that `img2` comes
//! before `IMG10`.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::time::SystemTime;

use crate::folder::{DirEntry, EntryKind};

/// What entries are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SortKey {
    /// Their names.
    #[default]
    Name,
    /// Their sizes. Directories have none, and are sorted by name.
    Size,
    /// When they were last modified.
    Time,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SortOrder {
    /// What entries are sorted by.
    pub key: SortKey,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl SortOrder {
    /// Parses the order in a query: `name`, `size` or `time`, with a `-` before it for descending. `None` for
    /// anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (descending, key) = text.strip_prefix('-').map_or((false, text), |key| (true, key));
        let key = match key {
            "name" => SortKey::Name,
            "size" => SortKey::Size,
            "time" => SortKey::Time,
            _ => return None,
        };
        Some(Self { key, descending })
    }

    /// The order after a click on a column header: reversed if the listing is already sorted by that column;
    /// otherwise the column's usual order: names from A, the largest or the newest first.
    pub(crate) fn after_click(self, key: SortKey) -> Self {
        let descending = if self.key == key { !self.descending } else { key != SortKey::Name };
        Self { key, descending }
    }

    /// A key whose byte order is this order: directories first, then the sort key, then the name.
    pub(crate) fn key(self, entry: &DirEntry) -> Vec<u8> {
        self.key_of(&entry.name, entry.kind == EntryKind::Directory, size(entry), entry.modified)
    }

    /// The same key from the name alone; `None` if more than the name matters.
    pub(crate) fn key_by_name(self, name: &OsStr, is_directory: bool) -> Option<Vec<u8>> {
        (self.key == SortKey::Name).then(|| self.key_of(name, is_directory, 0, SystemTime::UNIX_EPOCH))
    }

    fn key_of(self, name: &OsStr, is_directory: bool, size: u64, modified: SystemTime) -> Vec<u8> {
        let mut key = vec![u8::from(!is_directory)];
        match self.key {
            SortKey::Name => key.extend([natural(name).as_bytes(), b"\0", name.as_bytes(), b"\0"].concat()),
            SortKey::Size => key.extend(size.to_be_bytes()),
            SortKey::Time => key.extend(since_the_beginning(modified).to_be_bytes()),
        }
        if self.descending {
            key.iter_mut().skip(1).for_each(|byte| *byte = !*byte);
        }
        if self.key != SortKey::Name {
            // Entries of equal size or time are sorted by name.
            key.extend(natural(name).as_bytes());
        }
        key
    }
}

/// A time in nanoseconds since long before any file was written.
fn since_the_beginning(time: SystemTime) -> u128 {
    const BEFORE: u128 = u128::MAX / 2;
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => BEFORE + since.as_nanos(),
        Err(before) => BEFORE - before.duration().as_nanos(),
    }
}

impl fmt::Display for SortOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.descending { "-" } else { "" })?;
        f.write_str(match self.key {
            SortKey::Name => "name",
            SortKey::Size => "size",
            SortKey::Time => "time",
        })
    }
}

fn size(entry: &DirEntry) -> u64 {
    match entry.kind {
        EntryKind::Directory => 0,
        EntryKind::File { len } => len,
    }
}

/// A text whose byte order is the natural order of names: in lower case, with each number stripped of leading zeros
/// and preceded by a character for its number of digits.
fn natural(name: &OsStr) -> String {
    let lower = name.to_string_lossy().to_lowercase();
    let mut key = String::with_capacity(lower.len() + 8);
    let mut rest = lower.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (text, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let value = number.trim_start_matches('0');
        // A name has at most 255 bytes, so the number of digits fits into this character. The 0 before it sorts numbers
        // before letters, as digits do.
        let digits = char::from(u8::try_from(value.len()).unwrap_or(u8::MAX));
        key.push_str(text);
        key.extend(['0', digits]);
        key.push_str(value);
        rest = after;
    }
    key.push_str(rest);
    key
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(name: &str, len: Option<u64>, seconds: u64) -> DirEntry {
        let kind = len.map_or(EntryKind::Directory, |len| EntryKind::File { len });
        DirEntry { name: name.into(), kind, modified: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    #[test]
    fn each_order_ascending_and_descending() {
        let entries = [
            entry("IMG2.jpg", Some(7), 3),
            entry("Zoo", None, 9),
            entry("apple", Some(5), 2),
            entry("b", None, 4),
            entry("img010.jpg", Some(6), 5),
            entry("img10.jpg", Some(5), 1),
        ];
        let table = [
            ("name", "b Zoo apple IMG2.jpg img010.jpg img10.jpg"),
            ("-name", "Zoo b img10.jpg img010.jpg IMG2.jpg apple"),
            ("size", "b Zoo apple img10.jpg img010.jpg IMG2.jpg"),
            ("-size", "b Zoo IMG2.jpg img010.jpg apple img10.jpg"),
            ("time", "b Zoo img10.jpg apple IMG2.jpg img010.jpg"),
            ("-time", "Zoo b img010.jpg IMG2.jpg apple img10.jpg"),
        ];
        for (order, expected) in table {
            let mut sorted = entries.clone();
            let order = SortOrder::parse(order).expect("an order");
            sorted.sort_by_key(|entry| order.key(entry));
            let names: Vec<_> = sorted.iter().map(|entry| entry.name.to_string_lossy()).collect();
            assert_eq!(names.join(" "), expected, "{order}");
            let by_name = sorted.iter().map(|entry| {
                order.key_by_name(&entry.name, entry.kind == EntryKind::Directory) == Some(order.key(entry))
            });
            assert!(by_name.into_iter().all(|is_known| is_known == (order.key == SortKey::Name)), "{order}");
        }
    }

    #[test]
    fn times_before_the_epoch_come_first() {
        let at = |seconds: i64| {
            let time = Duration::from_secs(seconds.unsigned_abs());
            let modified =
                if seconds < 0 { SystemTime::UNIX_EPOCH - time } else { SystemTime::UNIX_EPOCH + time };
            SortOrder { key: SortKey::Time, descending: false }
                .key(&DirEntry { modified, ..entry("a", Some(1), 0) })
        };
        assert!(at(-2) < at(-1) && at(-1) < at(0) && at(0) < at(1));
    }

    #[test]
    fn an_order_written_is_parsed_back() {
        for text in ["name", "-name", "size", "-size", "time", "-time"] {
            assert_eq!(SortOrder::parse(text).map(|order| order.to_string()).as_deref(), Some(text));
        }
        for text in ["", "-", "--name", "Name", "name-", "owner"] {
            assert_eq!(SortOrder::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_click_reverses_the_order_or_starts_with_the_usual_one() {
        let by_name = SortOrder::default();
        assert_eq!(by_name.after_click(SortKey::Name).to_string(), "-name");
        assert_eq!(by_name.after_click(SortKey::Size).to_string(), "-size");
        assert_eq!(by_name.after_click(SortKey::Size).after_click(SortKey::Size).to_string(), "size");
        assert_eq!(by_name.after_click(SortKey::Time).after_click(SortKey::Name).to_string(), "name");
    }
}
