//! Attributes: kept when a file is replaced, and the usual ones for a new file.

use super::disk;
use super::*;
use crate::folder::{Ended, OnConflict, Piece, Plan, UploadToken};
use rustix::fs::{XattrFlags, chown, getxattr, setxattr};
use rustix::process::{Gid, Uid, geteuid};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";
const CAPABILITY: &str = "security.capability";

/// How a file is saved.
type Way = fn(&Folder, &str) -> Saved;

/// At once, and as a resumable upload.
const WAYS: [(&str, Way); 2] =
    [("at once", |folder, name| save(folder, name, "new").expect("saved")), ("in pieces", in_pieces)];

fn in_pieces(folder: &Folder, name: &str) -> Saved {
    // Each folder sees several of these.
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let token = UploadToken::new([NEXT.fetch_add(1, Ordering::Relaxed); 16]);
    let plan =
        Plan { length: None, guard: Guard::None, modified: None, memo: String::new(), owner: String::new() };
    let last = Piece { completes: true, size: None, length: None };
    let mut appending = folder.begin_upload(token, &grant(name), plan, last, disk()).expect("begun");
    appending.write(b"new", disk()).expect("written");
    match appending.end(&judge(), &someone(), disk()) {
        Ok(Ended::Saved(saved, _)) => saved,
        other => panic!("it was the last: {other:?}"),
    }
}

/// Runs a check with every save method, and for every way of saving.
fn everywhere(on_conflict: OnConflict, check: impl Fn(&Fixture, &dyn Fn(&str), &str)) {
    for method in SAVE_METHODS {
        for (way, save) in WAYS {
            let it = Fixture::new();
            let folder = it.folder_in(method, Rules { on_conflict, ..quick() });
            check(&it, &|name| drop(save(&folder, name)), &format!("{method:?}, {way}"));
        }
    }
}

/// Whether this user may change the owner of files; prints a note if not.
fn is_root() -> bool {
    let is_root = geteuid().is_root();
    if !is_root {
        let _ = writeln!(std::io::stderr(), "SKIPPED: owners: only root may give files to others");
    }
    is_root
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o7777
}

fn set_mode(path: PathBuf, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("set");
}

fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = [0; 256];
    let length = getxattr(path, name, &mut value).ok()?;
    Some(value[..length].to_vec())
}

fn set_attribute(path: &Path, name: &str, value: &[u8]) {
    setxattr(path, name, value, XattrFlags::empty()).expect("the test's disk keeps attributes");
}

/// An access control list: for the owner, the user 1000, the group, the mask, all others.
fn list([owner, named, group, mask, other]: [u16; 5]) -> Vec<u8> {
    const NOBODY: u32 = u32::MAX;
    let entries =
        [(1, owner, NOBODY), (2, named, 1000), (4, group, NOBODY), (16, mask, NOBODY), (32, other, NOBODY)];
    let entries = entries.iter().flat_map(|(tag, permissions, id): &(u16, u16, u32)| {
        [&tag.to_le_bytes()[..], &permissions.to_le_bytes(), &id.to_le_bytes()].concat()
    });
    2_u32.to_le_bytes().into_iter().chain(entries).collect()
}

#[test]
fn a_file_that_is_replaced_keeps_its_permissions() {
    let table = [
        (0o755, 0o755),
        (0o600, 0o600),
        (0o444, 0o444),
        (0o660, 0o660),
        (0o000, 0o000),
        // The old content had these privileges; the new content must not inherit them.
        (0o4755, 0o755),
        (0o2755, 0o755),
        (0o1644, 0o644),
    ];
    for (old, kept) in table {
        everywhere(OnConflict::Overwrite, |it, save, case| {
            it.write("a", "old");
            set_mode(it.share().join("a"), old);
            save("a");
            assert_eq!(mode(it.share().join("a")), kept, "{case}: {old:o}");
        });
    }
}

#[test]
fn a_file_that_is_replaced_keeps_its_owner_and_group() {
    if !is_root() {
        return;
    }
    everywhere(OnConflict::Overwrite, |it, save, case| {
        it.write("a", "old");
        let file = it.share().join("a");
        chown(&file, Some(Uid::from_raw(1000)), Some(Gid::from_raw(100))).expect("root may");
        set_mode(file.clone(), 0o4640);
        save("a");
        let now = fs::metadata(&file).expect("a file");
        assert_eq!((now.uid(), now.gid(), now.mode() & 0o7777), (1000, 100, 0o640), "{case}");
    });
}

