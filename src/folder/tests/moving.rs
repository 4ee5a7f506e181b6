//! Moves and copies: what they replace, and what they leave.

use std::os::unix::fs::MetadataExt as _;

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::access::{ToRead, ToRemove, ToWrite};
use crate::folder::{Copying, Extent, IfTaken, Moved, NewName, Relocated, Renamed};

fn judge() -> Judge {
    Access::new(Rights::EDIT).judge(&Principal::anonymous(None))
}

fn grant<O: Operation>(name: &str) -> Grant<'static, O> {
    judge().check(&path(name)).expect("all is allowed").into_owned()
}

fn client() -> Remover {
    Remover::at_address("here".to_owned())
}

fn rename(folder: &Folder, from: &str, to: &str, conflict: IfTaken) -> Result<Moved, Error> {
    let (from, to) = (grant::<ToRemove>(from), grant::<ToWrite>(to));
    match folder.rename(&from, Guard::None, NewName { to: &to, conflict, remover: &client() }, disk())? {
        Renamed::Done(moved) => Ok(moved),
        Renamed::OtherFileSystem => panic!("it is one file system"),
    }
}

fn begin_copy(folder: &Folder, from: &str, to: &str, conflict: IfTaken) -> Result<Copying, Error> {
    let (from, to) = (grant::<ToRead>(from), grant::<ToWrite>(to));
    let wanted = NewName { to: &to, conflict, remover: &client() };
    folder.copy(&from, &judge(), Extent::Everything, wanted, disk())
}

fn copy(folder: &Folder, from: &str, to: &str, conflict: IfTaken) -> Result<Saved, Error> {
    let mut copying = begin_copy(folder, from, to, conflict)?;
    loop {
        match copying.step(disk())? {
            None => {}
            Some(Relocated::Copied { saved, .. }) => return Ok(saved),
            Some(Relocated::Moved(_)) => panic!("nothing was moved"),
        }
    }
}

/// The names in a directory, sorted, without the server's own.
fn names(it: &Fixture, directory: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(it.share().join(directory)) else { return Vec::new() };
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    let mut names: Vec<_> = names.filter(|name| name != ".wharf").collect();
    names.sort();
    names
}

#[test]
fn without_a_trash_what_is_replaced_is_gone() {
    for trash in [None, Some(Duration::from_secs(3_600))] {
        for method in SAVE_METHODS {
            let it = Fixture::new();
            let folder = it.folder_in(method, Rules { trash, ..quick() });
            for name in ["a", "b", "c", "d/in", "e/in", "f/in", "to1", "to2/x", "to3", "to4", "to5/x"] {
                it.write(name, name);
            }
            let replace = IfTaken::Replace;
            for (from, to) in [("a", "to1"), ("b", "to2"), ("d", "to3")] {
                let moved = rename(&folder, from, to, replace).expect("moved");
                assert!(!moved.created && moved.kept.is_some() == trash.is_some(), "{from} {method:?}");
            }
            for (from, to) in [("c", "to5"), ("e", "to4")] {
                let saved = copy(&folder, from, to, replace).expect("copied");
                assert!(!saved.created && saved.kept.is_some() == trash.is_some(), "{from} {method:?}");
            }
            folder.sweep_trash(SystemTime::now(), disk());
            let expected = ["c", "e", "f", "to1", "to2", "to3", "to4", "to5"];
            let found = names(&it, ".");
            assert_eq!(found, expected, "{method:?}");
            let kept = names(&it, ".wharf/trash");
            assert_eq!(
                kept.iter().filter(|name| !name.contains(".json")).count(),
                if trash.is_some() { 5 } else { 0 }
            );
        }
    }
}

#[test]
fn a_name_that_is_taken_is_refused_and_nothing_is_left() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let folder = it.folder_in(method, quick());
        for name in ["a", "b", "dir/a", "other/b"] {
            it.write(name, name);
        }
        let before = names(&it, ".");
        for (from, to) in [("a", "b"), ("a", "dir"), ("dir", "b"), ("dir", "other")] {
            let moved = rename(&folder, from, to, IfTaken::Refuse);
            assert!(matches!(moved, Err(Error::Exists)), "{from} {to}: {moved:?}");
            let copied = copy(&folder, from, to, IfTaken::Refuse);
            assert!(matches!(copied, Err(Error::Exists)), "{from} {to}: {copied:?}");
        }
        assert_eq!(names(&it, "."), before, "{method:?}");
    }
}

#[test]
fn a_copy_that_is_dropped_leaves_nothing() {
    let it = Fixture::new();
    let folder = it.folder(quick());
    for number in 0..600 {
        it.write(&format!("dir/{number}"), "x");
    }
    it.write("file", "x");
    for from in ["dir", "file"] {
        let mut copying = begin_copy(&folder, from, "copy", IfTaken::Replace).expect("begun");
        if from == "dir" {
            assert!(copying.step(disk()).expect("a piece").is_none(), "there is more");
        }
        drop(copying);
        folder.sweep_trash(SystemTime::now(), disk());
        let left = names(&it, ".");
        assert_eq!(left, ["dir", "file"], "{from}");
        let in_trash = names(&it, ".wharf/trash");
        assert!(in_trash.is_empty(), "{from}: {in_trash:?}");
    }
}

