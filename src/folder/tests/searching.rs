//! Searching: what listings show, the nearest first, and nothing twice.

use super::disk;
use super::*;
use crate::access::{Right, Rule, Subject, ToList};
use crate::folder::{Search, SearchStep};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

/// All paths that a search finds, in its order; those of directories end with a slash.
fn found(search: &mut Search, wants: impl Fn(&[u8]) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        match search.step(|_, candidate| wants(candidate.name().as_bytes()), disk()) {
            SearchStep::Found { directory, entry } => {
                let slash = if entry.kind == EntryKind::Directory { "/" } else { "" };
                let path = directory.join(&entry.name).expect("a path");
                lines.push(format!("{}{slash}", path.display()));
            }
            SearchStep::Nothing | SearchStep::DirectoryDone => {}
            SearchStep::End => return lines,
        }
    }
}

/// The sorted paths of everything below this directory.
fn all(folder: &Folder, from: &str) -> Vec<String> {
    let mut search = folder.search(&grant(from), judge(), disk()).expect("a directory");
    let mut lines = found(&mut search, |_| true);
    assert!(!search.has_left_out());
    lines.sort();
    lines
}

#[test]
fn what_listings_show_and_nothing_else() {
    let it = Fixture::new();
    for name in ["a", "b/c", "b/d/e", ".hidden", "b/.git/config", "b/.wharf-1f.tmp", ".wharf/x"] {
        it.write(name, "x");
    }
    it.link("../outside/file", "out");
    it.link("../outside", "out-dir");
    it.link("nowhere", "dangling");
    it.link("b/c", "link");
    it.link("b", "to-b");
    it.link("..", "b/loop");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        it.share().join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a FIFO");
    let folder = it.folder(Rules::default());
    // A link to a directory is found, and not entered.
    assert_eq!(all(&folder, ""), ["a", "b/", "b/c", "b/d/", "b/d/e", "b/loop/", "link", "to-b/"]);
    assert_eq!(all(&folder, "to-b"), ["c", "d/", "d/e", "loop/"], "the client has named it");
    let hidden = Rules { hidden: true, read_only: true, ..Rules::default() };
    let expected = [".git/", ".git/config", "c", "d/", "d/e", "loop/"];
    assert_eq!(all(&it.folder(hidden), "b"), expected, "nothing of a server");
}

#[test]
fn near_entries_come_first() {
    let it = Fixture::new();
    for name in ["x", "a/x", "a/b/x", "a/b/c/x", "d/x"] {
        it.write(name, "");
    }
    let mut search = it.folder(Rules::default()).search(&grant(""), judge(), disk()).expect("a directory");
    let depths: Vec<_> =
        found(&mut search, |name| name == b"x").iter().map(|path| path.matches('/').count()).collect();
    assert_eq!(depths, [0, 1, 1, 2, 3]);
}

#[test]
fn rules_below_and_directories_that_cannot_be_read() {
    let it = Fixture::new();
    for name in ["open/x", "secret/x", "secret/deeper/x", "names/x", "locked/x", "x"] {
        it.write(name, "");
    }
    it.link("secret", "open/to-secret");
    it.link("secret/x", "open/to-x");
    let rule = |place: &str, rights: &[Right]| Rule {
        subject: Subject::Everyone,
        rights: Rights::of(rights),
        path: path(place),
        from: None,
    };
    let access = Access::by_rules([
        rule("", &[Right::List, Right::Read]),
        rule("secret", &[]),
        rule("secret/deeper", &[Right::List, Right::Read]),
        rule("names", &[Right::List]),
    ]);
    let judge = access.judge(&Principal::anonymous(None));
    let root = path("");
    let grant: Grant<'_, ToList> = judge.check(&root).expect("all may list");
    let locked = it.share().join("locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).expect("locked");
    let is_root = rustix::process::geteuid().is_root();
    let mut search = it.folder(Rules::default()).search(&grant, judge.clone(), disk()).expect("a directory");
    let mut lines = found(&mut search, |_| true);
    lines.sort();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).expect("unlocked");
    // Nothing stops root.
    lines.retain(|line| line != "locked/x" || !is_root);
    assert_eq!(lines, ["locked/", "names/", "names/x", "open/", "open/x", "x"]);
}

#[test]
fn a_directory_that_goes_or_becomes_a_link_is_skipped() {
    let it = Fixture::new();
    for name in ["a/x", "b/x", "c/x"] {
        it.write(name, "");
    }
    let folder = it.folder(Rules::default());
    let mut search = folder.search(&grant(""), judge(), disk()).expect("a directory");
    while !matches!(search.step(|_, _| false, disk()), SearchStep::DirectoryDone) {}
    fs::remove_dir_all(it.share().join("a")).expect("removed");
    fs::rename(it.share().join("b"), it.share().join("moved")).expect("renamed");
    it.link("moved", "b");
    assert_eq!(found(&mut search, |_| true), ["c/x"]);
}

#[test]
fn only_a_directory_is_searched() {
    let it = Fixture::new();
    it.write("file", "");
    it.write(".hidden/file", "");
    it.link("../outside", "out");
    let folder = it.folder(Rules::default());
    let search = |name| folder.search(&grant(name), judge(), disk()).map(|_| ());
    assert!(matches!(search("file"), Err(Error::NotDirectory)));
    for name in ["none", ".hidden", "out"] {
        assert!(matches!(search(name), Err(Error::NotFound)), "{name}");
    }
}
