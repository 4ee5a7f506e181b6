//! GET, HEAD and OPTIONS follow RFC 9110, and work as curl and browsers expect.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::common::{Tftp, Wharf, Wire, eventually, sample};

#[test]
pub fn a_file_has_its_metadata_in_the_head() {
    let wharf = Wharf::serve(&[]);
    wharf.write("server/testServer.txt", "hello\n");
    let answer = wharf.ask("GET", "/server/testServer.txt", "", b"");
    assert_eq!((answer.code(), answer.text().as_str()), (200, "hello\n"));
    assert_eq!(answer.field("Content-Type"), "text/plain; charset=utf-8");
    assert_eq!(answer.field("Content-Length"), "6");
    assert_eq!(answer.field("Accept-Ranges"), "bytes");
    assert!(answer.field("ETag").starts_with('"'), "a strong validator");
    assert!(httpdate::parse_http_date(&answer.field("Last-Modified")).is_ok());
    assert!(httpdate::parse_http_date(&answer.field("Date")).is_ok());
    let head = wharf.ask("HEAD", "/server/testServer.txt", "", b"");
    assert_eq!((head.code(), head.field("Content-Length").as_str()), (200, "6"));
    assert_eq!(head.field("ETag"), answer.field("ETag"));
    assert!(head.body.is_empty());
}

#[test]
pub fn files_of_every_size_arrive_unchanged() {
    let wharf = Wharf::serve(&[]);
    let sizes = [0, 1, 1023, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, (1 << 20) + 7, 9_000_001];
    for (seed, size) in sizes.into_iter().enumerate() {
        let content = sample(size, seed as u64);
        let path = wharf.write(&size.to_string(), &content);
        // Old enough to be cached, so that each file is served from the disk and from the cache.
        let old = SystemTime::now() - Duration::from_secs(60);
        fs::File::options().write(true).open(path).and_then(|file| file.set_modified(old)).expect("set");
        let mut wire = wharf.connect();
        for _ in 0..3 {
            let answer = wire.ask("GET", &format!("/{size}"), "", b"");
            assert_eq!(answer.code(), 200);
            assert!(answer.body == content, "{size} bytes");
        }
    }
}

/// A cached file: it has not changed for a while and has been requested since.
fn at_hand(wharf: &Wharf, wire: &mut Wire, name: &str, content: &str) -> PathBuf {
    let path = wharf.write(name, content);
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    let file = fs::File::options().write(true).open(&path).expect("it is there");
    file.set_modified(long_ago).expect("set");
    drop(file);
    // A file with any recent timestamp is not cached yet.
    wharf.files_age();
    for _ in 0..2 {
        assert_eq!(wire.ask("GET", &format!("/{name}"), "", b"").text(), content);
    }
    path
}

#[test]
fn a_change_on_the_disk_is_seen_within_a_moment() {
    let wharf = Wharf::serve(&[]);
    let mut wire = wharf.connect();
    let path = at_hand(&wharf, &mut wire, "a", "first");
    let mut get = || {
        let answer = wire.ask("GET", "/a", "", b"");
        (answer.code(), answer.text(), answer.field("ETag"))
    };
    let first = get().2;
    fs::write(&path, "FIRST").expect("written");
    eventually("written in place, same length", || get().1 == "FIRST");
    assert_ne!(get().2, first);
    fs::write(wharf.folder().join("b"), "other").expect("written");
    fs::rename(wharf.folder().join("b"), &path).expect("renamed");
    eventually("replaced", || get().1 == "other");
    fs::write(wharf.outside_folder().join("secret"), "secret").expect("written");
    fs::remove_file(&path).expect("removed");
    eventually("removed", || get().0 == 404);
    std::os::unix::fs::symlink(wharf.outside_folder().join("secret"), &path).expect("linked");
    assert_eq!(get().0, 404, "a link that leads out");
}

