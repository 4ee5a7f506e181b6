//! Two files with one name: saved one after the other, and both at once.

use super::disk;
use super::*;
use crate::folder::{Incoming, OnConflict};
use std::sync::Barrier;

const A: &str = "aaaaaaaaaaaaaaaa";
const B: &str = "bbbbbbbb";
/// How often two commits are started together; each result is checked.
const ROUNDS: usize = 50;

fn rules(on_conflict: OnConflict) -> Rules {
    Rules { on_conflict, ..quick() }
}

fn begin(folder: &Folder, content: &str) -> Incoming {
    let mut incoming = folder.receive(&grant("a.txt"), None, disk()).expect("begun");
    incoming.write(content.as_bytes(), disk()).expect("written");
    incoming
}

/// Commits two files with one name at the same time.
fn both(folder: &Folder, guard: Guard) -> [Result<Saved, Error>; 2] {
    both_of([folder, folder], guard)
}

/// Like [`both`], by two servers of one folder.
fn both_of(folders: [&Folder; 2], guard: Guard) -> [Result<Saved, Error>; 2] {
    let barrier = Barrier::new(2);
    let commit = |incoming: Incoming| {
        barrier.wait();
        incoming.commit(guard, &someone(), disk())
    };
    let (one, other) = (begin(folders[0], A), begin(folders[1], B));
    std::thread::scope(|scope| {
        let one = scope.spawn(|| commit(one));
        [commit(other), one.join().expect("no panic")]
    })
}

/// Runs `check` on the results of two commits at once, many times and with every save method.
fn race(on_conflict: OnConflict, guard: Guard, check: impl Fn(&Fixture, [Result<Saved, Error>; 2])) {
    for method in SAVE_METHODS {
        for _ in 0..ROUNDS {
            let it = Fixture::new();
            let outcome = both(&it.folder_in(method, rules(on_conflict)), guard);
            check(&it, outcome);
        }
    }
}

/// Checks that one was saved and one rejected; returns the error.
fn one_refused(outcome: [Result<Saved, Error>; 2]) -> Error {
    match outcome {
        [Ok(_), Err(error)] | [Err(error), Ok(_)] => error,
        other => panic!("{other:?}"),
    }
}

fn content(it: &Fixture, name: &str) -> String {
    fs::read_to_string(it.share().join(name)).expect("a file")
}

fn is_whole(it: &Fixture, name: &str) -> bool {
    [A, B].contains(&content(it, name).as_str())
}

#[test]
fn overwrite_leaves_one_whole_file() {
    race(OnConflict::Overwrite, Guard::None, |it, outcome| {
        let created: Vec<_> = outcome.into_iter().map(|saved| saved.expect("saved").created).collect();
        assert_eq!(created.iter().filter(|created| **created).count(), 1, "{created:?}");
        assert_eq!(it.on_disk(), ["a.txt"]);
        assert!(is_whole(it, "a.txt"));
    });
}

#[test]
fn refuse_saves_the_first() {
    race(OnConflict::Refuse, Guard::None, |it, outcome| {
        assert!(matches!(one_refused(outcome), Error::Exists));
        assert_eq!(it.on_disk(), ["a.txt"]);
        assert!(is_whole(it, "a.txt"));
    });
}

#[test]
fn rename_saves_both() {
    race(OnConflict::Rename, Guard::None, |it, outcome| {
        let mut names = outcome.map(|saved| saved.expect("saved").path.display().to_string());
        names.sort();
        assert_eq!(names, ["a (1).txt", "a.txt"]);
        assert_eq!(it.on_disk(), names);
        let mut contents = names.map(|name| content(it, &name));
        contents.sort();
        assert_eq!(contents, [A, B]);
    });
}

#[test]
fn a_new_file_is_new_only_once() {
    for on_conflict in [OnConflict::Overwrite, OnConflict::Refuse, OnConflict::Rename] {
        race(on_conflict, Guard::MustBeNew, |it, outcome| {
            assert!(matches!(one_refused(outcome), Error::Changed));
            assert_eq!(it.on_disk(), ["a.txt"]);
        });
    }
}

#[test]
fn a_version_is_replaced_only_once() {
    for method in SAVE_METHODS {
        for _ in 0..ROUNDS {
            let it = Fixture::new();
            let folder = it.folder_in(method, quick());
            save(&folder, "a.txt", "old").expect("saved");
            let guard = Guard::MustBe(open_file(&folder, "a.txt").facts.version);
            assert!(matches!(one_refused(both(&folder, guard)), Error::Changed));
            assert!(is_whole(&it, "a.txt"));
        }
    }
}

