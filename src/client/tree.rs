//! Lists a directory of a server, recursively if wanted, sorts the entries, and prints them as text or JSON.

use std::cmp::Ordering;
use std::io::{self, Write};

use serde::Serialize;

use super::error::ClientError;
use super::listing::{RemoteEntry, RemoteEntryKind, RemoteListing};
use super::session::Session;
use super::targets::{self, target_of};
use super::tftp::{self, address::TftpSite};
use super::walk::{self, Directory, Visitor};
use crate::printable::{self, Printable};

/// The order of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOrder {
    /// As the server sends it: directories first, then by name. A tree is sorted by path.
    Name,
    /// Largest first.
    Size,
    /// Newest first.
    Time,
}

/// The format of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// Size, time and name, in columns.
    Columns,
    /// Names only.
    Names,
    /// An array of objects.
    Json,
}

/// Lists directories by one protocol.
pub trait Lister {
    /// Lists a directory.
    fn list(&mut self, directory: &str) -> Result<RemoteListing, ClientError>;

    /// The directory that is this entry of another directory.
    fn below(&self, directory: &str, entry: &RemoteEntry) -> Result<String, ClientError>;
}

/// Lists over HTTP; directories are encoded paths that end in a slash.
#[derive(Debug)]
pub struct Http(pub Session);

/// Lists over TFTP; directories are names relative to the address that end in a slash, or are empty.
#[derive(Debug)]
pub struct Tftp<'s>(pub &'s TftpSite);

/// The entries that were found. In a recursive list, their names are paths.
#[derive(Debug, Default)]
pub struct Tree {
    entries: Vec<RemoteEntry>,
    is_recursive: bool,
    /// Directories that could not be listed, and why.
    pub failures: Vec<(String, ClientError)>,
}

/// An entry in the JSON output.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<&'a str>,
}

/// Gathers a tree.
struct Gatherer<'l> {
    lister: &'l mut dyn Lister,
    found: Tree,
}

impl Lister for Http {
    fn list(&mut self, directory: &str) -> Result<RemoteListing, ClientError> {
        targets::list(&mut self.0, directory)
    }

    fn below(&self, directory: &str, entry: &RemoteEntry) -> Result<String, ClientError> {
        let slash = if directory.ends_with('/') { "" } else { "/" };
        Ok(format!("{}/", target_of(&format!("{directory}{slash}"), entry)?))
    }
}

impl Lister for Tftp<'_> {
    fn list(&mut self, directory: &str) -> Result<RemoteListing, ClientError> {
        tftp::list(self.0, &self.0.name(directory.as_bytes()))
    }

    fn below(&self, directory: &str, entry: &RemoteEntry) -> Result<String, ClientError> {
        if entry.name.contains('/') || matches!(entry.name.as_str(), "" | "." | "..") {
            return Err(ClientError::Outside(entry.name.clone()));
        }
        let slash = if directory.is_empty() || directory.ends_with('/') { "" } else { "/" };
        Ok(format!("{directory}{slash}{}/", entry.name))
    }
}

impl Tree {
    /// Lists a directory, with all below it if `recursive`, each directory once. A failure below does not stop the rest.
    pub fn gather(lister: &mut dyn Lister, directory: &str, recursive: bool) -> Result<Self, ClientError> {
        let listing = lister.list(directory)?;
        let first = Directory { path: directory.to_owned(), name: String::new(), depth: 0 };
        let found = Self { is_recursive: recursive, ..Self::default() };
        let mut gatherer = Gatherer { lister, found };
        walk::walk(&mut gatherer, &first, listing, recursive);
        Ok(gatherer.found)
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sorts the entries; equal ones keep their order.
    pub fn sort(&mut self, order: ListOrder) {
        // One function for the three orders: each sort is 4 KB of code.
        let compare: fn(&RemoteEntry, &RemoteEntry) -> Ordering = match order {
            ListOrder::Name if self.is_recursive => |a, b| a.name.cmp(&b.name),
            ListOrder::Name => return,
            ListOrder::Size => |a, b| b.size.cmp(&a.size),
            // RFC 3339 times in UTC sort as text.
            ListOrder::Time => |a, b| b.modified.cmp(&a.modified),
        };
        self.entries.sort_by(compare);
    }

    /// Writes the entries.
    pub fn show(self, format: ListFormat, out: &mut dyn Write) -> io::Result<()> {
        match format {
            ListFormat::Columns => RemoteListing { entries: self.entries, id: None }.show(out),
            ListFormat::Names => self.entries.iter().try_for_each(|entry| {
                let slash = if entry.is_directory() { "/" } else { "" };
                writeln!(out, "{}{slash}", Printable::text(&entry.name))
            }),
            ListFormat::Json => {
                let rows: Vec<_> = self.entries.iter().map(Row::of).collect();
                writeln!(out, "{}", printable::json(&serde_json::to_string_pretty(&rows)?))
            }
        }
    }
}

impl Visitor for Gatherer<'_> {
    fn list(&mut self, path: &str) -> Result<RemoteListing, ClientError> {
        self.lister.list(path)
    }