#[test]
pub fn the_next_request_gets_what_was_saved() {
    let wharf = Wharf::serve(&["--udp", "0"]);
    let mut wire = wharf.connect();
    std::os::unix::fs::symlink(".", wharf.folder().join("alias")).expect("linked");
    at_hand(&wharf, &mut wire, "a", "first");
    let form = b"--B\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\nform\r\n--B--\r\n";
    for round in ["one", "two"] {
        let mut says = |text: &str| assert_eq!(wire.ask("GET", "/a", "", b"").text(), text, "{round}");
        let mut other = wharf.connect();
        other.ask("PUT", "/a", "", b"put");
        says("put");
        other.ask("POST", "/alias/a", "", b"by another name");
        says("by another name");
        other.ask("POST", "/", "Content-Type: multipart/form-data; boundary=B\r\n", form);
        says("form");
        Tftp::new(wharf.tftp()).put("a", &[], b"tftp").expect("taken");
        says("tftp");
        at_hand(&wharf, &mut wire, "a", "again");
    }
}

#[test]
fn directories_have_listings() {
    let wharf = Wharf::serve(&["--index"]);
    wharf.write("with/index.html", "<p>index");
    wharf.write("without/a b.txt", "x");
    wharf.write("without/.hidden", "x");
    let cases = [
        ("/with", "", 308, "/with/"),
        ("/with/", "", 200, "<p>index"),
        ("/with/?list", "", 200, "./index.html"),
        ("/with?list", "", 308, "/with/?list"),
        ("//with", "", 308, "/with/"),
        ("//evil.example/..%00", "", 400, ""),
        ("/without/", "Accept: text/html\r\n", 200, "href=\"./a%20b.txt\""),
        ("/without/", "Accept: application/json\r\n", 200, "\"href\":\"./a%20b.txt\""),
        ("/without/", "Accept: text/plain\r\n", 200, "a b.txt\t1\t"),
        ("/without/a%20b.txt/", "", 404, ""),
        ("/nothing/", "", 404, ""),
    ];
    for (target, fields, code, holds) in cases {
        let answer = wharf.ask("GET", target, fields, b"");
        assert_eq!(answer.code(), code, "{target}");
        assert!(answer.text().contains(holds), "{target}: {}", answer.text());
        assert!(!answer.text().contains(".hidden"), "{target}");
        assert!(!answer.field("Location").starts_with("//"), "{target}");
        if code == 308 {
            assert_eq!(answer.field("Location"), holds, "{target}");
        }
    }
    let head = wharf.ask("HEAD", "/without/", "Accept: text/plain\r\n", b"");
    let get = wharf.ask("GET", "/without/", "Accept: text/plain\r\n", b"");
    assert_eq!(head.field("Content-Length"), get.body.len().to_string());
}

