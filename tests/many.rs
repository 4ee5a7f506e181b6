//! Many clients at once, slow, idle and broken ones, do not delay other clients and leave nothing behind.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use socket2::SockRef;

use crate::common::{Random, Wharf, Wire, eventually, raise_open_files, sample};

/// How many clients are slow at once.
const SLOW: usize = 500;

#[test]
fn an_idle_server_uses_no_cpu_time() {
    let wharf = Wharf::serve(&["--timeout", "600"]);
    let mut idle: Vec<Wire> = (0..50).map(|_| wharf.connect()).collect();
    wharf.comes_to_rest();
    assert_eq!(idle[0].ask("GET", "/.wharf/health", "", b"").code(), 200);
    wharf.comes_to_rest();
}

#[test]
pub fn slow_readers_delay_no_one() {
    let wharf = Wharf::serve(&["--workers", "4", "--timeout", "600", "--stall", "600"]);
    let path = wharf.write("large.bin", "");
    File::options().write(true).open(path).and_then(|file| file.set_len(64 << 20)).expect("a long file");
    raise_open_files();
    let mut readers: Vec<Wire> = (0..SLOW).map(|_| wharf.connect()).collect();
    for reader in &mut readers {
        reader.begin_to_ask("GET", "/large.bin", None);
    }
    for _ in 0..3 {
        for reader in &readers {
            reader.stream().read_exact(&mut [0]).expect("a byte");
        }
    }
    another_is_served(&wharf);
    // A socket without buffer space causes no work: the workers sleep.
    wharf.comes_to_rest();
    for reader in &readers {
        reader.stream().read_exact(&mut [0]).expect("still sending");
    }
    let threads = wharf.status("Threads");
    // Workers, and the threads of every server: jobs, chores, the log, stdout, signals, timers, listeners,
    // accepting.
    assert!(threads <= 4 + 12, "{threads} threads");
}

#[test]
pub fn slow_writers_delay_no_one() {
    let wharf = Wharf::serve(&["--workers", "4", "--timeout", "600", "--stall", "600"]);
    raise_open_files();
    let mut writers: Vec<Wire> = (0..SLOW).map(|_| wharf.connect()).collect();
    for (number, writer) in writers.iter_mut().enumerate() {
        writer.begin_to_ask("POST", &format!("/{number}.txt"), Some(4));
    }
    for byte in ["a", "b", "c"] {
        for writer in &mut writers {
            writer.send(byte);
        }
    }
    another_is_served(&wharf);
    wharf.comes_to_rest();
    for writer in &mut writers {
        assert_eq!(writer.send("d").read_answer(false).code(), 200);
    }
    for number in 0..SLOW {
        assert_eq!(wharf.read(&format!("{number}.txt")), b"abcd");
    }
}

/// Another client reads, writes, and reads what it wrote.
fn another_is_served(wharf: &Wharf) {
    let mut wire = wharf.connect();
    let content = sample(100_000, 501);
    assert_eq!(wire.ask("GET", "/.wharf/health", "", b"").code(), 200);
    assert_eq!(wire.ask("PUT", "/another.bin", "", &content).code(), 201);
    assert!(wire.ask("GET", "/another.bin", "", b"").body == content);
}

#[test]
pub fn the_longest_idle_connection_makes_room() {
    // Longer than the test can take, so that no connection is closed for another reason.
    let wharf = Wharf::serve(&["--max-connections", "20", "--timeout", "600"]);
    let mut idle: Vec<Wire> = (0..20).map(|_| wharf.connect()).collect();
    assert_eq!(idle[19].ask("GET", "/.wharf/health", "", b"").code(), 200);
    // A response arrives a moment before its connection becomes idle.
    wharf.comes_to_rest();
    for wire in &mut idle[..19] {
        assert_eq!(wire.ask("GET", "/.wharf/health", "", b"").code(), 200);
    }
    wharf.comes_to_rest();
    let mut new = wharf.connect();
    assert_eq!(new.ask("GET", "/.wharf/health", "", b"").code(), 200);
    assert!(idle[19].is_closed(), "it was the first to ask, and has been idle since");
    for wire in &mut idle[..19] {
        assert_eq!(wire.ask("GET", "/.wharf/health", "", b"").code(), 200, "the others are kept");
    }
}

