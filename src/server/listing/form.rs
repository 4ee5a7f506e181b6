//! The formats of a listing: what comes before and after its rows, and how a row looks.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::folder::{DirEntry, EntryKind};
use crate::http::target::encode_segment;
use crate::path::SharePath;
use crate::printable;

/// Writes an entry. The number says how many entries come before it; the text is the query for links to
/// directories.
pub(super) type WriteRow = fn(&DirEntry, usize, &str, &mut Vec<u8>);

/// A listing without its rows.
pub(crate) struct Framed {
    /// The bytes before the rows.
    pub before: Vec<u8>,
    /// Writes a row.
    pub row: WriteRow,
    /// What follows a link to a directory: empty, or a query with its `?`.
    pub query: String,
    /// The bytes after the rows.
    pub behind: Vec<u8>,
}

impl Framed {
    /// One line per entry: name, size in bytes and time of the last change, separated by tabs. A directory has a
    /// slash after its name and no size.
    pub(crate) fn text() -> Self {
        Self { before: Vec::new(), row: text_row, query: String::new(), behind: Vec::new() }
    }

    /// JSON: an object with the path, the directory's identity, and its entries.
    pub(crate) fn json(path: &SharePath, id: &str) -> Self {
        let [path, id] = [&shown_path(path), id].map(|text| serde_json::Value::from(text).to_string());
        let path = printable::json(&path);
        let before = format!("{{\"path\":{path},\"id\":{id},\"entries\":[").into_bytes();
        Self { before, row: json_row, query: String::new(), behind: b"]}".to_vec() }
    }
}

fn text_row(entry: &DirEntry, _: usize, _: &str, out: &mut Vec<u8>) {
    // A name with a line break must not look like two lines.
    out.extend_from_slice(&printable::in_line(entry.name.as_bytes()));
    let (slash, size) = match entry.kind {
        EntryKind::Directory => ("/", "-".to_owned()),
        EntryKind::File { len } => ("", len.to_string()),
    };
    out.extend_from_slice(format!("{slash}\t{size}\t{}\n", timestamp(entry.modified)).as_bytes());
}

fn json_row(entry: &DirEntry, count: usize, _: &str, out: &mut Vec<u8>) {
    if count > 0 {
        out.push(b',');
    }
    // Strings and numbers: serialising them cannot fail.
    let text = serde_json::to_string(&JsonEntry::of(entry)).unwrap_or_default();
    out.extend_from_slice(printable::json(&text).as_bytes());
}

/// An entry of a JSON listing.
#[derive(Serialize)]
struct JsonEntry<'a> {
    name: Cow<'a, str>,
    /// The name as a relative link. If the name is not UTF-8, only this link works.
    href: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    modified: String,
}

impl<'a> JsonEntry<'a> {
    fn of(entry: &'a DirEntry) -> Self {
        let (kind, size) = match entry.kind {
            EntryKind::Directory => ("directory", None),
            EntryKind::File { len } => ("file", Some(len)),
        };
        let href = href(&entry.name, entry.kind == EntryKind::Directory);
        Self {
            name: entry.name.to_string_lossy(),
            href,
            kind,
            size,
            modified: timestamp(entry.modified).to_string(),
        }
    }
}

/// The path of a directory as text: `/` or `/a/b/`.
pub(crate) fn shown_path(path: &SharePath) -> String {
    if path.is_root() { "/".to_owned() } else { format!("/{}/", String::from_utf8_lossy(path.as_bytes())) }
}

/// A relative link to an entry. It starts with `./`, so that a name with a colon is not taken for a URL with a
/// scheme.
pub(crate) fn href(name: &OsStr, is_directory: bool) -> String {
    let slash = if is_directory { "/" } else { "" };
    format!("./{}{slash}", encode_segment(name.as_bytes()))
}

/// A time as RFC 3339, in whole seconds, in UTC. Times outside 1970 to 9999, as on a damaged disk, are clamped.
pub(crate) fn timestamp(time: SystemTime) -> impl fmt::Display {
    /// The last second of the year 9999.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since.min(LAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_and_one_link() {
        let entry = |name: &[u8], kind| DirEntry {
            name: OsStr::from_bytes(name).to_owned(),
            kind,
            modified: SystemTime::UNIX_EPOCH,
        };
        let mut text = Vec::new();
        text_row(&entry(b"d", EntryKind::Directory), 0, "", &mut text);
        text_row(&entry(b"a\nb\tc", EntryKind::File { len: 7 }), 1, "", &mut text);
        assert_eq!(text, b"d/\t-\t1970-01-01T00:00:00Z\na?b?c\t7\t1970-01-01T00:00:00Z\n");
        assert_eq!(href(OsStr::from_bytes(b"javascript:a/\xff\""), false), "./javascript:a%2F%FF%22");
    }
}
