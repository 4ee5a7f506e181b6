//! Which parts are resumed, which are not, and which files are not wharf's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::client::fetch::downloads::Downloads;

const FROM: &str = "http://h/a";

/// The place of a file of this address.
fn spot_of(folder: &Path, from: &str) -> Spot {
    Downloads::at(folder).make(Path::new("a"), &from.into()).expect("a place")
}

fn spot(folder: &Path) -> Spot {
    spot_of(folder, FROM)
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

/// The offset at which an earlier run's part is resumed.
fn offset(spot: &Spot) -> Option<u64> {
    ExistingPart::look(spot).expect("readable").map(|existing| existing.offset)
}

/// The names in the folder.
pub(in crate::client::fetch) fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).expect("a folder").flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name().into_string().expect("text")).collect();
    names.sort();
    names
}

#[test]
fn a_part_is_resumed() {
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let version = version(NOTED_FROM + 3);
    let content = vec![b'x'; NOTED_FROM as usize];
    leave(&spot, &version, &content);
    let existing = ExistingPart::look(&spot).expect("readable").expect("there");
    assert_eq!((existing.offset, &existing.version), (NOTED_FROM, &version));
    let mut part = existing.resume().expect("there");
    part.write_all(b"end").expect("written");
    assert_eq!(part.length(), version.length);
    part.appear().expect("placed");
    assert_eq!(fs::read(folder.path().join("a")).expect("there"), [&content[..], b"end"].concat());
    assert_eq!(names(folder.path()), ["a"], "nothing else is left");
}

#[test]
fn parts_that_are_not_resumed() {
    let long = version(NOTED_FROM + 3);
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    assert_eq!(offset(&spot), None, "there is no part");
    leave(&spot, &long, b"");
    assert_eq!(offset(&spot), None, "it is empty");
    leave(&spot, &long, b"abc");
    assert_eq!(offset(&spot_of(folder.path(), "http://h/b")), None, "it is of another file");
    assert_eq!(offset(&spot), Some(3));
    leave(&spot, &version(NOTED_FROM), b"abc");
    assert_eq!(offset(&spot), None, "it is short");
    assert_eq!(names(folder.path()), Vec::<String>::new(), "and is removed");
}

#[test]
fn of_a_complete_part_the_last_byte_is_requested() {
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let content = vec![b'x'; NOTED_FROM as usize + 1];
    leave(&spot, &version(NOTED_FROM + 1), &content);
    assert_eq!(offset(&spot), Some(NOTED_FROM));
}

#[test]
fn a_part_has_one_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let _first = Part::begin(spot.clone(), None).expect("begun");
    assert!(matches!(Part::begin(spot.clone(), None), Err(ClientError::Busy(_))));
    assert!(matches!(Part::begin(spot_of(folder.path(), "http://h/b"), None), Err(ClientError::Busy(_))));
    assert!(matches!(part_name::vacate(&spot), Err(ClientError::Busy(_))));
}

#[test]
fn a_part_is_created_when_the_other_writer_gives_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let spot = spot(folder.path());
    let mut first = Some(Part::begin(spot.clone(), None).expect("begun"));
    let free = || part_name::free(&spot).map(drop);
    let mut pauses = 0;
    assert!(
        matches!(part_name::in_turn(free, || pauses += 1), Err(ClientError::Busy(_))),
        "it is still there"
    );
    assert!(pauses > 0);
    let begun = part_name::in_turn(free, || {
        if let Some(first) = first.take() {
            first.discard();
        }
    });
    assert!(begun.is_ok(), "{begun:?}");
}

