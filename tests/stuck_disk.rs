//! A hanging disk delays only the clients that need it.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::common::fuse::Mount;
use crate::common::{Wharf, Wire, eventually};

/// Clients that request a file on the hanging disk: many more than there are workers.
const CLIENTS: usize = 200;

/// A connection on which a file was requested.
fn asks_for(wharf: &Wharf, target: &str) -> Wire {
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", target, None);
    wire
}

/// Joins the chat; returns the field line that identifies the member.
fn join(wharf: &Wharf) -> String {
    let answer = wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann");
    let joined: Value = serde_json::from_slice(&answer.body).expect("JSON");
    format!("Wharf-Member: {}\r\n", joined["token"].as_str().expect("a token"))
}

/// Requests that need no disk work while it hangs: all are answered before it resumes.
fn others_are_served(wharf: &Wharf, member: &str, idle: &mut Wire) {
    let mut events = wharf.connect();
    events.send(format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: {}\r\n{member}\r\n", wharf.address()));
    for _ in 0..10 {
        assert_eq!(wharf.ask("GET", "/.wharf/health", "", b"").code(), 200);
    }
    assert_eq!(wharf.ask("POST", "/.wharf/chat/messages", member, b"still here").code(), 202);
    let mut heard = Vec::new();
    while !String::from_utf8_lossy(&heard).contains("still here") {
        let mut bytes = [0; 4096];
        let count = std::io::Read::read(&mut events.stream(), &mut bytes).expect("the stream continues");
        assert!(count > 0, "the stream has ended");
        heard.extend_from_slice(&bytes[..count]);
    }
    assert!(idle.is_closed(), "it has timed out");
}

fn hangs(workers: &str, target: impl Fn(usize) -> String) {
    let Some(mount) = Mount::new() else { return };
    let flags = ["--workers", workers, "--timeout", "1", "--stall", "2"];
    let wharf = Wharf::serve_in(mount.place(), &flags);
    for number in 0..CLIENTS {
        wharf.write(&number.to_string(), "content");
    }
    let member = join(&wharf);
    let mut upload = wharf.connect();
    let host = wharf.address();
    let head =
        format!("PUT /half HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n");
    upload.send(head);
    assert_eq!(upload.try_read_answer(false).expect("it starts").code(), 100);
    upload.send("half");
    assert_eq!(wharf.ask("GET", "/0", "", b"").text(), "content");
    wharf.comes_to_rest();
    let mut idle = wharf.connect();
    let stopped = mount.stop();
    let mut waiting: Vec<_> = (0..CLIENTS).map(|number| asks_for(&wharf, &target(number))).collect();
    others_are_served(&wharf, &member, &mut idle);
    assert_eq!(upload.read_answer(false).code(), 408, "a stalled upload is aborted");
    assert!(!waiting.iter_mut().any(|wire| wire.hears_within(Duration::from_millis(1))), "the disk hangs");
    drop(stopped);
    for wire in &mut waiting {
        assert_eq!(wire.read_answer(false).text(), "content");
    }
    eventually("the partial upload is removed", || wharf.tree().len() == CLIENTS);
}

#[test]
fn uncached_files_delay_no_other_request() {
    hangs("4", |number| format!("/{number}"));
}

#[test]
fn a_single_worker_is_not_blocked() {
    hangs("1", |number| format!("/{number}"));
}

#[test]
fn the_default_number_of_workers_is_not_blocked() {
    hangs("64", |number| format!("/{number}"));
}

#[test]
#[cfg_attr(not(feature = "archive"), ignore = "needs the feature `archive`")]
fn listings_delay_no_other_request() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &["--workers", "4", "--timeout", "1"]);
    wharf.write("dir/file", "content");
    let member = join(&wharf);
    let mut idle = wharf.connect();
    let stopped = mount.stop();
    let targets = ["/dir/?list", "/dir/?tar", "/dir/?zip", "/dir/file?sha256"];
    let mut waiting: Vec<_> = (0..CLIENTS).map(|number| asks_for(&wharf, targets[number % 4])).collect();
    others_are_served(&wharf, &member, &mut idle);
    drop(stopped);
    for wire in &mut waiting {
        assert_eq!(wire.read_answer(false).code(), 200);
    }
}

/// Load balancers repeat their checks.
#[test]
fn readiness_checks_delay_no_other_request() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &["--workers", "4", "--timeout", "1"]);
    let member = join(&wharf);
    let mut idle = wharf.connect();
    let stopped = mount.stop();
    let mut waiting: Vec<_> = (0..CLIENTS).map(|_| asks_for(&wharf, "/.wharf/ready")).collect();
    others_are_served(&wharf, &member, &mut idle);
    drop(stopped);
    for wire in &mut waiting {
        let text = wire.read_answer(false).text();
        // Some wait for so long that the disk counts as hanging.
        assert!(["ready\n", HANGS].contains(&&*text), "{text}");
    }
}