#[test]
fn unusual_names_are_listed_with_links_that_lead_to_them() {
    let wharf = Wharf::serve(&[]);
    let names: [&[u8]; 9] = [
        b"<img src=x onerror=alert(1)>",
        b"quote\"and'both",
        b"javascript:alert(1)",
        b"line\nbreak\r\x1b[2J",
        b"\xff\xfenot utf-8",
        "größe 漢字 \u{202e}txt.exe".as_bytes(),
        b"100%41?#&;=+\\",
        b"a..b",
        &[b'n'; 255],
    ];
    for (number, name) in names.iter().enumerate() {
        fs::write(wharf.folder().join(OsStr::from_bytes(name)), number.to_string()).expect("written");
    }
    let listing = wharf.ask("GET", "/", "Accept: application/json\r\n", b"");
    let listing: serde_json::Value = serde_json::from_slice(&listing.body).expect("JSON");
    let entries = listing["entries"].as_array().expect("a list");
    assert_eq!(entries.len(), names.len());
    let mut found: Vec<String> = Vec::new();
    for entry in entries {
        let href = entry["href"].as_str().expect("a link").trim_start_matches("./").to_owned();
        let answer = wharf.ask("GET", &format!("/{href}"), "", b"");
        assert_eq!(answer.code(), 200, "{href}");
        found.push(answer.text());
    }
    found.sort();
    assert_eq!(found, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    let page = wharf.ask("GET", "/", "Accept: text/html\r\n", b"").text();
    assert!(!page.contains("<img src=x") && !page.contains("href=\"javascript"), "{page}");
    let text = wharf.ask("GET", "/", "Accept: text/plain\r\n", b"").text();
    assert_eq!(text.lines().count(), names.len(), "one line per entry");
}

#[test]
pub fn ranges_are_served() {
    let wharf = Wharf::serve(&[]);
    wharf.write("digits", "0123456789");
    let cases = [
        ("one (RFC 9110 §14.1.2)", "bytes=2-4", 206, "bytes 2-4/10", "234"),
        ("open", "bytes=7-", 206, "bytes 7-9/10", "789"),
        ("suffix", "bytes=-3", 206, "bytes 7-9/10", "789"),
        ("suffix beyond", "bytes=-30", 206, "bytes 0-9/10", "0123456789"),
        ("last beyond", "bytes=8-99999999999999999999999999", 206, "bytes 8-9/10", "89"),
        ("out of it (§15.5.17)", "bytes=10-", 416, "bytes */10", ""),
        ("backwards: ignored (§14.2)", "bytes=4-2", 200, "", "0123456789"),
        ("another unit: ignored", "lines=1-2", 200, "", "0123456789"),
        ("malformed: ignored", "bytes=a-b", 200, "", "0123456789"),
        ("two lines: ignored (§5.3)", "bytes=0-1\r\nRange: bytes=5-6", 200, "", "0123456789"),
        ("the same twice: ignored", "bytes=0-1\r\nRange: bytes=0-1", 200, "", "0123456789"),
    ];
    for (name, range, code, content_range, content) in cases {
        let answer = wharf.ask("GET", "/digits", &format!("Range: {range}\r\n"), b"");
        assert_eq!(answer.code(), code, "{name}");
        assert_eq!(answer.field("Content-Range"), content_range, "{name}");
        if code != 416 {
            assert_eq!(answer.text(), content, "{name}");
        }
    }
    let several = wharf.ask("GET", "/digits", "Range: bytes=0-1, 5-, -1\r\n", b"");
    assert_eq!(several.code(), 206);
    assert!(several.field("Content-Type").starts_with("multipart/byteranges; boundary="));
    let parts = [
        "Content-Range: bytes 0-1/10\r\n\r\n01\r\n",
        "bytes 5-9/10\r\n\r\n56789\r\n",
        "bytes 9-9/10\r\n\r\n9\r\n",
    ];
    for part in parts {
        assert!(several.text().contains(part), "{}", several.text());
    }
    let many = format!("Range: bytes={}\r\n", ["0-"; 100].join(","));
    assert_eq!(wharf.ask("GET", "/digits", &many, b"").code(), 200, "an attack, or a broken client");
    let head = wharf.ask("HEAD", "/digits", "Range: bytes=2-4\r\n", b"");
    assert_eq!((head.code(), head.field("Content-Length").as_str()), (200, "10"), "only GET has ranges");
}

#[test]
pub fn a_range_of_a_large_file_is_exactly_that_range() {
    let wharf = Wharf::serve(&[]);
    let content = sample(3_000_000, 1);
    wharf.write("large", &content);
    let ranges = "Range: bytes=1000000-1999999, 17-17, 2999999-\r\n";
    let answer = wharf.ask("GET", "/large", ranges, b"");
    assert_eq!(answer.code(), 206);
    for part in [&content[1_000_000..2_000_000], &content[17..18], &content[2_999_999..]] {
        assert!(answer.body.windows(part.len()).any(|window| window == part), "{} bytes", part.len());
    }
}

#[test]
fn preconditions_are_checked_in_order() {
    let wharf = Wharf::serve(&[]);
    let path = wharf.write("a", "content");
    let modified = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(modified)).expect("set");
    let first = wharf.ask("GET", "/a", "", b"");
    let (tag, date) = (first.field("ETag"), first.field("Last-Modified"));
    let old = "Thu, 01 Jan 2015 00:00:00 GMT";
    let cases = [
        ("If-None-Match, the same", format!("If-None-Match: {tag}\r\n"), 304),
        ("weakly", format!("If-None-Match: \"x\", W/{tag}\r\n"), 304),
        ("any", "If-None-Match: *\r\n".to_owned(), 304),
        ("another", "If-None-Match: \"x\"\r\n".to_owned(), 200),
        ("If-Modified-Since, not since", format!("If-Modified-Since: {date}\r\n"), 304),
        ("since", format!("If-Modified-Since: {old}\r\n"), 200),
        (
            "the tag takes precedence over the date (§13.1.3)",
            format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {date}\r\n"),
            200,
        ),
        ("an invalid date", "If-Modified-Since: yesterday\r\n".to_owned(), 200),
        ("If-Match, the same", format!("If-Match: {tag}\r\n"), 200),
        ("If-Match, another", "If-Match: \"x\"\r\n".to_owned(), 412),
        ("If-Match is strong (§13.1.1)", format!("If-Match: W/{tag}\r\n"), 412),
        ("If-Match comes first (§13.2.2)", format!("If-Match: \"x\"\r\nIf-None-Match: {tag}\r\n"), 412),
        ("If-Unmodified-Since", format!("If-Unmodified-Since: {old}\r\n"), 412),
        (
            "If-Match takes precedence (§13.1.4)",
            format!("If-Match: {tag}\r\nIf-Unmodified-Since: {old}\r\n"),
            200,
        ),
        ("If-Range, the same", format!("Range: bytes=0-0\r\nIf-Range: {tag}\r\n"), 206),
        ("If-Range, another", "Range: bytes=0-0\r\nIf-Range: \"x\"\r\n".to_owned(), 200),
        ("If-Range, its date", format!("Range: bytes=0-0\r\nIf-Range: {date}\r\n"), 206),
        (
            "If-Range, a later date",
            "Range: bytes=0-0\r\nIf-Range: Thu, 01 Jan 2037 00:00:00 GMT\r\n".to_owned(),
            200,
        ),
        ("304 before the range", format!("Range: bytes=0-0\r\nIf-None-Match: {tag}\r\n"), 304),
    ];
    let mut wire = wharf.connect();
    for (name, fields, code) in cases {
        for method in ["GET", "HEAD"] {
            let code = if method == "HEAD" && code == 206 { 200 } else { code };
            let answer = wire.ask(method, "/a", &fields, b"");
            assert_eq!(answer.code(), code, "{method}: {name}");
            if code == 304 {
                assert_eq!(answer.field("ETag"), tag, "{name}");
                assert!(answer.body.is_empty(), "{name}");
            }
        }
    }
    assert_eq!(wharf.ask("GET", "/none", "If-Match: *\r\n", b"").code(), 404, "a missing file (§13.2.1)");
}

