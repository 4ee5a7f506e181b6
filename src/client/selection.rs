//! Selects files by their number in the last list, by pattern, or by name.
//!
//! `7` is the seventh entry of the list, `3-5` is a range, and `*.txt` is a pattern. Before the first list, a number is a
//! name; `/7` always is.

use std::io::{self, Write};

use super::address::{Resource, ServerAddress};
use super::error::ClientError;
use super::fetch::{FetchOptions, FetchOrder};
use super::listing::{RemoteEntry, RemoteListing};
use super::pattern;
use super::targets::{Targets, target_of, with_facts};

/// The last list that was printed.
#[derive(Debug)]
pub(super) struct Shown {
    /// The encoded path of the directory, with its slash.
    directory: String,
    entries: Vec<RemoteEntry>,
}

/// What a word selects from a list.
#[derive(Debug, PartialEq, Eq)]
enum Pick<'s> {
    /// These entries.
    Entries(Vec<&'s RemoteEntry>),
    /// A number beyond the list.
    Beyond,
    /// It is a name.
    Name,
}

impl Shown {
    /// Prints a listing with a number before each entry, and keeps it.
    pub(super) fn show(directory: String, listing: RemoteListing, out: &mut dyn Write) -> io::Result<Self> {
        let mut lines = Vec::new();
        listing.show(&mut lines)?;
        let RemoteListing { entries, .. } = listing;
        let width = entries.len().to_string().len();
        for (number, line) in lines.split_inclusive(|&byte| byte == b'\n').enumerate() {
            // The line of an empty listing has no number.
            if number < entries.len() {
                write!(out, "{:>width$}  ", number + 1)?;
            }
            out.write_all(line)?;
        }
        let slash = if directory.ends_with('/') { "" } else { "/" };
        Ok(Self { directory: directory + slash, entries })
    }

    fn pick(&self, word: &str) -> Pick<'_> {
        if let Some((first, last)) = range(word) {
            let picked = first.checked_sub(1).and_then(|start| self.entries.get(start..last));
            return match picked {
                Some(picked) if !picked.is_empty() => Pick::Entries(picked.iter().collect()),
                _ => Pick::Beyond,
            };
        }
        if !word.contains('/') && is_pattern(word) {
            let fits = |entry: &&RemoteEntry| pattern::fits(word, &entry.name);
            return Pick::Entries(self.entries.iter().filter(fits).collect());
        }
        Pick::Name
    }
}

/// The targets that a number or a range selects from the last list; `None` if the word is neither.
pub(super) fn numbered(word: &str, shown: Option<&Shown>) -> Option<Result<Vec<String>, ClientError>> {
    let shown = shown.filter(|_| range(word).is_some())?;
    let Pick::Entries(picked) = shown.pick(word) else {
        return Some(Err(ClientError::NoNumber(word.to_owned(), shown.entries.len())));
    };
    let slash = |entry: &RemoteEntry| if entry.is_directory() { "/" } else { "" };
    let target =
        |entry: &&RemoteEntry| Ok(format!("{}{}", target_of(&shown.directory, entry)?, slash(entry)));
    Some(picked.iter().map(target).collect())
}

/// Adds what a word selects to the targets. A directory from the list is added with everything in it.
pub(super) fn add(
    word: &str,
    shown: Option<&Shown>,
    address: &ServerAddress,
    options: &FetchOptions,
    targets: &mut Targets,
) {
    let at = |target| Resource { server: address.server.clone(), target };
    let Some(shown) = shown else { return add_name(word, address, options, targets) };
    let picked = match shown.pick(word) {
        Pick::Entries(picked) => picked,
        Pick::Name => return add_name(word, address, options, targets),
        Pick::Beyond => {
            let error = ClientError::NoNumber(word.to_owned(), shown.entries.len());
            return targets.failures.push((word.to_owned(), error));
        }
    };
    if picked.is_empty() {
        targets.failures.push((word.to_owned(), ClientError::NoMatch));
    }
    for entry in picked {
        match target_of(&shown.directory, entry) {
            Ok(target) if !targets.admits(&target) => {}
            Ok(target) if entry.is_directory() => targets.add(&at(format!("{target}/")), true, options),
            Ok(target) => match FetchOrder::of(at(target)) {
                Ok(order) => targets.orders.push(with_facts(order, entry)),
                Err(error) => targets.failures.push((entry.name.clone(), error)),
            },
            Err(error) => targets.failures.push((entry.name.clone(), error)),
        }
    }
}

fn add_name(word: &str, address: &ServerAddress, options: &FetchOptions, targets: &mut Targets) {
    let resource = Resource { server: address.server.clone(), target: address.target(word) };
    targets.add(&resource, false, options);
}

/// Whether a word selects from a list or by pattern. Otherwise the text is a single path.
pub(super) fn selects(word: &str, shown: Option<&Shown>) -> bool {
    is_pattern(word) || (shown.is_some() && range(word).is_some())
}

/// Whether a word is a pattern. `?` alone is not enough: it begins a query.
fn is_pattern(word: &str) -> bool {
    word.contains('*')
}

/// `7` or `3-5`, counted from 1.
fn range(word: &str) -> Option<(usize, usize)> {
    let number = |text: &str| -> Option<usize> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
    };
    match word.split_once('-') {
        Some((first, last)) => number(first).zip(number(last)),
        None => number(word).map(|number| (number, number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::listing::RemoteEntryKind;

    fn entry(name: &str) -> RemoteEntry {
        RemoteEntry {
            name: name.to_owned(),
            kind: RemoteEntryKind::File,
            size: Some(1),
            modified: None,
            href: None,
        }
    }

    #[test]
    fn selected_entries() {
        let entries = ["a.txt", "b.jpg", "c.txt"].map(entry).to_vec();
        let shown = Shown { directory: "/".to_owned(), entries };
        let cases: [(&str, Option<&[&str]>); 12] = [
            ("1", Some(&["a.txt"])),
            ("2-3", Some(&["b.jpg", "c.txt"])),
            ("*.txt", Some(&["a.txt", "c.txt"])),
            ("*.png", Some(&[])),
            ("0", None),
            ("4", None),
            ("3-9", None),
            ("3-2", None),
            ("99999999999999999999", None),
            ("/1", None),
            ("b.jpg", None),
            ("d/*", None),
        ];
        for (word, expected) in cases {
            let picked = match shown.pick(word) {
                Pick::Entries(picked) => {
                    Some(picked.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>())
                }
                Pick::Beyond | Pick::Name => None,
            };
            assert_eq!(picked.as_deref(), expected, "{word}");
        }
        assert_eq!(shown.pick("4"), Pick::Beyond);
        assert_eq!(shown.pick("/1"), Pick::Name);
    }

    #[test]
    fn a_list_is_numbered() {
        let mut out = Vec::new();
        let listing =
            RemoteListing { entries: (0..10).map(|number| entry(&format!("n{number}"))).collect(), id: None };
        Shown::show("/d".to_owned(), listing, &mut out).expect("writing to a vector cannot fail");
        let text = String::from_utf8(out).expect("text");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], " 1         1 B  -                     n0");
        assert_eq!(lines[9], "10         1 B  -                     n9");
        let mut out = Vec::new();
        Shown::show("/".to_owned(), RemoteListing { entries: Vec::new(), id: None }, &mut out)
            .expect("written");
        assert_eq!(out, b"No shared files\n");
    }
}