/// These files have the name of a part or of notes. They are not changed, and another name is used.
#[test]
fn files_of_others_are_not_changed() {
    let long = version(NOTED_FROM + 3);
    let notes = String::from_utf8(long.notes().line()).expect("text");
    let rows: [(&str, &dyn Fn(&Path)); 11] = [
        ("downloaded notes, and a file", &|at| {
            let path = at.join("a.part.from");
            fs::write(&path, r#"{"from":"http://h/a"}"#).expect("written");
            record::write(&fs::File::open(path).expect("open"), "http://h/a.part.from");
            fs::write(at.join("a.part"), "mine").expect("written");
        }),
        ("a file", &|at| fs::write(at.join("a.part"), "mine").expect("written")),
        ("an empty file", &|at| fs::write(at.join("a.part"), "").expect("written")),
        ("a file for notes", &|at| fs::write(at.join("a.part.from"), "mine").expect("written")),
        ("an empty file for notes", &|at| fs::write(at.join("a.part.from"), "").expect("written")),
        ("a file beside notes of another", &|at| {
            leave(&spot(at), &long, b"abc");
            fs::remove_file(at.join("a.part")).expect("removed");
            fs::write(at.join("a.part"), "mine").expect("written");
        }),
        ("a file that is longer than its notes say", &|at| {
            let old = r#"{"from":"http://h/a","validator":"\"1\"","length":3}"#;
            fs::write(at.join("a.part.from"), old).expect("written");
            fs::write(at.join("a.part"), "mine").expect("written");
        }),
        ("a directory", &|at| fs::create_dir(at.join("a.part")).expect("made")),
        ("a directory for notes", &|at| fs::create_dir(at.join("a.part.from")).expect("made")),
        ("a symlink", &|at| symlink("elsewhere", at.join("a.part")).expect("linked")),
        ("a symlink for notes, and a FIFO", &|at| {
            fs::write(at.join("notes"), &notes).expect("written");
            symlink("notes", at.join("a.part.from")).expect("linked");
            let made = Command::new("mkfifo").arg(at.join("a.part")).status();
            assert!(made.expect("it runs").success());
        }),
    ];
    for (name, make) in rows {
        let folder = tempfile::tempdir().expect("a folder");
        make(folder.path());
        let before = contents(folder.path());
        let spot = spot(folder.path());
        assert_eq!(offset(&spot), None, "{name}");
        leave(&spot, &long, b"abc");
        assert_eq!(offset(&spot), Some(3), "{name}: another name is used");
        assert!(folder.path().join("a.1.part").exists(), "{name}: {:?}", names(folder.path()));
        ExistingPart::look(&spot).expect("readable").expect("there").discard();
        assert_eq!(contents(folder.path()), before, "{name}");
    }
}

/// Each entry of a folder: its name, its inode, its length.
fn contents(folder: &Path) -> Vec<(String, u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let facts = |name: &String| fs::symlink_metadata(folder.join(name)).expect("there");
    let entry = |name: String| {
        let facts = facts(&name);
        (name, facts.ino(), facts.len())
    };
    names(folder).into_iter().map(entry).collect()
}

#[test]
fn if_all_names_are_taken_nothing_is_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.part", "a.1.part", "a.2.part", "a.3.part"] {
        fs::write(folder.path().join(name), name).expect("written");
    }
    let before = contents(folder.path());
    assert!(matches!(Part::begin(spot(folder.path()), None), Err(ClientError::NoPart(_))));
    assert_eq!(contents(folder.path()), before);
}

/// Whenever a crash happens, the next run removes or uses what it leaves.
#[test]
fn leftovers_of_a_crash_are_removed() {
    let rows: [(&str, &dyn Fn(&Path)); 4] = [
        ("only notes", &|at| {
            leave(&spot(at), &version(NOTED_FROM + 3), b"abc");
            fs::remove_file(at.join("a.part")).expect("removed");
        }),
        ("an empty part without its inode in the notes", &|at| {
            fs::write(at.join("a.part.from"), version(NOTED_FROM + 3).notes().line()).expect("written");
            fs::write(at.join("a.part"), "").expect("written");
        }),
        ("a part that cannot be resumed", &|at| {
            let mut part = Part::begin(spot(at), None).expect("begun");
            part.write_all(b"abc").expect("written");
        }),
        ("a part under another name, of another address", &|at| {
            fs::write(at.join("a.part"), "in the way").expect("written");
            leave(&spot_of(at, "http://h/b"), &version(NOTED_FROM + 3), b"abc");
            fs::remove_file(at.join("a.part")).expect("removed");
        }),
    ];
    for (name, crash) in rows {
        let folder = tempfile::tempdir().expect("a folder");
        crash(folder.path());
        assert_ne!(names(folder.path()), Vec::<String>::new(), "{name}");
        let mut part = Part::begin(spot(folder.path()), None).expect(name);
        part.write_all(b"whole").expect("written");
        part.appear().expect("placed");
        assert_eq!(names(folder.path()), ["a"], "{name}");
    }
}

#[test]
fn a_file_created_meanwhile_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let part = Part::begin(spot(folder.path()), None).expect("begun");
    fs::write(folder.path().join("a"), "mine").expect("written");
    assert!(matches!(part.appear(), Err(ClientError::Exists(_))));
    assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"mine");
    fs::remove_file(folder.path().join("a")).expect("removed");
    fs::rename(folder.path().join("a.part"), folder.path().join("b")).expect("moved");
    fs::write(folder.path().join("a.part"), "mine").expect("written");
    assert!(matches!(part.appear(), Err(ClientError::Local(..))), "it is no longer the part");
    part.discard();
    assert_eq!(fs::read(folder.path().join("a.part")).expect("there"), b"mine");
}
