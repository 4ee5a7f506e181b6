//! The formats of a search: what comes before and after the found entries, and how an entry looks.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde::Serialize;

use super::outcome::Outcome;
use crate::folder::{DirEntry, EntryKind};
use crate::http::target::encode_path;
use crate::path::SharePath;
use crate::printable;
use crate::server::listing::{shown_path, timestamp};

/// An entry that was found.
#[derive(Debug)]
pub(crate) struct FoundEntry {
    /// The path of its directory, relative to the directory that is searched.
    pub directory: SharePath,
    pub entry: DirEntry,
}

/// What comes after the entries.
pub(crate) type WriteEnd = Box<dyn FnOnce(Outcome, &mut Vec<u8>) + Send>;

/// A format.
pub(crate) struct SearchForm {
    /// The bytes before the entries.
    pub before: Vec<u8>,
    /// Writes an entry. The number says how many come before it.
    pub row: fn(&FoundEntry, usize, &mut Vec<u8>),
    pub end: WriteEnd,
}

impl SearchForm {
    /// One line per entry: its path, with a slash after that of a directory. If entries may be missing, an empty line and a
    /// line that says so follow: no path is empty.
    pub(crate) fn text() -> Self {
        let end = |outcome: Outcome, out: &mut Vec<u8>| {
            if let Some(cut) = outcome.cut {
                out.extend_from_slice(format!("\nincomplete: {}\n", cut.word()).as_bytes());
            }
        };
        Self { before: Vec::new(), row: text_row, end: Box::new(end) }
    }

    /// JSON: an object with the entries, as a listing has them. Each is on a line of its own, so that a program can read it
    /// before the rest has arrived. All but the first line of the entries begin with the comma, so a line is complete as soon
    /// as its entry was found.
    pub(crate) fn json(path: &SharePath, text: &str) -> Self {
        let [path, text] = [&shown_path(path), text].map(|text| serde_json::Value::from(text).to_string());
        let before = printable::json(&format!("{{\"path\":{path},\"query\":{text},\"entries\":[\n")).into();
        let end = |outcome: Outcome, out: &mut Vec<u8>| {
            let cut = outcome.cut.map(|cut| format!(",\"cut\":\"{}\"", cut.word())).unwrap_or_default();
            let (count, is_complete) = (outcome.count, outcome.cut.is_none());
            let end = format!("],\"count\":{count},\"complete\":{is_complete}{cut}}}\n");
            out.extend_from_slice(end.as_bytes());
        };
        Self { before: String::into_bytes(before), row: json_row, end: Box::new(end) }
    }
}

impl FoundEntry {
    /// Whether it is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        self.entry.kind == EntryKind::Directory
    }

    /// Its path, relative to the directory that is searched.
    pub(crate) fn path(&self) -> Vec<u8> {
        let mut path = self.directory.as_bytes().to_vec();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(self.entry.name.as_bytes());
        path
    }

    /// The relative link to it.
    pub(crate) fn href(&self) -> String {
        let slash = if self.is_directory() { "/" } else { "" };
        format!("./{}{slash}", encode_path(&self.path()))
    }

    /// The relative link to its directory.
    pub(crate) fn directory_href(&self) -> String {
        if self.directory.is_root() {
            "./".to_owned()
        } else {
            format!("./{}/", encode_path(self.directory.as_bytes()))
        }
    }
}

fn text_row(found: &FoundEntry, _: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&printable::in_line(&found.path()));
    out.extend_from_slice(if found.is_directory() { b"/\n" } else { b"\n" });
}

fn json_row(found: &FoundEntry, count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        out.push(b',');
    }
    // Strings and numbers: serialising them cannot fail.
    let text = serde_json::to_string(&JsonFound::of(found, &found.path())).unwrap_or_default();
    out.extend_from_slice(printable::json(&text).as_bytes());
    out.push(b'\n');
}

