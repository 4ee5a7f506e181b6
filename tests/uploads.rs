//! Uploads are saved unchanged, complete and under their name, or rejected with a reason before the body is sent.

use std::fs;
use std::time::{Duration, SystemTime};

use crate::common::{Wharf, Wire, run, sample};

fn nothing_but(wharf: &Wharf, expected: &[&str]) {
    assert_eq!(wharf.tree(), expected);
}

#[test]
pub fn post_and_put_save_files() {
    let wharf = Wharf::serve(&[]);
    let answer = wharf.ask("POST", "/new/dir/a%20b.txt", "", b"one");
    assert_eq!((answer.code(), answer.text().as_str()), (200, "saved new/dir/a b.txt (3 bytes)\n"));
    assert_eq!(answer.field("Content-Location"), "/new/dir/a%20b.txt");
    assert_eq!(wharf.ask("PUT", "/new/b", "", b"two").code(), 201);
    assert_eq!(wharf.ask("PUT", "/new/b", "", b"").code(), 204, "an empty file replaces it");
    assert_eq!(wharf.ask("POST", "/%ff%0a", "", b"x").code(), 200);
    assert_eq!(wharf.read("new/dir/a b.txt"), b"one");
    assert_eq!(wharf.read("new/b"), b"");
    assert_eq!(wharf.tree().len(), 5);
}