    fn take(&mut self, directory: &Directory, listing: RemoteListing, below: &mut Vec<Directory>) {
        for mut entry in listing.entries {
            let name = format!("{}{}", directory.name, entry.name);
            if entry.is_directory() && self.found.is_recursive {
                match self.lister.below(&directory.path, &entry) {
                    Ok(path) => {
                        let (name, depth) = (format!("{name}/"), directory.depth + 1);
                        below.push(Directory { path, name, depth });
                    }
                    Err(error) => self.found.failures.push((name.clone(), error)),
                }
            }
            entry.name = name;
            self.found.entries.push(entry);
        }
    }

    fn failed(&mut self, directory: Directory, error: ClientError) {
        self.found.failures.push((directory.name, error));
    }

    fn count(&self) -> usize {
        self.found.entries.len()
    }
}

impl<'a> Row<'a> {
    fn of(entry: &'a RemoteEntry) -> Self {
        let kind = match entry.kind {
            RemoteEntryKind::Directory => "directory",
            RemoteEntryKind::File => "file",
        };
        Self { name: &entry.name, kind, size: entry.size, modified: entry.modified.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server whose directory `d` contains itself, and whose `x` cannot be listed.
    struct Loop {
        asked: usize,
    }

    fn entry(name: &str, kind: RemoteEntryKind, size: Option<u64>, modified: &str) -> RemoteEntry {
        let modified = Some(format!("2026-11-{modified}T00:00:00Z"));
        RemoteEntry { name: name.to_owned(), kind, size, modified, href: None }
    }

    impl Lister for Loop {
        fn list(&mut self, directory: &str) -> Result<RemoteListing, ClientError> {
            self.asked += 1;
            if directory.ends_with("x/") {
                return Err(ClientError::NoListing);
            }
            let directories = ["d", "x"].map(|name| entry(name, RemoteEntryKind::Directory, None, "01"));
            let files = [
                entry("a", RemoteEntryKind::File, Some(5), "03"),
                entry("b\n", RemoteEntryKind::File, Some(7), "02"),
            ];
            Ok(RemoteListing { entries: directories.into_iter().chain(files).collect(), id: None })
        }

        fn below(&self, directory: &str, entry: &RemoteEntry) -> Result<String, ClientError> {
            Ok(format!("{directory}{}/", entry.name))
        }
    }

    /// The output for one directory.
    fn shown(order: ListOrder, format: ListFormat) -> String {
        let mut found = Tree::gather(&mut Loop { asked: 0 }, "/", false).expect("a listing");
        found.sort(order);
        let mut out = Vec::new();
        found.show(format, &mut out).expect("writing to a vector cannot fail");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn orders_and_formats() {
        let names = [
            (ListOrder::Name, "d/ x/ a b\\n"),
            (ListOrder::Size, "b\\n a d/ x/"),
            (ListOrder::Time, "a b\\n d/ x/"),
        ];
        for (order, expected) in names {
            assert_eq!(
                shown(order, ListFormat::Names).lines().collect::<Vec<_>>().join(" "),
                expected,
                "{order:?}"
            );
        }
        let json: serde_json::Value =
            serde_json::from_str(&shown(ListOrder::Name, ListFormat::Json)).expect("JSON");
        assert_eq!(json[3]["name"], "b\n");
        assert_eq!((json[0]["kind"].as_str(), json[0].get("size")), (Some("directory"), None));
        assert!(
            shown(ListOrder::Name, ListFormat::Columns).contains("       5 B  2026-11-03T00:00:00Z  a\n")
        );
    }

    #[test]
    fn an_endless_tree_is_cut_off() {
        let mut lister = Loop { asked: 0 };
        let mut found = Tree::gather(&mut lister, "/", true).expect("a listing");
        assert!(lister.asked <= 2 * (walk::DEEPEST + 2), "{} questions", lister.asked);
        assert!(matches!(found.failures.last(), Some((_, ClientError::Endless(_)))));
        assert!(
            matches!(found.failures.first(), Some((name, ClientError::NoListing)) if name.ends_with("x/"))
        );
        found.sort(ListOrder::Name);
        let names: Vec<_> = found.entries.iter().take(4).map(|entry| entry.name.as_str()).collect();
        assert_eq!(names, ["a", "b\n", "d", "d/a"]);
    }

    #[test]
    fn names_are_one_segment() {
        let site = TftpSite::parse("tftp://h").expect("TFTP").expect("an address");
        for (name, expected) in [("a b", Some("d/a b/")), ("..", None), ("a/b", None), ("", None)] {
            let entry = entry(name, RemoteEntryKind::Directory, None, "01");
            assert_eq!(Tftp(&site).below("d/", &entry).ok().as_deref(), expected, "{name:?}");
        }
    }
}
