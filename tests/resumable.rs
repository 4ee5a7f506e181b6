//! Resumable uploads follow draft-ietf-httpbis-resumable-upload, rule by rule.

use std::fs::{self, File};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::common::{Answer, Wharf, Wire, eventually, outside, run, sample, skip};

/// Field lines of a client that supports the draft.
pub const DRAFT: &str = "Upload-Draft-Interop-Version: 9\r\n";

/// Starts a resumable upload; returns its URL.
pub fn begin(wharf: &Wharf, target: &str, fields: &str) -> String {
    let answer = wharf.ask("POST", target, &format!("Upload-Complete: ?0\r\n{fields}"), b"");
    assert_eq!((answer.code(), answer.field("Upload-Offset").as_str()), (201, "0"), "{}", answer.text());
    answer.field("Location")
}

pub fn append(wharf: &Wharf, upload: &str, offset: u64, completes: bool, content: &[u8]) -> Answer {
    patch(&mut wharf.connect(), upload, offset, completes, content)
}

fn patch(wire: &mut Wire, upload: &str, offset: u64, completes: bool, content: &[u8]) -> Answer {
    let fields = patch_fields(offset, completes) + &format!("Content-Length: {}\r\n", content.len());
    wire.ask("PATCH", upload, &fields, content)
}

pub fn patch_fields(offset: u64, completes: bool) -> String {
    let complete = u8::from(completes);
    format!(
        "Content-Type: application/partial-upload\r\nUpload-Offset: {offset}\r\nUpload-Complete: ?{complete}\r\n"
    )
}

/// The progress of an upload: whether it is complete, and its offset.
pub fn stand(wharf: &Wharf, upload: &str) -> (String, String) {
    let answer = wharf.ask("HEAD", upload, "", b"");
    assert_eq!((answer.code(), answer.field("Cache-Control").as_str()), (204, "no-store"));
    assert!(answer.field("Upload-Limit").contains("max-age="));
    (answer.field("Upload-Complete"), answer.field("Upload-Offset"))
}

/// The visible files.
pub fn files(wharf: &Wharf) -> Vec<String> {
    wharf.tree().into_iter().filter(|name| !name.split('/').any(|part| part == ".wharf")).collect()
}

/// The received content of incomplete uploads.
pub fn parts(wharf: &Wharf) -> Vec<PathBuf> {
    let paths = wharf.tree().into_iter().map(|name| wharf.folder().join(name));
    paths.filter(|path| path.extension().is_some_and(|end| end == "part")).collect()
}

fn unfinished(wharf: &Wharf) -> usize {
    parts(wharf).len()
}

/// The server sends the upload's URL at once if the body has at least this length, in bytes.
const MEBIBYTE: usize = 1 << 20;

/// The head of an upload in a single request, by a client that supports the draft.
fn whole(wharf: &Wharf, method: &str, fields: &str) -> String {
    let host = wharf.address();
    format!("{method} /in/a.txt HTTP/1.1\r\nHost: {host}\r\n{DRAFT}Upload-Complete: ?1\r\n{fields}\r\n")
}

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

/// Like the script of a page, which cannot see 104.
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

