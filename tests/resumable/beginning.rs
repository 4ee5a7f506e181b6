//! How an upload begins: which clients get its URL, and when.

use std::fs;

use super::{DRAFT, MEBIBYTE, begin, stand, unfinished, whole};
use crate::common::{Wharf, outside, sample};

#[test]
pub fn the_client_of_a_large_body_gets_the_url_to_resume() {
    let wharf = Wharf::serve(&["--max-upload", "2M"]);
    let content = sample(MEBIBYTE + 3, 7);
    for (method, code) in [("PUT", 201), ("PUT", 204), ("POST", 200)] {
        let mut wire = wharf.connect();
        wire.send(whole(&wharf, method, &format!("Content-Length: {}\r\n", content.len())));
        let interim =
            wire.send(&content[..MEBIBYTE]).try_read_answer(false).expect("before the rest is sent");
        assert_eq!(interim.code(), 104);
        assert_eq!(interim.field("Upload-Draft-Interop-Version"), "9");
        assert_eq!(interim.field("Upload-Limit"), "max-size=2097152, max-age=86400");
        let upload = interim.field("Location");
        assert!(upload.starts_with("/.wharf/uploads/") && upload.len() == 16 + 32, "{upload}");
        let answer =
            wire.send(&content[MEBIBYTE..]).try_read_answer(false).expect("the final response is next");
        assert_eq!((answer.code(), answer.field("Upload-Complete").as_str()), (code, "?1"));
        assert_eq!(answer.field("Content-Location"), "/in/a.txt");
        assert_eq!(stand(&wharf, &upload), ("?1".into(), content.len().to_string()), "it has a record");
        assert!(wire.ask("GET", "/in/a.txt", "", b"").body == content, "the connection stays open");
    }
    assert_eq!(unfinished(&wharf), 0);
}

/// No content need arrive; a client that expects `100 Continue` gets that first.
#[test]
fn the_client_of_a_slow_body_gets_the_url_to_resume() {
    let wharf = Wharf::serve(&[]);
    for (fields, expected) in [("", &[104][..]), ("Expect: 100-continue\r\n", &[100, 104])] {
        let mut wire = wharf.connect();
        wire.send(whole(&wharf, "POST", &format!("Content-Length: 3\r\n{fields}")));
        for code in expected {
            assert_eq!(wire.try_read_answer(false).expect("an answer").code(), *code, "{fields}");
        }
        let answer = wire.send("abc").try_read_answer(false).expect("an answer");
        assert_eq!((answer.code(), wharf.read("in/a.txt")), (200, b"abc".to_vec()), "sent once");
    }
}

/// A proxy may treat 104 as the final response, or reject it.
#[test]
fn a_body_that_is_already_here_is_answered_at_once() {
    let wharf = Wharf::serve(&["--max-upload", "9"]);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let cases = [
        ("whole", whole(&wharf, "PUT", "Content-Length: 3\r\n") + "abc", 201),
        ("in chunks", whole(&wharf, "PUT", chunked) + "3\r\nabc\r\n0\r\n\r\n", 204),
        ("empty", whole(&wharf, "PUT", "Content-Length: 0\r\n"), 204),
        (
            "no body, as a client starts",
            whole(&wharf, "PUT", "Content-Length: 0\r\n").replace("?1", "?0"),
            201,
        ),
        ("too large", whole(&wharf, "PUT", "Content-Length: 10\r\n"), 413),
        ("too large in chunks", whole(&wharf, "PUT", chunked) + "a\r\n0123456789\r\n", 413),
        ("not a chunk", whole(&wharf, "PUT", chunked) + "x\r\n", 400),
    ];
    for (name, request, code) in cases {
        let answer = wharf.connect().send(request).try_read_answer(false).expect("an answer");
        assert_eq!(answer.code(), code, "{name}");
    }
}

