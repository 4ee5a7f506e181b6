//! The end of a response, of an upload and of a connection over TLS.

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use rustix::io::ioctl_fionread;

use super::{VALID, get, run_with};
use crate::common::tls_fake::{Authority, TlsFake, TlsStream, close, read_head, say};
use crate::common::{run, sample};

/// RFC 9112 §9.8.
#[test]
fn a_cut_is_no_end() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let server = TlsFake::answers(identity.config(), |head, stream| {
        let target = head.split(' ').nth(1).expect("a target");
        let (fields, body) = match target {
            "/close" | "/cut" => ("", "hello"),
            "/whole" => ("Content-Length: 5\r\n", "hello"),
            "/short" => ("Content-Length: 9\r\n", "hello"),
            "/chunks" => ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            "/no-last" => ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n"),
            _ => return,
        };
        say(stream, format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}"));
        if ["/close", "/short"].contains(&target) {
            close(stream);
        }
    });
    let cases = [
        ("/close", None),
        ("/cut", Some("in the middle of its response, after 5 bytes")),
        ("/whole", None),
        ("/short", Some("after 5 of 9 bytes")),
        ("/chunks", None),
        ("/no-last", Some("in the middle of its response, after 5 bytes")),
        ("/nothing", Some("without a response")),
    ];
    let place = tempfile::tempdir().expect("a folder");
    for (target, error) in cases {
        let output = get(&["--pin", &identity.pin(), &server.url("localhost", target)], place.path());
        match error {
            None => {
                assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{target}: {output:?}");
            }
            Some(error) => {
                assert_eq!(output.code, Some(1), "{target}: {output:?}");
                assert!(output.stderr.trim_end().ends_with(error), "{target}: {output:?}");
            }
        }
    }
}

#[test]
fn records_of_any_size_are_read() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let content = sample(2000, 3);
    let expected = content.clone();
    let server = TlsFake::answers(identity.config(), move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len());
        for byte in head.as_bytes().iter().chain(&content) {
            say(stream, [*byte]);
        }
        close(stream);
    });
    let place = tempfile::tempdir().expect("a folder");
    let output =
        run_with(&[], &["get", "--pin", &identity.pin(), &server.url("localhost", "/a")], place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(fs::read(place.path().join("downloads/a")).expect("saved") == expected);
}

/// Waits until no further bytes arrive: then the peer's buffer is full, too.
fn comes_to_rest(socket: &TcpStream) {
    let (mut before, mut now) = (0, 0);
    while now == 0 || now != before {
        thread::sleep(Duration::from_millis(50));
        before = std::mem::replace(&mut now, ioctl_fionread(socket).expect("known"));
    }
}

/// A server that refuses an upload says so before it has read it, as over plain sockets.
#[test]
fn an_early_response_ends_an_upload() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let server = TlsFake::answers(identity.config(), |head, stream| {
        if head.contains("Expect: 100-continue") && head.contains("/continues") {
            say(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            // A part of the content is read before the refusal.
            let _ = stream.read_exact(&mut vec![0; 100_000]);
        }
        let is_reset = head.contains("Expect: 100-continue") && head.contains("/resets");
        if is_reset {
            say(stream, "HTTP/1.1 100 Continue\r\n\r\n");
            comes_to_rest(&stream.sock);
        }
        say(
            stream,
            "HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nTOO LARGE",
        );
        if is_reset {
            // As a server that closes the connection without reading the rest.
            rustix::net::connect_unspec(&stream.sock).expect("reset");
        } else {
            close(stream);
        }
    });
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("large"), sample(32 << 20, 4)).expect("written");
    for name in ["refused", "continues", "resets"] {
        let to = server.url("localhost", &format!("/{name}"));
        let output = run_with(
            &[],
            &["put", "large", "--retries", "0", "--force", "--to", &to, "--pin", &identity.pin()],
            place.path(),
        );
        assert_eq!(output.code, Some(1), "{name}: {output:?}");
        assert!(output.stderr.ends_with("413 Content Too Large: TOO LARGE\n"), "{name}: {output:?}");
    }
}

#[test]
fn a_server_that_stops_reading_or_sending_is_noticed() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let server = TlsFake::answers(identity.config(), |head, stream| {
        if head.starts_with("OPTIONS ") {
            say(stream, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
            return close(stream);
        }
        if head.starts_with("GET /part") {
            say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
        }
        thread::sleep(Duration::from_secs(8));
    });
    let place = tempfile::tempdir().expect("a folder");
    // More than the kernel buffers.
    fs::write(place.path().join("large"), sample(32 << 20, 5)).expect("written");
    let (to, pin) = (server.url("localhost", "/large"), identity.pin());
    let flags = ["--retries", "0", "--timeout", "2", "--pin", &pin];
    let output =
        run_with(&[], &[&["put", "large", "--force", "--to", &to], &flags[..]].concat(), place.path());
    assert_eq!(output.stderr, "large: the server was silent for 2 s (sending the file)\n");
    for target in ["/nothing", "/part"] {
        let url = server.url("localhost", target);
        let output = run_with(&[], &[&["get", "-o", "-", &url], &flags[..]].concat(), place.path());
        let expected = format!("{target}: the server was silent for 2 s (waiting for its response)\n");
        assert_eq!(output.stderr, expected);
    }
}

/// Session tickets do not look like the end of the connection. After a real end, the client reconnects.
#[test]
fn a_connection_is_used_again() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let answer = |stream: &mut TlsStream| say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let twice = TlsFake::answers(identity.config(), move |_, stream| {
        answer(stream);
        read_head(stream).expect("another request");
        answer(stream);
        close(stream);
    });
    let place = tempfile::tempdir().expect("a folder");
    let url = twice.url("localhost", "/");
    let lines = "GET a\nGET b\nGET c\nGET d\n";
    let output = run(&["client", &url, "--pin", &identity.pin()], lines, place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(output.stdout.matches("200 OK").count(), 4, "{output:?}");
    assert_eq!(twice.requests().len(), 2, "connections");
}
