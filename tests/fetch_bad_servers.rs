//! `wharf get` from misbehaving servers prints one clear line for each file that fails, and downloads the others.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::{Fake, field, run, target_of};

/// The length of the files that have a partial download.
const LENGTH: usize = 100_000;

/// The length of these parts.
const THERE: usize = 70_000;

/// A small, correct file.
const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

fn say(stream: &mut TcpStream, text: impl AsRef<[u8]>) {
    // A client that has received enough may have closed the connection.
    let _ = stream.write_all(text.as_ref());
}

/// A response with the rest of a file, or with something else.
fn rest(range: &str, etag: &str, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nETag: {etag}\r\nContent-Range: bytes {range}\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), content].concat()
}

/// A response with the whole of another version.
fn whole() -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nETag: \"2\"\r\nContent-Length: {LENGTH}\r\n\r\n");
    [head.as_bytes(), &b"n".repeat(LENGTH)].concat()
}

/// A server with one file for each kind of failure.
fn liar() -> Fake {
    Fake::answers(|head, stream| {
        let ranged = field(head, "Range").is_some();
        match target_of(head) {
            "/good" => say(stream, GOOD),
            "/cut" => say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
            "/more" => say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlonger than that"),
            "/silent" => {}
            "/stalls" => {
                say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsh");
                let _ = stream.read(&mut [0]);
            }
            // Slow peers: bytes always arrive, so nothing stalls.
            "/trickles" => {
                say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n");
                while stream.write_all(b"x").is_ok() {
                    thread::sleep(Duration::from_millis(100));
                }
            }
            "/head-trickles" => {
                say(stream, "HTTP/1.1 200 OK\r\n");
                while stream.write_all(b"A: b\r\n").is_ok() {
                    thread::sleep(Duration::from_millis(300));
                }
            }
            "/circle" => say(stream, "HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n"),
            "/secure" => {
                say(stream, "HTTP/1.1 301 Moved\r\nLocation: gopher://h/x\r\nContent-Length: 0\r\n\r\n");
            }
            "/local" => {
                say(
                    stream,
                    "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
                );
            }
            "/mail" => say(stream, "220 mail ESMTP\r\n\r\n"),
            "/chunk" => say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n"),
            "/unasked" => say(stream, rest("5-8/9", "\"1\"", b"part")),
            "/sum" => {
                let sum = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
                say(stream, format!("HTTP/1.1 200 OK\r\nRepr-Digest: {sum}\r\nContent-Length: 1\r\n\r\nx"));
            }
            "/other-version" if ranged => {
                say(stream, rest("70000-99999/100000", "\"2\"", &b"n".repeat(30_000)));
            }
            "/gone" if ranged => {
                say(stream, "HTTP/1.1 416 No\r\nContent-Range: bytes */9\r\nContent-Length: 0\r\n\r\n");
            }
            "/changed" | "/other-version" | "/gone" => say(stream, whole()),
            _ => say(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        }
    })
}

/// Leaves a part of a file of this server, as a killed run does.
fn leave_part(server: &Fake, downloads: &Path, name: &str, there: usize) {
    fs::create_dir_all(downloads).expect("a folder");
    let from = server.url(&format!("/{name}"));
    let notes = format!(r#"{{"from":"{from}","validator":"\"1\"","length":{LENGTH}}}"#);
    fs::write(downloads.join(format!("{name}.part.from")), notes).expect("written");
    fs::write(downloads.join(format!("{name}.part")), b"o".repeat(there)).expect("written");
}

#[test]
fn each_failure_is_one_line_and_the_other_files_are_downloaded() {
    let server = liar();
    let place = tempfile::tempdir().expect("a folder");
    let downloads = place.path().join("downloads");
    let expected = [
        ("cut", "the server closed the connection after 5 of 9 bytes"),
        ("more", "the server sent more than the 4 bytes that it announced"),
        ("silent", "the server closed the connection without a response"),
        ("stalls", "the server was silent for 4 s (waiting for its response)"),
        ("trickles", "the server sent almost nothing for 4 s (--timeout allows more)"),
        ("head-trickles", "the server sent almost nothing for 4 s (--timeout allows more)"),
        ("circle", "too many redirects"),
        ("secure", "redirects to another server are not followed: gopher://h/x"),
        ("local", "redirects to another server are not followed: file:///etc/passwd"),
        ("mail", "invalid response: not an HTTP/1 response"),
        ("chunk", "invalid response: a chunk is longer or shorter than its size says"),
        ("unasked", "the server sent a different range from the one requested"),
        ("sum", "the content does not match the server's SHA-256"),
        ("none", "404 Not Found"),
    ];
    let mut arguments =
        // This timeout is long, because a busy machine may delay the servers that do respond.
        vec!["get".to_owned(), "--retries=0".into(), "--timeout=4".into(), "--jobs=20".into()];
    arguments.extend(expected.iter().map(|(name, _)| server.url(&format!("/{name}"))));
    arguments.push(server.url("/good"));
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let output = run(&arguments, "", place.path());
    let mut said: Vec<_> = output.stderr.lines().map(str::to_owned).collect();
    let mut lines: Vec<_> = expected.iter().map(|(name, error)| format!("/{name}: {error}")).collect();
    said.sort();
    lines.sort();
    assert_eq!(said, lines);
    assert_eq!(output.code, Some(1));
    assert_eq!(fs::read(downloads.join("good")).expect("the others are complete"), b"good");
    let mut here: Vec<_> =
        fs::read_dir(&downloads).expect("a folder").map(|entry| entry.expect("one").file_name()).collect();
    here.sort();
    assert_eq!(here, ["good"], "no other file was created");
}

/// A response to a range request that does not match it: the whole file is requested once.
#[test]
fn a_wrong_range_starts_over() {
    let n = |count: usize| b"n".repeat(count);
    let (length, total) = (LENGTH - THERE, LENGTH);
    let plain = |fields: &str, content: Vec<u8>| {
        [format!("HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\n{fields}\r\n").into_bytes(), content]
            .concat()
    };
    let sized = |count: usize, fields: &str| plain(&format!("Content-Length: {count}\r\n{fields}"), n(count));
    let multipart = "Content-Type: multipart/byteranges; boundary=x\r\n";
    let chunked = format!(
        "Content-Range: bytes 70000-99999/100000\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n",
        length + 1
    );
    let chunked = [
        format!("HTTP/1.1 206 Partial Content\r\nETag: \"1\"\r\n{chunked}").into_bytes(),
        n(length + 1),
        b"\r\n0\r\n\r\n".to_vec(),
    ]
    .concat();
    let rows: [(&str, Vec<u8>, bool); 13] = [
        ("the whole file", rest("0-99999/100000", "\"1\"", &n(total)), true),
        ("another range", rest("0-29999/100000", "\"1\"", &n(length)), true),
        ("another total", rest("70000-99999/200000", "\"1\"", &n(length)), true),
        ("less than was requested", rest("70000-89999/100000", "\"1\"", &n(20_000)), true),
        ("more than announced", rest("70000-99999/100000", "\"1\"", &n(length + 1)), true),
        ("more than announced, in chunks", chunked, true),
        ("several ranges", sized(length, multipart), true),
        ("no range", sized(length, ""), true),
        ("an invalid range", sized(length, "Content-Range: bytes 70000-\r\n"), true),
        ("a range without a total, past the end", rest("70000-100000/*", "\"1\"", &n(length + 1)), true),
        ("another version", rest("70000-99999/100000", "\"2\"", &n(length)), false),
        ("no content", b"HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n".to_vec(), false),
        ("the whole file, as announced", whole(), false),
    ];
    for (name, answer, is_wrong) in rows {
        for there in [THERE, LENGTH, LENGTH + 9] {
            // For a complete part the last byte is requested, and this response might be correct.
            let answer = if there == THERE { answer.clone() } else { whole_as_part() };
            let server = Fake::answers(move |head, stream| match field(head, "Range") {
                Some(_) => say(stream, &answer),
                None => say(stream, whole()),
            });
            let place = tempfile::tempdir().expect("a folder");
            leave_part(&server, &place.path().join("downloads"), "a", there.min(LENGTH));
            let output = run(&["get", "--retries=0", &server.url("/a")], "", place.path());
            assert_eq!(output.code, Some(0), "{name}: {output:?}");
            let is_wrong = is_wrong || there != THERE;
            let said = "/a: The server sent a different range from the one requested; started again.\n";
            assert_eq!(output.stderr, if is_wrong { said } else { "" }, "{name}");
            let saved = fs::read(place.path().join("downloads/a")).expect("saved");
            assert!(saved == n(LENGTH), "{name} is a mixture");
            let left = fs::read_dir(place.path().join("downloads")).expect("a folder").count();
            assert_eq!((left, server.requests("/a").len() <= 2), (1, true), "{name}");
        }
    }
}

/// The whole file, in the version that was requested in part.
fn whole_as_part() -> Vec<u8> {
    rest("0-99999/100000", "\"1\"", &b"n".repeat(LENGTH))
}

/// A server that never sends the requested range, and closes early: each run starts over once, and ends.
#[test]
fn starting_over_ends() {
    let server = Fake::answers(|head, stream| match field(head, "Range") {
        Some(_) => say(stream, whole_as_part()),
        None => say(stream, &whole()[..THERE]),
    });
    let place = tempfile::tempdir().expect("a folder");
    for run_number in 0..2 {
        let output = run(&["get", "--retries=1", &server.url("/a")], "", place.path());
        assert_eq!(output.code, Some(1), "{output:?}");
        assert!(output.stderr.contains("/a: the server closed the connection after "), "{output:?}");
        let asked = server.requests("/a");
        assert!(asked.len() <= 4 * (run_number + 1), "{asked:?}");
    }
}

#[test]
fn a_file_that_changed_is_never_a_mixture() {
    let server = liar();
    let place = tempfile::tempdir().expect("a folder");
    let downloads = place.path().join("downloads");
    for name in ["changed", "other-version", "gone"] {
        leave_part(&server, &downloads, name, THERE);
        let target = format!("/{name}");
        let output = run(&["get", "--retries=0", &server.url(&target)], "", place.path());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{name}: {output:?}");
        assert!(fs::read(downloads.join(name)).expect("there") == b"n".repeat(LENGTH), "{name} is a mixture");
        let asked = server.requests(&target);
        assert_eq!(field(&asked[0], "Range"), Some("bytes=70000-"), "{name}");
        assert_eq!(field(&asked[0], "If-Range"), Some("\"1\""), "{name}");
    }
}

#[test]
fn a_temporary_error_is_retried() {
    let asked = AtomicUsize::new(0);
    let server = Fake::answers(move |_, stream| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => {}
        1 => say(stream, "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"),
        2 => say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngo"),
        _ => say(stream, GOOD),
    });
    let place = tempfile::tempdir().expect("a folder");
    let output = run(&["get", "--retries=2", &server.url("/a")], "", place.path());
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (Some(1), "/a: the server closed the connection after 2 of 4 bytes\n")
    );
    assert_eq!(server.requests("/a").len(), 3);
    let output = run(&["get", "--retries=2", &server.url("/a")], "", place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_eq!(server.requests("/a").len(), 4);
}

#[test]
fn responses_of_every_length_are_saved() {
    let server = Fake::answers(|head, stream| match target_of(head) {
        "/chunked" => {
            say(
                stream,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\ngo\r\n2\r\nod\r\n0\r\n\r\n",
            );
        }
        "/until-close" => say(stream, "HTTP/1.0 200 OK\r\n\r\ngood"),
        "/moved" => say(stream, "HTTP/1.1 307 There\r\nLocation: /chunked\r\n\r\n"),
        _ => say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    });
    let place = tempfile::tempdir().expect("a folder");
    let urls = ["/chunked", "/until-close", "/moved", "/empty"].map(|target| server.url(target));
    let output = run(&["get", &urls[0], &urls[1], &urls[2], &urls[3], "--retries=0"], "", place.path());
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    for (name, content) in [("chunked", "good"), ("until-close", "good"), ("moved", "good"), ("empty", "")] {
        let saved = fs::read_to_string(place.path().join("downloads").join(name)).expect(name);
        assert_eq!(saved, content, "{name}");
    }
}
