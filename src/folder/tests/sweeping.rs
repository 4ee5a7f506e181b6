//! The sweep at start-up: what it removes, and above all what it keeps.

use super::disk;
use super::*;
use rustix::fs::{FlockOperation, flock};
use std::sync::atomic::{AtomicBool, Ordering};

/// Longer than any file is kept for.
const LONG: Duration = Duration::from_secs(60 * 60);

#[test]
fn stale_temporaries_are_removed_and_nothing_else() {
    let it = Fixture::new();
    for name in [".wharf-00ff.tmp", "a/b/.wharf-1.tmp", ".wharf/uploads/.wharf-2.tmp"] {
        it.write(name, "stale");
    }
    let kept = [".wharf-.tmp", ".wharf-xyz.tmp", ".wharf-1.tmp~", "wharf-1.tmp", "a/.wharf-3.tmp/file"];
    for name in kept {
        it.write(name, "mine");
    }
    it.folder_after(LONG, quick());
    let left = it.on_disk();
    assert!(kept.iter().all(|name| left.iter().any(|left| left == name)), "{left:?}");
    assert_eq!(left.len(), kept.len() + 5, "the directories stay, the stale files do not: {left:?}");
}

#[test]
fn stale_copies_of_directories_are_removed() {
    let it = Fixture::new();
    let name = ".wharf-00000000000000ff.tmp";
    it.write(&format!("a/{name}/deep/file"), "half a copy");
    it.folder(quick());
    assert!(it.share().join("a").join(name).exists(), "it is fresh");
    let live = fs::File::open(it.share().join("a").join(name)).expect("a directory");
    flock(&live, FlockOperation::LockExclusive).expect("a lock");
    it.folder_after(LONG, quick());
    assert!(it.share().join("a").join(name).exists(), "its server lives");
    drop(live);
    it.folder_after(LONG, quick());
    assert_eq!(it.on_disk(), ["a"]);
}

#[test]
fn links_are_not_followed() {
    let it = Fixture::new();
    let outside = it.outside().join(".wharf-1.tmp");
    fs::write(&outside, "not ours").expect("a file");
    it.link("../outside", "dir");
    it.link("../outside/.wharf-1.tmp", ".wharf-2.tmp");
    it.folder_after(LONG, quick());
    assert!(outside.exists());
    assert_eq!(it.on_disk(), [".wharf-2.tmp", "dir"]);
}

#[test]
fn a_locked_temporary_belongs_to_a_server_that_lives() {
    let it = Fixture::new();
    it.write(".wharf-1.tmp", "live");
    let live = fs::File::open(it.share().join(".wharf-1.tmp")).expect("a file");
    flock(&live, FlockOperation::LockExclusive).expect("a lock");
    it.folder_after(LONG, quick());
    assert_eq!(it.on_disk(), [".wharf-1.tmp"]);
    drop(live);
    it.folder_after(LONG, quick());
    assert!(it.on_disk().is_empty());
}

#[test]
fn another_server_may_start_while_a_file_arrives() {
    for method in SAVE_METHODS {
        let it = Fixture::new();
        let first = it.folder_in(method, quick());
        let mut incoming = first.receive(&grant("a"), None, disk()).expect("begun");
        incoming.write(b"be", disk()).expect("written");
        it.folder_after(LONG, quick());
        incoming.write(b"gun", disk()).expect("written");
        incoming.commit(Guard::None, &someone(), disk()).expect("committed");
        assert_eq!(read(&first, "a").expect("a file"), "begun", "{method:?}");
    }
}

/// These are not locked: they stand for uploads of another machine, whose locks are invisible here.
#[test]
fn recently_written_temporaries_are_kept() {
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let table = [
        ("just now", minutes(0), minutes(1), true),
        ("nine minutes ago", minutes(9), minutes(1), true),
        ("eleven minutes ago", minutes(11), minutes(1), false),
        ("within the stall time", minutes(29), minutes(30), true),
        ("while it is being synced", minutes(59), minutes(30), true),
        ("long after the stall time", minutes(61), minutes(30), false),
        ("no stall time at all", minutes(100_000), Duration::MAX, true),
    ];
    for (case, age, stall, is_left) in table {
        let it = Fixture::new();
        it.write("dir/.wharf-1.tmp", "live");
        it.folder_after(age, Rules { stall, ..quick() });
        assert_eq!(it.on_disk().len() == 2, is_left, "{case}");
    }
}

/// This server's clock may be behind that of the machine that writes.
#[test]
fn temporaries_from_the_future_are_kept() {
    let it = Fixture::new();
    it.write(".wharf-1.tmp", "live");
    let file = fs::File::options().write(true).open(it.share().join(".wharf-1.tmp")).expect("a file");
    file.set_modified(SystemTime::now() + LONG).expect("a time");
    it.folder(quick());
    assert_eq!(it.on_disk(), [".wharf-1.tmp"]);
}

/// A sweep may run between creating a temporary and locking it; then the server creates another one.
#[test]
fn servers_that_start_never_remove_an_upload() {
    const FILES: usize = 1_000;
    let it = Fixture::new();
    let folder = it.folder_in(SaveMethod::Named, quick());
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                it.folder_after(LONG, quick());
            }
        });
        let lost = (0..FILES).find_map(|_| save(&folder, "a", "whole").err());
        over.store(true, Ordering::Relaxed);
        assert!(lost.is_none(), "{lost:?}");
    });
    assert_eq!(it.on_disk(), ["a"]);
}

#[test]
fn a_folder_shared_read_only_is_not_swept() {
    let it = Fixture::new();
    it.write(".wharf-1.tmp", "stale");
    it.folder_after(LONG, Rules { read_only: true, ..quick() });
    assert_eq!(it.on_disk(), [".wharf-1.tmp"]);
}

/// A crash while a directory was moved to another file system: the directory may have files that its copy lacks.
#[test]
fn what_was_set_aside_is_put_back() {
    let it = Fixture::new();
    let holder = ".wharf-00000000000000ff00000000000000ff.tmp";
    it.write(&format!("a/{holder}/tree/new"), "the only copy");
    it.write(&format!("b/{holder}/tree/new"), "the only copy");
    it.write("b/tree/other", "came meanwhile");
    it.folder(quick());
    assert!(!it.share().join("a/tree").exists(), "it is fresh");
    let live = fs::File::open(it.share().join("a").join(holder)).expect("a directory");
    flock(&live, FlockOperation::LockExclusive).expect("a lock");
    it.folder_after(LONG, quick());
    assert!(!it.share().join("a/tree").exists(), "its server lives");
    drop(live);
    it.folder_after(LONG, quick());
    for (name, content) in [
        ("a/tree/new", "the only copy"),
        ("b/tree (1)/new", "the only copy"),
        ("b/tree/other", "came meanwhile"),
    ] {
        assert_eq!(fs::read_to_string(it.share().join(name)).expect(name), content);
    }
    assert!(!it.share().join("a").join(holder).exists() && !it.share().join("b").join(holder).exists());
}
