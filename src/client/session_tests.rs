//! Sessions with scripted servers.

use std::path::PathBuf;

use super::*;
use crate::client::content::RequestContent;
use crate::client::fake_peer::{FakePeer, PeerAction};
use crate::client::response::PourError;
use crate::http::request::Method;
use crate::http::status::Status;
use PeerAction::{AwaitEnd, Read, ReadContent, ReadHead, Say};

const OK: PeerAction = Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

fn get(session: &mut Session) -> Result<(Status, String), ClientError> {
    send(session, Method::Get, None)
}

/// Sends a request and reads the whole response.
fn send(
    session: &mut Session,
    method: Method,
    content: Option<&RequestContent>,
) -> Result<(Status, String), ClientError> {
    let response = session.send(&HttpRequest { method, target: "/a", fields: &[], content })?;
    let status = response.head.status;
    let mut text = Vec::new();
    response.body.pour(&mut text).map_err(|error| match error {
        PourError::Source(error) => error,
        PourError::Sink(error) => panic!("writing to a vector failed: {error}"),
    })?;
    Ok((status, String::from_utf8(text).expect("text")))
}

/// A file of this length, in a directory that is removed on drop.
fn content(length: usize) -> (RequestContent, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    std::fs::write(&path, vec![b'x'; length]).expect("written");
    (RequestContent::open(&path).expect("it is there"), folder)
}

#[test]
fn valid_responses() {
    let cases: [(&str, &[PeerAction], &str); 6] = [
        ("sized", &[Read, OK], "ok"),
        ("in pieces", &[Read, Say("HTTP/1.1 200 OK\r\nContent-Le"), Say("ngth: 2\r\n\r\no"), Say("k")], "ok"),
        (
            "chunked (RFC 9112 §7.1)",
            &[
                Read,
                Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"),
            ],
            "ok",
        ),
        ("until close (§6.3, rule 8)", &[Read, Say("HTTP/1.0 200 OK\r\n\r\nok")], "ok"),
        (
            "after interim ones (RFC 9110 §15.2)",
            &[Read, Say("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"), OK],
            "ok",
        ),
        ("more than its length", &[Read, OK, Say("HTTP/1.1 500 No\r\n\r\n")], "ok"),
    ];
    for (name, acts, expected) in cases {
        let peer = FakePeer::plays(&[acts]);
        let found = get(&mut Session::new(peer.server())).expect(name);
        assert_eq!(found, (Status::OK, expected.to_owned()), "{name}");
    }
}

