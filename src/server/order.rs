//! The order of a listing: by name, size or time, either way round; directories come first in each.
//!
//! Names are compared as people sort them: without case, and numbers by their value, so that `img2` stands before
//! `IMG10`.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::fmt;

use crate::folder::{Entry, Kind};

/// What entries are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Key {
    /// Their names.
    #[default]
    Name,
    /// Their sizes. Directories, which have none, stand by their names.
    Size,
    /// When they last changed.
    Time,
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Order {
    /// What counts.
    pub key: Key,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl Order {
    /// As it stands in a query: `name`, `size` or `time`, with a `-` before it for the greatest first. What is none of
    /// these is no order.
    pub fn parse(text: &str) -> Option<Self> {
        let (descending, key) = text.strip_prefix('-').map_or((false, text), |key| (true, key));
        let key = match key {
            "name" => Key::Name,
            "size" => Key::Size,
            "time" => Key::Time,
            _ => return None,
        };
        Some(Self { key, descending })
    }

    /// What a column's head leads to: its other direction if it is the order already; else the one that people look
    /// for, which is the largest and the newest first.
    pub fn after_click(self, key: Key) -> Self {
        let descending = if self.key == key { !self.descending } else { key != Key::Name };
        Self { key, descending }
    }

    /// Brings entries into this order. Those that it does not tell apart stay as they are.
    pub fn sort(self, entries: &mut [Entry]) {
        entries.sort_by_cached_key(|entry| natural(&entry.name));
        if self.descending && self.key == Key::Name {
            entries.reverse();
        }
        // Stable: where size and time do not decide, names do.
        match (self.key, self.descending) {
            (Key::Name, _) => {}
            (Key::Size, false) => entries.sort_by_key(size),
            (Key::Size, true) => entries.sort_by_key(|entry| Reverse(size(entry))),
            (Key::Time, false) => entries.sort_by_key(|entry| entry.modified),
            (Key::Time, true) => entries.sort_by_key(|entry| Reverse(entry.modified)),
        }
        entries.sort_by_key(|entry| entry.kind != Kind::Directory);
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.descending { "-" } else { "" })?;
        f.write_str(match self.key {
            Key::Name => "name",
            Key::Size => "size",
            Key::Time => "time",
        })
    }
}

fn size(entry: &Entry) -> u64 {
    match entry.kind {
        Kind::Directory => 0,
        Kind::File { len } => len,
    }
}

/// A text whose plain order is the natural one of the names: lower case, and each number without its leading zeros
/// behind a character that tells how many digits it has.
fn natural(name: &OsStr) -> String {
    let lower = name.to_string_lossy().to_lowercase();
    let mut key = String::with_capacity(lower.len() + 8);
    let mut rest = lower.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (text, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let value = number.trim_start_matches('0');
        // A name has at most 255 bytes, so this is a character; the 0 keeps numbers where digits stand among letters.
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
    use std::time::{Duration, SystemTime};

    use super::*;

    fn entry(name: &str, len: Option<u64>, seconds: u64) -> Entry {
        let kind = len.map_or(Kind::Directory, |len| Kind::File { len });
        Entry { name: name.into(), kind, modified: SystemTime::UNIX_EPOCH + Duration::from_secs(seconds) }
    }

    #[test]
    fn each_order_both_ways() {
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
            Order::parse(order).expect("an order").sort(&mut sorted);
            let names: Vec<_> = sorted.iter().map(|entry| entry.name.to_string_lossy()).collect();
            assert_eq!(names.join(" "), expected, "{order}");
        }
    }

    #[test]
    fn what_is_said_is_what_is_read() {
        for text in ["name", "-name", "size", "-size", "time", "-time"] {
            assert_eq!(Order::parse(text).map(|order| order.to_string()).as_deref(), Some(text));
        }
        for text in ["", "-", "--name", "Name", "name-", "owner"] {
            assert_eq!(Order::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_click_turns_the_order_or_begins_with_what_matters() {
        let by_name = Order::default();
        assert_eq!(by_name.after_click(Key::Name).to_string(), "-name");
        assert_eq!(by_name.after_click(Key::Size).to_string(), "-size");
        assert_eq!(by_name.after_click(Key::Size).after_click(Key::Size).to_string(), "size");
        assert_eq!(by_name.after_click(Key::Time).after_click(Key::Name).to_string(), "name");
    }
}
