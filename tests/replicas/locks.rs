//! Servers on several machines: each knows whether it sees the locks of the others, and leaves alone what would be unsafe.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{piece, two_mounts};
use crate::common::fuse::{self, faults};
use crate::common::{Mount, Wharf, Wire, eventually, run};

const SEEN: &str = "locks seen";
const UNSEEN: &str = "its locks are not seen here";

/// The beats of the servers of a folder.
fn beats(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join(".wharf/replicas")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Makes the beats look as if no server had set them for a long time.
fn age(beats: &[PathBuf]) {
    for beat in beats {
        let long_ago = SystemTime::now() - Duration::from_secs(1000);
        File::options().write(true).open(beat).and_then(|file| file.set_modified(long_ago)).expect("set");
    }
}

/// Begins an upload of eight bytes in pieces, and sends half of it. Returns its path, and the open connection.
fn begin(wharf: &Wharf, name: &str) -> (String, Wire) {
    let begun = wharf.ask("POST", name, "Upload-Complete: ?0\r\n", b"");
    let upload = begun.field("Location");
    let mut wire = wharf.connect();
    let (host, patch) = (wharf.address(), piece(0, 8, true));
    wire.send(format!("PATCH {upload} HTTP/1.1\r\nHost: {host}\r\n{patch}\r\nmine"));
    eventually("half of it is there", || wharf_offset(wharf, &upload).as_deref() == Some("4"));
    (upload, wire)
}

/// How much of an upload is on the disk. No server is asked: that would end the request that appends.
fn wharf_offset(wharf: &Wharf, upload: &str) -> Option<String> {
    let token = upload.rsplit('/').next()?;
    let part = wharf.folder().join(format!(".wharf/uploads/{token}.part"));
    Some(fs::metadata(part).ok()?.len().to_string())
}

fn check(folder: &Path) -> String {
    let checked = run(&["serve", "--check", folder.to_str().expect("text")], "", &std::env::temp_dir());
    assert_eq!(checked.code, Some(0), "{checked:?}");
    checked.stdout.lines().find(|line| line.starts_with("file system: ")).expect("such a line").to_owned()
}

/// Makes these beats those of another machine, where nobody knows which processes run.
fn are_of_another_machine(beats: &[PathBuf]) {
    for beat in beats {
        let text = fs::read_to_string(beat).expect("a beat");
        let (domain, _) = text.split_once('\n').expect("two lines");
        fs::write(beat, format!("{domain}\nanother 1 1 1\n")).expect("written");
    }
}

#[test]
fn where_locks_are_not_seen_an_upload_stays_with_its_server() {
    let Some((folder, mounts)) = two_mounts() else { return };
    let first = Wharf::serve_folder(mounts[0].point(), &[]);
    let second = Wharf::serve_folder(mounts[1].point(), &[]);
    let (upload, mut wire) = begin(&first, "/a");
    assert_eq!(
        second.ask("HEAD", &upload, "", b"").field("Upload-Offset"),
        "4",
        "its state may be asked for"
    );
    for _ in 0..2 {
        let refused = second.ask("PATCH", &upload, &piece(4, 4, true), b"hers");
        assert_eq!(refused.code(), 409, "{}", refused.text());
        assert!(refused.text().contains("its locks are not seen here"), "{}", refused.text());
    }
    assert_eq!(second.settled_log().matches(UNSEEN).count(), 1, "it is logged once");
    assert_eq!(wire.send("mine").read_answer(false).code(), 200, "nobody has disturbed the first");
    assert_eq!(fs::read(folder.path().join("a")).expect("a file"), b"minemine");
    assert!(check(mounts[1].point()).ends_with(", locks of 1 not seen"), "{}", check(mounts[1].point()));

    // The first is killed. Until its beat is old, it may be running.
    let (upload, _wire) = begin(&first, "/b");
    let left = beats(folder.path());
    are_of_another_machine(&left);
    drop(first.kill());
    assert_eq!(second.ask("PATCH", &upload, &piece(4, 4, true), b"hers").code(), 409);
    age(&left);
    assert_eq!(second.ask("PATCH", &upload, &piece(4, 4, true), b"hers").code(), 200);
    assert_eq!(fs::read(folder.path().join("b")).expect("a file"), b"minehers");
}

#[test]
fn an_upload_that_another_machine_resumes_is_not_mixed() {
    let Some((folder, mounts)) = two_mounts() else { return };
    let first = Wharf::serve_folder(mounts[0].point(), &[]);
    let (upload, mut wire) = begin(&first, "/a");
    // Its timer hangs, as far as the second server can tell.
    age(&beats(folder.path()));
    let second = Wharf::serve_folder(mounts[1].point(), &[]);
    eventually("the second server sees the bytes received", || {
        second.ask("HEAD", &upload, "", b"").field("Upload-Offset") == "4"
    });
    let answer = second.ask("PATCH", &upload, &piece(4, 4, true), b"hers");
    assert_eq!(answer.code(), 200, "{}", answer.text());
    assert_eq!(wire.send("mine").read_answer(false).code(), 409, "it belongs to the second server now");
    assert_eq!(fs::read(folder.path().join("a")).expect("a file"), b"minehers");
}

#[test]
fn where_locks_are_seen_an_upload_moves_between_machines() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(one) = Mount::with_locks(folder.path()) else { return };
    let Some(other) = Mount::with_locks(folder.path()) else { return };
    fs::create_dir_all(folder.path().join(".wharf/trash")).expect("a folder");
    let first = Wharf::serve_folder(one.point(), &[]);
    let second = Wharf::serve_folder(other.point(), &[]);
    let (upload, _wire) = begin(&first, "/a");
    assert!(check(one.point()).ends_with("; other servers: 2, locks seen"), "{}", check(one.point()));
    let busy = second.ask("PATCH", &upload, &piece(4, 4, true), b"hers");
    assert!(busy.code() == 409 && !busy.text().contains(UNSEEN), "{}", busy.text());
    drop(first.kill());
    eventually("its lock ends with it", || {
        second.ask("PATCH", &upload, &piece(4, 4, true), b"hers").code() == 200
    });
    assert_eq!(fs::read(folder.path().join("a")).expect("a file"), b"minehers");
    let log = second.settled_log();
    assert!(log.contains("; other servers: 1, locks seen") && !log.contains(UNSEEN), "{log}");
}

