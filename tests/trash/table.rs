//! Every operation on every kind of file system: the status, the sentence, and that nothing half done stays.
//!
//! The file systems are one FUSE mount with different faults. What is there before and after a refused request, in the
//! folder and in the trash, is compared byte by byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{EDIT, Visitor};
use crate::common::Wharf;
use crate::common::fuse::{Mount, faults};

/// What a request leads to: the status, and a part of the sentence if it is refused.
type Outcome = (u16, &'static str);

/// A file system, the flags of the server, and the outcome of each of [`OPERATIONS`].
struct System {
    name: &'static str,
    faults: &'static [&'static str],
    flags: &'static [&'static str],
    /// Whether the trash is full.
    is_full: bool,
    expected: [Outcome; 9],
}

/// A method, and the names of its target and of its destination.
struct Operation {
    name: &'static str,
    method: &'static str,
    target: &'static str,
    destination: Option<&'static str>,
}

const fn operation(
    name: &'static str,
    method: &'static str,
    target: &'static str,
    destination: Option<&'static str>,
) -> Operation {
    Operation { name, method, target, destination }
}

/// In directories, so that a move leads from one to another. New and removed names end in [`LONG`].
const OPERATIONS: [Operation; 9] = [
    operation("put over a file", "PUT", "a/put", None),
    operation("delete a file", "DELETE", "a/gone", None),
    operation("delete a directory", "DELETE", "a/gone-dir", None),
    operation("move", "MOVE", "a/from", Some("b/moved")),
    operation("move over a file", "MOVE", "a/other", Some("b/replaced")),
    operation("copy", "COPY", "a/source", Some("b/copied")),
    operation("copy over a file", "COPY", "a/source", Some("b/replaced2")),
    operation("make a directory", "MKCOL", "b/made", None),
    operation("restore", "POST", "", None),
];

/// The end of long names.
const LONG: &str = "-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

const OK: [Outcome; 9] =
    [(204, ""), (204, ""), (204, ""), (201, ""), (204, ""), (201, ""), (204, ""), (201, ""), (200, "")];

/// Without a trash there is nothing to restore.
const OFF: [Outcome; 9] = with(OK, &[(8, (404, "the trash is off"))]);

const READ_ONLY: Outcome = (403, "the file system there is mounted read-only");
const NO_SPACE: Outcome = (507, "there is no space left");
const CANNOT_KEEP: Outcome = (409, "may turn the trash off: --trash off");
const CANNOT_RESTORE: Outcome = (409, "its directory is on another file system than the trash");
const FULL: Outcome = (507, "your share of the trash is full");
const BAD_NAME: Outcome = (400, "the file system does not allow that name");
const NOT_FOUND: Outcome = (404, "there is nothing of that name");

/// The table, with other outcomes for some operations.
const fn with(mut table: [Outcome; 9], others: &[(usize, Outcome)]) -> [Outcome; 9] {
    let mut number = 0;
    while number < others.len() {
        table[others[number].0] = others[number].1;
        number += 1;
    }
    table
}

const SYSTEMS: [System; 13] = [
    System { name: "plain", faults: &[], flags: &[], is_full: false, expected: OK },
    System { name: "no hard links", faults: &[faults::NO_LINKS], flags: &[], is_full: false, expected: OK },
    System {
        name: "no RENAME_EXCHANGE and RENAME_NOREPLACE",
        faults: &[faults::NO_NOREPLACE],
        flags: &[],
        is_full: false,
        expected: OK,
    },
    System {
        name: "neither",
        faults: &[faults::NO_LINKS, faults::NO_NOREPLACE],
        flags: &[],
        is_full: false,
        expected: with(OK, &[(0, CANNOT_KEEP), (4, CANNOT_KEEP), (6, CANNOT_KEEP)]),
    },
    System { name: "--trash off", faults: &[], flags: &["--trash", "off"], is_full: false, expected: OFF },
    System {
        name: "neither, --trash off",
        faults: &[faults::NO_LINKS, faults::NO_NOREPLACE],
        flags: &["--trash", "off"],
        is_full: false,
        expected: OFF,
    },
    System {
        name: "full trash",
        faults: &[],
        flags: &["--trash-size", "200"],
        is_full: true,
        expected: with(OK, &[(0, FULL), (1, FULL), (2, FULL), (4, FULL), (6, FULL)]),
    },
    System {
        name: "read-only",
        faults: &[faults::READ_ONLY],
        flags: &[],
        is_full: false,
        expected: [READ_ONLY; 9],
    },
    System {
        name: "no space",
        faults: &[faults::NO_SPACE],
        flags: &[],
        is_full: false,
        // A move and a restore only rename.
        expected: with([NO_SPACE; 9], &[(3, OK[3]), (8, OK[8])]),
    },
    System {
        name: "no space for names",
        faults: &[faults::NO_SPACE_TO_RENAME],
        flags: &[],
        is_full: false,
        expected: with([NO_SPACE; 9], &[(7, OK[7])]),
    },
    System {
        name: "short names",
        faults: &[faults::SHORT_NAMES],
        flags: &[],
        is_full: false,
        expected: with([BAD_NAME; 9], &[(1, NOT_FOUND), (2, NOT_FOUND)]),
    },
    System {
        name: "directories apart",
        faults: &[faults::APART],
        flags: &[],
        is_full: false,
        // A move to another directory is a copy.
        expected: with([CANNOT_KEEP; 9], &[(3, OK[3]), (5, OK[5]), (7, OK[7]), (8, CANNOT_RESTORE)]),
    },
    System {
        name: "directories apart, --trash off",
        faults: &[faults::APART],
        flags: &["--trash", "off"],
        is_full: false,
        expected: OFF,
    },
];

