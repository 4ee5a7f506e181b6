//! How TLS connections end: when there are too many, and when a client has not read all that it was sent.

use std::io::ErrorKind;
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

/// A client that closes its socket with unread tickets of TLS 1.3 would reset the connection. So they come with the first
/// response.
#[test]
fn the_upload_of_a_client_that_reads_nothing_is_saved() {
    over_tls(an_upload_without_reading);
}

fn an_upload_without_reading() {
    let wharf = Wharf::serve(&[]);
    let files = wharf.open_files();
    let content = sample(300_000, 5);
    for number in 0..40 {
        let mut stream = tcp(&wharf);
        let mut tls = ClientTls::begin(client_config(), "localhost", &mut stream).expect("a handshake");
        let head =
            format!("PUT /{number} HTTP/1.1\r\nHost: {}\r\nContent-Length: 300000\r\n\r\n", wharf.address());
        // The server gets enough time to send the tickets, which it must not do yet.
        assert_eq!(tls.session().protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
        tls.write_all(&mut stream, head.as_bytes()).expect("sent");
        wharf.comes_to_rest();
        tls.write_all(&mut stream, &content).expect("sent");
        if number % 2 == 0 {
            tls.end(&mut stream);
        }
    }
    for number in 0..40 {
        eventually("it is saved", || wharf.folder().join(number.to_string()).exists());
        assert!(wharf.read(&number.to_string()) == content);
    }
    eventually("all slots are free", || wharf.open_files() <= files + 1);
}