#[test]
pub fn chunked_uploads_are_saved_however_they_arrive() {
    let wharf = Wharf::serve(&[]);
    let content = sample(40, 1);
    let mut body = b"5;x=\"y\"\r\n".to_vec();
    body.extend_from_slice(&content[..5]);
    body.extend_from_slice(b"\r\n0023\r\n");
    body.extend_from_slice(&content[5..]);
    body.extend_from_slice(b"\r\n0\r\nTrailer: x\r\n\r\n");
    let host = wharf.address();
    let head = format!("PUT /a HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
    let whole = [head.as_bytes(), &body].concat();
    let mut wire = wharf.connect();
    for cut in [1, head.len() - 1, head.len(), head.len() + 3, whole.len() - 1, whole.len()] {
        wire.send(&whole[..cut]);
        wire.send(&whole[cut..]);
        assert!(wire.read_answer(false).head.status.is_success(), "cut at {cut}");
        assert_eq!(wharf.read("a"), content, "cut at {cut}");
    }
    for byte in &whole {
        wire.send([*byte]);
    }
    assert_eq!(wire.read_answer(false).code(), 204, "byte by byte, on the same connection");
    assert_eq!(wharf.read("a"), content);
}

#[test]
pub fn large_uploads_cost_no_memory() {
    let wharf = Wharf::serve(&[]);
    let content = sample(64 << 20, 2);
    wharf.ask("PUT", "/warm", "", &content[..1 << 20]);
    let before = wharf.status("VmRSS");
    assert_eq!(wharf.ask("PUT", "/large", "", &content).code(), 201);
    assert!(wharf.ask("GET", "/large", "", b"").body == content);
    let grown = wharf.status("VmRSS").saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KB for a file of 64 MB");
}

/// Sends a head with `Expect: 100-continue`; returns the status of the first response.
fn wait_to_be_told(wire: &mut Wire, wharf: &Wharf, target: &str, fields: &str) -> u16 {
    let host = wharf.address();
    let head = format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\n{fields}\r\n");
    wire.send(head).try_read_answer(false).expect("an answer").code()
}

#[test]
pub fn a_client_that_expects_100_continue_gets_it() {
    let wharf = Wharf::serve(&["--max-upload", "10"]);
    wharf.write("dir/x", "x");
    let mut wire = wharf.connect();
    assert_eq!(wait_to_be_told(&mut wire, &wharf, "/a", "Content-Length: 3\r\n"), 100);
    assert_eq!(wire.send("abc").read_answer(false).code(), 201);
    assert_eq!(wait_to_be_told(&mut wire, &wharf, "/b", "Transfer-Encoding: chunked\r\n"), 100);
    assert_eq!(wire.send("1\r\nx\r\n0\r\n\r\n").read_answer(false).code(), 201, "the connection stays open");
    let refused = [
        ("too large", "/c", "Content-Length: 11\r\n", 413),
        ("a directory", "/dir", "Content-Length: 3\r\n", 409),
        ("hidden", "/.c", "Content-Length: 3\r\n", 404),
        ("another site", "/c", "Content-Length: 3\r\nOrigin: http://evil.example\r\n", 403),
    ];
    for (name, target, fields, code) in refused {
        let mut wire = wharf.connect();
        assert_eq!(wait_to_be_told(&mut wire, &wharf, target, fields), code, "{name}");
        assert!(wire.is_closed(), "{name}: its body is not read as a request");
    }
    let mut eager = wharf.connect();
    let host = wharf.address();
    let whole =
        format!("PUT /e HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(eager.send(whole).try_read_answer(false).expect("an answer").code(), 201, "it did not wait");
    assert_eq!(wharf.ask("PUT", "/f", "Expect: a miracle\r\n", b"x").code(), 417);
}

#[test]
pub fn invalid_uploads_are_rejected() {
    let wharf = Wharf::serve(&["--max-upload", "10"]);
    wharf.write("dir/file", "old");
    let cases = [
        ("a directory", "/dir", "Content-Length: 1\r\n", "x", 409),
        ("a directory by its slash", "/dir/", "Content-Length: 1\r\n", "x", 409),
        ("the root", "/", "Content-Length: 1\r\n", "x", 409),
        ("through a file", "/dir/file/x", "Content-Length: 1\r\n", "x", 409),
        ("hidden", "/.x", "Content-Length: 1\r\n", "x", 404),
        ("hidden directory", "/.d/x", "Content-Length: 1\r\n", "x", 404),
        ("the server's own", "/.wharf/x", "Content-Length: 1\r\n", "x", 404),
        ("a temporary's name", "/.wharf-00.tmp", "Content-Length: 1\r\n", "x", 404),
        ("dots", "/../x", "Content-Length: 1\r\n", "x", 400),
        ("no length", "/x", "", "", 411),
        ("too large", "/x", "Content-Length: 11\r\n", "x", 413),
        ("too large in chunks", "/x", "Transfer-Encoding: chunked\r\n", "b\r\n01234567890\r\n0\r\n\r\n", 413),
        ("more than any disk", "/x", "Content-Length: 18446744073709551615\r\n", "x", 413),
        ("a part (RFC 9110 §14.5)", "/x", "Content-Length: 1\r\nContent-Range: bytes 0-0/9\r\n", "x", 400),
        ("packed", "/x", "Content-Length: 1\r\nContent-Encoding: gzip\r\n", "x", 415),
        ("a bad chunk", "/x", "Transfer-Encoding: chunked\r\n", "zz\r\n", 400),
        ("another site's page", "/x", "Content-Length: 1\r\nOrigin: null\r\n", "x", 403),
        ("fetched from elsewhere", "/x", "Content-Length: 1\r\nSec-Fetch-Site: cross-site\r\n", "x", 403),
    ];
    for (name, target, fields, body, code) in cases {
        for method in ["POST", "PUT"] {
            let mut wire = wharf.connect();
            let host = wharf.address();
            wire.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n{body}"));
            let answer = wire.read_answer(false);
            assert_eq!(answer.code(), code, "{method}: {name}: {}", answer.text());
            assert_eq!(answer.text().lines().count(), 1, "{name}: one sentence: {}", answer.text());
        }
    }
    nothing_but(&wharf, &["dir/", "dir/file"]);
    assert_eq!(wharf.read("dir/file"), b"old");
    let read_only = Wharf::serve(&["--read-only"]);
    assert_eq!(read_only.ask("PUT", "/x", "", b"x").code(), 403);
    nothing_but(&read_only, &[]);
}

/// Closing the connection while its client still sends would reset it, and some clients would not read the response.
#[test]
pub fn a_client_that_is_refused_while_it_sends_can_read_why() {
    let wharf = Wharf::serve(&["--max-upload", "1000"]);
    let content = sample(1 << 20, 1);
    let mut wire = wharf.connect();
    wire.begin_to_ask("PUT", "/large", Some(2 * content.len()));
    wire.try_send(&content).expect("the connection is open");
    assert_eq!(wire.read_answer(false).code(), 413);
    wire.try_send(&content).expect("it still is");
    wire.end();
    assert!(wire.is_closed());
    nothing_but(&wharf, &[]);
}

#[test]
fn a_disk_without_space_is_507_at_once() {
    let wharf = Wharf::serve(&[]);
    let mut wire = wharf.connect();
    assert_eq!(wait_to_be_told(&mut wire, &wharf, "/a", "Content-Length: 9000000000000000000\r\n"), 507);
    nothing_but(&wharf, &[]);
}

#[test]
fn existing_names_follow_the_conflict_rule() {
    for (rule, code, expected) in [
        ("overwrite", 200, vec!["a.txt"]),
        ("refuse", 409, vec!["a.txt"]),
        ("rename", 200, vec!["a (1).txt", "a (2).txt", "a.txt"]),
    ] {
        let wharf = Wharf::serve(&["--on-conflict", rule]);
        assert_eq!(wharf.ask("POST", "/a.txt", "", b"0").code(), 200, "{rule}");
        for content in ["1", "2"] {
            let answer = wharf.ask("POST", "/a.txt", "", content.as_bytes());
            assert_eq!(answer.code(), code, "{rule}");
            if rule == "rename" {
                assert_eq!(answer.field("Content-Location"), format!("/a%20({content}).txt"));
            }
        }
        nothing_but(&wharf, &expected);
        assert_eq!(wharf.read("a.txt"), if rule == "overwrite" { b"2" } else { b"0" }, "{rule}");
    }
}

#[test]
fn preconditions_guard_a_write() {
    let wharf = Wharf::serve(&[]);
    let any = "If-None-Match: *\r\n";
    assert_eq!(wharf.ask("PUT", "/a", any, b"first").code(), 201);
    assert_eq!(wharf.ask("PUT", "/a", any, b"second").code(), 412, "the file exists");
    let tag = wharf.ask("HEAD", "/a", "", b"").field("ETag");
    let same = format!("If-Match: {tag}\r\n");
    assert_eq!(wharf.ask("PUT", "/a", &same, b"third").code(), 204);
    assert_eq!(wharf.ask("PUT", "/a", &same, b"fourth").code(), 412, "the file has changed");
    assert_eq!(wharf.ask("PUT", "/none", &same, b"fifth").code(), 412, "there is no file");
    assert_eq!(wharf.read("a"), b"third");
    nothing_but(&wharf, &["a"]);
}

#[test]
fn of_two_uploads_of_a_new_file_one_wins() {
    let wharf = Wharf::serve(&[]);
    let mut wires = [wharf.connect(), wharf.connect()];
    for wire in &mut wires {
        let fields = "If-None-Match: *\r\nContent-Length: 3\r\n";
        assert_eq!(wait_to_be_told(wire, &wharf, "/a", fields), 100, "the file does not exist yet");
    }
    let mut codes: Vec<u16> =
        wires.iter_mut().map(|wire| wire.send("abc").read_answer(false).code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [201, 412]);
}

/// A form as browsers send it.
fn form(parts: &[(&str, &str)]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (filename, content) in parts {
        let head =
            format!("--XyZ\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{filename}\"\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(format!("Content-Type: text/plain\r\n\r\n{content}\r\n").as_bytes());
    }
    body.extend_from_slice(b"--XyZ--\r\n");
    ("Content-Type: multipart/form-data; boundary=XyZ\r\n".to_owned(), body)
}

#[test]
pub fn a_form_saves_each_of_its_files() {
    let wharf = Wharf::serve(&[]);
    wharf.write("in/old", "x");
    let (fields, body) =
        form(&[("a.txt", "one"), ("C:\\dir\\b%22.txt", "two\r\n--Xy"), ("", ""), ("../c", "three")]);
    let answer = wharf.ask("POST", "/in/", &fields, &body);
    assert_eq!(answer.code(), 200, "{}", answer.text());
    assert_eq!(answer.text().lines().count(), 3);
    nothing_but(&wharf, &["in/", "in/a.txt", "in/b\".txt", "in/c", "in/old"]);
    assert_eq!(wharf.read("in/b\".txt"), b"two\r\n--Xy");
    let browser = format!("{fields}Accept: text/html,*/*;q=0.8\r\n");
    let table = [
        ("/in/", "/in/?list"),
        ("/", "/?list"),
        ("/in/?list&sort=-size&view=grid", "/in/?list&sort=-size&view=grid"),
        ("/in/?view=grid&sort=time", "/in/?list&sort=time&view=grid"),
        ("/in/?sort=//evil.example&view=x%0d%0aA:b&tar", "/in/?list"),
    ];
    for (target, back) in table {
        let answer = wharf.ask("POST", target, &browser, &body);
        assert_eq!((answer.code(), answer.field("Location").as_str()), (303, back), "back to the listing");
    }
}

#[test]
fn invalid_forms_are_rejected() {
    let wharf = Wharf::serve(&["--max-upload", "1000"]);
    let (fields, body) = form(&[("a", "x")]);
    let truncated = &body[..body.len() - 6];
    assert_eq!(wharf.ask("POST", "/", &fields, truncated).code(), 400, "no end");
    assert_eq!(wharf.ask("POST", "/", &fields, b"--XyZ--\r\n").code(), 400, "no file in the form");
    assert_eq!(
        wharf.ask("POST", "/", "Content-Type: multipart/form-data\r\n", &body).code(),
        400,
        "no boundary"
    );
    let (fields, hidden) = form(&[(".hidden", "x")]);
    assert_eq!(wharf.ask("POST", "/", &fields, &hidden).code(), 404, "hidden");
    let large = "y".repeat(1001);
    let (fields, large) = form(&[("large", &large)]);
    assert_eq!(wharf.ask("POST", "/", &fields, &large).code(), 413, "too large");
    nothing_but(&wharf, &[]);
}

#[test]
fn an_interrupted_form_leaves_complete_files() {
    let wharf = Wharf::serve(&[]);
    let (fields, body) = form(&[("a", "one"), ("b", &"two".repeat(100_000))]);
    let mut wire = wharf.connect();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\n{fields}Content-Length: {}\r\n\r\n",
        wharf.address(),
        body.len()
    );
    wire.send(head).send(&body[..body.len() - 1000]);
    drop(wire);
    crate::common::eventually("the disconnect is noticed", || {
        wharf.log().contains("disconnected during an upload")
    });
    nothing_but(&wharf, &["a"]);
    assert_eq!(wharf.read("a"), b"one");
}

#[test]
fn an_upload_keeps_the_time_that_its_client_sends() {
    let wharf = Wharf::serve(&[]);
    let modified = |name: &str| {
        let metadata = fs::metadata(wharf.folder().join(name)).expect("it was saved");
        metadata.modified().expect("a time")
    };
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(981_173_106);
    for method in ["PUT", "POST", "PUT"] {
        // The last one replaces a file.
        let answer = wharf.ask(method, &format!("/new/{method}"), "X-OC-MTime: 981173106\r\n", b"x");
        assert!(answer.head.status.is_success(), "{method}");
        assert_eq!(answer.field("X-OC-MTime"), "accepted", "{method}");
        assert_eq!(modified(&format!("new/{method}")), then, "{method}");
    }
    let begun = SystemTime::now() - Duration::from_secs(1);
    let future = format!("X-OC-MTime: {}\r\n", u32::MAX);
    for (name, fields) in [("none", ""), ("invalid", "X-OC-MTime: yesterday\r\n"), ("future", &future)] {
        let answer = wharf.ask("PUT", &format!("/{name}"), fields, b"x");
        assert_eq!(answer.field("X-OC-MTime").is_empty(), name != "future", "{name}");
        assert!((begun..=SystemTime::now()).contains(&modified(name)), "{name}");
    }
    let read = wharf.ask("GET", "/new/PUT", "", b"");
    assert_eq!(read.field("Last-Modified"), "Sat, 03 Feb 2001 04:05:06 GMT");
}

#[test]
fn put_sends_the_time_of_the_file() {
    let (wharf, place) = (Wharf::serve(&[]), tempfile::tempdir().expect("a directory"));
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(981_173_106);
    // The second one is long enough to be resumable.
    for (name, length) in [("short", 10), ("long", 3 << 20)] {
        let path = place.path().join(name);
        fs::write(&path, sample(length, 3)).expect("written");
        let file = fs::File::options().write(true).open(&path).expect("opened");
        file.set_modified(then).expect("set");
        let output = run(&["put", name, "--to", &wharf.url("/")], "", place.path());
        assert_eq!(output.code, Some(0), "{name}: {}", output.stderr);
        let saved =
            fs::metadata(wharf.folder().join(name)).and_then(|facts| facts.modified()).expect("a time");
        assert_eq!(saved, then, "{name}");
    }
}
