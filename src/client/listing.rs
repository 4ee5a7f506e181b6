//! Fetches the listing of a server's directory as JSON, and prints it.

use std::collections::{HashMap, hash_map};
use std::io::{self, Write};

use serde::Deserialize;

use super::error::ClientError;
use super::error_response;
use super::request::HttpRequest;
use super::response::PourError;
use super::session::Session;
use crate::format::Bytes;
use crate::http::request::Method;
use crate::printable::Printable;

/// The longest listing that is read, in bytes: several hundred thousand names, all held in memory.
const LONGEST: usize = 64 * 1024 * 1024;

/// The longest identity of a directory that is used, in bytes. The identities of a whole tree are held in memory.
const LONGEST_ID: usize = 64;

/// The requested media type.
const JSON: &str = "application/json";

/// Printed for an empty directory.
pub const NOTHING: &str = "No shared files";

/// A directory of the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RemoteListing {
    /// Its entries, in the server's order.
    pub entries: Vec<RemoteEntry>,
    /// An identity that all paths of one directory share, if the server sends one.
    #[serde(default)]
    pub id: Option<String>,
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RemoteEntry {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: RemoteEntryKind,
    /// The length of a file, in bytes.
    pub size: Option<u64>,
    /// The time of its last change, in RFC 3339 format.
    pub modified: Option<String>,
    /// Its name, encoded for a URL.
    pub href: Option<String>,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RemoteEntryKind {
    /// A directory.
    Directory,
    /// A file, or anything else with content.
    #[serde(other)]
    File,
}

/// A name in a form that can be typed: the name itself, or its encoded link if it is not UTF-8, or contains `%` or `?`,
/// which have a special meaning in a path.
pub fn typable<'a>(name: &'a str, link: Option<&'a str>) -> &'a str {
    if name.contains(['%', '?', char::REPLACEMENT_CHARACTER]) { link.unwrap_or(name) } else { name }
}

/// Fetches the listing of the directory at `directory`, an encoded path.
pub fn fetch(session: &mut Session, directory: &str) -> Result<RemoteListing, ClientError> {
    let target = target(directory);
    let fields = [("Accept", JSON)];
    let request = HttpRequest { method: Method::Get, target: &target, fields: &fields, content: None };
    let response = session.send(&request)?;
    if !response.head.status.is_success() {
        return Err(error_response::read(response));
    }
    // Servers other than wharf ignore `?list`, and their page need not be read.
    if response.head.field("Content-Type").is_some_and(|kind| !kind.starts_with(JSON)) {
        return Err(ClientError::NoListing);
    }
    let mut json = Limited::default();
    response.body.pour(&mut json).map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(_) => ClientError::NoListing,
    })?;
    serde_json::from_slice(&json.0).map_err(|_| ClientError::NoListing)
}

/// The target of a directory's listing; the directory may lack its final slash.
pub fn target(directory: &str) -> String {
    let slash = if directory.ends_with('/') { "" } else { "/" };
    format!("{directory}{slash}?list")
}

/// The directories seen so far: the path of each, by identity.
#[derive(Debug, Default)]
pub struct Seen(HashMap<String, String>);

impl Seen {
    /// The path under which this directory was seen before. If it is new, its path is recorded. A directory without an
    /// identity counts as new.
    pub fn before(&mut self, listing: &RemoteListing, path: &str) -> Option<&str> {
        let id = listing.id.as_ref().filter(|id| id.len() <= LONGEST_ID)?;
        match self.0.entry(id.clone()) {
            hash_map::Entry::Occupied(seen) => Some(seen.into_mut()),
            hash_map::Entry::Vacant(place) => {
                place.insert(path.to_owned());
                None
            }
        }
    }
}

impl RemoteListing {
    /// Writes a line for each entry: size, time, name. The names of directories end in a slash.
    pub fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.entries.is_empty() {
            return writeln!(out, "{NOTHING}");
        }
        self.entries.iter().try_for_each(|entry| entry.show(out))
    }
}

impl RemoteEntry {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == RemoteEntryKind::Directory
    }

    fn show(&self, out: &mut dyn Write) -> io::Result<()> {
        let size = match (self.kind, self.size) {
            (RemoteEntryKind::File, Some(size)) => Bytes(size).to_string(),
            _ => "-".to_owned(),
        };
        let modified = Printable::text(self.modified.as_deref().unwrap_or("-")).to_string();
        let slash = if self.is_directory() { "/" } else { "" };
        writeln!(out, "{size:>10}  {modified:<20}  {}{slash}", Printable::text(&self.name))
    }
}

/// A buffer for a listing. Writing fails if the listing becomes too long.
#[derive(Default)]
pub(super) struct Limited(pub(super) Vec<u8>);

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The printed lines of these entries.
    fn shown(entries: &str) -> String {
        let listing: RemoteListing =
            serde_json::from_str(&format!("{{\"path\":\"/\",\"entries\":[{entries}]}}")).expect("valid");
        let mut out = Vec::new();
        listing.show(&mut out).expect("writing to a vector cannot fail");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn an_entry_is_a_line() {
        let file =
            r#"{"name":"a\n.txt","kind":"file","size":1536,"modified":"2026-11-21T07:00:00Z","href":"a"}"#;
        let directory = r#"{"name":"sub","kind":"directory","modified":"2026-11-21T07:00:00Z"}"#;
        assert_eq!(
            shown(&format!("{file},{directory}")),
            "   1.5 KiB  2026-11-21T07:00:00Z  a\\n.txt\n         -  2026-11-21T07:00:00Z  sub/\n"
        );
        assert_eq!(shown(""), "No shared files\n");
    }

    #[test]
    fn the_target_of_a_listing() {
        assert_eq!(target("/"), "/?list");
        assert_eq!(target("/a"), "/a/?list");
    }
}