/// If a file changes during the copy, the copy has its old or its new state; the name of the copy is decided at the
/// end.
#[test]
fn what_comes_meanwhile_is_not_replaced_unless_it_may_be() {
    let it = Fixture::new();
    let folder = it.folder(quick());
    it.write("dir/a", "a");
    let mut copying = begin_copy(&folder, "dir", "copy", IfTaken::Refuse).expect("begun");
    it.write("copy", "another client was faster");
    let outcome = loop {
        match copying.step(disk()) {
            Ok(None) => {}
            other => break other,
        }
    };
    assert!(matches!(outcome, Err(Error::Exists)), "{outcome:?}");
    drop(copying);
    assert_eq!(fs::read_to_string(it.share().join("copy")).expect("a file"), "another client was faster");
}

#[test]
fn a_moved_file_is_the_same_file() {
    let it = Fixture::new();
    let folder = it.folder(quick());
    it.write("a", "a");
    it.write("dir/b", "b");
    let inode = |name: &str| fs::metadata(it.share().join(name)).expect(name).ino();
    let before = (inode("a"), inode("dir"));
    rename(&folder, "a", "dir/a", IfTaken::Refuse).expect("moved");
    rename(&folder, "dir", "moved", IfTaken::Refuse).expect("moved");
    assert_eq!((inode("moved/a"), inode("moved")), before);
}

fn finish(mut copying: Copying) -> Result<Relocated, Error> {
    loop {
        if let Some(done) = copying.step(disk())? {
            return Ok(done);
        }
    }
}

#[test]
fn a_copy_whose_directory_goes_meanwhile_is_refused_and_leaves_nothing() {
    for method in SAVE_METHODS {
        for from in ["dir", "file"] {
            for how in ["moved", "replaced", "removed"] {
                let it = Fixture::new();
                let folder = it.folder_in(method, quick());
                for name in ["dir/a", "file", "dst/x"] {
                    it.write(name, name);
                }
                let copying = begin_copy(&folder, from, "dst/copy", IfTaken::Replace).expect("begun");
                if how == "removed" {
                    fs::remove_dir_all(it.share().join("dst")).expect("removed");
                } else {
                    fs::rename(it.share().join("dst"), it.share().join("old")).expect("moved");
                }
                if how == "replaced" {
                    fs::create_dir(it.share().join("dst")).expect("made");
                }
                let outcome = finish(copying);
                let case = format!("{from} {how} {method:?}: {outcome:?}");
                match (from, how) {
                    // The directory is looked up again, as for an upload.
                    ("file", "replaced") => assert!(outcome.is_ok(), "{case}"),
                    _ => assert!(matches!(outcome, Err(Error::ParentGone)), "{case}"),
                }
                folder.sweep_trash(SystemTime::now(), disk());
                let (old, dst) = if how == "removed" { (vec![], vec![]) } else { (vec!["x"], vec![]) };
                let dst = if outcome.is_ok() { vec!["copy"] } else { dst };
                assert_eq!(
                    (names(&it, "old"), names(&it, "dst")),
                    (
                        old.into_iter().map(str::to_owned).collect(),
                        dst.into_iter().map(str::to_owned).collect()
                    ),
                    "{case}"
                );
            }
        }
    }
}

/// Otherwise the copy could be a mixture that never existed in the folder.
#[test]
fn a_directory_that_changes_while_it_is_copied_is_not_copied() {
    let changes: [(&str, fn(&Fixture)); 6] = [
        ("a file is removed", |it| fs::remove_file(it.share().join("dir/5")).expect("removed")),
        ("a file is new", |it| it.write("dir/new", "b")),
        ("a directory is removed", |it| fs::remove_dir_all(it.share().join("dir/sub")).expect("removed")),
        ("a directory is moved out", |it| {
            fs::rename(it.share().join("dir/sub"), it.share().join("sub")).expect("moved");
        }),
        ("it is moved itself", |it| fs::rename(it.share().join("dir"), it.share().join("d")).expect("moved")),
        ("it is another one", |it| {
            fs::rename(it.share().join("dir"), it.share().join("d")).expect("moved");
            it.write("dir/sub/a", "another");
        }),
    ];
    for (case, change) in changes {
        let it = Fixture::new();
        let folder = it.folder(quick());
        it.write("dir/sub/a", "a");
        for number in 0..600 {
            it.write(&format!("dir/{number}"), "x");
        }
        let mut copying = begin_copy(&folder, "dir", "copy", IfTaken::Replace).expect("begun");
        assert!(copying.step(disk()).expect("a piece").is_none(), "there is more");
        change(&it);
        let outcome = finish(copying);
        assert!(matches!(outcome, Err(Error::TreeChanged)), "{case}: {outcome:?}");
        folder.sweep_trash(SystemTime::now(), disk());
        assert!(!names(&it, ".").contains(&"copy".to_owned()), "{case}");
        let in_trash = names(&it, ".wharf/trash");
        assert!(in_trash.is_empty(), "{case}: {in_trash:?}");
    }
    let it = Fixture::new();
    let folder = it.folder(quick());
    it.write("dir/sub/a", "a");
    let mut copying = begin_copy(&folder, "dir", "copy", IfTaken::Replace).expect("begun");
    fs::write(it.share().join("dir/sub/a"), "in place").expect("written");
    assert!(copying.step(disk()).is_ok(), "a file that is written in place is as for any reader");
}

