//! Connections are kept for as long as the rule says, and slow clients for as long as data moves.

use std::fs::File;
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::common::{Wharf, Wire, eventually};

/// The pause of a slow client between two bytes.
const BEAT: Duration = Duration::from_millis(100);

/// The stall limit in seconds, and the number of beats for which a slow client continues: longer than the limit. Even a
/// busy machine does not delay a test for so long.
const STALL: &str = "3";
const BEATS: usize = 45;

/// How late an event may be on a busy machine. It distinguishes 5 s from 19 s.
const SLACK: Duration = Duration::from_secs(10);

#[test]
pub fn the_dynamic_rule_is_announced_and_kept() {
    for (open, seconds) in [(1, 19), (10, 10)] {
        announced(open, seconds);
    }
    // The shortest timeout is enough to show that it is kept.
    thread::scope(|scope| {
        for open in [16, 200] {
            scope.spawn(move || {
                let start = Instant::now();
                let (_wharf, _others, mut last) = announced(open, 5);
                let announced = Instant::now();
                assert!(last.is_closed(), "{open} open");
                let timeout = Duration::from_secs(5);
                assert!(start.elapsed() >= timeout && announced.elapsed() < timeout + SLACK, "{open} open");
            });
        }
    });
}

/// With this many open connections, the last response announces this timeout, in seconds.
fn announced(open: usize, seconds: u64) -> (Wharf, Vec<Wire>, Wire) {
    let wharf = Wharf::serve(&[]);
    let others = (1..open).map(|_| wharf.connect()).collect();
    let mut last = wharf.connect();
    let answer = last.ask("GET", "/.wharf/health", "", b"");
    assert_eq!(answer.field("Keep-Alive"), format!("timeout={seconds}"), "{open} open");
    (wharf, others, last)
}

#[test]
pub fn an_idle_connection_is_closed_silently() {
    let wharf = Wharf::serve(&["--timeout", "0.3"]);
    let start = Instant::now();
    let mut fresh = wharf.connect();
    let mut used = answered(&wharf, |wire| wire.begin_to_ask("GET", "/.wharf/health", None), 200);
    assert!(fresh.is_closed() && used.is_closed());
    assert!(start.elapsed() >= Duration::from_millis(300));
}

/// A connection on which this request got this response. If the machine delayed the test so that the
/// connection was closed, it starts again.
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
pub fn a_head_has_a_deadline_from_its_first_byte() {
    let wharf = Wharf::serve(&["--timeout", "1"]);
    let start = Instant::now();
    let trickle = |wire: &mut Wire| {
        wire.send("GET / HTTP/1.1\r\nX-Slow: ");
        eventually("the connection is closed while the head still arrives", || {
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
pub fn a_head_that_arrives_slowly_but_in_time_is_served() {
    let wharf = Wharf::serve(&["--timeout", "20"]);
    let mut wire = wharf.connect();
    let head = format!("GET /.wharf/health HTTP/1.1\r\nHost: {}\r\n\r\n", wharf.address());
    for byte in head.bytes() {
        wire.send([byte]);
    }
    assert_eq!(wire.read_answer(false).code(), 200);
}

#[test]
pub fn a_stalled_body_is_aborted() {
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
pub fn a_slow_body_is_received() {
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
pub fn a_stalled_reader_is_disconnected() {
    let wharf = Wharf::serve(&["--stall", "0.5"]);
    let length = 64 << 20;
    sparse(&wharf, "large.bin", length);
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/large.bin", None);
    eventually("the reader is disconnected", || wharf.log().contains("stopped reading"));
    assert!((wire.read_to_end().len() as u64) < length, "only the kernel's buffers were sent");
}

/// It does read, but so little that the kernel does not report the socket as writable for longer than the stall limit.
#[test]
pub fn a_slow_reader_is_served() {
    let wharf = Wharf::serve(&["--stall", STALL]);
    sparse(&wharf, "large.bin", 16 << 20);
    let mut reader = wharf.over(with_a_small_window(&wharf));
    reader.begin_to_ask("GET", "/large.bin", None);
    for _ in 0..BEATS {
        // A record of TLS, which is read whole, is gone long before the limit.
        reader.skip(1024);
        thread::sleep(BEAT);
    }
    assert!(!wharf.settled_log().contains("stopped reading"));
    reader.skip(256 << 10);
}

fn with_a_small_window(wharf: &Wharf) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set");
    socket.connect(&wharf.address().into()).expect("a connection");
    socket.into()
}

/// A sparse file of zeros.
fn sparse(wharf: &Wharf, path: &str, length: u64) {
    let path = wharf.write(path, "");
    File::options().write(true).open(path).and_then(|file| file.set_len(length)).expect("a long file");
}
