//! Connections that begin with a PROXY header.

use std::net::Shutdown;

use crate::common::{Wharf, Wire, eventually};

const FLAGS: [&str; 3] = ["--trust-proxy", "127.0.0.1", "--proxy-protocol"];

/// A header of version 2.
fn version_2(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("short").to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
}

/// An IPv4 client, 203.0.113.9, and a port.
const CLIENT: [u8; 12] = [203, 0, 113, 9, 127, 0, 0, 1, 0x13, 0x88, 0, 80];

fn request(wharf: &Wharf, target: &str, fields: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", wharf.address()).into_bytes()
}

#[test]
fn the_header_names_the_client_of_all_requests() {
    let wharf = Wharf::serve(&FLAGS);
    let forged = "X-Forwarded-For: 198.51.100.1\r\n";
    let line = b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 80\r\n".to_vec();
    let unix = version_2(0x21, 0x31, &[0; 216]);
    let cases = [
        ("/1", line, "203.0.113.9:5000"),
        ("/2", version_2(0x21, 0x11, &CLIENT), "203.0.113.9:5000"),
        ("/3", b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1:"),
        ("/4", version_2(0x20, 0, b""), "127.0.0.1:"),
        ("/5", version_2(0x21, 0, b""), "127.0.0.1:"),
        ("/6", unix, "127.0.0.1:"),
    ];
    for (target, header, client) in cases {
        // In one packet, and byte by byte.
        for size in [usize::MAX, 1] {
            let mut wire = wharf.connect();
            for piece in header.chunks(size) {
                wire.send(piece);
            }
            for _ in 0..2 {
                wire.send(request(&wharf, target, forged));
                assert_eq!(wire.read_answer(false).code(), 404, "{target}");
            }
        }
        let line = format!("\"GET {target} ");
        let lines = || {
            wharf.log().lines().filter(|found| found.contains(&line)).map(str::to_owned).collect::<Vec<_>>()
        };
        eventually(target, || lines().len() == 4);
        assert!(lines().iter().all(|found| found.contains(client)), "{target}: {:?}", lines());
    }
}

/// The client in the header is a trusted proxy itself, so its fields count.
#[test]
fn a_trusted_proxy_behind_a_proxy_may_name_its_client() {
    let wharf = Wharf::serve(&[&FLAGS[..], &["--trust-proxy", "10.0.0.0/8"]].concat());
    let mut wire = wharf.connect();
    wire.send("PROXY TCP4 10.0.0.7 127.0.0.1 5000 80\r\n");
    wire.send(request(&wharf, "/a", "X-Forwarded-For: 203.0.113.9\r\n"));
    assert_eq!(wire.read_answer(false).code(), 404);
    eventually("it is logged", || wharf.log().contains("203.0.113.9 \"GET /a "));
}

#[test]
fn anything_but_a_header_closes_the_connection_and_is_logged() {
    let wharf = Wharf::serve(&FLAGS);
    let oversized = version_2(0x21, 0x11, &[0; 5000]);
    let cases: [(&str, &[u8], &str); 5] = [
        ("none", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "is missing"),
        ("malformed", b"PROXY TCP4 203.0.113.9\r\n", "is malformed"),
        ("endless", &[b"PROXY UNKNOWN ", &[b'x'; 200][..]].concat(), "is malformed"),
        ("oversized", &oversized, "is longer than 4096 bytes"),
        ("of another version", &version_2(0x11, 0x11, &CLIENT), "is malformed"),
    ];
    for (name, bytes, reason) in cases {
        let before = wharf.log().matches(reason).count();
        let mut wire = wharf.connect();
        wire.send(bytes);
        assert!(wire.is_closed(), "{name}");
        eventually(name, || wharf.log().matches(reason).count() > before);
    }
    let mut cut = wharf.connect();
    cut.send("PROXY TCP4 203.0").end();
    assert!(cut.is_closed(), "cut");
    eventually("cut", || wharf.log().contains("disconnected during its PROXY header"));
}

#[test]
fn a_header_that_does_not_arrive_in_time_closes_the_connection() {
    let wharf = Wharf::serve(&[&FLAGS[..], &["--timeout", "0.3"]].concat());
    let mut slow = wharf.connect();
    slow.send("PROXY TCP4 203.0");
    assert!(slow.is_closed());
    eventually("it is logged", || wharf.log().contains("its PROXY header did not arrive in time"));
}

#[test]
fn others_may_not_connect() {
    let wharf = Wharf::serve(&FLAGS);
    let mut other = Wire::connect_from(2, wharf.address());
    other.send("PROXY TCP4 203.0.113.9 127.0.0.1 5000 80\r\n");
    assert!(other.is_closed());
    eventually("it is logged", || wharf.log().contains("only trusted proxies may connect"));
    drop(other.stream().shutdown(Shutdown::Both));
}