#[test]
#[cfg_attr(not(feature = "archive"), ignore = "needs the feature `archive`")]
fn a_listing_has_no_version() {
    let wharf = Wharf::serve(&[]);
    wharf.write("d/a", "x");
    let cases = [
        ("If-None-Match: *\r\n", 304),
        ("If-None-Match: \"x\"\r\n", 200),
        ("If-Match: *\r\n", 200),
        ("If-Match: \"x\"\r\n", 412),
        ("If-Modified-Since: Thu, 01 Jan 2037 00:00:00 GMT\r\n", 200),
        ("If-Unmodified-Since: Thu, 01 Jan 2015 00:00:00 GMT\r\n", 200),
    ];
    let mut wire = wharf.connect();
    for (fields, code) in cases {
        for (method, target) in [("GET", "/d/"), ("HEAD", "/d/"), ("GET", "/d/?tar"), ("GET", "/d/?zip")] {
            let answer = wire.ask(method, target, fields, b"");
            assert_eq!(answer.code(), code, "{method} {target}: {fields}");
            if code == 304 {
                assert_eq!(answer.field("Cache-Control"), "no-cache");
                assert!(answer.body.is_empty());
            }
        }
    }
    assert_eq!(wharf.ask("GET", "/none/", "If-None-Match: *\r\n", b"").code(), 404);
}