#[test]
fn invalid_responses() {
    let cases: [(&str, &[PeerAction], &str); 7] = [
        (
            "less than its length",
            &[Read, Say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok")],
            "the server closed the connection after 2 of 3 bytes",
        ),
        (
            "half a head",
            &[Read, Say("HTTP/1.1 200 OK\r\n")],
            "the server closed the connection in the middle of its response, after 0 bytes",
        ),
        (
            "chunks without end",
            &[Read, Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")],
            "the server closed the connection in the middle of its response, after 2 bytes",
        ),
        ("no response", &[Read], "the server closed the connection without a response"),
        ("another protocol", &[Read, Say("220 mail ESMTP\r\n")], "invalid response: not an HTTP/1 response"),
        (
            "two lengths",
            &[Read, Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n")],
            "invalid response: the length of the response is ambiguous or invalid",
        ),
        (
            "a bad chunk",
            &[Read, Say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")],
            "invalid response: a chunk's size is not a hexadecimal number",
        ),
    ];
    for (name, acts, expected) in cases {
        let peer = FakePeer::plays(&[acts]);
        let error = get(&mut Session::new(peer.server())).expect_err(name);
        assert_eq!(error.to_string(), expected, "{name}");
    }
}

#[test]
fn one_connection_serves_many_requests() {
    let peer = FakePeer::plays(&[&[Read, OK, Read, OK, Read, OK]]);
    let mut session = Session::new(peer.server());
    for _ in 0..3 {
        assert_eq!(get(&mut session).expect("a response").1, "ok");
    }
    assert_eq!(peer.heard().len(), 3);
}

#[test]
fn a_connection_that_cannot_be_reused_is_replaced() {
    let cases: [(&str, PeerAction); 4] = [
        ("closed after its response", OK),
        ("asked to close", Say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")),
        ("HTTP/1.0", Say("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")),
        (
            "an unrequested response",
            Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 408 Request Timeout\r\n\r\n"),
        ),
    ];
    for (name, first) in cases {
        let peer = FakePeer::plays(&[&[Read, first], &[Read, OK]]);
        let mut session = Session::new(peer.server());
        for _ in 0..2 {
            assert_eq!(get(&mut session).expect(name).1, "ok", "{name}");
        }
        assert_eq!(peer.heard().len(), 2, "{name}");
    }
}

#[test]
fn an_idempotent_request_is_sent_again_if_the_server_closes_at_that_moment() {
    let first: &[PeerAction] = &[Read, OK, ReadHead];
    let peer = FakePeer::plays(&[first, &[Read, OK]]);
    let mut session = Session::new(peer.server());
    get(&mut session).expect("a response");
    assert_eq!(get(&mut session).expect("a response at the second attempt").1, "ok");
    assert_eq!(peer.heard().len(), 3);

    let (content, _folder) = content(1);
    let peer = FakePeer::plays(&[&[Read, OK, Read]]);
    let mut session = Session::new(peer.server());
    get(&mut session).expect("a response");
    let error = send(&mut session, Method::Post, Some(&content))
        .expect_err("a POST is not repeated (RFC 9110 §9.2.2)");
    assert!(matches!(error, ClientError::Silent), "{error}");
    assert_eq!(peer.heard().len(), 2);
}

#[test]
fn a_request_on_a_new_connection_is_not_sent_again() {
    let peer = FakePeer::plays(&[&[Read]]);
    assert!(matches!(get(&mut Session::new(peer.server())), Err(ClientError::Silent)));
    assert_eq!(peer.heard().len(), 1);
}

#[test]
fn dropping_a_response_closes_its_connection() {
    let half = Say("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    let peer = FakePeer::plays(&[&[Read, half, AwaitEnd], &[Read, OK]]);
    let mut session = Session::new(peer.server());
    drop(
        session
            .send(&HttpRequest { method: Method::Get, target: "/a", fields: &[], content: None })
            .expect("a head"),
    );
    assert_eq!(get(&mut session).expect("a response").1, "ok");
    assert_eq!(peer.heard().len(), 2);
}

#[test]
fn small_content_goes_with_its_head_and_large_content_waits() {
    let (small, _folder) = content(3);
    let peer = FakePeer::plays(&[&[Read, OK]]);
    send(&mut Session::new(peer.server()), Method::Post, Some(&small)).expect("a response");
    let [heard] = <[String; 1]>::try_from(peer.heard()).expect("one request");
    assert!(heard.contains("\r\nContent-Length: 3\r\n") && heard.ends_with("\r\n\r\nxxx"), "{heard}");

    let length = 1_000_000;
    let (large, _folder) = content(length);
    let peer = FakePeer::plays(&[&[
        ReadHead,
        Say("HTTP/1.1 100 Continue\r\n\r\n"),
        ReadContent(length),
        OK,
        Read,
        OK,
    ]]);
    let mut session = Session::new(peer.server());
    assert_eq!(send(&mut session, Method::Put, Some(&large)).expect("a response").1, "ok");
    get(&mut session).expect("the connection is reused");
    let heard = peer.heard();
    assert!(heard[0].contains("\r\nExpect: 100-continue\r\n"), "{}", &heard[0][..200]);
    assert!(heard[0].ends_with(&"x".repeat(length)));
}

#[test]
fn content_is_sent_to_a_server_that_ignores_expect() {
    let length = 300_000;
    let (large, _folder) = content(length);
    let peer = FakePeer::plays(&[&[ReadHead, ReadContent(length), OK]]);
    assert_eq!(
        send(&mut Session::new(peer.server()), Method::Post, Some(&large)).expect("a response").1,
        "ok"
    );
    assert_eq!(peer.heard().len(), 1);
}

#[test]
fn an_error_response_stops_an_upload() {
    let refusal = Say("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    // More than the buffers of both sockets hold, so the client cannot send all of it.
    let (large, _folder) = content(32 << 20);
    let cases: [(&str, &[PeerAction]); 3] = [
        ("before it began", &[ReadHead, refusal, AwaitEnd]),
        (
            "on its way",
            &[ReadHead, Say("HTTP/1.1 100 Continue\r\n\r\n"), ReadContent(100_000), refusal, AwaitEnd],
        ),
        ("closed at once", &[ReadHead, refusal]),
    ];
    for (name, acts) in cases {
        let peer = FakePeer::plays(&[acts, &[Read, OK]]);
        let mut session = Session::new(peer.server());
        let (status, text) = send(&mut session, Method::Post, Some(&large)).expect(name);
        assert_eq!((status, text.as_str()), (Status::CONTENT_TOO_LARGE, "no"), "{name}");
        assert_eq!(get(&mut session).expect(name).1, "ok", "{name}: on another connection");
        assert_eq!(peer.heard().len(), 2, "{name}");
    }
}

#[test]
fn no_server() {
    // A port that is bound but not listening, so that nothing else can listen there.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    let address = socket.local_addr().expect("bound").as_socket();
    let port = address.expect("an address").port();
    let server = Endpoint::tcp("127.0.0.1", port).expect("valid");
    let error = get(&mut Session::new(server)).expect_err("no server listens");
    assert_eq!(error.to_string(), format!("Server is not running. (127.0.0.1:{port})"));
    let server = Endpoint::Unix(PathBuf::from("/nowhere/w.sock"));
    let error = get(&mut Session::new(server)).expect_err("no socket");
    assert_eq!(error.to_string(), "Server is not running. (unix:/nowhere/w.sock)");
}

#[test]
fn requests_over_a_unix_socket() {
    use std::io::{Read as _, Write as _};
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("w.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("bound");
    let player = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut bytes = [0; 1024];
        let count = stream.read(&mut bytes).expect("a request");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("a client that listens");
        String::from_utf8_lossy(&bytes[..count]).into_owned()
    });
    assert_eq!(get(&mut Session::new(Endpoint::Unix(path))).expect("a response").1, "ok");
    let usual = concat!("User-Agent: wharf/", env!("CARGO_PKG_VERSION"), "\r\nAccept: */*\r\n");
    assert_eq!(player.join().expect("played"), format!("GET /a HTTP/1.1\r\nHost: localhost\r\n{usual}\r\n"));
}

/// A session with `test:123£` (RFC 7617 §2.1).
fn logged_in(server: Endpoint) -> Session {
    let authorization = Authorization::basic("test", &credentials::SecretText::new("123£".to_owned()));
    Session { authorization: Some(Arc::new(authorization)), ..Session::new(server) }
}

const UNAUTHORIZED: PeerAction = Say("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");

#[test]
fn a_request_with_its_own_authorization_gets_no_other() {
    let peer = FakePeer::plays(&[&[Read, OK, Read, OK]]);
    let mut session = logged_in(peer.server());
    get(&mut session).expect("a response");
    let fields = [("authorization", "Bearer own")];
    let request = HttpRequest { method: Method::Get, target: "/a", fields: &fields, content: None };
    session.send(&request).expect("a response").body.discard().expect("whole");
    drop(session);
    let heard = peer.heard();
    assert!(heard[0].contains("\r\nAuthorization: Basic dGVzdDoxMjPCow==\r\n"), "{heard:?}");
    assert!(
        heard[1].contains("\r\nauthorization: Bearer own\r\n") && !heard[1].contains("Basic"),
        "{heard:?}"
    );
}

#[test]
fn refused_credentials_are_not_sent_again() {
    let peer = FakePeer::plays(&[&[Read, UNAUTHORIZED]]);
    let mut session = logged_in(peer.server());
    assert_eq!(get(&mut session).expect("a response").0, Status::UNAUTHORIZED);
    let error = get(&mut session).expect_err("nothing is sent").to_string();
    assert_eq!(error, "401 Unauthorized: the user name or the password is wrong, and is not sent again");
    drop(session);
    assert_eq!(peer.heard().len(), 1);

    let peer = FakePeer::plays(&[&[Read, OK, Read, UNAUTHORIZED, Read, OK]]);
    let mut session = logged_in(peer.server());
    let statuses = [(); 3].map(|()| get(&mut session).expect("a response").0);
    assert_eq!(statuses, [Status::OK, Status::UNAUTHORIZED, Status::OK], "one path needs another user");

    let peer = FakePeer::plays(&[&[Read, UNAUTHORIZED, Read, UNAUTHORIZED]]);
    let mut session = logged_in(peer.server()).insisting();
    let statuses = [(); 2].map(|()| get(&mut session).expect("a response").0);
    assert_eq!(statuses, [Status::UNAUTHORIZED; 2]);
}

/// The first response sets the cookie; then these requests are sent, and the last by a session with a password.
#[test]
fn only_changes_of_nobody_have_the_cookie_for_undo() {
    let cookie = format!("wharf-undo-81={}", "a".repeat(64));
    let setting =
        format!("HTTP/1.1 200 OK\r\nSet-Cookie: {cookie}; Path=/; Max-Age=9\r\nContent-Length: 0\r\n\r\n");
    let first: PeerAction = Say(setting.leak());
    let peer =
        FakePeer::plays(&[&[Read, first, Read, OK, Read, OK, Read, OK, Read, OK], &[Read, OK], &[Read, OK]]);
    let cookies = Arc::new(UndoCookies::default());
    let ask = |session: &mut Session, method, target, fields: &[(&str, &str)]| {
        let request = HttpRequest { method, target, fields, content: None };
        session.send(&request).expect("a response").body.discard().expect("whole");
    };
    let mut session = Session::new(peer.server()).undoable(&cookies);
    ask(&mut session, Method::Delete, "/a", &[]);
    ask(&mut session, Method::Move, "/a", &[]);
    ask(&mut session, Method::Get, "/a", &[]);
    ask(&mut session, Method::Get, "/.wharf/trash?json", &[]);
    ask(&mut session, Method::Post, "/.wharf/undo", &[("Cookie", "own=1")]);
    drop(session);
    let mut session = logged_in(peer.server()).undoable(&cookies);
    ask(&mut session, Method::Delete, "/a", &[]);
    drop(session);
    // A session that changes nothing on purpose.
    ask(&mut Session::new(peer.server()), Method::Delete, "/a", &[]);
    let heard = peer.heard();
    let cookies_sent: Vec<_> =
        heard.iter().map(|head| head.lines().find_map(|line| line.strip_prefix("Cookie: "))).collect();
    let cookie = Some(&*cookie);
    assert_eq!(cookies_sent, [None, cookie, None, cookie, Some("own=1"), None, None], "{heard:?}");
}
