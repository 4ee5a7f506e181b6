//! `GET /directory/?changes`: the stream that says when a directory has changed.

use std::io::{Read, Write};
use std::net::TcpStream;

#[cfg(feature = "accounts")]
use crate::common::office::{ANNA, Office};
use crate::common::{Wharf, Wire, eventually};

const EVENT: &str = "event: change\ndata: {}\n\n";

/// The stream of this directory, once the server sends it.
fn follow(wharf: &Wharf, directory: &str) -> Wire {
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", &format!("{directory}?changes"), None);
    wire.read_until("Content-Type: text/event-stream");
    wire.read_until("\r\n\r\n:\n\n");
    wire
}

#[test]
fn each_kind_of_change_is_told_to_those_whom_it_concerns() {
    let wharf = Wharf::serve(&["--allow", "everyone=edit"]);
    wharf.write("sub/old.txt", "old");
    wharf.write("other/deep/file.txt", "");
    let (mut kept, mut cookie) = (String::new(), String::new());
    let table = [
        ("a new file", "PUT", "/sub/new.txt", ""),
        ("a new content", "PUT", "/sub/new.txt", ""),
        ("a new directory", "MKCOL", "/sub/made/", ""),
        ("a copy", "COPY", "/sub/new.txt", "Destination: /sub/copy.txt\r\n"),
        ("the copy of a directory", "COPY", "/other/", "Destination: /sub/copied/\r\n"),
        ("moved away", "MOVE", "/sub/copy.txt", "Destination: /copy.txt\r\n"),
        ("moved here", "MOVE", "/copy.txt", "Destination: /sub/back.txt\r\n"),
        ("removed", "DELETE", "/sub/back.txt", ""),
        ("restored", "POST", "", ""),
        ("the directory itself", "MOVE", "/sub/", "Destination: /moved/\r\n"),
    ];
    let mut elsewhere = follow(&wharf, "/other/deep/");
    for (name, method, target, fields) in table {
        let mut stream = follow(&wharf, "/sub/");
        let restore = format!("/.wharf/trash/{kept}/restore");
        let fields = format!("{fields}{cookie}");
        let answer = wharf.ask(method, if target.is_empty() { &restore } else { target }, &fields, b"x");
        assert!(answer.code() < 300, "{name}: {}", answer.text());
        if method == "DELETE" {
            kept = answer.field("Wharf-Trash");
            let set = answer.field("Set-Cookie");
            cookie = format!("Cookie: {}\r\n", set.split(';').next().unwrap_or_default());
        }
        stream.read_until(EVENT);
    }
    assert_eq!(wharf.ask("PUT", "/other/deep/last.txt", "", b"").code(), 201);
    elsewhere.read_until(EVENT);
    drop(wharf);
    let heard = String::from_utf8(elsewhere.read_to_end()).expect("text");
    assert_eq!(heard.matches("event: ").count(), 1, "{heard}");
}

#[test]
fn names_that_are_not_for_everybody_are_not_told() {
    let wharf = Wharf::serve(&["--allow", "everyone=edit", "--hidden"]);
    assert_eq!(wharf.ask("PUT", "/.shown", "", b"").code(), 201, "they are for everybody here");
    let wharf = Wharf::serve(&[]);
    let mut stream = follow(&wharf, "/");
    assert_eq!(wharf.ask("PUT", "/.secret", "", b"").code(), 404);
    assert_eq!(wharf.ask("PUT", "/a", "", b"").code(), 201);
    stream.read_until(EVENT);
    drop(wharf);
    let heard = String::from_utf8(stream.read_to_end()).expect("text");
    assert_eq!(heard.matches("event: ").count(), 1, "{heard}");
}

#[test]
fn only_directories_that_a_client_may_list_have_a_stream() {
    let wharf = Wharf::serve(&["--allow", "everyone=view", "--allow", "everyone=add@closed"]);
    wharf.write("file.txt", "");
    wharf.write("closed/file.txt", "");
    let table = [("/closed/?changes", 404), ("/missing/?changes", 404), ("/.wharf/?changes", 404)];
    for (target, code) in table {
        assert_eq!(wharf.ask("GET", target, "", b"").code(), code, "{target}");
    }
    let head = wharf.connect().ask("HEAD", "/?changes", "", b"");
    assert_eq!((head.code(), head.field("Content-Type").as_str()), (200, "text/event-stream"));
}

#[test]
fn a_client_can_hold_only_a_part_of_all_streams() {
    let wharf = Wharf::serve(&["--max-subscribers", "4"]);
    let held: Vec<_> = (0..2).map(|_| follow(&wharf, "/")).collect();
    let refused = wharf.ask("GET", "/?changes", "", b"");
    assert_eq!((refused.code(), refused.field("Retry-After").as_str()), (503, "30"));
    let other = Wire::connect_from(2, wharf.address()).ask("HEAD", "/", "", b"");
    assert_eq!(other.code(), 200);
    drop(held);
    eventually("the places are free again", || status_of_stream(&wharf) == *b"HTTP/1.1 200");
}

/// The beginning of a response.
fn status_of_stream(wharf: &Wharf) -> [u8; 12] {
    let mut stream = TcpStream::connect(wharf.address()).expect("a connection");
    stream.write_all(b"GET /?changes HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut status = [0; 12];
    stream.read_exact(&mut status).expect("a response");
    status
}

#[test]
fn a_stream_does_not_keep_an_idle_server_from_exiting() {
    let mut wharf = Wharf::serve(&["--idle-exit", "3"]);
    let mut stream = follow(&wharf, "/");
    let (_, status) = wharf.wait();
    assert!(status.success());
    stream.read_to_end();
}

#[test]
#[cfg(feature = "accounts")]
fn a_stream_ends_with_its_user() {
    let office = Office::open(&["--allow", "users=view"]);
    let mut wire = office.wharf.connect();
    wire.send(format!("GET /?changes HTTP/1.1\r\nHost: localhost\r\n{ANNA}\r\n"));
    wire.read_until("\r\n\r\n:\n\n");
    office.keep_users(&["bert"]);
    wire.read_to_end();
}
