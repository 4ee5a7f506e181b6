//! Paths and files that cannot be saved, and changes to the directory while a file is received.

use super::*;

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
