//! Saving one file: whole or not at all, and nothing left behind.

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
fn paths_that_cannot_be_saved() {
    let it = Fixture::new();
    it.write("file", "x");
    it.write("dir/x", "x");
    it.link("dir", "to-dir");
    it.link("nowhere", "dangling");
    it.link("../outside", "out");
    it.link("../outside/file", "out-file");
    let folder = it.folder(quick());
    let table: [(&str, Expected); 10] = [
        ("", |e| matches!(e, Error::NotFound)),
        ("dir", |e| matches!(e, Error::IsDirectory)),
        ("to-dir", |e| matches!(e, Error::IsDirectory)),
        ("file/below", |e| matches!(e, Error::NotDirectory)),
        ("file/far/below", |e| matches!(e, Error::NotDirectory)),
        ("dangling", |e| matches!(e, Error::NotFound)),
        ("dangling/below", |e| matches!(e, Error::NotFound)),
        ("out/new", |e| matches!(e, Error::NotFound)),
        ("out/new/new", |e| matches!(e, Error::NotFound)),
        ("out-file", |e| matches!(e, Error::NotFound)),
    ];
    let before = it.on_disk();
    for (name, expected) in table {
        let error = folder.receive(&grant(name), Some(1), disk()).expect_err(name);
        assert!(expected(&error), "{name}: {error:?}");
    }
    assert_eq!(it.on_disk(), before);
}

#[test]
fn a_directory_that_takes_the_name_meanwhile_is_kept() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let incoming = it.folder_in(method, quick()).receive(&grant("a"), None, disk()).expect("begun");
        fs::create_dir(it.share().join("a")).expect("a directory");
        assert!(
            matches!(incoming.commit(Guard::None, &someone(), disk()), Err(Error::IsDirectory)),
            "{method:?}"
        );
        assert_eq!(it.on_disk(), ["a"], "{method:?}");
    }
}

#[test]
fn a_parent_that_becomes_a_link_out_is_rejected() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let incoming = it.folder_in(method, quick()).receive(&grant("a/b"), None, disk()).expect("begun");
        it.link("../outside", "a");
        assert!(
            matches!(incoming.commit(Guard::None, &someone(), disk()), Err(Error::NotFound)),
            "{method:?}"
        );
        assert_eq!(fs::read_dir(it.outside()).expect("outside").count(), 1, "{method:?}");
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
fn read_only_is_checked_first() {
    let it = Fixture::new();
    let folder = it.folder(Rules { read_only: true, ..quick() });
    for name in ["", ".hidden", "new"] {
        assert!(matches!(folder.receive(&grant(name), None, disk()), Err(Error::ReadOnly)), "{name}");
    }
}

#[test]
fn the_limit_holds_whether_or_not_the_size_is_known() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let folder = it.folder_in(method, Rules { max_upload: Some(4), ..quick() });
        let announced = folder.receive(&grant("a"), Some(5), disk()).expect_err("an error");
        assert!(matches!(announced, Error::TooLarge { limit: 4 }), "{method:?}");
        let mut unannounced = folder.receive(&grant("a"), None, disk()).expect("begun");
        unannounced.write(b"1234", disk()).expect("just fits");
        assert!(matches!(unannounced.write(b"5", disk()), Err(Error::TooLarge { limit: 4 })), "{method:?}");
        assert!(it.on_disk().is_empty(), "{method:?}: its space is free at once");
        assert!(
            unannounced.commit(Guard::None, &someone(), disk()).is_err(),
            "{method:?}: an incomplete file cannot appear"
        );
        assert!(it.on_disk().is_empty(), "{method:?}");
        save(&folder, "a", "1234").expect("the limit itself is allowed");
    }
}

#[test]
fn a_file_larger_than_the_disk_is_rejected_before_its_first_byte() {
    let it = Fixture::new();
    let error = it.folder(quick()).receive(&grant("a"), Some(u64::MAX - 1), disk()).expect_err("an error");
    assert!(matches!(error, Error::NoSpace), "{error:?}");
}

