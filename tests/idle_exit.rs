//! An idle server exits; a server with an active transfer stays, however slow the client is.

use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::Wharf;

/// The idle limit of the servers, in seconds. It is long, because a busy machine may delay a test before its first
/// request.
const LIMIT: &str = "3";

/// The server's last messages.
const LEFT: &str = "No request for 3 s.\nShutting Down Server...\n\nBye.\n";

#[test]
pub fn an_idle_server_exits() {
    let mut wharf = Wharf::serve(&["--idle-exit", LIMIT]);
    let start = Instant::now();
    let mut parked = wharf.connect();
    assert_eq!(parked.ask("GET", "/.wharf/health", "", b"").code(), 200);
    let (said, status) = wharf.wait();
    assert!(said.ends_with(LEFT), "{said}");
    assert!(said.contains("It exits after 3 s without a request"), "announced at the start: {said}");
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() >= Duration::from_secs(3));
    assert!(parked.is_closed(), "an idle connection does not keep it");
    assert!(wharf.log().contains("no request for 3 s"));
}

#[test]
pub fn requests_keep_the_server_up() {
    let mut wharf = Wharf::serve(&["--idle-exit", LIMIT]);
    let mut idle = Wharf::serve(&["--idle-exit", LIMIT]);
    while idle.ended().is_none() {
        assert_eq!(wharf.ask("GET", "/.wharf/health", "", b"").code(), 200);
        thread::sleep(Duration::from_millis(100));
    }
    wharf.stays();
}

#[test]
pub fn a_slow_upload_keeps_the_server_up() {
    let mut wharf = Wharf::serve(&["--idle-exit", LIMIT]);
    let mut wire = wharf.connect();
    wire.begin_to_ask("PUT", "/slow.txt", Some(2)).send("a");
    wharf.outlasts_an_idle_one(LIMIT);
    assert_eq!(wire.send("b").read_answer(false).code(), 201);
    let (said, status) = wharf.wait();
    assert!(said.ends_with(LEFT) && status.success(), "then it exits: {said}");
}

#[test]
pub fn a_slow_download_keeps_the_server_up() {
    let mut wharf = Wharf::serve(&["--idle-exit", LIMIT]);
    let path = wharf.write("large.bin", "");
    File::options().write(true).open(path).and_then(|file| file.set_len(64 << 20)).expect("a long file");
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/large.bin", None);
    wharf.outlasts_an_idle_one(LIMIT);
    assert_eq!(wire.read_answer(false).body.len(), 64 << 20);
    let (said, status) = wharf.wait();
    assert!(said.ends_with(LEFT) && status.success(), "then it exits: {said}");
}
