//! Clients with an incomplete or invalid handshake, and streams that end early.

use std::fs;
use std::io::{Read, Write};

use super::{client_hello, serve_usual, tcp};
use crate::common::{PATIENCE, eventually, raise_open_files, sample};

#[test]
fn clients_that_stop_within_the_handshake_delay_no_one() {
    stop_within_the_handshake(300);
}

#[test]
#[ignore = "long"]
fn thousands_of_clients_that_stop_within_the_handshake_delay_no_one() {
    stop_within_the_handshake(5000);
}

fn stop_within_the_handshake(clients: usize) {
    raise_open_files();
    let wharf = serve_usual(&["--timeout", "3"]);
    wharf.write("a", "a");
    let (_, hello) = client_hello();
    let before = wharf.open_files();
    for beginning in [1, 5, 100, hello.len()] {
        let stuck: Vec<_> = (0..clients / 4)
            .map(|_| {
                let mut stream = tcp(&wharf);
                stream.write_all(&hello[..beginning]).expect("sent");
                stream
            })
            .collect();
        for _ in 0..20 {
            assert_eq!(wharf.ask("GET", "/a", "", b"").text(), "a");
        }
        for mut stream in stuck {
            // The server's first flight, for clients that have sent all of theirs.
            while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
        }
    }
    eventually("all are closed", || wharf.open_files() <= before + 1);
}

#[test]
fn a_handshake_in_records_of_one_byte_succeeds() {
    let wharf = serve_usual(&[]);
    wharf.write("a", "a");
    let (mut session, hello) = client_hello();
    let mut stream = tcp(&wharf);
    stream.set_nodelay(true).expect("set");
    // Its record has a header of five bytes.
    for byte in &hello[5..] {
        stream.write_all(&[22, 3, 1, 0, 1, *byte]).expect("sent");
    }
    while session.is_handshaking() {
        session.complete_io(&mut stream).expect("a handshake");
    }
    let head = format!("GET /a HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", wharf.address());
    let mut answer = Vec::new();
    let mut tls = rustls::Stream::new(&mut session, &mut stream);
    for byte in head.bytes() {
        tls.write_all(&[byte]).expect("sent");
    }
    tls.read_to_end(&mut answer).expect("ended in order");
    assert!(answer.ends_with(b"\r\n\r\na"), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn what_is_no_record_ends_the_connection() {
    let wharf = serve_usual(&[]);
    wharf.write("a", "a");
    let oversized = [&[23, 3, 3, 0x48, 0x01][..], &vec![0; 0x4801]].concat();
    let table: [(&str, &[u8]); 4] = [
        ("plain HTTP", b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        ("a record that is too large", &oversized),
        (
            "one that nobody has encrypted",
            &[23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
        ),
        ("another handshake", &[22, 3, 3, 0, 4, 1, 0, 0, 0]),
    ];
    for (name, bytes) in table {
        for is_within_body in [false, true] {
            let mut wire = wharf.connect();
            if is_within_body {
                wire.begin_to_ask("PUT", "/b", Some(1000)).send("begun");
            }
            wire.stream().write_all(bytes).expect("sent");
            // The rest is an encrypted alert.
            let mut rest = Vec::new();
            let _ = wire.stream().read_to_end(&mut rest);
            assert!(rest.len() < 8192, "{name}: {} bytes", rest.len());
        }
    }
    let mut early = tcp(&wharf);
    early.write_all(&[22, 3, 1, 0, 4, 2, 0, 0, 0]).expect("sent");
    let mut alert = Vec::new();
    let _ = early.read_to_end(&mut alert);
    assert_eq!(alert.first(), Some(&21), "an alert: {alert:?}");
    eventually("nothing is left", || wharf.tree() == ["a"]);
    assert_eq!(wharf.ask("GET", "/a", "", b"").text(), "a");
}

#[test]
fn a_client_that_has_ended_its_stream_gets_its_answer() {
    let wharf = serve_usual(&[]);
    wharf.write("large", sample(3 << 20, 1));
    for ends_tcp in [false, true] {
        let mut wire = wharf.connect();
        wire.begin_to_ask("GET", "/large", None);
        if ends_tcp {
            wire.end();
        } else {
            wire.session().session().send_close_notify();
            wire.send("");
        }
        assert!(wire.read_answer(false).body == sample(3 << 20, 1));
        assert!(wire.is_closed() && !wire.was_cut());
    }
}

#[test]
fn a_response_that_is_cut_off_does_not_end_in_order() {
    let wharf = serve_usual(&[]);
    let path = wharf.write("large", "");
    let file = fs::File::options().write(true).open(path).expect("a file");
    file.set_len(64 << 20).expect("long");
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/large", None);
    assert!(wire.hears_within(PATIENCE));
    file.set_len(1 << 20).expect("short");
    assert!(wire.read_to_end().len() < 64 << 20);
    assert!(wire.was_cut());
}
