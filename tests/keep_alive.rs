//! Connections are kept as long as the rule says, slow clients as long as something moves, and nothing for longer.

use std::fs::File;
use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::common::{Wharf, Wire, eventually};

/// Between two bytes of a client that is slow.
const BEAT: Duration = Duration::from_millis(100);

/// How long a client may stop that is slow, in seconds, and for how many beats it goes on: for longer than that. This
/// machine keeps no test waiting for so long.
const STALL: &str = "3";
const BEATS: usize = 45;

/// How much later than its time something may happen on a machine that is busy. It tells 5 s from 19 s.
const SLACK: Duration = Duration::from_secs(10);

#[test]
fn the_dynamic_rule_is_told_and_kept() {
    thread::scope(|scope| {
        for (open, seconds) in [(1, 19), (10, 10), (16, 5), (200, 5)] {
            scope.spawn(move || told_and_kept(open, seconds));
        }
    });
}

/// With so many connections open, the last is told so many seconds, and closed after them.
fn told_and_kept(open: usize, seconds: u64) {
    let wharf = Wharf::serve(&[]);
    let _others: Vec<Wire> = (1..open).map(|_| wharf.connect()).collect();
    let mut last = wharf.connect();
    let start = Instant::now();
    let answer = last.ask("GET", "/.wharf/health", "", b"");
    assert_eq!(answer.field("Keep-Alive"), format!("timeout={seconds}"), "{open} open");
    assert!(last.is_closed(), "{open} open");
    let (kept, told) = (start.elapsed(), Duration::from_secs(seconds));
    assert!(kept >= told && kept < told + SLACK, "{open} open: {kept:?}");
}

#[test]
fn an_idle_connection_is_closed_without_a_word() {
    let wharf = Wharf::serve(&["--timeout", "0.3"]);
    let start = Instant::now();
    let mut fresh = wharf.connect();
    let mut used = answered(&wharf, |wire| wire.begin_to_ask("GET", "/.wharf/health", None), 200);
    assert!(fresh.is_closed() && used.is_closed());
    assert!(start.elapsed() >= Duration::from_millis(300));
}

/// A connection on which this was said, and answered so. Where the machine kept the test from beginning in time, and the
/// connection was closed, it begins again.
fn answered(wharf: &Wharf, say: impl Fn(&mut Wire) -> &mut Wire, code: u16) -> Wire {
    loop {
        let mut wire = wharf.connect();
        if let Some(answer) = say(&mut wire).try_read_answer(false) {
            assert_eq!(answer.code(), code);
            return wire;
        }
    }
}

#[test]
fn a_head_has_its_time_from_its_first_byte_on() {
    let wharf = Wharf::serve(&["--timeout", "1"]);
    let start = Instant::now();
    let trickle = |wire: &mut Wire| {
        wire.send("GET / HTTP/1.1\r\nX-Slow: ");
        eventually("the head is given up while it still comes", || {
            wire.send("a");
            wire.hears_within(BEAT)
        });
    };
    let mut wire = answered(
        &wharf,
        |wire| {
            trickle(wire);
            wire
        },
        408,
    );
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(wire.is_closed());
}

#[test]
fn a_head_that_comes_slowly_but_in_time_is_served() {
    let wharf = Wharf::serve(&["--timeout", "20"]);
    let mut wire = wharf.connect();
    let head = format!("GET /.wharf/health HTTP/1.1\r\nHost: {}\r\n\r\n", wharf.address());
    for byte in head.bytes() {
        wire.send([byte]);
    }
    assert_eq!(wire.read_answer(false).code(), 200);
}

#[test]
fn a_body_that_stops_is_given_up() {
    let wharf = Wharf::serve(&["--stall", "0.5"]);
    let mut wire = wharf.connect();
    let start = Instant::now();
    wire.begin_to_ask("POST", "/new.txt", Some(10)).send("begun");
    assert_eq!(wire.read_answer(false).code(), 408);
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert!(wire.is_closed());
    assert!(wharf.tree().is_empty(), "{:?}", wharf.tree());
}

#[test]
fn a_body_that_moves_is_waited_for() {
    let wharf = Wharf::serve(&["--stall", STALL]);
    let mut wire = wharf.connect();
    wire.begin_to_ask("POST", "/slow.txt", Some(BEATS));
    for _ in 0..BEATS {
        wire.send("x");
        thread::sleep(BEAT);
    }
    assert_eq!(wire.read_answer(false).code(), 200);
    assert_eq!(wharf.read("slow.txt"), [b'x'; BEATS]);
}

#[test]
fn a_reader_that_stops_is_given_up() {
    let wharf = Wharf::serve(&["--stall", "0.5"]);
    let length = 64 << 20;
    sparse(&wharf, "large.bin", length);
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/large.bin", None);
    eventually("the reader is given up", || wharf.log().contains("stopped reading"));
    assert!((wire.read_to_end().len() as u64) < length, "what the kernel held, and no more");
}

/// It takes so little that the kernel does not call the socket writable for longer than the stall; but it takes.
#[test]
fn a_reader_that_is_slow_is_waited_for() {
    let wharf = Wharf::serve(&["--stall", STALL]);
    sparse(&wharf, "large.bin", 16 << 20);
    let mut reader = reader_with_a_small_window(&wharf);
    let mut wire = &reader;
    let head = format!("GET /large.bin HTTP/1.1\r\nHost: {}\r\n\r\n", wharf.address());
    std::io::Write::write_all(&mut wire, head.as_bytes()).expect("sent");
    for _ in 0..BEATS {
        reader.read_exact(&mut [0; 512]).expect("still sent to");
        thread::sleep(BEAT);
    }
    assert!(!wharf.settled_log().contains("stopped reading"));
    reader.read_exact(&mut vec![0; 256 << 10]).expect("still sent to");
}

fn reader_with_a_small_window(wharf: &Wharf) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set");
    socket.connect(&wharf.address().into()).expect("a connection");
    socket.set_read_timeout(Some(crate::common::PATIENCE)).expect("set");
    socket.into()
}

/// A file of zeros that takes no room on the disk.
fn sparse(wharf: &Wharf, path: &str, length: u64) {
    let path = wharf.write(path, "");
    File::options().write(true).open(path).and_then(|file| file.set_len(length)).expect("a long file");
}