#[test]
fn options_list_the_methods() {
    let wharf = Wharf::serve(&[]);
    for target in ["*", "/", "/anything"] {
        let answer = wharf.ask("OPTIONS", target, "", b"");
        assert_eq!(
            (answer.code(), answer.field("Allow").as_str()),
            (
                204,
                "GET, HEAD, POST, PUT, DELETE, MKCOL, MOVE, COPY, PROPFIND, PROPPATCH, LOCK, UNLOCK, OPTIONS"
            )
        );
        assert_eq!(answer.field("Content-Length"), "", "204 has no length (RFC 9110 §8.6)");
    }
    for (method, code) in [("PATCH", 405), ("TRACE", 405), ("BREW", 501), ("get", 501)] {
        let answer = wharf.ask(method, "/", "", b"");
        assert_eq!(answer.code(), code, "{method}");
        assert_eq!(answer.field("Allow").is_empty(), code == 501, "{method}");
    }
}

#[test]
pub fn targets_are_accepted_in_every_form() {
    let wharf = Wharf::serve(&[]);
    wharf.write("größe/a b+c.txt", "x");
    let absolute = wharf.url("/gr%C3%B6%C3%9Fe/a%20b+c.txt");
    let cases = [
        "/gr%C3%B6%C3%9Fe/a%20b+c.txt",
        "/größe/a%20b%2Bc.txt",
        "//gr%c3%b6%c3%9fe///a%20b+c.txt?x=y",
        &absolute,
    ];
    for target in cases {
        assert_eq!(wharf.ask("GET", target, "", b"").code(), 200, "{target}");
    }
}

#[test]
pub fn http_1_0_closes_unless_it_asks() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a", "x");
    let mut closing = wharf.connect();
    let answer = closing.send("GET /a HTTP/1.0\r\n\r\n").read_answer(false);
    assert_eq!(
        (answer.code(), answer.field("Connection").as_str(), answer.text().as_str()),
        (200, "close", "x")
    );
    assert!(closing.is_closed());
    let mut kept = wharf.connect();
    for _ in 0..3 {
        let answer = kept.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").read_answer(false);
        assert_eq!((answer.code(), answer.field("Connection").as_str()), (200, "keep-alive"));
    }
}