#[test]
fn the_rules_of_uploads_apply() {
    let wharf = Wharf::serve(&["--max-upload", "10"]);
    wharf.write("dir/file", "old");
    let cases = [
        ("a directory", "/dir", "", 409),
        ("a directory by its slash", "/dir/", "", 409),
        ("through a file", "/dir/file/x", "", 409),
        ("hidden", "/.x", "", 404),
        ("the server's own", "/.wharf/x", "", 404),
        ("a temporary's name", "/.wharf-00.tmp", "", 404),
        ("dots", "/../x", "", 400),
        ("too large", "/x", "Upload-Length: 11\r\n", 413),
        ("a part", "/x", "Content-Range: bytes 0-0/9\r\n", 400),
        ("packed", "/x", "Content-Encoding: gzip\r\n", 415),
        ("another site's page", "/x", "Origin: null\r\n", 403),
        ("must exist", "/x", "If-Match: *\r\n", 412),
    ];
    for (name, target, fields, code) in cases {
        for method in ["POST", "PUT"] {
            let answer = wharf.ask(method, target, &format!("Upload-Complete: ?0\r\n{fields}"), b"");
            assert_eq!(answer.code(), code, "{method}: {name}: {}", answer.text());
        }
    }
    let mut wire = wharf.connect();
    wire.send("PUT /x HTTP/1.1\r\nHost: evil.example\r\nUpload-Complete: ?0\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(wire.read_answer(false).code(), 421, "a foreign Host");
    let upload = begin(&wharf, "/x", "");
    let large = append(&wharf, &upload, 0, false, b"01234567890");
    assert_eq!((large.code(), large.field("Upload-Limit").as_str()), (413, "max-size=10, max-age=86400"));
    assert_eq!(files(&wharf), ["dir/", "dir/file"]);
    let read_only = Wharf::serve(&["--read-only"]);
    assert_eq!(read_only.ask("PUT", "/x", "Upload-Complete: ?0\r\n", b"").code(), 403);
    let full = Wharf::serve(&["--reserve", "8000000T"]);
    assert_eq!(full.ask("PUT", "/x", "Upload-Complete: ?0\r\nUpload-Length: 1\r\n", b"").code(), 507);
}

#[test]
fn the_rules_are_checked_again_at_the_end() {
    for (rule, code, expected) in
        [("overwrite", 204, vec!["a"]), ("refuse", 409, vec!["a"]), ("rename", 201, vec!["a", "a (1)"])]
    {
        let wharf = Wharf::serve(&["--on-conflict", rule]);
        let answer = wharf.ask("PUT", "/a", "Upload-Complete: ?0\r\n", b"new");
        wharf.write("a", "created meanwhile");
        let end = append(&wharf, &answer.field("Location"), 3, true, b"");
        assert_eq!((end.code(), end.field("Upload-Complete").as_str()), (code, "?1"), "{rule}");
        assert_eq!(files(&wharf), expected, "{rule}");
    }
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a", "If-None-Match: *\r\n");
    wharf.write("a", "created meanwhile");
    let end = append(&wharf, &upload, 0, true, b"new");
    assert_eq!((end.code(), end.field("Upload-Complete").as_str()), (412, "?1"));
    assert_eq!(wharf.ask("HEAD", &upload, "", b"").code(), 404, "resuming would not help");
    assert_eq!((wharf.read("a"), unfinished(&wharf)), (b"created meanwhile".to_vec(), 0));
}

#[test]
fn an_upload_resumes_after_the_server_was_killed() {
    let wharf = Wharf::serve(&[]);
    let content = sample(500_000, 4);
    let upload = begin(&wharf, "/a", "If-None-Match: *\r\n");
    append(&wharf, &upload, 0, false, &content[..200_000]);
    let mut wire = wharf.connect();
    let fields = patch_fields(200_000, true) + "Content-Length: 300000\r\n";
    wire.send(format!("PATCH {upload} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n", wharf.address()));
    wire.send(&content[200_000..300_000]);
    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    let (complete, offset) = stand(&wharf, &upload);
    let offset: usize = offset.parse().expect("a number");
    assert!(complete == "?0" && (200_000..=300_000).contains(&offset), "{offset}");
    assert_eq!(append(&wharf, &upload, offset as u64, true, &content[offset..]).code(), 200);
    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    assert_eq!(stand(&wharf, &upload), ("?1".into(), "500000".into()), "a record, too");
    assert!(wharf.read("a") == content);
}

#[test]
fn the_next_server_removes_uploads_after_a_day() {
    let wharf = Wharf::serve(&[]);
    let (old, young) = (begin(&wharf, "/old", ""), begin(&wharf, "/young", ""));
    let token = old.rsplit('/').next().expect("a token").to_owned();
    let place = wharf.kill();
    let long_ago = SystemTime::now() - Duration::from_secs(25 * 3600);
    for end in ["part", "json"] {
        let path = place.path().join(format!("share/.wharf/uploads/{token}.{end}"));
        File::options().write(true).open(path).and_then(|it| it.set_modified(long_ago)).expect("set");
    }
    let wharf = Wharf::serve_in(place, &[]);
    assert_eq!(wharf.ask("HEAD", &old, "", b"").code(), 404);
    assert_eq!(stand(&wharf, &young), ("?0".into(), "0".into()));
}

#[test]
fn an_empty_upload_is_removed_after_minutes() {
    let wharf = Wharf::serve(&[]);
    let (empty, begun) = (begin(&wharf, "/empty", ""), begin(&wharf, "/begun", ""));
    let age = |upload: &str| {
        let limit = wharf.ask("HEAD", upload, "", b"").field("Upload-Limit");
        limit.split_once("max-age=").expect("a limit").1.parse::<u64>().expect("seconds")
    };
    assert!(age(&empty) <= 300, "as announced");
    assert_eq!(append(&wharf, &begun, 0, false, b"x").code(), 204);
    assert!(age(&begun) > 300, "as announced");
    let place = wharf.kill();
    let minutes_ago = SystemTime::now() - Duration::from_secs(6 * 60);
    for entry in fs::read_dir(place.path().join("share/.wharf/uploads")).expect("there").flatten() {
        File::options()
            .write(true)
            .open(entry.path())
            .and_then(|it| it.set_modified(minutes_ago))
            .expect("set");
    }
    let wharf = Wharf::serve_in(place, &[]);
    assert_eq!(wharf.ask("HEAD", &empty, "", b"").code(), 404);
    assert_eq!(stand(&wharf, &begun), ("?0".into(), "1".into()));
}

/// As many uploads from this machine as one client may have, each with an active request.
pub fn occupy(wharf: &Wharf) -> Vec<Wire> {
    let wires = (0..MOST_OF_A_CLIENT).map(|number| {
        let mut wire = wharf.connect();
        let fields = "Upload-Complete: ?0\r\nContent-Length: 9";
        wire.send(format!("POST /{number} HTTP/1.1\r\nHost: {}\r\n{fields}\r\n\r\nx", wharf.address()));
        wire
    });
    let wires = wires.collect();
    eventually("they have started", || unfinished(wharf) == MOST_OF_A_CLIENT);
    wires
}

const MOST_OF_A_CLIENT: usize = 64;

#[test]
fn one_client_leaves_room_for_others() {
    let wharf = Wharf::serve(&["--no-sync"]);
    let mut wires = occupy(&wharf);
    let fields = "Upload-Complete: ?0\r\n";
    let refused = wharf.ask("POST", "/one-more", fields, b"");
    assert_eq!((refused.code(), refused.field("Retry-After").as_str()), (503, "60"));
    let other = Wire::connect_from(77, wharf.address()).ask("POST", "/other", fields, b"");
    assert_eq!(other.code(), 201, "another address");
    let whole = wharf.ask("PUT", "/whole", &format!("{DRAFT}Upload-Complete: ?1\r\n"), b"whole");
    assert_eq!((whole.code(), wharf.read("whole")), (201, b"whole".to_vec()), "it needs no slot");
    assert_eq!(whole.field("Upload-Complete"), "?1", "this is the final response");
    wires.pop();
    eventually("an idle one was noticed", || wharf.ask("POST", "/one-more", fields, b"").code() == 201);
    assert_eq!(unfinished(&wharf), MOST_OF_A_CLIENT + 1, "it has made room");
}

#[test]
fn wharf_put_needs_no_slot() {
    let wharf = Wharf::serve(&["--no-sync"]);
    let wires = occupy(&wharf);
    let here = tempfile::tempdir().expect("a folder");
    let content = sample(3 << 20, 1);
    fs::write(here.path().join("large"), &content).expect("written");
    let put = run(&["put", "large", "--retries", "0", "--to", &wharf.url("/")], "", here.path());
    assert_eq!((put.code, put.stderr.as_str()), (Some(0), ""), "{}", put.stdout);
    assert!(wharf.read("large") == content);
    drop(wires);
}

#[test]
fn a_rejected_upload_frees_its_space_at_once() {
    let wharf = Wharf::serve(&["--no-sync", "--max-upload", "100000", "--on-conflict", "refuse"]);
    let chunk = |length: usize| format!("{length:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(length));
    let rows = [
        (
            "in pieces: over the limit",
            "Upload-Complete: ?1\r\nUpload-Draft-Interop-Version: 9\r\n",
            100_001,
            false,
            413,
        ),
        (
            "in pieces: over its own length",
            "Upload-Complete: ?1\r\nUpload-Draft-Interop-Version: 9\r\nUpload-Length: 9\r\n",
            10,
            false,
            400,
        ),
        (
            "in pieces: the name is created meanwhile",
            "Upload-Complete: ?1\r\nUpload-Draft-Interop-Version: 9\r\n",
            90_000,
            true,
            409,
        ),
        ("whole: over the limit", "", 100_001, false, 413),
        ("whole: the name is created meanwhile", "", 90_000, true, 409),
    ];
    for (name, fields, length, is_taken, code) in rows {
        let mut wire = wharf.connect();
        wire.send(format!(
            "PUT /a HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n{fields}\r\n1\r\nx\r\n",
            wharf.address()
        ));
        if is_taken {
            wharf.comes_to_rest();
            wharf.write("a", "old");
        }
        wire.send(chunk(length - 1));
        assert_eq!(wire.read_answer(false).code(), code, "{name}");
        assert_eq!(parts(&wharf), [] as [PathBuf; 0], "{name}");
        // An anonymous file, whose space is not free before it is closed.
        let open = fs::read_dir(format!("/proc/{}/fd", wharf.pid())).expect("it runs").flatten();
        let held: Vec<_> = open
            .filter_map(|it| fs::read_link(it.path()).ok())
            .filter(|it| it.starts_with(wharf.folder()) && *it != wharf.folder())
            .filter(|it| !it.starts_with(wharf.folder().join(".wharf/replicas")))
            .collect();
        assert_eq!(held, [] as [PathBuf; 0], "{name}: held open");
        drop(fs::remove_file(wharf.folder().join("a")));
    }
}

#[test]
fn incomplete_uploads_are_not_visible() {
    for flags in [&["--udp", "0"][..], &["--udp", "0", "--hidden"]] {
        let wharf = Wharf::serve(flags);
        let upload = begin(&wharf, "/a", "");
        append(&wharf, &upload, 0, false, b"secret");
        let token = upload.rsplit('/').next().expect("a token");
        let part = format!(".wharf/uploads/{token}.part");
        assert_eq!(wharf.read(&part), b"secret", "it is there");
        assert!(!wharf.settled_log().contains(token), "the log does not contain the token");
        for target in [
            format!("/{part}"),
            "/.wharf/".into(),
            "/.wharf/uploads/".into(),
            format!("/%2ewharf/uploads/{token}.json"),
        ] {
            for method in ["GET", "HEAD", "PUT"] {
                assert!(matches!(wharf.ask(method, &target, "", b"").code(), 404 | 405), "{method} {target}");
            }
        }
        let listing = wharf.ask("GET", "/?list", "Accept: text/plain\r\n", b"");
        assert_eq!(listing.text(), "");
        for name in [part.as_str(), ".wharf/", ".wharf/uploads/"] {
            assert!(crate::common::Tftp::new(wharf.tftp()).get(name).is_err(), "{name}");
        }
        assert!(crate::common::Tftp::new(wharf.tftp()).put(&part, &[], b"x").is_err());
    }
}

#[test]
fn a_file_that_does_not_fit_can_be_resumed_later() {
    // Half a MiB or one, depending on the shell's unit.
    let wharf = Wharf::serve_after("ulimit -f 1024", &[]);
    let content = sample(3 << 20, 6);
    let upload = begin(&wharf, "/a", "");
    assert_eq!(append(&wharf, &upload, 0, true, &content).code(), 507);
    let (_, offset) = stand(&wharf, &upload);
    let offset: usize = offset.parse().expect("a number");
    assert!(offset > 0 && offset <= 1 << 20, "{offset}");
    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    assert_eq!(append(&wharf, &upload, offset as u64, true, &content[offset..]).code(), 200);
    assert!(wharf.read("a") == content);
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

/// A file system mounted within the folder, if this user may mount one.
struct Mounted(PathBuf);

impl Mounted {
    fn at(place: PathBuf) -> Option<Self> {
        fs::create_dir(&place).expect("a folder");
        let mut mount = outside("mount")?;
        let output =
            mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(&place).output().expect("it runs");
        if !output.status.success() {
            skip("another disk: this user may not mount one");
        }
        output.status.success().then_some(Self(place))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn an_upload_to_another_file_system_is_copied() {
    let wharf = Wharf::serve(&[]);
    let Some(disk) = Mounted::at(wharf.folder().join("disk")) else { return };
    let content = sample(1_000_000, 9);
    for code in [201, 204] {
        let answer = wharf.ask("PUT", "/disk/in/a", "Upload-Complete: ?0\r\n", &content[..600_000]);
        let end = append(&wharf, &answer.field("Location"), 600_000, true, &content[600_000..]);
        assert_eq!(end.code(), code, "{}", end.text());
        assert!(wharf.read("disk/in/a") == content);
    }
    assert_eq!((unfinished(&wharf), files(&wharf).len()), (0, 3), "nothing is left over");
    drop(disk);
}

#[test]
fn a_resumable_upload_keeps_the_time_that_its_first_request_sends() {
    let wharf = Wharf::serve(&[]);
    let upload = begin(&wharf, "/a.txt", "X-OC-MTime: 981173106\r\n");
    assert_eq!(append(&wharf, &upload, 0, false, b"one").code(), 204);
    // The plan survives the server.
    let wharf = Wharf::serve_in(wharf.kill(), &[]);
    let answer = append(&wharf, &upload, 3, true, b"two");
    assert_eq!((answer.code(), answer.field("X-OC-MTime").as_str()), (200, "accepted"));
    let modified =
        fs::metadata(wharf.folder().join("a.txt")).and_then(|facts| facts.modified()).expect("a time");
    assert_eq!(modified, SystemTime::UNIX_EPOCH + Duration::from_secs(981_173_106));
}