#[test]
fn servers_on_one_machine_see_their_locks() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(check(folder.path()).ends_with("other servers: none"), "{}", check(folder.path()));
    let first = Wharf::serve_folder(folder.path(), &[]);
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        0,
        "a folder that is read stays as it is"
    );
    let begun = first.ask("POST", "/a", "Upload-Complete: ?0\r\n", b"").field("Location");
    let second = Wharf::serve_folder(folder.path(), &[]);
    assert!(second.settled_log().contains(SEEN), "{}", second.log());
    assert!(check(folder.path()).ends_with("other servers: 2, locks seen"), "{}", check(folder.path()));
    assert_eq!(beats(folder.path()).len(), 2);
    assert_eq!(second.ask("PATCH", &begun, &piece(0, 4, true), b"four").code(), 200);
    for mut server in [first, second] {
        server.signal(rustix::process::Signal::TERM);
        assert!(server.wait().1.success());
    }
    assert!(beats(folder.path()).is_empty());
}

#[test]
fn what_a_file_system_lacks_is_printed_and_logged() {
    let Some(mount) = fuse::Mount::new() else { return };
    let has = "file system: O_TMPFILE no, hard links yes, RENAME_NOREPLACE yes, times nanoseconds";
    let lacks = "file system: O_TMPFILE no, hard links no, RENAME_NOREPLACE no, times coarse";
    assert_eq!(check(&mount.path()), format!("{has}; other servers: none"));
    mount.set(&[faults::NO_LINKS, faults::NO_NOREPLACE, faults::WHOLE_SECONDS]);
    assert_eq!(check(&mount.path()), format!("{lacks}; other servers: none"));
    assert_eq!(fs::read_dir(mount.behind()).expect("a folder").count(), 0, "nothing is left");
    let wharf = Wharf::serve_in(mount.place(), &[]);
    assert!(!wharf.settled_log().contains("file system: "), "it keeps nothing in the folder");
    assert_eq!(wharf.ask("POST", "/a", "Upload-Complete: ?0\r\n", b"").code(), 201);
    assert!(wharf.settled_log().contains(lacks), "{}", wharf.log());
}
