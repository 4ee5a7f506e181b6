//! Locks are in the folder: they outlive a server, and hold for all servers that share it.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use rustix::fs::{FileType, Mode, mknodat};

use super::{EDIT, lock, named, propfind, token};
use crate::common::fuse::{Mount, What};
use crate::common::{Wharf, eventually};

/// How many times two requests are sent at once.
const ROUNDS: usize = 100;

/// Two servers of one folder.
fn pair() -> (tempfile::TempDir, [Wharf; 2]) {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = [(); 2].map(|()| Wharf::serve_folder(folder.path(), &EDIT));
    (folder, servers)
}

/// The files of the locks.
fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join(".wharf/locks")).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

/// Sends both requests at once; the codes of the responses.
fn at_once(one: impl FnOnce() -> u16 + Send, other: impl FnOnce() -> u16 + Send) -> [u16; 2] {
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let one = scope.spawn(|| {
            barrier.wait();
            one()
        });
        barrier.wait();
        let other = other();
        [one.join().expect("a response"), other]
    })
}

#[test]
pub fn locks_outlive_their_server() {
    let wharf = Wharf::serve(&EDIT);
    wharf.write("a", "a");
    wharf.write("dir/b", "b");
    let mut wire = wharf.connect();
    let file = token(&lock(&mut wire, "/a", "Depth: 0\r\n"));
    let directory = token(&lock(&mut wire, "/dir", "Timeout: Second-600\r\n"));
    let fresh = lock(&mut wire, "/new", "Depth: 0\r\n");
    assert_eq!(fresh.code(), 201);
    let mut wharf = Wharf::serve_in(wharf.kill(), &[&EDIT[..], &["--idle-exit", "1"]].concat());
    // They outlive an idle exit as well.
    let (_, status) = wharf.wait();
    assert!(status.success(), "locks do not keep a server running: {status}");
    let wharf = Wharf::serve_in(wharf.kill(), &EDIT);
    let mut wire = wharf.connect();
    for target in ["/a", "/dir/b", "/dir/c", "/new"] {
        assert_eq!(wharf.ask("PUT", target, "", b"x").code(), 423, "{target}");
    }
    let told = propfind(&mut wire, "/dir/b", "0", &named("<D:lockdiscovery/>")).text();
    assert!(told.contains(directory.trim_matches(['<', '>'])) && told.contains("ann"), "{told}");
    assert_eq!(
        wire.ask("LOCK", "/dir", &format!("If: ({directory})\r\n"), b"").code(),
        200,
        "it is refreshed"
    );
    assert_eq!(wire.ask("PUT", "/a", &format!("If: ({file})\r\n"), b"x").code(), 204);
    let fields = format!("If: ({})\r\nIf-Match: {}\r\n", token(&fresh), fresh.field("ETag"));
    assert_eq!(wire.ask("PUT", "/new", &fields, b"filled").code(), 204);
    for (target, token) in [("/a", &file), ("/dir", &directory), ("/new", &token(&fresh))] {
        assert_eq!(wire.ask("UNLOCK", target, &format!("Lock-Token: {token}\r\n"), b"").code(), 204);
    }
    assert_eq!(wire.ask("PUT", "/dir/b", "", b"x").code(), 204);
    assert!(!wharf.folder().join(".wharf/locks").exists(), "nothing is left");
}

#[test]
pub fn the_empty_file_of_a_lock_goes_when_it_ends_at_another_server() {
    let wharf = Wharf::serve(&EDIT);
    let mut wire = wharf.connect();
    for name in ["/new", "/filled"] {
        let granted = lock(&mut wire, name, "Depth: 0\r\nTimeout: Second-0\r\n");
        assert_eq!(granted.code(), 201);
        if name == "/filled" {
            assert_eq!(wire.ask("PUT", name, &format!("If: ({})\r\n", token(&granted)), b"x").code(), 204);
        }
    }
    let wharf = Wharf::serve_in(wharf.kill(), &EDIT);
    eventually("the lock ends", || wharf.ask("GET", "/new", "", b"").code() == 404);
    eventually("the files of the locks go", || files(&wharf.folder()).is_empty());
    assert_eq!(wharf.ask("PUT", "/filled", "", b"anybody").code(), 204);
}

#[test]
pub fn a_lock_holds_at_every_server() {
    let (folder, [one, other]) = pair();
    fs::write(folder.path().join("a"), "a").expect("written");
    let (mut here, mut there) = (one.connect(), other.connect());
    let first = token(&lock(&mut here, "/a", ""));
    assert_eq!(other.ask("PUT", "/a", "", b"x").code(), 423);
    assert_eq!(there.ask("DELETE", "/a", "", b"").code(), 423);
    assert_eq!(lock(&mut there, "/a", "").code(), 423);
    assert_eq!(lock(&mut there, "/", "Depth: infinity\r\n").code(), 423);
    let told = propfind(&mut there, "/a", "0", &named("<D:lockdiscovery/>")).text();
    assert!(told.contains(first.trim_matches(['<', '>'])), "{told}");
    assert_eq!(there.ask("PUT", "/a", &format!("If: ({first})\r\n"), b"mine").code(), 204);
    assert_eq!(there.ask("LOCK", "/a", &format!("If: ({first})\r\n"), b"").code(), 200, "it is refreshed");
    assert_eq!(there.ask("UNLOCK", "/a", &format!("Lock-Token: {first}\r\n"), b"").code(), 204);
    assert_eq!(here.ask("PUT", "/a", "", b"anybody").code(), 204);
    // What is removed at one server loses its locks at the other.
    let second = token(&lock(&mut here, "/a", ""));
    assert_eq!(there.ask("DELETE", "/a", &format!("If: ({second})\r\n"), b"").code(), 204);
    assert_eq!(here.ask("PUT", "/a", "", b"new").code(), 201);
    assert!(files(folder.path()).is_empty());
}