#[test]
fn a_file_that_is_replaced_keeps_its_list_and_its_attributes() {
    everywhere(OnConflict::Overwrite, |it, save, case| {
        it.write("a", "old");
        let file = it.share().join("a");
        let acl = list([6, 6, 0, 6, 0]);
        set_attribute(&file, ACCESS, &acl);
        set_attribute(&file, "user.note", b"hello");
        set_attribute(&file, "user.empty", b"");
        let before = mode(file.clone());
        save("a");
        assert_eq!(attribute(&file, ACCESS), Some(acl), "{case}");
        assert_eq!(attribute(&file, "user.note").as_deref(), Some(&b"hello"[..]), "{case}");
        assert_eq!(attribute(&file, "user.empty").as_deref(), Some(&b""[..]), "{case}");
        assert_eq!(mode(file), before, "{case}");
    });
}

/// Capabilities were granted to the old content only.
#[test]
fn capabilities_are_not_copied() {
    if !is_root() {
        return;
    }
    // Version 2, permitted: to bind low ports.
    let capability = [[0, 0, 0, 2], [0, 4, 0, 0], [0; 4], [0; 4], [0; 4]].concat();
    everywhere(OnConflict::Overwrite, |it, save, case| {
        it.write("a", "old");
        let file = it.share().join("a");
        set_attribute(&file, CAPABILITY, &capability);
        assert!(attribute(&file, CAPABILITY).is_some(), "{case}: it had one");
        save("a");
        assert_eq!(attribute(&file, CAPABILITY), None, "{case}");
    });
}

/// Also in directories that are created for it, and in directories with a default list.
#[test]
fn a_new_file_has_the_usual_attributes() {
    let lists = [None, Some(list([7, 6, 5, 7, 0])), Some(list([7, 7, 7, 7, 7]))];
    for default in lists {
        for is_setgid in [false, true] {
            everywhere(OnConflict::Overwrite, |it, save, case| {
                let case = format!("{case}, {is_setgid}, {default:?}");
                it.write("dir/x", "");
                let dir = it.share().join("dir");
                if is_root() {
                    chown(&dir, None, Some(Gid::from_raw(100))).expect("root may");
                }
                set_mode(dir.clone(), if is_setgid { 0o2775 } else { 0o775 });
                if let Some(list) = &default {
                    set_attribute(&dir, DEFAULT, list);
                }
                it.write("dir/usual", "usual");
                it.write("dir/made/usual/file", "usual");
                for name in ["dir/saved", "dir/made/saved/file"] {
                    save(name);
                    assert_alike(it, name, &name.replace("saved", "usual"), &case);
                }
                assert_alike(it, "dir/made/saved", "dir/made/usual", &case);
            });
        }
    }
}

fn assert_alike(it: &Fixture, one: &str, other: &str, case: &str) {
    let [one, other] = [one, other].map(|name| {
        let path = it.share().join(name);
        let stat = fs::metadata(&path).expect("it is there");
        let lists = [ACCESS, DEFAULT].map(|list| attribute(&path, list));
        (format!("{:o}", stat.mode()), stat.uid(), stat.gid(), lists)
    });
    assert_eq!(one, other, "{case}");
}

/// A file with a numbered name copies no attributes, nor does a file that replaces a link.
#[test]
fn a_file_that_replaces_nothing_copies_nothing() {
    everywhere(OnConflict::Rename, |it, save, case| {
        it.write("a", "old");
        it.write("usual", "");
        set_mode(it.share().join("a"), 0o700);
        save("a");
        assert_alike(it, "a (1)", "usual", case);
    });
    everywhere(OnConflict::Overwrite, |it, save, case| {
        it.write("usual", "");
        it.write("file", "old");
        set_mode(it.share().join("file"), 0o700);
        it.link("file", "link");
        save("link");
        assert_alike(it, "link", "usual", case);
    });
}

#[test]
fn attributes_are_those_of_a_file_that_appears_in_between() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let mut incoming = it.folder_in(method, quick()).receive(&grant("a"), None, disk()).expect("begun");
        incoming.write(b"new", disk()).expect("written");
        it.write("a", "theirs");
        set_mode(it.share().join("a"), 0o600);
        incoming.commit(Guard::None, &someone(), disk()).expect("saved");
        assert_eq!(mode(it.share().join("a")), 0o600, "{method:?}");
    }
}

/// Otherwise other users could open it, and keep reading after its permissions change.
#[test]
fn an_incomplete_file_is_for_this_user_alone() {
    for method in [SaveMethod::Named, SaveMethod::Claimed] {
        let it = Fixture::new();
        let mut incoming = it.folder_in(method, quick()).receive(&grant("a"), None, disk()).expect("begun");
        incoming.write(b"secret", disk()).expect("written");
        let names = it.on_disk();
        assert_eq!(names.len(), 1, "{method:?}: {names:?}");
        assert_eq!(mode(it.share().join(&names[0])), 0o600, "{method:?}");
    }
}