/// A found entry in JSON.
#[derive(Serialize)]
struct JsonFound<'a> {
    name: Cow<'a, str>,
    /// The path relative to the directory that is searched.
    path: Cow<'a, str>,
    /// The path as a relative link. If the path is not UTF-8, only this link works.
    href: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    modified: String,
}

impl<'a> JsonFound<'a> {
    fn of(found: &'a FoundEntry, path: &'a [u8]) -> Self {
        let (kind, size) = match found.entry.kind {
            EntryKind::Directory => ("directory", None),
            EntryKind::File { len } => ("file", Some(len)),
        };
        Self {
            name: OsStr::to_string_lossy(&found.entry.name),
            path: String::from_utf8_lossy(path),
            href: found.href(),
            kind,
            size,
            modified: timestamp(found.entry.modified).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::search::Cut;
    use std::time::SystemTime;

    fn found(directory: &[u8], name: &[u8], kind: EntryKind) -> FoundEntry {
        FoundEntry {
            directory: SharePath::parse(directory).expect("legal"),
            entry: DirEntry {
                name: OsStr::from_bytes(name).to_owned(),
                kind,
                modified: SystemTime::UNIX_EPOCH,
            },
        }
    }

    /// A response with these entries.
    fn written(form: SearchForm, entries: &[FoundEntry], cut: Option<Cut>) -> String {
        let SearchForm { before: mut out, row, end } = form;
        for (count, entry) in entries.iter().enumerate() {
            row(entry, count, &mut out);
        }
        end(Outcome { count: entries.len(), cut }, &mut out);
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_path_is_a_line() {
        let entries =
            [found(b"", b"a\nb", EntryKind::File { len: 1 }), found(b"c d", b"e", EntryKind::Directory)];
        assert_eq!(written(SearchForm::text(), &entries, None), "a?b\nc d/e/\n");
        assert_eq!(
            written(SearchForm::text(), &entries[..1], Some(Cut::Results)),
            "a?b\n\nincomplete: results\n"
        );
        assert_eq!(written(SearchForm::text(), &[], None), "");
    }

    #[test]
    fn json_is_one_object_with_an_entry_per_line() {
        let entries = [
            found(b"", b"a\xff\"<script>", EntryKind::File { len: 7 }),
            found(b"c:d", b"e\n", EntryKind::Directory),
        ];
        let form = SearchForm::json(&SharePath::parse(b"x").expect("legal"), "\"\u{202e}");
        let text = written(form, &entries, Some(Cut::Time));
        let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((all["path"].as_str(), all["query"].as_str()), (Some("/x/"), Some("\"\u{202e}")));
        assert_eq!(all["entries"][0]["href"], "./a%FF%22%3Cscript%3E");
        assert_eq!(all["entries"][0]["size"], 7);
        assert_eq!(all["entries"][1]["path"], "c:d/e\n");
        assert_eq!(all["entries"][1]["href"], "./c:d/e%0A/");
        assert_eq!((all["count"].as_u64(), all["complete"].as_bool()), (Some(2), Some(false)));
        assert_eq!(all["cut"], "time");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        for line in &lines[1..3] {
            let line = line.strip_prefix(',').unwrap_or(line);
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
        }
        assert!(!text.contains('\u{202e}'), "nothing that affects a terminal");
        let none = written(SearchForm::json(&SharePath::root(), "q"), &[], None);
        assert_eq!(none, "{\"path\":\"/\",\"query\":\"q\",\"entries\":[\n],\"count\":0,\"complete\":true}\n");
    }

    #[test]
    fn links_lead_to_the_entry_and_to_its_directory() {
        let entry = found(b"a b/c", b"d#?", EntryKind::File { len: 0 });
        assert_eq!((entry.href(), entry.directory_href()), ("./a%20b/c/d%23%3F".into(), "./a%20b/c/".into()));
        assert_eq!(found(b"", b"d", EntryKind::Directory).directory_href(), "./");
    }
}
