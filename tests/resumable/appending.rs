//! Pieces of an upload: their offsets and lengths, and two requests at once.

use std::fs;
use std::thread;

use super::{DRAFT, MEBIBYTE, append, begin, files, parts, patch, patch_fields, stand, unfinished, whole};
use crate::common::{Wharf, eventually, sample};

/// The script of a page cannot see 104 responses, so it uploads like this.
#[test]
pub fn an_upload_can_come_in_pieces() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/in/a%20b", "Upload-Length: 9\r\n");
    assert_eq!(stand(&wharf, &upload), ("?0".into(), "0".into()));
    let mut wire = wharf.connect();
    let answer = patch(&mut wire, &upload, 0, false, b"abc");
    assert_eq!((answer.code(), answer.field("Upload-Complete").as_str()), (204, "?0"));
    assert_eq!(patch(&mut wire, &upload, 3, false, b"def").field("Upload-Offset"), "6");
    assert_eq!(wire.ask("HEAD", &upload, "", b"").field("Upload-Length"), "9");
    assert!(files(&wharf).is_empty(), "no file is visible");
    let answer = patch(&mut wire, &upload, 6, true, b"ghi");
    assert_eq!((answer.code(), answer.text().as_str()), (200, "saved in/a b (9 bytes)\n"), "as to the POST");
    assert_eq!(
        (answer.field("Upload-Complete"), answer.field("Content-Location")),
        ("?1".into(), "/in/a%20b".into())
    );
    assert_eq!(wharf.read("in/a b"), b"abcdefghi");
    assert_eq!(stand(&wharf, &upload), ("?1".into(), "9".into()));
}

#[test]
fn pieces_need_no_total_length() {
    let wharf = Wharf::serve(&[]);
    let chunked = format!("Upload-Complete: ?0\r\n{DRAFT}Transfer-Encoding: chunked\r\n");
    let mut wire = wharf.connect();
    let first = sample(MEBIBYTE, 6);
    wire.send(format!("PUT /a HTTP/1.1\r\nHost: {}\r\n{chunked}\r\n{MEBIBYTE:x}\r\n", wharf.address()));
    let interim = wire.send(&first).try_read_answer(false).expect("an answer");
    let answer = wire.send("\r\n0\r\n\r\n").read_answer(false);
    assert_eq!((interim.code(), answer.code()), (104, 201));
    let upload = answer.field("Location");
    assert_eq!(upload, interim.field("Location"), "the same in all answers");
    assert_eq!(wharf.ask("HEAD", &upload, "", b"").field("Upload-Length"), "", "unknown");
    let fields = format!("{}Transfer-Encoding: chunked\r\n", patch_fields(MEBIBYTE as u64, true));
    wire.send(format!("PATCH {upload} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", wharf.address()));
    wire.send("2\r\nde\r\n0\r\n\r\n");
    assert_eq!(wire.read_answer(false).code(), 201);
    assert!(wharf.read("a") == [first.as_slice(), b"de"].concat());
    let empty = begin(&wharf, "/empty", "");
    assert_eq!(append(&wharf, &empty, 0, true, b"").code(), 200, "no content at all");
    assert_eq!(wharf.read("empty"), b"");
}

#[test]
pub fn content_received_before_a_disconnect_is_kept() {
    let wharf = Wharf::serve(&[]);
    let content = sample(MEBIBYTE + 600_000, 1);
    let (first, rest) = content.split_at(MEBIBYTE + 200_000);
    let mut wire = wharf.connect();
    wire.send(whole(&wharf, "PUT", &format!("Content-Length: {}\r\n", content.len())));
    let upload = wire.send(first).try_read_answer(false).expect("104").field("Location");
    assert!(wire.end().is_closed(), "no response: it was interrupted");
    assert!(wharf.settled_log().contains("the part received is kept"));
    assert_eq!(stand(&wharf, &upload), ("?0".into(), first.len().to_string()));
    assert!(files(&wharf).iter().all(|name| !name.ends_with("a.txt")), "no file is visible");
    assert_eq!(append(&wharf, &upload, first.len() as u64, true, rest).code(), 201);
    assert!(wharf.read("in/a.txt") == content);
}

#[test]
fn appending_starts_at_the_offset() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a", "");
    append(&wharf, &upload, 0, false, b"abc");
    for wrong in [0, 2, 4] {
        let answer = append(&wharf, &upload, wrong, false, b"x");
        assert_eq!((answer.code(), answer.field("Upload-Offset").as_str()), (409, "3"), "{wrong}");
        assert_eq!(answer.field("Content-Type"), "application/problem+json");
        assert!(answer.text().contains("#mismatching-upload-offset"), "{}", answer.text());
        assert!(answer.text().contains("\"expected-offset\":3"), "{}", answer.text());
    }
    assert_eq!(append(&wharf, &upload, 3, true, b"").code(), 200, "an empty piece ends it");
    assert_eq!(wharf.read("a"), b"abc");
}

