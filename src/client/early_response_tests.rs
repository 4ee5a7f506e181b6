//! Responses that come before the request was sent whole, from scripted servers.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;

use super::*;
use crate::client::content::RequestContent;
use crate::client::fake_peer::{FakePeer, PeerAction};
use crate::http::request::Method;
use PeerAction::{AwaitEnd, ReadContent, ReadHead, Reset, Say};

const REFUSALS: [(Status, &str); 3] = [
    (Status::FORBIDDEN, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
    (Status::CONTENT_TOO_LARGE, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"),
    (Status::INSUFFICIENT_STORAGE, "HTTP/1.1 507 Full\r\nContent-Length: 2\r\n\r\nno"),
];

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// Sends this content, and reads the response.
fn send(session: &mut Session, content: &RequestContent) -> Result<(Status, Vec<u8>), ClientError> {
    let request = HttpRequest { method: Method::Put, target: "/a", fields: &[], content: Some(content) };
    let response = session.send(&request)?;
    let (status, mut text) = (response.head.status, Vec::new());
    response.body.pour(&mut text).expect("the rest of the response has arrived too");
    Ok((status, text))
}

/// Content of each kind, and whether it is more than the buffers of both sockets hold.
fn contents(place: &tempfile::TempDir) -> Vec<(&'static str, RequestContent, bool)> {
    let path = place.path().join("a");
    File::create(&path).and_then(|file| file.set_len(64 << 20)).expect("written");
    let file = || RequestContent::open(&path).expect("it is there");
    let mut part = file();
    part.select(1 << 20, 32 << 20);
    let zeros = File::open("/dev/zero").expect("it is there");
    vec![
        ("a few bytes", RequestContent::bytes(b"abc".to_vec()), false),
        ("a file", file(), true),
        ("a part of a file", part, true),
        ("stdin", RequestContent::input_from(zeros.as_fd()).expect("readable"), true),
    ]
}

#[test]
fn a_response_that_has_arrived_is_read_however_the_connection_ends() {
    let place = tempfile::tempdir().expect("a directory");
    for (status, refusal) in REFUSALS {
        let after_permission: &str = format!("{CONTINUE}{refusal}").leak();
        let parts: [(&str, &[PeerAction], bool); 4] = [
            ("at once", &[ReadHead, Say(refusal)], false),
            ("with the permission", &[ReadHead, Say(after_permission)], false),
            ("soon after the permission", &[ReadHead, Say(CONTINUE), Say(refusal)], false),
            ("in the middle", &[ReadHead, Say(CONTINUE), ReadContent(300_000), Say(refusal)], true),
        ];
        for ((when, part, is_long), ends) in parts.into_iter().flat_map(|part| {
            [("closed", None), ("reset", Some(Reset)), ("left open", Some(AwaitEnd))].map(|ends| (part, ends))
        }) {
            for (what, content, _) in contents(&place).into_iter().filter(|it| it.2 || !is_long) {
                let name = format!("{what}, {} {when}, {}", status.code(), ends.0);
                let script: Vec<_> = part.iter().copied().chain(ends.1).collect();
                let peer = FakePeer::plays(&[&script]);
                let found = send(&mut Session::new(peer.server()), &content);
                let found = found.unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(found, (status, b"no".to_vec()), "{name}");
                peer.heard();
            }
        }
    }
}

#[test]
fn a_response_is_noticed_while_stdin_is_silent() {
    let (silent, _writer) = io::pipe().expect("a pipe");
    let content = RequestContent::input_from(silent.as_fd()).expect("readable");
    let both: &str = format!("{CONTINUE}{}", REFUSALS[1].1).leak();
    let peer = FakePeer::plays(&[&[ReadHead, Say(both), AwaitEnd]]);
    let found = send(&mut Session::new(peer.server()), &content).expect("a response");
    assert_eq!(found.0, Status::CONTENT_TOO_LARGE);
    peer.heard();
}

#[test]
fn a_permission_is_no_part_of_a_response() {
    let place = tempfile::tempdir().expect("a directory");
    for (what, content, is_long) in contents(&place) {
        let part: &[PeerAction] = if is_long {
            &[ReadHead, Say(CONTINUE), ReadContent(300_000)]
        } else {
            &[ReadHead, Say(CONTINUE)]
        };
        let peer = FakePeer::plays(&[part]);
        let error = send(&mut Session::new(peer.server()), &content).expect_err(what).to_string();
        assert_eq!(error, "the server closed the connection without a response", "{what}");
        peer.heard();
    }
}