#[test]
fn whoever_moves_a_file_to_another_file_system_has_not_written_it() {
    let it = Fixture::new();
    it.write("dir/in", "in");
    let folder = it.folder(Rules { trash: Some(Duration::from_secs(3_600)), ..quick() });
    save(&folder, "a", "by someone").expect("saved");
    let (from, to) = (grant::<ToRemove>("a"), grant::<ToWrite>("dir/a"));
    let wanted = NewName { to: &to, conflict: IfTaken::Refuse, remover: &client() };
    let copying = folder.move_by_copy(&from, Guard::None, wanted, disk());
    let mut copying = copying.expect("begun");
    while copying.step(disk()).expect("a piece").is_none() {}
    let removed = folder.remove(&grant("dir/a"), Guard::None, &client(), disk()).expect("removed");
    assert!(removed.kept.is_some(), "another client has written it");
}

#[test]
fn what_is_moved_to_another_file_system_keeps_its_mode() {
    let modes = [
        ("alone", 0o600),
        ("tree", 0o700),
        ("tree/program", 0o750),
        ("tree/private", 0o600),
        ("tree/sub", 0o550),
        ("tree/sub/in", 0o440),
    ];
    let it = Fixture::new();
    for name in ["alone", "tree/program", "tree/private", "tree/sub/in"] {
        it.write(name, name);
    }
    for (name, mode) in modes.into_iter().rev() {
        fs::set_permissions(it.share().join(name), fs::Permissions::from_mode(mode)).expect("set");
    }
    let folder = it.folder(quick());
    for (from, to) in [("alone", "moved"), ("tree", "other")] {
        let (source, target) = (grant::<ToRemove>(from), grant::<ToWrite>(to));
        let wanted = NewName { to: &target, conflict: IfTaken::Refuse, remover: &client() };
        finish(folder.move_by_copy(&source, Guard::None, wanted, disk()).expect("begun")).expect("moved");
    }
    for (name, mode) in modes {
        let name = name.replace("alone", "moved").replace("tree", "other");
        let now = fs::metadata(it.share().join(&name)).expect("moved").permissions().mode() & 0o7777;
        assert_eq!(now, mode, "{name}: {now:o}");
    }
}

#[test]
fn a_move_to_another_file_system_keeps_names_of_one_file_together() {
    use std::os::unix::fs::MetadataExt as _;
    let it = Fixture::new();
    it.write("dir/sub/a", "one file");
    for name in ["dir/b", "dir/sub/c"] {
        fs::hard_link(it.share().join("dir/sub/a"), it.share().join(name)).expect("linked");
    }
    let folder = it.folder(quick());
    let (from, to) = (grant::<ToRemove>("dir"), grant::<ToWrite>("new"));
    let wanted = NewName { to: &to, conflict: IfTaken::Refuse, remover: &client() };
    let mut copying = folder.move_by_copy(&from, Guard::None, wanted, disk()).expect("begun");
    while copying.step(disk()).expect("a piece").is_none() {}
    let file = |name: &str| fs::metadata(it.share().join(name)).expect(name);
    let first = file("new/sub/a");
    assert_eq!(first.nlink(), 3);
    for name in ["new/b", "new/sub/c"] {
        assert_eq!(file(name).ino(), first.ino(), "{name}");
    }
    assert!(!it.share().join("dir").exists());
    assert!(!names(&it, ".").iter().any(|name| name.starts_with(".wharf-")), "{:?}", names(&it, "."));
}

#[test]
fn the_largest_upload_bounds_the_copy_of_a_directory() {
    let it = Fixture::new();
    for name in ["dir/a", "dir/b", "dir/sub/c"] {
        it.write(name, "four");
    }
    for (limit, fits) in [(12, true), (11, false)] {
        let folder = it.folder(Rules { max_upload: Some(limit), ..quick() });
        let to = format!("copy {limit}");
        let outcome = finish(begin_copy(&folder, "dir", &to, IfTaken::Refuse).expect("begun"));
        match outcome {
            Ok(_) => assert!(fits, "{limit}"),
            Err(Error::TreeTooLarge { limit: 11 }) => assert!(!fits && !it.share().join(to).exists()),
            Err(other) => panic!("{limit}: {other}"),
        }
        assert!(!names(&it, ".").iter().any(|name| name.starts_with(".wharf-")), "{:?}", names(&it, "."));
    }
}
