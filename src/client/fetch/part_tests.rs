//! What is gone on with, and what is not.

use std::fs;
use std::path::Path;

use super::*;
use crate::client::fetch::downloads::Downloads;

const FROM: &str = "http://h/a";

/// A place in a folder.
fn spot(folder: &Path) -> Spot {
    Downloads::at(folder).make(Path::new("a")).expect("a place")
}

fn version(length: u64) -> Version {
    Version { from: FROM.to_owned(), validator: "\"1\"".to_owned(), length }
}

/// Leaves a part with this content.
fn leave(spot: &Spot, version: &Version, content: &[u8]) {
    let mut part = Part::begin(spot.clone(), Some(version)).expect("begun");
    part.write_all(content).expect("written");
    part.leave();
}

#[test]
fn a_part_is_gone_on_with() {
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let version = version(NOTED_FROM + 3);
    let content = vec![b'x'; NOTED_FROM as usize];
    leave(&spot, &version, &content);
    let found = Found::look(&spot, FROM).expect("readable").expect("there");
    assert_eq!((found.offset, &found.version), (NOTED_FROM, &version));
    let mut part = found.go_on().expect("there");
    part.write_all(b"end").expect("written");
    assert_eq!(part.length(), version.length);
    part.appear().expect("placed");
    assert_eq!(fs::read(folder.path().join("a")).expect("there"), [&content[..], b"end"].concat());
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else stays");
}

#[test]
fn what_is_not_gone_on_with() {
    let long = version(NOTED_FROM + 3);
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let offset = |from| Found::look(&spot, from).expect("readable").map(|found| found.offset);
    assert_eq!(offset(FROM), None, "nothing is there");
    leave(&spot, &long, b"");
    assert_eq!(offset(FROM), None, "nothing has come");
    leave(&spot, &long, b"abc");
    assert_eq!(offset("http://h/b"), None, "it is of another file");
    assert_eq!(offset(FROM), Some(3));
    fs::write(folder.path().join("a.part.from"), "{\"validator\":\"x\"}").expect("written");
    assert_eq!(offset(FROM), None, "its notes cannot be read");
    leave(&spot, &version(NOTED_FROM), b"abc");
    assert_eq!(offset(FROM), None, "it is short");
    assert!(!folder.path().join("a.part").exists(), "and does not stay");
}

#[test]
fn of_a_part_that_is_whole_the_last_byte_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let content = vec![b'x'; NOTED_FROM as usize + 1];
    leave(&spot, &version(NOTED_FROM + 1), &content);
    assert_eq!(Found::look(&spot, FROM).expect("readable").map(|found| found.offset), Some(NOTED_FROM));
}

#[test]
fn a_part_has_one_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let _first = Part::begin(spot.clone(), None).expect("begun");
    assert!(matches!(Part::begin(spot, None), Err(Error::Busy(_))));
}

#[test]
fn links_are_not_written_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let outside = tempfile::tempdir().expect("a folder");
    for name in ["a.part", "a.part.from"] {
        std::os::unix::fs::symlink(outside.path().join("x"), folder.path().join(name)).expect("linked");
    }
    assert!(matches!(Part::begin(spot.clone(), None), Err(Error::Local(..))));
    fs::remove_file(folder.path().join("a.part")).expect("removed");
    leave(&spot, &version(NOTED_FROM + 1), b"abc");
    assert_eq!(fs::read_dir(outside.path()).expect("a folder").count(), 0);
}
