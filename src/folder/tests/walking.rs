//! Walking: everything shared below a directory, and nothing twice.

use super::disk;
use super::*;
use crate::folder::{Walk, WalkStep};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::os::unix::fs::PermissionsExt;

/// All that a walk finds: directories with a trailing slash, files with their content.
fn walked(folder: &Folder, from: &str) -> Vec<String> {
    let mut walk = folder.walk(&grant(from), judge(), disk()).expect("a directory");
    let mut found = rest_of(&mut walk);
    found.sort();
    found
}

/// The rest of a walk.
fn rest_of(walk: &mut Walk) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        lines.push(match walk.step(disk()).expect("no error of the system") {
            WalkStep::Directory { path, .. } => format!("{}/", path.display()),
            WalkStep::File { path, mut open } => {
                let mut text = String::new();
                open.file.read_to_string(&mut text).expect("text");
                format!("{}={text}", path.display())
            }
            WalkStep::Lost(path, error) => format!("{}: {error}", path.display()),
            WalkStep::Missing(name) => format!("{} is missing", name.display()),
            WalkStep::Nothing => continue,
            WalkStep::End => return lines,
        });
    }
}

#[test]
fn everything_shared_and_nothing_else() {
    let it = Fixture::new();
    for name in ["a", "b/c", "b/d/e", ".hidden", "b/.git/config", "b/.wharf-1f.tmp", ".wharf/x"] {
        it.write(name, "x");
    }
    fs::create_dir_all(it.share().join("empty/below")).expect("a directory");
    it.link("../outside/file", "out");
    it.link("../outside", "out-dir");
    it.link("nowhere", "dangling");
    it.link("b/c", "link");
    it.link("../a", "b/up");
    let fifo = it.share().join("b/fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
    it.link("b/fifo", "to-fifo");
    let expected =
        ["./", "a=x", "b/", "b/c=x", "b/d/", "b/d/e=x", "b/up=x", "empty/", "empty/below/", "link=x"];
    assert_eq!(walked(&it.folder(Rules::default()), ""), expected);
    assert_eq!(walked(&it.folder(Rules::default()), "b/d"), ["b/d/", "b/d/e=x"]);
    let hidden = Rules { hidden: true, read_only: true, ..Rules::default() };
    let with_hidden = walked(&it.folder(hidden), "b");
    assert_eq!(with_hidden, ["b/", "b/.git/", "b/.git/config=x", "b/c=x", "b/d/", "b/d/e=x", "b/up=x"]);
}

#[test]
fn links_to_directories_are_followed_at_the_start_only() {
    let it = Fixture::new();
    it.write("a/file", "x");
    it.link("..", "a/loop");
    it.link(".", "a/here");
    it.link("a", "link");
    let folder = it.folder(Rules::default());
    assert_eq!(walked(&folder, ""), ["./", "a/", "a/file=x"]);
    assert_eq!(walked(&folder, "link"), ["link/", "link/file=x"], "the client has named it");
}

#[test]
fn only_a_directory_is_walked() {
    let it = Fixture::new();
    it.write("file", "");
    it.write(".hidden/file", "");
    it.link("../outside", "out");
    let folder = it.folder(Rules::default());
    assert!(matches!(folder.walk(&grant("file"), judge(), disk()), Err(Error::NotDirectory)));
    for name in ["none", ".hidden", "out"] {
        assert!(matches!(folder.walk(&grant(name), judge(), disk()), Err(Error::NotFound)), "{name}");
    }
}

#[test]
fn removed_entries_are_lost_and_the_rest_is_found() {
    let it = Fixture::new();
    for name in ["a/file", "b/file", "c/file"] {
        it.write(name, "x");
    }
    let folder = it.folder(Rules::default());
    let mut walk = folder.walk(&grant(""), judge(), disk()).expect("a directory");
    assert!(matches!(walk.step(disk()), Ok(WalkStep::Directory { .. })), "where it begins");
    assert!(matches!(walk.step(disk()), Ok(WalkStep::Nothing)), "a directory, which waits now");
    for name in ["a", "b", "c"] {
        fs::remove_dir_all(it.share().join(name)).expect("removed");
    }
    it.write("late/file", "y");
    let rest = rest_of(&mut walk);
    assert!(rest.iter().any(|line| line.ends_with(": there is nothing of that name")), "{rest:?}");
    assert!(rest.iter().all(|line| !line.contains("=x")), "{rest:?}");
}

#[test]
fn unreadable_entries_are_lost() {
    let it = Fixture::new();
    it.write("shut/file", "x");
    it.write("closed", "x");
    for name in ["shut", "closed"] {
        fs::set_permissions(it.share().join(name), fs::Permissions::from_mode(0o000)).expect("set");
    }
    let found = walked(&it.folder(Rules::default()), "");
    fs::set_permissions(it.share().join("shut"), fs::Permissions::from_mode(0o700)).expect("set back");
    let denied = ["./", "closed: the file's permissions forbid it", "shut: the file's permissions forbid it"];
    let as_root = ["./", "closed=x", "shut/", "shut/file=x"];
    assert!(
        found == if rustix::process::geteuid().is_root() { &as_root[..] } else { &denied[..] },
        "{found:?}"
    );
}

#[test]
fn very_deep_directories() {
    let it = Fixture::new();
    let deep = ["d"; 1000].join("/");
    it.write(&format!("{deep}/file"), "x");
    let mut walk = it.folder(Rules::default()).walk(&grant(""), judge(), disk()).expect("a directory");
    let mut directories = 0;
    let last = loop {
        match walk.step(disk()).expect("no error of the system") {
            WalkStep::Directory { .. } => directories += 1,
            WalkStep::File { path, .. } => break path,
            WalkStep::Nothing => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((directories, last), (1001, path(&format!("{deep}/file"))));
}