#[test]
fn a_new_connection_gets_503_if_none_is_idle() {
    let wharf = Wharf::serve(&["--max-connections", "20", "--timeout", "600"]);
    let mut busy: Vec<Wire> = (0..20).map(|_| wharf.connect()).collect();
    for (number, wire) in busy.iter_mut().enumerate() {
        let host = wharf.address();
        wire.send(format!(
            "PUT /{number} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"
        ));
        assert_eq!(wire.try_read_answer(false).expect("the body is requested").code(), 100);
    }
    let mut new = wharf.connect();
    let answer = new.ask("GET", "/.wharf/health", "", b"");
    assert_eq!((answer.code(), answer.field("Connection").as_str()), (503, "close"));
    assert!(answer.field("Retry-After").parse::<u32>().is_ok());
    assert!(new.is_closed());
    for wire in &mut busy {
        assert_eq!(wire.send("x").read_answer(false).code(), 201);
    }
    wharf.comes_to_rest();
    let mut next = wharf.connect();
    assert_eq!(next.ask("GET", "/0", "", b"").text(), "x", "they are idle now, and make room");
}

#[test]
fn a_client_with_all_connections_makes_room_for_others() {
    let wharf = Wharf::serve(&["--max-connections", "20", "--timeout", "600"]);
    let begin = |number: usize| {
        let mut wire = Wire::connect_from(2, wharf.address());
        wire.begin_to_ask("PUT", &format!("/{number}"), Some(4)).send("a");
        wire
    };
    let mut greedy: Vec<Wire> = (0..20).map(begin).collect();
    eventually("all are connected", || wharf.log().matches(" connected").count() == 20);
    wharf.comes_to_rest();
    let mut same = Wire::connect_from(2, wharf.address());
    assert_eq!(same.ask("GET", "/.wharf/health", "", b"").code(), 503, "not for another of the same client");
    let mut another = Wire::connect_from(3, wharf.address());
    assert_eq!(another.ask("GET", "/.wharf/health", "", b"").code(), 200);
    assert_eq!(another.ask("PUT", "/another", "", b"x").code(), 201);
    let codes: Vec<_> = greedy
        .iter_mut()
        .map(|wire| wire.send("bcd").try_read_answer(false).map(|answer| answer.code()))
        .collect();
    assert_eq!(
        codes.iter().filter(|code| **code == Some(201)).count(),
        19,
        "one connection made room: {codes:?}"
    );
    assert_eq!(codes.iter().filter(|code| **code == Some(503)).count(), 1, "and got a 503: {codes:?}");
}

#[test]
pub fn pipelining_without_reading_delays_no_one() {
    let wharf = Wharf::serve(&["--workers", "2"]);
    wharf.write("file", sample(1000, 92));
    let head = format!("GET /file HTTP/1.1\r\nHost: {}\r\n\r\n", wharf.address());
    let requests = head.repeat(1000).into_bytes();
    assert_eq!(wharf.ask("GET", "/file", "", b"").code(), 200);
    let before = wharf.status("VmRSS");
    let mut endless = Vec::new();
    for _ in 0..20 {
        let mut wire = wharf.connect();
        wire.stream().set_write_timeout(Some(Duration::from_millis(200))).expect("set");
        // Until the server reads no more.
        while wire.try_send(&requests).is_ok() {}
        wire.stream().set_write_timeout(Some(crate::common::PATIENCE)).expect("set");
        assert_eq!(wharf.ask("GET", "/file", "", b"").body.len(), 1000, "another client is served");
        endless.push(wire);
    }
    another_is_served(&wharf);
    wharf.comes_to_rest();
    let grown = wharf.status("VmRSS").saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KB");
    assert_eq!(endless[0].read_answer(false).body.len(), 1000, "and each is answered in order");
}

#[test]
pub fn a_thousand_overlapping_ranges_cost_no_more_than_the_file() {
    let wharf = Wharf::serve(&[]);
    let content = sample(1 << 20, 93);
    wharf.write("file", &content);
    let whole: Vec<_> = (0..1000).map(|start| format!("{start}-")).collect();
    let few: Vec<_> = (0..60).map(|start| format!("{start}-")).collect();
    for ranges in [whole, few] {
        let field = format!("Range: bytes={}\r\n", ranges.join(","));
        let answer = wharf.ask("GET", "/file", &field, b"");
        assert_eq!(answer.code(), 200, "{} ranges", ranges.len());
        assert!(answer.body == content);
    }
}

