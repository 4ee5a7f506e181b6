//! MOVE and COPY on file systems with fewer features, and from one file system to another.

use std::fs;
use std::os::unix::fs::symlink;

use super::{EDIT, relocate, serve, tree};
use crate::common::{Mount, SmallDisk, Wharf, sample};

/// Moves and copies of files and directories, where nothing is replaced and where something is.
fn moves_and_copies(wharf: &Wharf, case: &str) {
    wharf.write("a", "a");
    wharf.write("b", "b");
    wharf.write("dir/file", "file");
    for (method, from, to, fields, code) in [
        ("COPY", "/a", "/c", "Overwrite: F\r\n", 201),
        ("COPY", "/a", "/c", "Overwrite: F\r\n", 412),
        ("MOVE", "/c", "/d", "Overwrite: F\r\n", 201),
        ("MOVE", "/b", "/d", "Overwrite: F\r\n", 412),
        ("COPY", "/dir/", "/copy/", "Overwrite: F\r\n", 201),
        ("MOVE", "/copy/", "/moved/", "Overwrite: F\r\n", 201),
        ("MOVE", "/dir/", "/moved/", "Overwrite: F\r\n", 412),
        ("MOVE", "/dir/", "/dir/x/", "", 409),
    ] {
        let answer = relocate(&mut wharf.connect(), method, from, to, fields);
        assert_eq!(answer.code(), code, "{case}: {method} {from} {to}: {}", answer.text());
    }
    assert_eq!(tree(wharf), ["a", "b", "d", "dir/", "dir/file", "moved/", "moved/file"], "{case}");
    assert_eq!(wharf.read("d"), b"a", "{case}");
    // If a directory is renamed before rclone has written a file in it back, rclone cannot read that file for a while.
    if case != "rclone" {
        assert_eq!(wharf.read("moved/file"), b"file", "{case}");
    }
}

#[test]
fn without_hard_links_and_renaming_without_replacing() {
    let source = tempfile::tempdir().expect("a folder");
    let Some(mount) = Mount::rclone(source.path()) else { return };
    moves_and_copies(&Wharf::serve_folder(mount.point(), &EDIT), "rclone");
}

#[test]
fn without_anonymous_files() {
    let source = tempfile::tempdir().expect("a folder");
    let Some(mount) = Mount::bindfs(source.path()) else { return };
    moves_and_copies(&Wharf::serve_folder(mount.point(), &EDIT), "bindfs");
}

#[test]
fn on_this_machines_disk() {
    moves_and_copies(&serve(&[]), "disk");
}

#[test]
fn from_one_file_system_to_another() {
    // The small disk is unmounted together with the one that it is mounted on.
    let (Some(disk), Some(outer)) = (SmallDisk::mount("8m"), SmallDisk::mount("64m")) else { return };
    let wharf = Wharf::serve_in(outer.place(), &EDIT);
    fs::create_dir(wharf.folder().join("disk")).expect("a folder");
    disk.mount_at(&wharf.folder().join("disk"));
    let content = sample(3_000_000, 7);
    wharf.write("a", &content);
    wharf.write("dir/deep/file", "file");
    wharf.write("dir/.hidden", "hidden");
    symlink("deep/file", wharf.folder().join("dir/link")).expect("linked");
    symlink("large", wharf.folder().join("link")).expect("linked");
    wharf.write("large", vec![b'x'; 16 << 20]);
    let mut wire = wharf.connect();
    for (method, from, to, code) in [
        ("COPY", "/a", "/disk/copy", 201),
        ("MOVE", "/a", "/disk/a", 201),
        ("MOVE", "/dir/", "/disk/dir/", 201),
        ("MOVE", "/link", "/disk/link", 201),
        ("COPY", "/large", "/disk/large", 507),
        ("MOVE", "/large", "/disk/large", 507),
        ("MOVE", "/disk/", "/other/", 403),
        ("COPY", "/disk/dir/", "/dir/", 201),
    ] {
        let answer = relocate(&mut wire, method, from, to, "");
        assert_eq!(answer.code(), code, "{method} {from} {to}: {}", answer.text());
    }
    for (method, from, fields) in [
        ("DELETE", "/disk/", ""),
        ("MOVE", "/disk/", "Destination: /other\r\n"),
        ("MOVE", "/large", "Destination: /disk\r\n"),
        ("COPY", "/large", "Destination: /disk\r\n"),
    ] {
        let answer = wire.ask(method, from, fields, b"");
        assert_eq!(answer.code(), 403, "{method}: {}", answer.text());
        assert!(answer.text().starts_with("a file system is mounted there"), "{method}: {}", answer.text());
    }
    // The kernel would take the mount along.
    fs::create_dir(wharf.folder().join("above")).expect("a folder");
    fs::create_dir(wharf.folder().join("above/b c")).expect("a folder");
    disk.mount_at(&wharf.folder().join("above/b c"));
    wharf.write("file", "file");
    for (method, from, fields) in [
        ("DELETE", "/above/", ""),
        ("MOVE", "/above/", "Destination: /other/\r\n"),
        ("MOVE", "/above/", "Destination: /disk/other/\r\n"),
        ("MOVE", "/file", "Destination: /above\r\n"),
        ("COPY", "/file", "Destination: /above\r\n"),
    ] {
        let answer = wire.ask(method, from, fields, b"");
        assert_eq!(answer.code(), 403, "{method} {from}: {}", answer.text());
        assert!(answer.text().starts_with("a file system is mounted there"), "{method}: {}", answer.text());
    }
    SmallDisk::unmount_at(&wharf.folder().join("above/b c"));
    for name in ["/above/", "/file"] {
        assert_eq!(wire.ask("DELETE", name, "", b"").code(), 204, "{name}");
    }
    assert!(wharf.read("disk/a") == content);
    let expected = [
        "dir/",
        "dir/deep/",
        "dir/deep/file",
        "dir/link",
        "disk/",
        "disk/a",
        "disk/copy",
        "disk/dir/",
        "disk/dir/.hidden",
        "disk/dir/deep/",
        "disk/dir/deep/file",
        "disk/dir/link",
        "disk/link",
        "large",
    ];
    let found: Vec<_> = tree(&wharf).into_iter().filter(|name| !name.starts_with("disk/.wharf")).collect();
    assert_eq!(found, expected);
    disk.remount("ro");
    for (method, target, body) in [("DELETE", "/disk/a", ""), ("PUT", "/disk/new", "x")] {
        let answer = wire.ask(method, target, "", body.as_bytes());
        assert_eq!(
            (answer.code(), answer.text().as_str()),
            (403, "the file system there is mounted read-only\n"),
            "{method}"
        );
    }
    disk.remount("rw");
}
