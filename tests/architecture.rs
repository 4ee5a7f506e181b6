//! The arrows between the rooms go one way.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, and the rooms that it may import.
const ARROWS: [(&str, &[&str]); 18] = [
    ("own_paths", &[]),
    ("stop", &[]),
    ("printable", &[]),
    ("sink", &[]),
    ("format", &[]),
    ("qr", &[]),
    ("folder", &["printable"]),
    ("http", &[]),
    ("tftp", &["printable"]),
    ("archive", &[]),
    ("chat", &[]),
    ("durable", &[]),
    ("net", &[]),
    ("client", &["http", "tftp", "chat", "durable", "net", "own_paths", "printable", "format", "stop"]),
    ("replay", &["client", "http", "printable", "format"]),
    (
        "server",
        &[
            "http",
            "tftp",
            "archive",
            "chat",
            "folder",
            "net",
            "own_paths",
            "printable",
            "sink",
            "format",
            "qr",
            "stop",
        ],
    ),
    ("cli", &["client", "replay", "server", "folder", "net", "printable", "sink", "format", "qr", "stop"]),
    ("main", &["cli"]),
];

#[test]
fn no_room_imports_one_that_is_above_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for file in rust_files(&source) {
        let room = room_of(&file, &source);
        let text = fs::read_to_string(&file).expect("text");
        let Some((_, may)) = ARROWS.iter().find(|(name, _)| *name == room) else {
            assert_eq!(room, "lib", "{} is in no room", file.display());
            continue;
        };
        for imported in imports(&text) {
            seen += 1;
            let allowed = imported == room || may.contains(&imported.as_str());
            assert!(allowed, "{}: `{room}` must not import `{imported}`", file.display());
        }
    }
    assert!(seen > 50, "only {seen} imports were found: is this test still looking at the right lines?");
}

/// In `server/`, an answer's file imports what answers use, never another answer.
#[test]
fn only_the_wiring_imports_the_acceptor_and_the_connection_table() {
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server");
    for name in ["files", "listing/mod", "archive_body", "upload", "form", "status", "pages", "route"] {
        let text = fs::read_to_string(server.join(format!("{name}.rs"))).expect("text");
        for inner in ["acceptor", "connection_table", "connection", "sending", "outgoing"] {
            let imports = text.contains(&format!("super::{inner}"));
            assert!(!imports, "server/{name}.rs must not import server/{inner}.rs");
        }
    }
}

/// The first word behind every `crate::` or `wharf::`.
fn imports(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1).chain(line.split("wharf::").skip(1)))
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>())
        .filter(|word| ARROWS.iter().any(|(room, _)| room == word))
        .collect()
}

fn room_of(file: &Path, source: &Path) -> String {
    let inside = file.strip_prefix(source).expect("below");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let below = dirs.iter().flat_map(|dir| rust_files(dir));
    files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs")).chain(below).collect()
}
