//! A server that is asked to stop finishes active requests, accepts no new ones, and exits.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::process::Signal;

use crate::common::{Wharf, Wire, eventually, sample};

const LAST_WORDS: &str = "Shutting Down Server...\n\nBye.\n";

/// How long the server waits for active requests when it is asked to stop.
const GRACE: Duration = Duration::from_secs(10);

#[test]
fn a_signal_stops_the_server_with_exit_code_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut wharf = Wharf::serve(&[]);
        wharf.signal(signal);
        let (said, status) = wharf.wait();
        assert!(said.ends_with(&format!("Ctrl-C stops it.\n{LAST_WORDS}")), "{signal:?}: {said}");
        assert_eq!(status.code(), Some(0), "{signal:?}");
    }
}

#[test]
pub fn idle_connections_are_closed_and_new_ones_refused() {
    let mut wharf = Wharf::serve(&[]);
    let (mut fresh, mut used) = (wharf.connect(), wharf.connect());
    assert_eq!(used.ask("GET", "/.wharf/health", "", b"").code(), 200);
    let mut upload = begun_upload(&wharf);
    // Its first bytes have been read, and the server waits for the rest.
    wharf.comes_to_rest();
    wharf.signal(Signal::TERM);
    assert!(fresh.is_closed() && used.is_closed());
    assert!(TcpStream::connect(wharf.address()).is_err(), "it still serves, but accepts no connections");
    let clients = [(&fresh, "idle, closed"), (&used, "idle, closed"), (&upload, "busy")];
    for (client, state) in clients {
        let address = client.stream().local_addr().expect("connected");
        let line = format!("open at shutdown: {address} ({state})");
        eventually(&line, || wharf.log().contains(&line));
    }
    assert_eq!(upload.send("b").read_answer(false).code(), 201);
    let (said, status) = wharf.wait();
    assert!(said.ends_with(LAST_WORDS) && status.success(), "{said}");
}

#[test]
fn open_clients_are_printed_even_with_a_log_file() {
    let place = tempfile::tempdir().expect("a folder");
    let log = place.path().join("log");
    let mut wharf = Wharf::serve(&["--log-file", &log.to_string_lossy()]);
    let mut client = wharf.connect();
    assert_eq!(client.ask("GET", "/.wharf/health", "", b"").code(), 200);
    wharf.comes_to_rest();
    wharf.signal(Signal::TERM);
    let line = format!("open at shutdown: {}", client.stream().local_addr().expect("connected"));
    assert!(wharf.wait().1.success());
    assert!(wharf.log().contains(&line), "on stderr: {}", wharf.log());
    assert!(std::fs::read_to_string(log).expect("a log").contains(&line));
}

#[test]
pub fn an_active_upload_is_saved() {
    let mut wharf = Wharf::serve(&[]);
    let mut upload = begun_upload(&wharf);
    stop(&wharf);
    let answer = upload.send("b").read_answer(false);
    assert_eq!((answer.code(), answer.field("Connection").as_str()), (201, "close"));
    assert!(upload.is_closed());
    assert!(wharf.wait().1.success());
    assert_eq!(wharf.read("upload.txt"), b"ab");
}

#[test]
pub fn an_active_download_is_finished() {
    // More than the kernel buffers for a reader, but little enough to arrive before the deadline.
    const LENGTH: usize = 16 << 20;
    let mut wharf = Wharf::serve(&[]);
    let path = wharf.write("large.bin", "");
    File::options().write(true).open(path).and_then(|file| file.set_len(LENGTH as u64)).expect("a long file");
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/large.bin", None);
    assert!(wire.hears_within(crate::common::PATIENCE), "the download has started");
    stop(&wharf);
    assert!(wharf.ended().is_none());
    assert_eq!(wire.read_answer(false).body.len(), LENGTH);
    assert!(wire.is_closed());
    let (said, status) = wharf.wait();
    assert!(said.ends_with(LAST_WORDS) && status.success(), "{said}");
}

#[test]
pub fn a_partial_head_is_completed_and_answered() {
    let mut wharf = Wharf::serve(&[]);
    let mut wire = wharf.connect();
    let host = wharf.address();
    let head = format!("GET /.wharf/health HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (half, rest) = head.split_at(20);
    // In one packet with a request, so that it has been read once the request is answered.
    wire.send(format!("{head}{half}"));
    assert_eq!(wire.read_answer(false).code(), 200);
    stop(&wharf);
    wire.send(rest);
    let answer = wire.read_answer(false);
    assert_eq!((answer.code(), answer.field("Connection").as_str()), (200, "close"));
    assert!(wharf.wait().1.success());
}

#[test]
pub fn under_load_every_response_is_complete_or_absent() {
    const CLIENTS: usize = 20;
    let mut wharf = Wharf::serve(&["--workers", "4"]);
    wharf.write("medium.bin", sample(200_000, 3));
    let (answered, seen) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            let (mut wire, answered) = (wharf.connect(), answered.clone());
            scope.spawn(move || {
                let ask =
                    |wire: &mut Wire| wire.begin_to_ask("GET", "/medium.bin", None).try_read_answer(false);
                while let Some(answer) = ask(&mut wire) {
                    assert_eq!((answer.code(), answer.body.len()), (200, 200_000));
                    answered.send(()).expect("counted");
                }
            });
        }
        seen.iter().take(10 * CLIENTS).for_each(drop);
        wharf.signal(Signal::TERM);
    });
    let (said, status) = wharf.wait();
    assert!(said.ends_with(LAST_WORDS) && status.success(), "{said}");
}