#[test]
fn a_client_that_cannot_get_104_is_not_sent_it() {
    let wharf = Wharf::serve(&[]);
    let whole = "Upload-Complete: ?1\r\nContent-Length: 1\r\n";
    let cases = [
        ("HTTP/1.1", "Upload-Draft-Interop-Version: 9, 9\r\n", "two versions"),
        ("HTTP/1.1", "", "it does not know the draft"),
        ("HTTP/1.1", "Upload-Draft-Interop-Version: 8\r\n", "another draft"),
        ("HTTP/1.0", DRAFT, "no interim answers there"),
    ];
    for (version, fields, name) in cases {
        let mut wire = wharf.connect();
        wire.send(format!("PUT /a {version}\r\nHost: {}\r\n{whole}{fields}\r\nx", wharf.address()));
        assert_eq!(wire.try_read_answer(false).expect("an answer").code() / 100, 2, "{name}");
    }
    assert_eq!(wharf.tree(), ["a"], "uploads like any other");
}

#[test]
fn capabilities_are_announced() {
    let wharf = Wharf::serve(&["--max-upload", "7"]);
    let upload = begin(&wharf, "/a", "");
    for target in ["/a", "*"] {
        let answer = wharf.ask("OPTIONS", target, "", b"");
        assert_eq!(answer.field("Accept-Patch"), "application/partial-upload", "{target}");
        assert_eq!(answer.field("Upload-Limit"), "max-size=7, max-age=86400", "{target}");
    }
    let options = wharf.ask("OPTIONS", &upload, "", b"");
    assert_eq!(options.field("Allow"), "GET, HEAD, PATCH, DELETE, OPTIONS");
    assert_eq!(options.field("Accept-Patch"), "application/partial-upload");
    assert!(options.field("Upload-Limit").starts_with("max-size=7, max-age="));
    for method in ["POST", "PUT"] {
        let answer = wharf.ask(method, &upload, "", b"");
        assert_eq!(
            (answer.code(), answer.field("Allow").as_str()),
            (405, "GET, HEAD, PATCH, DELETE, OPTIONS")
        );
    }
    assert_eq!(wharf.ask("PATCH", "/a", "", b"").code(), 405, "files do not support it");
    let read_only = Wharf::serve(&["--read-only"]);
    assert_eq!(read_only.ask("OPTIONS", "/a", "", b"").field("Accept-Patch"), "");
}

#[test]
fn curl_can_follow_the_protocol_by_hand() {
    let Some(mut curl) = outside("curl") else { return };
    let wharf = Wharf::serve(&[]);
    let begun = curl
        .args(["-s", "-i", "-X", "POST", "-H", "Upload-Complete: ?0", "-H", "Upload-Length: 6"])
        .arg(wharf.url("/a"))
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&begun.stdout).into_owned();
    let upload =
        text.lines().find_map(|line| line.strip_prefix("Location: ")).expect("a place").trim().to_owned();
    for (offset, completes, content) in [("0", "?0", "abc"), ("3", "?1", "def")] {
        let output = outside("curl")
            .expect("as before")
            .args(["-s", "-X", "PATCH", "-H", "Content-Type: application/partial-upload"])
            .args(["-H", &format!("Upload-Offset: {offset}"), "-H", &format!("Upload-Complete: {completes}")])
            .args(["--data-binary", content])
            .arg(wharf.url(&upload))
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(said, if completes == "?1" { "saved a (6 bytes)\n" } else { "" });
    }
    assert_eq!(wharf.read("a"), b"abcdef");
    // In a single request, curl waits for both interim responses and skips the one that it does not know.
    let content = sample(2 << 20, 7);
    let file = wharf.outside_folder().join("b");
    fs::write(&file, &content).expect("written");
    let code = outside("curl")
        .expect("as before")
        .args([
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            "Upload-Complete: ?1",
            "-H",
            DRAFT.trim_end(),
        ])
        .arg("-T")
        .arg(&file)
        .arg(wharf.url("/b"))
        .output()
        .expect("it runs");
    assert_eq!(code.stdout, b"201");
    assert!(wharf.read("b") == content);
}
