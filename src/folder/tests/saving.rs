//! Saving one file: whole or not at all, and nothing left behind.

mod directories;
mod refused;

use super::disk;
use super::*;
use crate::folder::EntryKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

type Expected = fn(&Error) -> bool;

#[test]
fn a_file_appears_whole_at_the_commit() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let folder = it.folder_in(method, Rules::default());
        let mut incoming = folder.receive(&grant("a/b/c"), None, disk()).expect("begun");
        incoming.write(b"one ", disk()).expect("written");
        incoming.write(b"two", disk()).expect("written");
        assert_eq!(incoming.received(), 7);
        assert!(
            matches!(folder.open(&grant("a"), disk()), Err(Error::NotFound)),
            "{method:?}: parents come last"
        );
        assert!(list(&folder, "").expect("a listing").is_empty(), "{method:?}");
        let saved = incoming.commit(Guard::None, &someone(), disk()).expect("committed");
        assert_eq!(
            saved,
            Saved { path: path("a/b/c"), asked_for: None, lies_at: None, size: 7, created: true, kept: None }
        );
        assert_eq!(read(&folder, "a/b/c").expect("a file"), "one two", "{method:?}");
        assert_eq!(it.on_disk(), ["a", "a/b", "a/b/c"], "{method:?}");
    }
}

#[test]
fn a_dropped_file_leaves_nothing() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        it.write("old", "old");
        let folder = it.folder_in(method, quick());
        for name in ["new", "old", "a/b/c"] {
            let mut incoming = folder.receive(&grant(name), Some(100), disk()).expect("begun");
            incoming.write(b"half", disk()).expect("written");
            drop(incoming);
            assert_eq!(it.on_disk(), ["old"], "{method:?} {name}");
        }
        assert_eq!(read(&folder, "old").expect("the old file"), "old");
    }
}

#[test]
fn a_reader_keeps_the_file_that_it_opened() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        it.write("a", "old");
        let folder = it.folder_in(method, quick());
        let mut open = open_file(&folder, "a").file;
        let saved = save(&folder, "a", "new").expect("saved");
        assert_eq!(
            saved,
            Saved { path: path("a"), asked_for: None, lies_at: None, size: 3, created: false, kept: None }
        );
        let mut text = String::new();
        open.read_to_string(&mut text).expect("read");
        assert_eq!((text.as_str(), read(&folder, "a").expect("read").as_str()), ("old", "new"), "{method:?}");
        assert_eq!(it.on_disk(), ["a"], "{method:?}");
    }
}

#[test]
fn a_new_file_has_the_mode_that_any_program_gives() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        it.write("usual", "");
        save(&it.folder_in(method, quick()), "saved", "").expect("saved");
        let mode = |name| fs::metadata(it.share().join(name)).expect("a file").permissions().mode();
        assert_eq!(mode("saved"), mode("usual"), "{method:?}");
    }
}

#[test]
fn a_link_to_a_file_is_replaced_and_not_followed() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        it.write("file", "old");
        it.link("file", "link");
        let folder = it.folder_in(method, quick());
        assert!(!save(&folder, "link", "new").expect("saved").created);
        assert_eq!(read(&folder, "file").expect("read"), "old", "{method:?}");
        assert_eq!(read(&folder, "link").expect("read"), "new", "{method:?}");
        assert!(fs::symlink_metadata(it.share().join("link")).expect("a file").is_file(), "{method:?}");
    }
}

#[test]
fn a_link_to_a_directory_is_followed() {
    let it = Fixture::new();
    it.write("dir/x", "x");
    it.link("dir", "link");
    let folder = it.folder(quick());
    save(&folder, "link/new/file", "hi").expect("saved");
    assert_eq!(read(&folder, "dir/new/file").expect("read"), "hi");
}

#[test]
fn a_saved_file_has_one_name() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let folder = it.folder_in(method, quick());
        for content in ["new", "replaced"] {
            save(&folder, "a", content).expect("saved");
            assert_eq!(
                fs::metadata(it.share().join("a")).expect("a file").nlink(),
                1,
                "{method:?} {content}"
            );
        }
    }
}

#[test]
fn a_folder_that_may_not_be_read_accepts_files() {
    let it = Fixture::new();
    it.write("inbox/x", "");
    let inbox = it.share().join("inbox");
    fs::set_permissions(&inbox, PermissionsExt::from_mode(0o300)).expect("a drop box");
    save(&it.folder(Rules::default()), "inbox/new", "hi").expect("saved");
    fs::set_permissions(&inbox, PermissionsExt::from_mode(0o700)).expect("open again");
    assert_eq!(fs::read_to_string(inbox.join("new")).expect("a file"), "hi");
}

/// A claimed name is not shown as an empty file.
#[test]
fn a_claimed_name_is_not_shown() {
    const FILES: usize = 300;
    let it = Fixture::new();
    let folder = it.folder_in(SaveMethod::Claimed, quick());
    let name = |number: usize| format!("f{number}");
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for number in 0..FILES {
                let text = loop {
                    match read(&folder, &name(number)) {
                        Err(Error::NotFound) => {}
                        other => break other.expect("readable"),
                    }
                };
                assert_eq!(text, "whole", "{number}");
                let listed = list(&folder, "").expect("a listing");
                assert!(listed.iter().all(|entry| entry.kind == EntryKind::File { len: 5 }), "{listed:?}");
            }
        });
        (0..FILES).for_each(|number| drop(save(&folder, &name(number), "whole").expect("saved")));
        reader.join().expect("nothing empty was seen");
    });
}