#[test]
fn the_order_of_errors() {
    use crate::folder::OnConflict;
    let it = Fixture::new();
    it.write("file", "x");
    it.write("dir/x", "x");
    let folder = it.folder(Rules { max_upload: Some(4), on_conflict: OnConflict::Refuse, ..quick() });
    let refused = |name| folder.receive(&grant(name), Some(u64::MAX - 1), disk()).expect_err("an error");
    assert!(matches!(refused(".hidden"), Error::NotFound));
    assert!(matches!(refused("dir"), Error::IsDirectory));
    assert!(matches!(refused("file"), Error::Exists));
    assert!(matches!(refused("new"), Error::TooLarge { limit: 4 }));
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

#[test]
fn a_directory_that_is_removed_meanwhile_is_not_written_to() {
    type Change = fn(&Fixture);
    let table: [(&str, Change, &str, &[&str]); 6] = [
        (
            "removed",
            |it| fs::remove_dir_all(it.share().join("sub")).expect("removed"),
            "sub/a",
            &["sub", "sub/a"],
        ),
        (
            "made anew",
            |it| {
                fs::rename(it.share().join("sub"), it.share().join("old")).expect("moved");
                fs::create_dir(it.share().join("sub")).expect("made");
            },
            "sub/a",
            &["old", "sub", "sub/a"],
        ),
        (
            "moved out of the folder",
            |it| fs::rename(it.share().join("sub"), it.outside().join("sub")).expect("moved"),
            "sub/a",
            &["sub", "sub/a"],
        ),
        (
            "moved out, with some below that are missing",
            |it| fs::rename(it.share().join("sub"), it.outside().join("sub")).expect("moved"),
            "sub/b/c/a",
            &["sub", "sub/b", "sub/b/c", "sub/b/c/a"],
        ),
        (
            "a link that is turned",
            |it| {
                fs::remove_file(it.share().join("link")).expect("removed");
                fs::create_dir(it.share().join("other")).expect("made");
                it.link("other", "link");
            },
            "link/a",
            &["link", "other", "other/a", "sub"],
        ),
        ("nothing happens", |_| {}, "sub/a", &["sub", "sub/a"]),
    ];
    for method in [SaveMethod::Anonymous, SaveMethod::Named] {
        for (case, change, name, expected) in table {
            let it = Fixture::new();
            fs::create_dir(it.share().join("sub")).expect("made");
            if name.starts_with("link") {
                it.link("sub", "link");
            }
            let folder = it.folder_in(method, Rules::default());
            let mut incoming = folder.receive(&grant(name), Some(3), disk()).expect("begun");
            incoming.write(b"new", disk()).expect("written");
            change(&it);
            let saved = incoming.commit(Guard::None, &someone(), disk());
            // A named temporary is removed together with its directory.
            if case == "removed" && method == SaveMethod::Named {
                assert!(matches!(saved, Err(Error::ParentGone)), "{case}: {saved:?}");
                assert!(it.on_disk().is_empty(), "{:?}", it.on_disk());
                continue;
            }
            assert!(saved.is_ok(), "{case}, {method:?}: {saved:?}");
            assert_eq!(read(&folder, name).ok().as_deref(), Some("new"), "{case}, {method:?}");
            assert_eq!(it.on_disk(), expected, "{case}, {method:?}");
            let outside = it.outside().join("sub");
            assert!(
                fs::read_dir(outside).map_or(0, Iterator::count) == 0,
                "{case}, {method:?}: nothing is outside"
            );
        }
    }
}

#[test]
fn a_directory_is_made_where_nothing_is() {
    let it = Fixture::new();
    it.write("file", "x");
    it.write("dir/x", "x");
    it.link("dir", "to-dir");
    it.link("nowhere", "dangling");
    it.link("../outside", "out");
    it.link("../outside/file", "out-file");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        it.share().join("fifo"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .expect("a FIFO");
    let folder = it.folder(Rules::default());
    let make = |name: &str, guard| folder.make_directory(&grant(name), guard, disk());
    let table: [(&str, Expected); 16] = [
        ("", |e| matches!(e, Error::Exists)),
        ("file", |e| matches!(e, Error::Exists)),
        ("dir", |e| matches!(e, Error::Exists)),
        ("to-dir", |e| matches!(e, Error::Exists)),
        ("none/below", |e| matches!(e, Error::NoParent)),
        ("dir/none/below", |e| matches!(e, Error::NoParent)),
        ("file/below", |e| matches!(e, Error::NotDirectory)),
        ("file/far/below", |e| matches!(e, Error::NotDirectory)),
        ("dangling", |e| matches!(e, Error::NotFound)),
        ("dangling/below", |e| matches!(e, Error::NotFound)),
        ("out/new", |e| matches!(e, Error::NotFound)),
        ("out-file", |e| matches!(e, Error::NotFound)),
        ("fifo", |e| matches!(e, Error::NotFound)),
        (".hidden", |e| matches!(e, Error::NotFound)),
        ("dir/.wharf", |e| matches!(e, Error::NotFound)),
        (".wharf/uploads/new", |e| matches!(e, Error::NotFound)),
    ];
    let before = it.on_disk();
    for (name, expected) in table {
        for guard in [Guard::None, Guard::MustExist] {
            let error = make(name, guard).expect_err(name);
            let is_changed = guard == Guard::MustExist && name.contains("none/");
            assert!(expected(&error) || is_changed && matches!(error, Error::Changed), "{name}: {error:?}");
        }
    }
    assert!(matches!(make("new", Guard::MustExist), Err(Error::Changed)));
    assert_eq!(it.on_disk(), before);
    for name in ["new", "new/below", "to-dir/new"] {
        make(name, Guard::None).expect(name);
    }
    assert!(it.share().join("new/below").is_dir() && it.share().join("dir/new").is_dir());
    assert!(it.outside().read_dir().expect("a directory").count() == 1, "nothing is made outside");
    let usual = it.share().join("usual");
    fs::create_dir(&usual).expect("a directory");
    let mode = |path| fs::metadata(path).expect("a directory").permissions().mode();
    assert_eq!(mode(it.share().join("new")), mode(usual));
}

#[test]
fn a_directory_is_made_only_where_the_rules_allow_it() {
    let it = Fixture::new();
    let table: [(Rules, Expected); 2] = [
        (Rules { read_only: true, ..quick() }, |e| matches!(e, Error::ReadOnly)),
        (Rules { reserve: u64::MAX, ..quick() }, |e| matches!(e, Error::NoSpace)),
    ];
    for (rules, expected) in table {
        let error = it.folder(rules).make_directory(&grant("new"), Guard::None, disk()).expect_err("refused");
        assert!(expected(&error), "{error:?}");
    }
    it.folder(Rules { hidden: true, ..quick() })
        .make_directory(&grant(".new"), Guard::None, disk())
        .expect("hidden names are accepted");
    assert_eq!(it.on_disk(), [".new"]);
}
