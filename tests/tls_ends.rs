//! How TLS connections end: when there are too many, and when a client has not read all that it was sent.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

use crate::common::{ClientTls, PATIENCE, Wharf, Wire, client_config, eventually, over_tls, sample};

fn tcp(wharf: &Wharf) -> TcpStream {
    let stream = TcpStream::connect(wharf.address()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    stream
}

#[test]
fn a_client_beyond_the_limit_sees_an_end_and_no_reset() {
    over_tls(beyond_the_limit);
}

fn beyond_the_limit() {
    let wharf = Wharf::serve(&["--max-connections", "5", "--timeout", "600"]);
    let files = wharf.open_files();
    let mut busy: Vec<Wire> = (0..5).map(|_| wharf.connect()).collect();
    for (number, wire) in busy.iter_mut().enumerate() {
        wire.begin_to_ask("PUT", &format!("/{number}"), Some(2)).send("a");
    }
    wharf.comes_to_rest();
    // Several times as many as there are spare slots, one after the other.
    for _ in 0..40 {
        let error = ClientTls::begin(client_config(), "localhost", &mut tcp(&wharf)).err().expect("no slot");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{error}");
    }
    eventually("each is logged", || wharf.log().matches("too many connections").count() == 40);
    for wire in &mut busy {
        assert_eq!(wire.send("b").read_answer(false).code(), 201);
    }
    wharf.comes_to_rest();
    assert_eq!(wharf.connect().ask("GET", "/0", "", b"").text(), "ab", "they are idle now, and make room");
    drop(busy);
    eventually("all slots are free", || wharf.open_files() <= files);
}

/// A connection that is closed with the tickets of TLS 1.3 unread is reset. All that was sent before has arrived.
#[test]
fn unread_tickets_lose_no_upload_of_a_client_that_ends_its_stream() {
    over_tls(unread_tickets);
}

fn unread_tickets() {
    let wharf = Wharf::serve(&[]);
    let files = wharf.open_files();
    let content = sample(300_000, 5);
    for number in 0..20 {
        let mut stream = tcp(&wharf);
        let mut tls = ClientTls::begin(client_config(), "localhost", &mut stream).expect("a handshake");
        let head =
            format!("PUT /{number} HTTP/1.1\r\nHost: {}\r\nContent-Length: 300000\r\n\r\n", wharf.address());
        tls.write_all(&mut stream, &[head.as_bytes(), &content].concat()).expect("sent");
        tls.end(&mut stream);
        stream.shutdown(std::net::Shutdown::Write).expect("ended");
        if number % 2 == 0 {
            eventually("it is saved", || wharf.folder().join(number.to_string()).exists());
        } else {
            let mut answer = Vec::new();
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = tls.read(&mut stream, &mut bytes) {
                answer.extend_from_slice(&bytes[..count]);
            }
            assert!(answer.starts_with(b"HTTP/1.1 201 "), "{}", String::from_utf8_lossy(&answer));
            assert_eq!(stream.read(&mut bytes).expect("no reset"), 0);
        }
        assert!(wharf.read(&number.to_string()) == content);
        let _ = stream.flush();
    }
    eventually("all slots are free", || wharf.open_files() <= files + 1);
}
