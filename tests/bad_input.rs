//! Input that is not plain HTTP is rejected, nothing after it is read as a request, and no byte comes from
//! outside the folder.

use std::fs;

use crate::common::{Wharf, Wire};

/// A name, the bytes to send, the expected status, and whether the connection is closed then.
type Row = (&'static str, String, u16, bool);

const CLOSES: bool = true;
const GOES_ON: bool = false;

/// Requests to a server at this address; each is followed by a request for `/secret`.
// One row per case.
#[allow(clippy::too_many_lines)]
fn rows(host: &str) -> Vec<Row> {
    let get = |fields: &str| format!("GET /a HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
    let post = |fields: &str, body: &str| format!("POST /new HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{body}");
    let line = |line: &str| format!("{line}\r\nHost: {host}\r\n\r\n");
    let at = |version: &str, host: &str| format!("GET /a HTTP/{version}\r\nHost: {host}\r\n\r\n");
    let target = |target: &str| line(&format!("GET {target} HTTP/1.1"));
    vec![
        ("no request line (RFC 9112 §3)", line("hello"), 400, CLOSES),
        ("HTTP/0.9", "GET /a\r\n\r\n".to_owned(), 400, CLOSES),
        ("two spaces", line("GET  /a HTTP/1.1"), 400, CLOSES),
        ("a space in the target", line("GET /a b HTTP/1.1"), 400, CLOSES),
        ("TLS", "\x16\x03\x01\x02\r\n\r\n".to_owned(), 400, CLOSES),
        ("bare LF (§2.2)", format!("GET /a HTTP/1.1\nHost: {host}\n\n"), 400, CLOSES),
        ("bare LF in the end", format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\n"), 400, CLOSES),
        ("bare CR", format!("GET /a HTTP/1.1\r\nHost: {host}\r\nA: b\rC: d\r\n\r\n"), 400, CLOSES),
        ("white space before the colon (§5.1)", get("A : b\r\n"), 400, CLOSES),
        ("white space before the name", get(" A: b\r\n"), 400, CLOSES),
        ("a folded line (§5.2)", get("A: b\r\n c\r\n"), 400, CLOSES),
        ("a name with a parenthesis", get("A(b): c\r\n"), 400, CLOSES),
        ("no name", get(": c\r\n"), 400, CLOSES),
        ("NUL in a value", get("A: \0\r\n"), 400, CLOSES),
        ("no Host (§3.2)", "GET /a HTTP/1.1\r\n\r\n".to_owned(), 400, CLOSES),
        ("two Hosts", get("Host: other\r\n"), 400, CLOSES),
        ("a Host with a path", at("1.1", "a/b"), 400, CLOSES),
        ("an empty Host", at("1.1", ""), 400, CLOSES),
        ("an empty Host in HTTP/1.0", at("1.0", ""), 400, CLOSES),
        ("a Host that is only a port", at("1.1", ":80"), 400, CLOSES),
        ("a Host whose port is over 65,535", at("1.1", "localhost:65536"), 400, CLOSES),
        ("a Host with user info", at("1.1", "u@localhost"), 400, CLOSES),
        ("a Host that is not an IPv6 address", at("1.1", "[ab..cd::1]"), 400, CLOSES),
        ("the same in HTTP/1.0", at("1.0", "[ab..cd::1]"), 400, CLOSES),
        ("a Host with a bad escape", at("1.1", "localhost%zz"), 400, CLOSES),
        ("an absolute target with such an authority", target("http://[ab..cd::1]/a"), 400, CLOSES),
        ("an unknown version", line("GET /a HTTP/2.0"), 505, CLOSES),
        ("HTTP/1.2", line("GET /a HTTP/1.2"), 505, CLOSES),
        ("no version at all", line("GET /a HTCPCP/1.0"), 400, CLOSES),
        (
            "doubled Content-Length (§6.3)",
            post("Content-Length: 1\r\nContent-Length: 1\r\n", "x"),
            400,
            CLOSES,
        ),
        (
            "white space after a chunk's size (§7.1)",
            post("Transfer-Encoding: chunked\r\n", "1 \r\nx\r\n0\r\n\r\n"),
            400,
            CLOSES,
        ),
        (
            "two types of one body",
            post("Content-Type: text/plain\r\nContent-Type: text/html\r\nContent-Length: 1\r\n", "x"),
            400,
            CLOSES,
        ),
        (
            "a tunnel (RFC 9110 §9.3.6)",
            format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            405,
            CLOSES,
        ),
        ("a tunnel with a path for its target", line("CONNECT /a HTTP/1.1"), 405, CLOSES),
        ("two lengths in one", post("Content-Length: 1, 1\r\n", "x"), 400, CLOSES),
        ("a signed length", post("Content-Length: +1\r\n", "x"), 400, CLOSES),
        ("a length with a space in it", post("Content-Length: 1 1\r\n", "x"), 400, CLOSES),
        ("a length beyond 2^64", post("Content-Length: 99999999999999999999\r\n", "x"), 400, CLOSES),
        (
            "both (§6.1)",
            post("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
            400,
            CLOSES,
        ),
        (
            "both, in reverse order",
            post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", "0\r\n\r\n"),
            400,
            CLOSES,
        ),
        ("an unknown coding (§6.1)", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), 501, CLOSES),
        ("identity", post("Transfer-Encoding: identity\r\n", ""), 501, CLOSES),
        ("chunked not last (§6.3)", post("Transfer-Encoding: chunked, gzip\r\n", "0\r\n\r\n"), 400, CLOSES),
        ("chunked twice", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n"), 400, CLOSES),
        (
            "hidden by a tab before the colon",
            post("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n"),
            400,
            CLOSES,
        ),
        (
            "chunks in HTTP/1.0",
            "POST /new HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_owned(),
            400,
            CLOSES,
        ),
        ("a chunk without a size (§7.1)", post("Transfer-Encoding: chunked\r\n", "\r\nx"), 400, CLOSES),
        ("a chunk with a bad size", post("Transfer-Encoding: chunked\r\n", "-1\r\nx\r\n"), 400, CLOSES),
        (
            "a chunk longer than its size",
            post("Transfer-Encoding: chunked\r\n", "1\r\nxy\r\n0\r\n\r\n"),
            400,
            CLOSES,
        ),
        ("a chunk ended by LF", post("Transfer-Encoding: chunked\r\n", "1\nx\n0\n\n"), 400, CLOSES),
        (
            "a trailer without a colon (§7.1.2)",
            post("Transfer-Encoding: chunked\r\n", "0\r\nabc\r\n\r\n"),
            400,
            CLOSES,
        ),
        ("a POST without a length", post("", ""), 411, GOES_ON),
        ("a GET with a body", get("Content-Length: 30\r\n"), 200, CLOSES),
        ("dots", target("/../outside/secret"), 400, GOES_ON),
        ("dots inside", target("/a/../../outside/secret"), 400, GOES_ON),
        ("encoded dots", target("/%2e%2e/outside/secret"), 400, GOES_ON),
        ("half encoded dots", target("/.%2e/outside/secret"), 400, GOES_ON),
        ("an encoded slash", target("/..%2foutside/secret"), 400, GOES_ON),
        ("encoded twice", target("/%252e%252e/outside/secret"), 404, GOES_ON),
        ("NUL", target("/a%00.txt"), 400, GOES_ON),
        ("a bad escape", target("/%zz"), 400, GOES_ON),
        ("a backslash", target("/..\\outside\\secret"), 400, CLOSES),
        ("an encoded backslash", target("/..%5coutside%5csecret"), 404, GOES_ON),
        ("an encoded control character", target("/%0d%0aSet-Cookie:x"), 404, GOES_ON),
        ("a path segment of 300 bytes", target(&format!("/{}", "x".repeat(300))), 400, GOES_ON),
        ("a target of 9 KB", target(&format!("/{}", "x".repeat(9000))), 414, CLOSES),
        ("a head of 17 KB", get(&format!("A: {}\r\n", "x".repeat(17_000))), 431, CLOSES),
        ("101 fields", get(&"A: b\r\n".repeat(100)), 431, CLOSES),
        (
            "another site's name (DNS rebinding)",
            "GET /a HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
            421,
            GOES_ON,
        ),
        ("an absolute target of another site", line("GET http://evil.example/a HTTP/1.1"), 421, GOES_ON),
    ]
}

/// Sends a row and returns the statuses of all responses until the server closes, or until the following
/// request is answered.
fn outcome(wire: &mut Wire, closes: bool) -> (Vec<u16>, String) {
    let first = wire.read_answer(false);
    let (mut codes, mut said) = (vec![first.code()], first.text());
    if closes {
        assert_eq!(first.field("Connection"), "close");
        while let Some(answer) = wire.try_read_answer(false) {
            codes.push(answer.code());
            said.push_str(&answer.text());
        }
    } else {
        codes.push(wire.read_answer(false).code());
    }
    (codes, said)
}

#[test]
pub fn invalid_requests_are_rejected_and_nothing_after_them_is_read() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a", "x");
    wharf.write("secret", "SECRET");
    fs::write(wharf.outside_folder().join("secret"), "OUTSIDE").expect("written");
    let host = wharf.address().to_string();
    let behind = format!("GET /secret HTTP/1.1\r\nHost: {host}\r\n\r\n");
    for (name, request, code, closes) in rows(&host) {
        let whole = format!("{request}{behind}");
        let expected = if closes { vec![code] } else { vec![code, 200] };
        for cut in [whole.len(), 1, request.len() / 2, request.len() - 1] {
            let mut wire = wharf.connect();
            wire.send(&whole[..cut]).send(&whole[cut..]).end();
            let (codes, said) = outcome(&mut wire, closes);
            assert_eq!(codes, expected, "{name}, cut at {cut}");
            assert!(!said.contains("OUTSIDE") && !said.contains("SECRET"), "{name}: {said}");
        }
    }
    assert_eq!(wharf.tree(), ["a", "secret"], "nothing was written");
}

#[test]
pub fn invalid_requests_are_rejected_byte_by_byte_too() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a", "x");
    wharf.write("secret", "SECRET");
    let host = wharf.address().to_string();
    for (name, request, code, closes) in rows(&host).into_iter().filter(|row| row.1.len() < 400) {
        let mut wire = wharf.connect();
        for byte in request.bytes() {
            wire.send([byte]);
        }
        let answer = wire.read_answer(false);
        assert_eq!(answer.code(), code, "{name}");
        if closes {
            wire.send(format!("GET /secret HTTP/1.1\r\nHost: {host}\r\n\r\n")).end();
            assert!(wire.is_closed(), "{name}: a response came");
        }
    }
    assert_eq!(wharf.tree(), ["a", "secret"]);
}

#[test]
fn links_and_devices_reveal_nothing() {
    let wharf = Wharf::serve(&[]);
    fs::write(wharf.outside_folder().join("secret"), "OUTSIDE").expect("written");
    let folder = wharf.folder();
    let link =
        |target: &str, name: &str| std::os::unix::fs::symlink(target, folder.join(name)).expect("linked");
    link("../outside/secret", "out");
    link("../outside", "outdir");
    link("/etc/passwd", "absolute");
    link("/dev/zero", "zero");
    link("loop", "loop");
    link("nowhere", "dangling");
    wharf.write("real", "inside");
    link("real", "in");
    let fifo = std::process::Command::new("mkfifo").arg(folder.join("fifo")).status();
    assert!(fifo.expect("mkfifo runs").success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).expect("bound");
    let hidden = [
        "/out",
        "/outdir/secret",
        "/outdir/",
        "/absolute",
        "/zero",
        "/loop",
        "/dangling",
        "/fifo",
        "/socket",
    ];
    for target in hidden {
        let answer = wharf.ask("GET", target, "", b"");
        assert_eq!(
            (answer.code(), answer.text().as_str()),
            (404, "there is nothing of that name\n"),
            "{target}"
        );
        let put = wharf.ask("PUT", &format!("{target}/x"), "", b"x");
        assert!(matches!(put.code(), 404 | 409), "{target}/x: {}", put.code());
    }
    assert_eq!(wharf.ask("GET", "/in", "", b"").text(), "inside", "a link that stays inside");
    let listing = wharf.ask("GET", "/", "Accept: text/plain\r\n", b"").text();
    let names: Vec<_> = listing.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(names, ["in", "real"]);
    assert_eq!(
        fs::read_dir(wharf.outside_folder()).expect("a folder").count(),
        1,
        "nothing was written outside"
    );
}

#[test]
fn the_server_answers_to_each_of_its_names() {
    let wharf = Wharf::serve(&["--host", "files.example"]);
    let port = wharf.address().port();
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let own = ["localhost", "files.example", "127.0.0.1", "192.168.7.7", "[::1]", &machine];
    for name in own {
        let mut wire = wharf.connect();
        wire.send(format!("GET /.wharf/health HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n"));
        assert_eq!(wire.read_answer(false).code(), 200, "{name}");
    }
}

#[test]
fn control_characters_of_a_request_are_escaped_in_the_log() {
    let mut wharf = Wharf::serve(&[]);
    wharf.connect().send(b"GET /\x1b[2J\xff HTTP/1.1\r\n\r\n").read_answer(false);
    wharf.ask("PUT", "/a%0d%0a2026%1b%5b2J", "", b"x");
    // A request is logged after its response was sent; once the server has exited, all are logged.
    wharf.signal(rustix::process::Signal::TERM);
    wharf.wait();
    let log = wharf.log();
    assert!(!log.contains('\x1b') && !log.contains('\r'), "{log:?}");
    assert!(log.contains("\\u{1b}[2J"), "{log}");
}