#[test]
pub fn one_of_two_locks_at_two_servers_is_granted() {
    let (_folder, [one, other]) = pair();
    for round in 0..ROUNDS {
        let target = format!("/file{round}");
        let codes = at_once(
            || lock(&mut one.connect(), &target, "Depth: 0\r\n").code(),
            || lock(&mut other.connect(), &target, "Depth: 0\r\n").code(),
        );
        assert!(matches!(codes, [201, 423] | [423, 201]), "round {round}: {codes:?}");
    }
}

#[test]
pub fn what_was_locked_is_there() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--no-sync"]].concat());
    for round in 0..ROUNDS {
        let name = format!("file{round}");
        wharf.write(&name, "content");
        let target = format!("/{name}");
        let [locked, removed] = at_once(
            || lock(&mut wharf.connect(), &target, "Depth: 0\r\n").code(),
            || wharf.ask("DELETE", &target, "", b"").code(),
        );
        // A removal that is first leaves a free name, and then LOCK makes an empty file.
        assert!(matches!((locked, removed), (200, 423) | (201, 204)), "round {round}: {locked} {removed}");
        assert!(fs::exists(wharf.folder().join(&name)).expect("known"), "round {round}");
    }
}

#[test]
pub fn a_lock_waits_for_a_change_that_has_begun() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &EDIT);
    wharf.write("a", "before");
    let held = mount.hold_fsync();
    let mut put = wharf.connect();
    put.begin_to_ask("PUT", "/a", Some("after".len())).send("after");
    eventually("the file is being saved", || mount.count(What::FsyncBegins, "") > 0);
    let mut wire = wharf.connect();
    thread::scope(|scope| {
        let locked = scope.spawn(|| lock(&mut wire, "/a", "Depth: 0\r\n"));
        eventually("the lock is written", || !files(&wharf.folder()).is_empty());
        assert_eq!(wharf.ask("PUT", "/a", "", b"later").code(), 423, "a later change is refused");
        assert!(!locked.is_finished(), "the lock waits");
        drop(held);
        assert_eq!(put.read_answer(false).code(), 204, "the earlier change is made");
        assert_eq!(locked.join().expect("a response").code(), 200);
    });
    assert_eq!(wharf.read("a"), b"after");
}

#[test]
pub fn files_that_no_server_has_written_do_no_harm() {
    let wharf = Wharf::serve(&EDIT);
    wharf.write("a", "a");
    let directory = wharf.folder().join(".wharf/locks");
    fs::create_dir_all(&directory).expect("a directory");
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    // Its token is not that of its name.
    let foreign = "{\"lock\":{\"token\":\"urn:uuid:other\",\"path\":[97],\"is_directory\":false,\"is_deep\":false,\
                   \"scope\":\"Exclusive\",\"owner\":\"\",\"holder\":null,\"counted_for\":\"x\",\
                   \"expires\":{\"secs_since_epoch\":99999999999,\"nanos_since_epoch\":0}},\"made\":null}";
    for (name, content) in [
        ("text", "x".to_owned()),
        (&format!("{id}.0"), foreign.to_owned()),
        (&format!("{id}.99999999999999999999"), "{}".to_owned()),
        ("empty.0", String::new()),
        ("large.1", "x".repeat(1 << 20)),
        ("cut.2", "{\"lock\":".to_owned()),
        ("draft.3.new", "x".to_owned()),
    ] {
        fs::write(directory.join(name), content).expect("written");
    }
    fs::create_dir(directory.join("directory.4")).expect("a directory");
    std::os::unix::fs::symlink("/etc/passwd", directory.join("link.5")).expect("a link");
    let dir = fs::File::open(&directory).expect("opened");
    mknodat(&dir, "fifo.6", FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a FIFO");
    let mut wire = wharf.connect();
    assert_eq!(wire.ask("PUT", "/a", "", b"x").code(), 204);
    let granted = token(&lock(&mut wire, "/a", ""));
    assert_eq!(wharf.ask("PUT", "/a", "", b"x").code(), 423);
    // A crash during a refresh leaves the file with the number before.
    let own = granted.trim_matches(['<', '>']).trim_start_matches("urn:uuid:");
    fs::copy(directory.join(format!("{own}.0")), directory.join(format!("{own}.1"))).expect("copied");
    assert_eq!(wharf.ask("PUT", "/a", "", b"x").code(), 423);
    assert_eq!(wire.ask("UNLOCK", "/a", &format!("Lock-Token: {granted}\r\n"), b"").code(), 204);
    assert_eq!(wire.ask("PUT", "/a", "", b"x").code(), 204);
    assert!(!files(&wharf.folder()).iter().any(|name| name.starts_with(own)), "nothing of it is left");
}
