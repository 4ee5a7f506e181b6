//! Redirects and proxies: where credentials go.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use super::{VALID, get, greeter, run_with};
use crate::common::tls_fake::{Authority, TlsFake, close, say};
use crate::common::{ClosedPort, Fake, run};

#[test]
fn a_password_is_never_printed() {
    let place = tempfile::tempdir().expect("a folder");
    let closed = ClosedPort::reserve();
    for scheme in ["https://", ""] {
        let address = format!("{scheme}me:secret@{}/a", closed.address());
        let commands: [&[&str]; 5] =
            [&["get", "--retries", "0"], &["list"], &["client"], &["put", "a", "--to"], &["replay", "a"]];
        for command in commands {
            let output = run_with(&[], &[command, &[&address]].concat(), place.path());
            assert_ne!(output.code, Some(0), "{output:?}");
            assert!(output.stderr.contains("the password in the address"), "{command:?}: {output:?}");
            assert!(!output.stderr.contains("secret"), "{command:?}: {output:?}");
        }
    }
}

#[test]
fn redirects_between_http_and_https() {
    let identity = Authority::new().issue(&["localhost"], VALID);
    let pin = identity.pin();
    let secure = greeter(&identity);
    let target = secure.url("localhost", "/a");
    let location = target.clone();
    let plain = Fake::answers(move |_, stream| {
        let head =
            format!("HTTP/1.1 308 Permanent Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("sent");
    });
    let place = tempfile::tempdir().expect("a folder");
    let output = get(&["--pin", &pin, &plain.url("/a")], place.path());
    assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{output:?}");
    // A redirect to a server that is not trusted fails.
    let output = get(&["--pin", &format!("sha256:{}", "0".repeat(64)), &plain.url("/a")], place.path());
    assert_eq!(output.code, Some(1), "{output:?}");
    fs::write(place.path().join("up"), "up").expect("written");
    for arguments in [&["put", "up", "--to"][..], &["list"], &["chat", "ann"], &["get", "-R"]] {
        let url = plain.url("/");
        let output = run_with(&[], &[arguments, &[&url]].concat(), place.path());
        assert_eq!(output.code, Some(1), "{arguments:?}: {output:?}");
        let line = format!("308 Permanent Redirect: the server redirects to {target} (use that address)\n");
        assert!(output.stderr.ends_with(&line), "{arguments:?}: {output:?}");
    }
    let back = plain.url("/");
    let down = TlsFake::answers(identity.config(), move |_, stream| {
        say(stream, format!("HTTP/1.1 302 Found\r\nLocation: {back}\r\nContent-Length: 0\r\n\r\n"));
        close(stream);
    });
    let before = plain.requests("/").len();
    let output = get(&["--pin", &pin, &down.url("localhost", "/a")], place.path());
    let expected = format!("/a: redirects from https to http are not followed: {}\n", plain.url("/"));
    assert_eq!((output.code, output.stderr), (Some(1), expected));
    assert_eq!(plain.requests("/").len(), before, "nothing was sent");
}

/// The token of a member of the chat is sent to its server only.
#[test]
fn credentials_follow_no_redirect() {
    let other = Fake::answers(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    });
    let elsewhere = other.url("/");
    let server = Fake::answers(move |head, stream| {
        let answer = if head.contains("/.wharf/chat/join") {
            let joined = r#"{"user":"ann","token":"secret"}"#;
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{joined}", joined.len())
        } else {
            format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n")
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let place = tempfile::tempdir().expect("a folder");
    let url = server.url("/");
    let output = run(&["chat", "ann", &url], "hello\n", place.path());
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(server.requests("/.wharf/chat/events").iter().all(|head| head.contains("Wharf-Member: secret")));
    assert!(other.requests("/").is_empty(), "{:?}", other.requests("/"));
}

/// An HTTP proxy that sends `answer` to each request. If this is a success, it makes a tunnel to this server, whatever
/// host the client names.
fn tunnels(server: &TlsFake, answer: &'static str) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, server) = (listener.local_addr().expect("bound"), server.address());
    let (sender, heads) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if client.read_exact(&mut byte).is_err() {
                    break;
                }
                head.extend(byte);
            }
            let _ = sender.send(String::from_utf8_lossy(&head).into_owned());
            client.write_all(answer.as_bytes()).expect("sent");
            if !answer.contains(" 200 ") {
                continue;
            }
            let upstream = TcpStream::connect(server).expect("it listens");
            let pass = |mut from: TcpStream, mut to: TcpStream| {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Write);
                });
            };
            pass(client.try_clone().expect("cloned"), upstream.try_clone().expect("cloned"));
            pass(upstream, client);
        }
    });
    (format!("http://{address}"), heads)
}

#[test]
fn a_proxy_leads_to_a_server_over_tls() {
    let identity = Authority::new().issue(&["files.example"], VALID);
    let (server, place) = (greeter(&identity), tempfile::tempdir().expect("a folder"));
    let pin = identity.pin();
    let arguments = ["get", "-o", "-", "--retries", "0", "--pin", &pin, "https://files.example/a"];
    let (proxy, heads) = tunnels(&server, "HTTP/1.1 200 Connection established\r\n\r\n");
    for variable in ["https_proxy", "HTTPS_PROXY"] {
        let output = run_with(&[(variable, &proxy)], &arguments, place.path());
        assert_eq!((output.code, output.stdout.as_str()), (Some(0), "hello"), "{variable}: {output:?}");
        let head = heads.recv().expect("a request");
        assert!(
            head.starts_with("CONNECT files.example:443 HTTP/1.1\r\nHost: files.example:443\r\n"),
            "{head}"
        );
    }
    assert!(server.requests()[0].starts_with("GET /a HTTP/1.1\r\nHost: files.example\r\n"));
    let exempt = run_with(&[("https_proxy", &proxy), ("no_proxy", "example")], &arguments, place.path());
    assert_eq!(exempt.stderr, "cannot resolve host \"files.example\"\n");
    let wrong = [
        ("http://me:secret@proxy:1", "a user name and a password are not supported (use http://host:port)"),
        ("https://proxy:1", "https:// is not supported (use http://host:port)"),
    ];
    for (address, expected) in wrong {
        let output = run_with(&[("https_proxy", address)], &arguments, place.path());
        assert_eq!((output.code, output.stderr), (Some(1), format!("cannot use https_proxy: {expected}\n")));
    }
    let cases = [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "it refuses to connect to the server: 403 Forbidden"),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "it refuses to connect to the server: 407 Proxy Authentication Required",
        ),
        ("", "it closed the connection without a response"),
        ("220 mail\r\n\r\n", "its response is not that of an HTTP proxy"),
    ];
    for (answer, expected) in cases {
        let (proxy, _heads) = tunnels(&server, answer);
        let output = run_with(&[("https_proxy", &proxy)], &arguments, place.path());
        let name = proxy.trim_start_matches("http://");
        assert_eq!((output.code, output.stderr), (Some(1), format!("proxy {name}: {expected}\n")));
    }
}

/// The proxy sends interim responses without end.
#[test]
fn a_proxy_has_to_respond_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = format!("http://{}", listener.local_addr().expect("bound"));
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            while client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {}
        }
    });
    let place = tempfile::tempdir().expect("a folder");
    let arguments = ["get", "-o", "-", "--retries", "0", "--timeout", "1", "https://files.example/a"];
    let output = run_with(&[("https_proxy", &proxy)], &arguments, place.path());
    let expected = format!("proxy {}: it did not open a tunnel within 1 s\n", &proxy["http://".len()..]);
    assert_eq!((output.code, output.stderr), (Some(1), expected));
}
