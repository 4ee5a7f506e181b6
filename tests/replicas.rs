//! Several servers on one folder: none removes what another has accepted.

mod killed;
mod locks;
mod mounted;
mod relay;
mod replaced;
mod trash;
mod wandering;

use std::sync::Barrier;
use std::thread;

use crate::common::{Answer, Mount, Wharf, eventually};

/// How many times two requests are sent at once: without a lock, every second of these races has two winners.
const ROUNDS: usize = 300;

/// One folder with two servers.
struct Pair {
    servers: [Wharf; 2],
    _folder: tempfile::TempDir,
}

impl Pair {
    fn new(flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let flags = [&["--no-sync"], flags].concat();
        let servers = [(); 2].map(|()| Wharf::serve_folder(folder.path(), &flags));
        Self { servers, _folder: folder }
    }

    /// Sends one request to each server at the same time.
    fn at_once(&self, request: impl Fn(usize) -> (&'static str, String, String) + Sync) -> [Answer; 2] {
        let barrier = Barrier::new(2);
        let ask = |server: usize| {
            let (method, target, fields) = request(server);
            let mut wire = self.servers[server].connect();
            barrier.wait();
            wire.ask(method, &target, &fields, b"")
        };
        thread::scope(|scope| {
            let one = scope.spawn(|| ask(0));
            let other = ask(1);
            [one.join().expect("an answer"), other]
        })
    }

    /// Both servers receive an upload for the same name, round after round, and its content at the same time.
    /// Both responses are passed to `check`.
    fn race(
        &self,
        target: impl Fn(usize) -> String,
        fields: impl Fn(usize) -> String,
        check: impl Fn(usize, [Answer; 2]),
    ) {
        self.race_for(ROUNDS, target, fields, check);
    }

    fn race_for(
        &self,
        rounds: usize,
        target: impl Fn(usize) -> String,
        fields: impl Fn(usize) -> String,
        check: impl Fn(usize, [Answer; 2]),
    ) {
        for round in 0..rounds {
            let (target, fields, barrier) = (target(round), fields(round), Barrier::new(2));
            let upload = |server: usize| {
                let (mut wire, host) = (self.servers[server].connect(), self.servers[server].address());
                let content = content(server, round);
                let length = content.len();
                let head =
                    format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{fields}");
                wire.send(head + "Expect: 100-continue\r\n\r\n");
                let interim = wire.try_read_answer(false).expect("an answer").code();
                barrier.wait();
                assert_eq!(interim, 100, "round {round}: the upload is accepted");
                wire.send(content).read_answer(false)
            };
            let answers = thread::scope(|scope| {
                let one = scope.spawn(|| upload(0));
                let other = upload(1);
                [one.join().expect("an answer"), other]
            });
            check(round, answers);
        }
    }

    /// One of the two was accepted and is in the folder; the other got the status `refused`.
    fn one_won(&self, name: &str, round: usize, answers: &[Answer; 2], refused: u16) {
        let codes = answers.each_ref().map(Answer::code);
        let winners: Vec<usize> = (0..2).filter(|server| codes[*server] / 100 == 2).collect();
        assert_eq!(winners.len(), 1, "round {round}: {codes:?}");
        assert!(codes.contains(&refused), "round {round}: {codes:?}");
        let found = String::from_utf8(self.servers[0].read(name)).expect("text");
        assert_eq!(found, content(winners[0], round), "round {round}");
    }
}

fn content(server: usize, round: usize) -> String {
    format!("{round} from {server}")
}

#[test]
fn of_two_servers_one_replaces_a_version() {
    let pair = Pair::new(&[]);
    pair.servers[0].write("a", "old");
    let fields = |_| format!("If-Match: {}\r\n", pair.servers[1].ask("HEAD", "/a", "", b"").field("ETag"));
    pair.race(|_| "/a".to_owned(), fields, |round, answers| pair.one_won("a", round, &answers, 412));
}

#[test]
fn of_two_servers_one_creates_a_new_file() {
    let pair = Pair::new(&[]);
    let target = |round| format!("/{round}");
    let fields = |_| "If-None-Match: *\r\n".to_owned();
    pair.race(target, fields, |round, answers| pair.one_won(&round.to_string(), round, &answers, 412));
}

#[test]
fn of_two_servers_that_do_not_overwrite_one_saves() {
    let pair = Pair::new(&["--on-conflict", "refuse"]);
    let target = |round| format!("/{round}");
    let check = |round: usize, answers| pair.one_won(&round.to_string(), round, &answers, 409);
    pair.race(target, |_| String::new(), check);
}

#[test]
fn two_servers_that_rename_save_both() {
    let pair = Pair::new(&["--on-conflict", "rename"]);
    pair.race(
        |round| format!("/{round}"),
        |_| String::new(),
        |round, answers| {
            assert_eq!(answers.each_ref().map(Answer::code), [201, 201], "round {round}");
            let mut saved = answers.map(|answer| answer.field("Content-Location")).map(|location| {
                let answer = pair.servers[0].ask("GET", &location, "", b"");
                (location, answer.text())
            });
            saved.sort_by(|(_, one), (_, other)| one.cmp(other));
            assert_ne!(saved[0].0, saved[1].0, "round {round}");
            assert_eq!(
                saved.map(|(_, text)| text),
                [0, 1].map(|server| content(server, round)),
                "round {round}"
            );
        },
    );
}

/// The lock file is created when needed, for this user alone, and clients cannot see it.
#[test]
fn the_lock_file_is_created_when_needed() {
    use std::os::unix::fs::PermissionsExt;
    let wharf = Wharf::serve(&[]);
    let lock = wharf.folder().join(".wharf/lock");
    assert_eq!(wharf.ask("PUT", "/a", "", b"old").code(), 201);
    assert_eq!(wharf.ask("PUT", "/a", "", b"older").code(), 204);
    assert!(!lock.exists(), "plain uploads need none");
    let matches = format!("If-Match: {}\r\n", wharf.ask("HEAD", "/a", "", b"").field("ETag"));
    assert_eq!(wharf.ask("PUT", "/a", &matches, b"new").code(), 204);
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("made").permissions().mode() & 0o777;
    assert_eq!((mode(lock.parent().expect("one")), mode(&lock)), (0o700, 0o600));
    assert_eq!(wharf.ask("GET", "/.wharf/lock", "", b"").code(), 404);
}

/// A server that was stopped while it held the lock does not block others forever.
#[test]
fn waiting_for_a_lock_has_a_limit() {
    use rustix::fs::{FlockOperation, flock};
    let wharf = Wharf::serve(&["--on-conflict", "refuse"]);
    wharf.write(".wharf/lock", "");
    let lock = std::fs::File::open(wharf.folder().join(".wharf/lock")).expect("a file");
    flock(&lock, FlockOperation::LockExclusive).expect("locked");
    assert_eq!(wharf.ask("PUT", "/a", "", b"new").code(), 500);
    assert!(wharf.settled_log().contains("another server has held .wharf/lock"), "{}", wharf.settled_log());
    drop(lock);
    assert_eq!(wharf.ask("PUT", "/a", "", b"new").code(), 201);
}

/// A `.wharf` that the server cannot use: it works without a lock, and logs that.
#[test]
fn a_server_works_without_a_lock() {
    let wharf = Wharf::serve(&["--on-conflict", "refuse"]);
    wharf.write(".wharf", "a file");
    assert_eq!(wharf.ask("PUT", "/a", "", b"new").code(), 201);
    assert_eq!(wharf.ask("PUT", "/a", "", b"newer").code(), 409);
    assert_eq!(wharf.settled_log().matches("cannot lock .wharf/lock").count(), 1, "{}", wharf.settled_log());
}

/// Two mounts of one directory that do not see each other's locks, as on two machines.
fn two_mounts() -> Option<(tempfile::TempDir, [Mount; 2])> {
    let folder = tempfile::tempdir().expect("a folder");
    let mounts = [Mount::bindfs(folder.path())?, Mount::bindfs(folder.path())?];
    Some((folder, mounts))
}

#[test]
fn a_starting_server_keeps_uploads_of_another_machine() {
    let Some((folder, mounts)) = two_mounts() else { return };
    let first = Wharf::serve_folder(mounts[0].point(), &[]);
    let mut wire = first.connect();
    wire.begin_to_ask("PUT", "/a", Some(8)).send("half");
    eventually("the upload has started", || std::fs::read_dir(folder.path()).expect("a folder").count() == 1);
    drop(Wharf::serve_folder(mounts[1].point(), &[]));
    assert_eq!(wire.send("half").read_answer(false).code(), 201);
    assert_eq!(std::fs::read(folder.path().join("a")).expect("a file"), b"halfhalf");
}

/// The fields of a request that continues an upload.
fn piece(offset: usize, length: usize, is_last: bool) -> String {
    format!(
        "Content-Type: application/partial-upload\r\nContent-Length: {length}\r\n\
         Upload-Offset: {offset}\r\nUpload-Complete: ?{}\r\n",
        u8::from(is_last)
    )
}

#[test]
fn an_upload_moves_from_server_to_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let [first, second, third] = [(); 3].map(|()| Wharf::serve_folder(folder.path(), &[]));
    let begun = first.ask("POST", "/a", "Upload-Complete: ?0\r\n", b"");
    let upload = begun.field("Location");
    let mut wire = first.connect();
    let head = format!("PATCH {upload} HTTP/1.1\r\nHost: {}\r\n{}", first.address(), piece(0, 8, false));
    wire.send(format!("{head}\r\nfour"));
    eventually("another server sees the bytes received", || {
        second.ask("HEAD", &upload, "", b"").field("Upload-Offset") == "4"
    });
    assert_eq!(
        second.ask("PATCH", &upload, &piece(4, 4, false), b"five").code(),
        409,
        "the first is appending"
    );
    drop(first.kill());
    let next = second.ask("PATCH", &upload, &piece(4, 4, false), b"five");
    assert_eq!((next.code(), next.field("Upload-Offset")), (204, "8".to_owned()), "{}", next.text());
    assert_eq!(third.ask("PATCH", &upload, &piece(8, 3, true), b"six").code(), 200);
    assert_eq!(std::fs::read(folder.path().join("a")).expect("a file"), b"fourfivesix");
    // Each server knows the result, because the client may have missed it.
    for server in [&second, &third] {
        assert_eq!(server.ask("HEAD", &upload, "", b"").field("Upload-Complete"), "?1");
    }
    let left = std::fs::read_dir(folder.path().join(".wharf/uploads")).expect("a directory").flatten();
    let left: Vec<_> =
        left.filter(|entry| entry.path().extension().is_none_or(|end| end != "json")).collect();
    assert!(left.is_empty(), "{left:?}");
}