#[test]
fn guards_against_other_programs() {
    let it = Fixture::new();
    let folder = it.folder(quick());
    save(&folder, "a.txt", "old").expect("saved");
    let guard = Guard::MustBe(open_file(&folder, "a.txt").facts.version);
    save_if(&folder, "a.txt", "new", guard).expect("it is still this one");
    assert!(matches!(save_if(&folder, "a.txt", "newer", guard), Err(Error::Changed)));
    assert!(matches!(save_if(&folder, "none", "x", guard), Err(Error::Changed)));
    assert!(matches!(save_if(&folder, "no/dir/none", "x", guard), Err(Error::Changed)));
    assert!(matches!(save_if(&folder, "a.txt", "x", Guard::MustBeNew), Err(Error::Changed)));
    assert_eq!((content(&it, "a.txt").as_str(), it.on_disk().len()), ("new", 1));
}

#[test]
fn a_guard_sees_what_a_reader_sees_through_a_link() {
    let it = Fixture::new();
    it.write("dir/file", "old");
    it.link("dir/file", "link");
    let folder = it.folder(quick());
    let guard = Guard::MustBe(open_file(&folder, "link").facts.version);
    save_if(&folder, "link", "new", guard).expect("saved");
    assert_eq!((content(&it, "link").as_str(), content(&it, "dir/file").as_str()), ("new", "old"));
}

#[test]
fn a_name_taken_while_the_file_arrived() {
    let table = [
        (OnConflict::Overwrite, Some("a.txt"), "mine"),
        (OnConflict::Refuse, None, "theirs"),
        (OnConflict::Rename, Some("a (1).txt"), "theirs"),
    ];
    for method in SAVE_METHODS {
        for (on_conflict, saved_as, left) in table {
            let it = Fixture::new();
            let incoming = begin(&it.folder_in(method, rules(on_conflict)), "mine");
            it.write("a.txt", "theirs");
            let saved = incoming.commit(Guard::None, &someone(), disk());
            match saved_as {
                Some(name) => assert_eq!(saved.expect("saved").path, path(name), "{on_conflict:?}"),
                None => assert!(matches!(saved, Err(Error::Exists)), "{on_conflict:?}"),
            }
            assert_eq!(content(&it, "a.txt"), left, "{on_conflict:?} {method:?}");
        }
    }
}

#[test]
fn the_next_free_number_is_taken() {
    let it = Fixture::new();
    for name in ["a.txt", "a (1).txt", "a (3).txt"] {
        it.write(name, "old");
    }
    let folder = it.folder(rules(OnConflict::Rename));
    let saved = save(&folder, "a.txt", "new").expect("saved");
    assert_eq!(
        saved,
        Saved { path: path("a (2).txt"), asked_for: None, lies_at: None, size: 3, created: true, kept: None }
    );
    assert_eq!(save(&folder, "a.txt", "new").expect("saved").path, path("a (4).txt"));
}

/// Two servers share only the lock file and the atomic steps of the file system.
#[test]
fn two_servers_are_as_one() {
    let table = [
        ("a version", OnConflict::Overwrite, None),
        ("a new file", OnConflict::Overwrite, Some(Guard::MustBeNew)),
        ("refusing", OnConflict::Refuse, Some(Guard::None)),
        ("renaming", OnConflict::Rename, Some(Guard::None)),
    ];
    for method in SAVE_METHODS {
        for (case, on_conflict, guard) in table {
            for round in 0..ROUNDS {
                let it = Fixture::new();
                let servers = [(); 2].map(|()| it.folder_in(method, rules(on_conflict)));
                let guard = guard.unwrap_or_else(|| {
                    save(&servers[0], "a.txt", "old").expect("saved");
                    Guard::MustBe(open_file(&servers[1], "a.txt").facts.version)
                });
                let outcome = both_of(servers.each_ref(), guard);
                let saved = outcome.iter().filter(|saved| saved.is_ok()).count();
                let files = if on_conflict == OnConflict::Rename { 2 } else { 1 };
                assert_eq!(saved, files, "{case}, {method:?}, round {round}: {outcome:?}");
                assert_eq!(it.on_disk().len(), files, "{case}, {method:?}, round {round}");
                assert!(
                    it.on_disk().iter().all(|name| is_whole(&it, name)),
                    "{case}, {method:?}, round {round}"
                );
            }
        }
    }
}