#[test]
fn files_that_no_one_requests_leave_the_cache() {
    let wharf = Wharf::serve_after("ulimit -n 64", &[]);
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    for number in 0..120 {
        let path = wharf.write(&number.to_string(), vec![b'x'; 20_000]);
        File::options().write(true).open(path).and_then(|file| file.set_modified(old)).expect("set");
    }
    // The files on the disk are old, too: they have not changed for a while.
    wharf.files_age();
    let before = wharf.open_files();
    for number in 0..120 {
        let mut wire = wharf.connect();
        let answer = wire.ask("GET", &format!("/{number}"), "Connection: close\r\n", b"");
        assert_eq!((answer.code(), answer.body.len()), (200, 20_000), "number {number}");
    }
    eventually("they are closed again", || wharf.open_files() <= before);
}

#[test]
fn the_server_runs_with_few_descriptors() {
    let wharf = Wharf::serve_after("ulimit -n 60", &[]);
    wharf.write("small.txt", "small");
    wharf.write("medium.bin", sample(100_000, 1));
    let _idle: Vec<Wire> = (0..100).map(|_| wharf.connect()).collect();
    for _ in 0..10 {
        let mut wire = wharf.connect();
        assert_eq!(wire.ask("GET", "/small.txt", "", b"").text(), "small");
        assert_eq!(wire.ask("GET", "/medium.bin", "", b"").body.len(), 100_000);
        assert!(wire.ask("PUT", "/new/file.bin", "", b"new").head.status.is_success());
    }
}

#[test]
fn clients_that_disconnect_leave_nothing_behind() {
    let wharf = Wharf::serve(&["--timeout", "60"]);
    wharf.write("large.bin", sample(3 << 20, 2));
    assert_eq!(wharf.ask("GET", "/large.bin", "", b"").code(), 200);
    // The trash stays open once it was needed.
    wharf.write("old", "old");
    assert_eq!(wharf.ask("PUT", "/old", "", b"new").code(), 204);
    let before = settled(&wharf);
    let mut random = Random::new(20_261_121);
    for _ in 0..1_000 {
        break_off(&wharf, &mut random);
    }
    assert_eq!(wharf.ask("GET", "/large.bin", "", b"").body.len(), 3 << 20);
    eventually("its descriptors are closed", || wharf.open_files() <= before);
    let names: Vec<_> = wharf.tree().into_iter().filter(|name| name.contains(".wharf")).collect();
    assert!(names.is_empty(), "{names:?}");
}

/// How many descriptors it has open without a connection.
fn settled(wharf: &Wharf) -> usize {
    let mut count = usize::MAX;
    eventually("its last connection is closed", || {
        let before = std::mem::replace(&mut count, wharf.open_files());
        std::thread::sleep(Duration::from_millis(50));
        before == count
    });
    count
}

/// Whether this is an expected result of a read for a client that disconnects.
fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::ConnectionReset | ErrorKind::Interrupted)
}

/// Sends part of a request, reads part of the response, and disconnects: by a close, or by a reset.
fn break_off(wharf: &Wharf, random: &mut Random) {
    let mut stream = TcpStream::connect(wharf.address()).expect("a connection");
    let host = wharf.address();
    let requests = [
        format!("GET /large.bin HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("PUT /{} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 300\r\n\r\n{:300}", random.below(9), ""),
        format!("GET /none HTTP/1.1\r\nHost: {host}\r\n\r\n").repeat(40),
        "\r\n\0\u{7f}nonsense\r\n\r\n".to_owned(),
    ];
    let request = requests[random.below(requests.len())].as_bytes();
    // Every other request is sent completely.
    let sent = request.len().min(random.below(request.len() * 2));
    let _ = stream.write_all(&request[..sent]);
    if random.below(2) == 0 {
        stream.set_read_timeout(Some(Duration::from_millis(1))).expect("set");
        match stream.read(&mut vec![0; 1 + random.below(100_000)]) {
            Err(error) if !passes(error.kind()) => {
                panic!("{error}")
            }
            _ => {}
        }
    }
    if random.below(2) == 0 {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("set");
    }
}