#[test]
fn a_second_signal_exits_at_once() {
    let mut wharf = Wharf::serve(&[]);
    let _upload = begun_upload(&wharf);
    stop(&wharf);
    assert!(wharf.ended().is_none(), "it waits for the upload");
    wharf.signal(Signal::TERM);
    let (said, status) = wharf.wait();
    assert_eq!(status.code(), Some(1), "it did not finish");
    assert!(!said.contains("Bye."), "{said}");
}

#[test]
fn an_upload_that_never_ends_is_aborted() {
    let mut wharf = Wharf::serve(&[]);
    let mut upload = begun_upload(&wharf);
    let start = Instant::now();
    wharf.signal(Signal::INT);
    let (said, status) = wharf.wait();
    assert!(start.elapsed() >= GRACE);
    assert!(said.ends_with(LAST_WORDS) && status.success(), "{said}");
    assert!(wharf.log().contains("1 connections did not finish within 10 s"));
    assert!(upload.is_closed());
    assert!(wharf.tree().is_empty(), "nothing of it is kept: {:?}", wharf.tree());
}

#[test]
fn an_unread_recording_does_not_delay_the_exit() {
    let place = tempfile::tempdir().expect("a folder");
    let fifo = place.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
    // A program that opens the recording, and does not read it.
    let not_waiting = OFlags::NONBLOCK.bits().cast_signed();
    let reader = File::options().read(true).custom_flags(not_waiting).open(&fifo).expect("opened");
    let mut wharf = Wharf::serve(&["--record", &fifo.to_string_lossy()]);
    let target = format!("/none?{}", "x".repeat(8_000));
    let mut wire = wharf.connect();
    // The pipe holds 64 KiB, so it is full long before the last request.
    for _ in 0..200 {
        assert_eq!(wire.ask("GET", &target, "", b"").code(), 404);
    }
    wharf.signal(Signal::TERM);
    let (said, status) = wharf.wait();
    assert!(said.ends_with(LAST_WORDS) && status.success(), "{said}");
    drop(reader);
}

/// Sends the signal, and waits until the server has received it.
fn stop(wharf: &Wharf) {
    let mut idle = wharf.connect();
    assert_eq!(idle.ask("GET", "/.wharf/health", "", b"").code(), 200);
    wharf.signal(Signal::TERM);
    assert!(idle.is_closed());
}

/// An upload of two bytes: its head has been read, and one byte sent.
fn begun_upload(wharf: &Wharf) -> Wire {
    let mut wire = wharf.connect();
    let host = wharf.address();
    wire.send(format!(
        "PUT /upload.txt HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    ));
    let interim = wire.try_read_answer(false).expect("the body is requested");
    assert_eq!(interim.code(), 100);
    wire.send("a");
    wire
}

/// If the response allows it, a proxy keeps the connection, and would send its next request on it.
#[test]
pub fn a_request_that_began_before_the_drain_ends_its_connection() {
    let mut wharf = Wharf::serve(&["--drain", "1"]);
    let mut upload = begun_upload(&wharf);
    wharf.comes_to_rest();
    wharf.signal(Signal::TERM);
    eventually("it drains", || wharf.ask("GET", "/.wharf/ready", "", b"").code() == 503);
    let answer = upload.send("b").read_answer(false);
    assert_eq!((answer.code(), answer.field("Connection").as_str()), (201, "close"));
    assert!(wharf.wait().1.success());
}

/// A proxy that does not know of the drain opens a connection for its request, also at the last moment.
#[test]
fn a_connection_of_the_drain_is_not_closed_before_its_request() {
    let mut wharf = Wharf::serve(&["--drain", "1"]);
    wharf.signal(Signal::TERM);
    eventually("it drains", || wharf.ask("GET", "/.wharf/ready", "", b"").code() == 503);
    let mut open = Vec::new();
    eventually("it accepts no more", || {
        open.extend(TcpStream::connect(wharf.address()));
        // The last one may still have been in the backlog.
        open.len() > 1 && TcpStream::connect(wharf.address()).is_err()
    });
    let last = open.len().saturating_sub(2);
    let mut wire = Wire::over(open.swap_remove(last));
    drop(open);
    let answer = wire.ask("GET", "/.wharf/health", "", b"");
    assert_eq!((answer.code(), answer.field("Connection").as_str()), (200, "close"));
    assert!(wharf.wait().1.success());
}