const HANGS: &str = "not ready: the folder's disk does not respond\n";

/// The others go on, as with the same folder on several machines.
#[test]
fn only_the_server_whose_disk_hangs_is_not_ready() {
    let Some(mount) = Mount::new() else { return };
    let other = Wharf::serve_folder(&mount.behind(), &[]);
    let wharf = Wharf::serve_in(mount.place(), &[]);
    other.write("file", "content");
    let stopped = mount.stop();
    let mut waiting = asks_for(&wharf, "/.wharf/ready");
    eventually("a later check does not wait for the disk", || {
        let mut wire = asks_for(&wharf, "/.wharf/ready");
        wire.hears_within(Duration::from_millis(100)) && wire.read_answer(false).text() == HANGS
    });
    assert_eq!(other.ask("GET", "/.wharf/ready", "", b"").code(), 200);
    assert_eq!(other.ask("GET", "/file", "", b"").text(), "content");
    drop(stopped);
    assert_eq!(waiting.read_answer(false).code(), 200);
    eventually("it is ready again", || wharf.ask("GET", "/.wharf/ready", "", b"").code() == 200);
}

/// All connections of a client behind a proxy wait for the disk, as jobs or before that. The connections count for this
/// client, so one of them makes room for another client of the same proxy.
#[test]
fn requests_that_wait_for_the_disk_count_for_their_client() {
    const ALL: usize = 32;
    for method in ["GET", "PUT"] {
        let Some(mount) = Mount::new() else { return };
        let flags = ["--workers", "1", "--trust-proxy", "127.0.0.1", "--max-connections", &ALL.to_string()];
        let wharf = Wharf::serve_in(mount.place(), &flags);
        let stopped = mount.stop();
        let _waiting: Vec<_> = (0..ALL)
            .map(|number| {
                let mut wire = wharf.connect();
                let head = format!("{method} /{number} HTTP/1.1\r\nHost: {}\r\n", wharf.address());
                wire.send(format!("{head}X-Forwarded-For: 203.0.113.1\r\nContent-Length: 2\r\n\r\nab"));
                wire
            })
            .collect();
        let other = || wharf.ask("GET", "/.wharf/health", "X-Forwarded-For: 203.0.113.2\r\n", b"").code();
        eventually(method, || other() == 200);
        drop(stopped);
    }
}

/// A cached file is checked on the disk before it is sent, and that may hang too.
#[test]
fn a_cached_file_delays_no_other_request() {
    let Some(mount) = Mount::new() else { return };
    let wharf = Wharf::serve_in(mount.place(), &["--workers", "4", "--timeout", "1"]);
    let path = wharf.write("file", "content");
    let old = std::time::SystemTime::now() - Duration::from_secs(60);
    std::fs::File::options().write(true).open(path).and_then(|file| file.set_modified(old)).expect("set");
    let member = join(&wharf);
    let mut idle = wharf.connect();
    let mut warm = wharf.connect();
    for _ in 0..20 {
        assert_eq!(warm.ask("GET", "/file", "", b"").text(), "content");
    }
    let stopped = mount.stop();
    let mut waiting: Vec<_> = (0..CLIENTS).map(|_| asks_for(&wharf, "/file")).collect();
    others_are_served(&wharf, &member, &mut idle);
    drop(stopped);
    for wire in &mut waiting {
        assert_eq!(wire.read_answer(false).text(), "content");
    }
}

/// Open files are closed at exit, and closing them hangs too.
#[test]
fn a_stop_does_not_wait_for_the_disk_forever() {
    let Some(mount) = Mount::new() else { return };
    let mut wharf = Wharf::serve_in(mount.place(), &["--workers", "4"]);
    let mut upload = wharf.connect();
    let host = wharf.address();
    upload.send(format!("PUT /half HTTP/1.1\r\nHost: {host}\r\nContent-Length: 8\r\n\r\nhalf"));
    eventually("the upload has started", || !wharf.tree().is_empty());
    let stopped = mount.stop();
    wharf.signal(Signal::TERM);
    // A process that closes a file on a hung FUSE mount cannot exit, even when killed. All the server can do is log it.
    eventually("it exits", || wharf.log().contains("a thread did not stop"));
    drop(stopped);
    let (_, status) = wharf.wait();
    assert_eq!(status.code(), Some(1), "it could not finish");
}