#[test]
fn lengths_must_agree() {
    let wharf = Wharf::serve(&[]);
    let whole = "Upload-Complete: ?1\r\nUpload-Length: 4\r\n";
    let told_twice = wharf.ask("PUT", "/a", &format!("{whole}{DRAFT}"), b"abc");
    assert_eq!(told_twice.code(), 400, "it differs from the length of the content");
    let upload = begin(&wharf, "/a", "Upload-Length: 5\r\n");
    for (completes, content) in [(true, &b"abcd"[..]), (true, b"abcdef"), (false, b"abcdef")] {
        let answer = append(&wharf, &upload, 0, completes, content);
        assert_eq!(answer.code(), 400, "{completes} {content:?}");
        assert!(answer.text().contains("#inconsistent-upload-length"), "{}", answer.text());
    }
    assert_eq!(append(&wharf, &upload, 0, false, b"abc").code(), 204, "nothing has changed");
    // With chunks, the length is known only at the end of the content; the upload is then invalid.
    let fields = format!("{}Transfer-Encoding: chunked\r\n", patch_fields(3, true));
    let mut wire = wharf.connect();
    wire.send(format!(
        "PATCH {upload} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n3\r\ndef\r\n0\r\n\r\n",
        wharf.address()
    ));
    assert_eq!(wire.read_answer(false).code(), 400);
    assert_eq!(wharf.ask("HEAD", &upload, "", b"").code(), 404);
    assert!(files(&wharf).is_empty() && unfinished(&wharf) == 0);
}

#[test]
fn invalid_requests_to_append_are_rejected() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a", "");
    let good = patch_fields(0, true) + "Content-Length: 1\r\n";
    let cases = [
        ("no type", good.replace("Content-Type: application/partial-upload\r\n", ""), 415),
        ("another type", good.replace("partial-upload", "octet-stream"), 415),
        ("tus's type", good.replace("partial-upload", "offset+octet-stream"), 415),
        ("two types", good.clone() + "Content-Type: text/plain\r\n", 400),
        ("packed", format!("{good}Content-Encoding: gzip\r\n"), 415),
        ("no offset", good.replace("Upload-Offset: 0\r\n", ""), 400),
        ("no completeness", good.replace("Upload-Complete: ?1\r\n", ""), 400),
        ("another site's page", format!("{good}Origin: http://evil.example\r\n"), 403),
        ("fetched from elsewhere", format!("{good}Sec-Fetch-Site: cross-site\r\n"), 403),
    ];
    for (name, fields, code) in cases {
        let answer = wharf.ask("PATCH", &upload, &fields, b"x");
        assert_eq!(answer.code(), code, "{name}");
        assert_eq!(answer.field("Upload-Complete"), "", "{name}: it is not the final response");
        if name.ends_with("type") {
            assert_eq!(answer.field("Accept-Patch"), "application/partial-upload", "{name}");
        }
    }
    let elsewhere = wharf.ask("DELETE", &upload, "Origin: null\r\n", b"");
    assert_eq!(elsewhere.code(), 403, "nor may it cancel it");
    assert_eq!(stand(&wharf, &upload), ("?0".into(), "0".into()), "nothing has changed");
    let same = format!("Origin: http://{}\r\nSec-Fetch-Site: same-origin\r\n", wharf.address());
    assert_eq!(wharf.ask("PATCH", &upload, &format!("{good}{same}"), b"x").code(), 200, "its own page may");
}

#[test]
fn a_cancelled_upload_is_gone() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a", "");
    append(&wharf, &upload, 0, false, b"abc");
    assert_eq!(wharf.ask("DELETE", &upload, "", b"").code(), 204);
    for (method, fields) in
        [("HEAD", String::new()), ("DELETE", String::new()), ("PATCH", patch_fields(3, true))]
    {
        assert_eq!(wharf.ask(method, &upload, &fields, b"").code(), 404, "{method}");
    }
    assert_eq!(unfinished(&wharf), 0);
}

#[test]
fn the_newer_of_two_requests_continues() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a", "Upload-Length: 9\r\n");
    let mut old = wharf.connect();
    let fields = patch_fields(0, true) + "Content-Length: 9\r\n";
    old.send(format!("PATCH {upload} HTTP/1.1\r\nHost: {}\r\n{fields}\r\nabc", wharf.address()));
    let arrived = || parts(&wharf).iter().any(|part| fs::metadata(part).is_ok_and(|part| part.len() == 3));
    eventually("the first three have arrived", arrived);
    assert_eq!(stand(&wharf, &upload), ("?0".into(), "3".into()));
    old.send("xyz");
    assert_eq!(old.read_answer(false).code(), 409, "the older one ends");
    assert_eq!(append(&wharf, &upload, 3, true, b"defghi").code(), 200);
    assert_eq!(wharf.read("a"), b"abcdefghi");
}

#[test]
fn two_clients_at_once_never_mix() {
    let wharf = Wharf::serve(&["--no-sync"]);
    let content = sample(300_000, 3);
    let upload = begin(&wharf, "/a", &format!("Upload-Length: {}\r\n", content.len()));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut wire = wharf.connect();
                loop {
                    let (complete, offset) = stand(&wharf, &upload);
                    if complete == "?1" {
                        return;
                    }
                    let offset: usize = offset.parse().expect("a number");
                    let end = content.len().min(offset + 10_000);
                    let answer =
                        patch(&mut wire, &upload, offset as u64, end == content.len(), &content[offset..end]);
                    if !answer.head.keeps() {
                        wire = wharf.connect();
                    }
                    let code = answer.code();
                    assert!(matches!(code, 200 | 204 | 409 | 400), "{code}: {}", answer.text());
                }
            });
        }
    });
    assert!(wharf.read("a") == content);
}