/// What is in a directory, by path: the content of files; `None` for directories. The file that servers lock is left out.
fn contents(directory: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(directory).expect("below").display().to_string();
            let content = if path.is_dir() { None } else { Some(fs::read(&path).expect("read")) };
            if content.is_none() {
                waiting.push(path);
            }
            if name != ".wharf/lock" {
                found.insert(name, content);
            }
        }
    }
    found
}

/// Everything that the operations need, so that the trash has one entry, and is full if it has to be. Returns the path of the
/// entry.
fn prepare(mount: &Mount, visitor: &mut Visitor<'_>, is_full: bool) -> String {
    let behind = mount.behind();
    for name in ["a", "b"] {
        fs::create_dir(behind.join(name)).expect("made");
    }
    let long = |name: &str| behind.join(format!("{name}{LONG}"));
    fs::create_dir(long("a/gone-dir")).expect("made");
    for name in ["a/put", "a/gone", "b/replaced", "b/replaced2", "a/kept", "a/filler"] {
        fs::write(long(name), format!("what was in {name}!")).expect("written");
    }
    fs::write(long("a/gone-dir").join("file"), "the file in a directory").expect("written");
    for name in ["a/from", "a/other", "a/source"] {
        fs::write(behind.join(name), format!("what comes from {name}")).expect("written");
    }
    let id = visitor.does("DELETE", &format!("/a/kept{LONG}"), "", 204).field("Wharf-Trash");
    fs::write(long("a/filler"), "x".repeat(75)).expect("written");
    if is_full {
        visitor.does("DELETE", &format!("/a/filler{LONG}"), "", 204);
    }
    let id = if id.is_empty() { "018c2a3b4c5d-00000000000000ab" } else { &id };
    format!("/.wharf/trash/{id}/restore")
}

impl Operation {
    fn ask(&self, visitor: &mut Visitor<'_>, entry: &str) -> (u16, String) {
        let target = match self.method {
            "POST" => entry.to_owned(),
            "MOVE" | "COPY" => format!("/{}", self.target),
            _ => format!("/{}{LONG}", self.target),
        };
        let fields = self.destination.map(|to| format!("Destination: /{to}{LONG}\r\n")).unwrap_or_default();
        let body = if self.method == "PUT" { "new" } else { "" };
        let answer = visitor.ask(self.method, &target, &fields, body);
        (answer.code(), answer.text())
    }

    /// Whether a successful request has left what it has to, and nothing with a temporary name.
    fn is_done(&self, after: &BTreeMap<String, Option<Vec<u8>>>) -> bool {
        let at = |name: &str| after.get(name).cloned();
        let target = format!("{}{LONG}", self.target);
        let destination = self.destination.map(|to| at(&format!("{to}{LONG}")).flatten());
        let come = Some(format!("what comes from {}", self.target).into_bytes());
        let is_right = match self.method {
            "PUT" => at(&target) == Some(Some(b"new".to_vec())),
            "DELETE" => at(&target).is_none(),
            "MOVE" => destination == Some(come) && at(self.target).is_none(),
            "COPY" => destination == Some(come.clone()) && at(self.target) == Some(come),
            "MKCOL" => at(&target) == Some(None),
            _ => at(&format!("a/kept{LONG}")) == Some(Some(b"what was in a/kept!".to_vec())),
        };
        is_right && !after.keys().any(|name| [".tmp", ".new"].iter().any(|end| name.ends_with(end)))
    }
}

#[test]
fn every_operation_on_every_file_system() {
    let mut wrong = Vec::new();
    for System { name, faults, flags, is_full, expected } in &SYSTEMS {
        let Some(mount) = Mount::new() else { return };
        let wharf = Wharf::serve_in(mount.place(), &[&EDIT[..], flags].concat());
        let mut visitor = Visitor::new(&wharf);
        let entry = prepare(&mount, &mut visitor, *is_full);
        for (operation, (code, sentence)) in OPERATIONS.iter().zip(expected) {
            let before = contents(&mount.behind());
            mount.set(faults);
            let (got, text) = operation.ask(&mut visitor, &entry);
            mount.set(&[]);
            let after = contents(&mount.behind());
            let cell = format!("{name}: {}: {got} {}", operation.name, text.trim_end());
            if (got, text.contains(sentence)) != (*code, true) {
                wrong.push(format!("{cell} (expected {code} {sentence})"));
            }
            if got >= 300 && before != after {
                let differ = |name: &&String| before.get(*name) != after.get(*name);
                let names: Vec<_> = before.keys().chain(after.keys()).filter(differ).collect();
                wrong.push(format!("{cell} (but changed: {names:?})"));
            }
            if got < 300 && !operation.is_done(&after) {
                wrong.push(format!("{cell} (but left {:?})", after.keys().collect::<Vec<_>>()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