#[test]
pub fn pipelined_requests_are_answered_in_order() {
    let wharf = Wharf::serve(&[]);
    let host = wharf.address();
    let mut requests = String::new();
    for number in 0..300 {
        wharf.write(&number.to_string(), sample(number * 37, number as u64));
        let get = format!("GET /{number} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        requests.push_str(&get);
        if number % 50 == 7 {
            let put = format!("PUT /new{number} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\nabc");
            requests.push_str(&put);
        }
    }
    let mut wire = wharf.connect();
    wire.send(&requests).end();
    for number in 0..300 {
        let answer = wire.read_answer(false);
        assert!(answer.body == sample(number * 37, number as u64), "number {number}");
        if number % 50 == 7 {
            assert_eq!(wire.read_answer(false).code(), 201, "after number {number}");
        }
    }
    assert!(wire.is_closed(), "its client has ended");
}

/// An uploaded page must not hide the files of others.
#[test]
fn an_uploaded_page_never_replaces_the_listing() {
    let cases: [(&[&str], &str); 7] = [
        (&[], "index.html"),
        (&["--on-conflict", "refuse"], "index.html"),
        (&["--trust-html"], "index.html"),
        (&["--read-only"], "the index"),
        (&["--index"], "the index"),
        (&["--index=start.htm,index.html"], "the start"),
        (&["--read-only", "--index=none.html"], "index.html"),
    ];
    for (flags, holds) in cases {
        let wharf = Wharf::serve(flags);
        for directory in ["", "sub/"] {
            wharf.write(&format!("{directory}index.html"), "the index");
            wharf.write(&format!("{directory}start.htm"), "the start");
            let shown = wharf.ask("GET", &format!("/{directory}"), "Accept: text/plain\r\n", b"").text();
            assert!(shown.starts_with(holds), "{flags:?}: {shown}");
            let listed =
                wharf.ask("GET", &format!("/{directory}?list"), "Accept: text/plain\r\n", b"").text();
            assert!(listed.starts_with("index.html\t9\t"), "{flags:?}: {listed}");
        }
    }
}

#[test]
fn active_content_is_sandboxed() {
    let cases = [
        ("a.html", "text/html; charset=utf-8", true),
        ("a.svg", "image/svg+xml", true),
        ("a.txt", "text/plain; charset=utf-8", false),
        ("a.jpg", "image/jpeg", false),
        ("a.mp4", "video/mp4", false),
        ("a.pdf", "application/pdf", false),
        ("a.unknown", "application/octet-stream", true),
    ];
    let (open, read_only) = (Wharf::serve(&[]), Wharf::serve(&["--read-only"]));
    let trusting = Wharf::serve(&["--trust-html"]);
    for (name, media_type, sandboxed) in cases {
        for (wharf, sandboxed) in [(&open, sandboxed), (&read_only, false), (&trusting, false)] {
            wharf.write(name, "x");
            let answer = wharf.ask("GET", &format!("/{name}"), "", b"");
            assert_eq!(answer.field("Content-Type"), media_type, "{name}");
            assert_eq!(answer.field("X-Content-Type-Options"), "nosniff", "{name}");
            let policy = if sandboxed { "sandbox allow-scripts" } else { "" };
            assert_eq!(answer.field("Content-Security-Policy"), policy, "{name}");
        }
    }
}

#[test]
fn hidden_names_need_a_flag() {
    let (plain, hidden) = (Wharf::serve(&[]), Wharf::serve(&["--hidden"]));
    for (wharf, code) in [(&plain, 404), (&hidden, 200)] {
        wharf.write(".secret/a", "x");
        wharf.write(".wharf/uploads/a", "x");
        wharf.write(".wharf-0123abcd.tmp", "x");
        assert_eq!(wharf.ask("GET", "/.secret/a", "", b"").code(), code);
        for own in ["/.wharf/uploads/a", "/.wharf-0123abcd.tmp", "/.WHARF/uploads/a", "/.wharf/"] {
            assert_eq!(wharf.ask("GET", own, "", b"").code(), 404, "{own}");
        }
    }
}

#[test]
pub fn the_health_endpoint_answers() {
    let wharf = Wharf::serve(&[]);
    let answer = wharf.ask("GET", "/.wharf/health", "", b"");
    assert_eq!((answer.code(), answer.text().as_str()), (200, "ok\n"));
    assert_eq!(answer.field("Cache-Control"), "no-store");
}

#[test]
fn an_upload_without_sync_is_saved() {
    let wharf = Wharf::serve(&["--no-sync"]);
    assert_eq!(wharf.ask("PUT", "/new/dir/a.txt", "", b"first").code(), 201);
    assert_eq!(wharf.ask("PUT", "/new/dir/a.txt", "", b"second").code(), 204);
    assert_eq!(wharf.read("new/dir/a.txt"), b"second");
    assert_eq!(wharf.tree(), ["new/", "new/dir/", "new/dir/a.txt"]);
}
