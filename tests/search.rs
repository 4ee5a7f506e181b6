//! Searching below a directory: `GET /dir/?q=TEXT`.

use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::common::fuse::Mount;
use crate::common::{Answer, Wharf, Wire, eventually};

const TEXT: &str = "Accept: text/plain\r\n";
const JSON: &str = "Accept: application/json\r\n";

/// How many searches one client may have at once, and the most results of a search: `SECURITY.md` names both.
const AT_ONCE: usize = 8;
const MOST: usize = 10_000;

/// The lines of a search.
fn lines(wharf: &Wharf, target: &str) -> Vec<String> {
    let answer = wharf.ask("GET", target, TEXT, b"");
    assert_eq!(answer.code(), 200, "{target}");
    answer.text().lines().map(str::to_owned).collect()
}

/// The same, sorted.
fn sorted(wharf: &Wharf, target: &str) -> Vec<String> {
    let mut lines = lines(wharf, target);
    lines.sort();
    lines
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[test]
fn names_are_found_at_any_depth_the_nearest_first() {
    let wharf = Wharf::serve(&[]);
    for name in ["Report.txt", "a/report.pdf", "a/b/c/REPORT", "a/reports/x", "other"] {
        wharf.write(name, "x");
    }
    let found = lines(&wharf, "/?q=report");
    assert_eq!(found[0], "Report.txt");
    assert_eq!(found[3], "a/b/c/REPORT", "{found:?}");
    assert_eq!(sorted(&wharf, "/?q=report")[1..], ["a/b/c/REPORT", "a/report.pdf", "a/reports/"]);
    assert_eq!(sorted(&wharf, "/a/?q=report"), ["b/c/REPORT", "report.pdf", "reports/"], "relative");
    let cases: [(&str, &[&str]); 8] = [
        ("*.txt", &["Report.txt"]),
        ("r[ae]p*", &["Report.txt", "a/b/c/REPORT", "a/report.pdf", "a/reports/"]),
        ("a/*", &["a/b/", "a/report.pdf", "a/reports/"]),
        ("**/c/*", &["a/b/c/REPORT"]),
        ("b/c", &["a/b/c/", "a/b/c/REPORT"]),
        ("%2A%2Ff%2A", &[]),
        ("???", &[]),
        ("+", &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(sorted(&wharf, &format!("/?q={text}")), expected, "{text}");
    }
}

#[test]
fn each_format_has_the_same_results() {
    let wharf = Wharf::serve(&[]);
    wharf.write("a/report.txt", "1234567");
    wharf.write("a/reports/x", "");
    let answer = wharf.ask("GET", "/?q=report", JSON, b"");
    assert_eq!(answer.field("Content-Type"), "application/json");
    let found = json(&answer);
    assert_eq!(
        (&found["path"], &found["query"], &found["count"]),
        (&"/".into(), &"report".into(), &2.into())
    );
    assert_eq!(found["complete"], true);
    let entries = found["entries"].as_array().expect("entries");
    let of = |kind: &str| entries.iter().find(|entry| entry["kind"] == kind).expect("found");
    assert_eq!((&of("file")["size"], &of("file")["name"]), (&7.into(), &"report.txt".into()));
    assert_eq!(of("directory")["href"], "./a/reports/");
    let text = answer.text();
    assert_eq!(text.lines().filter(|line| line.contains("\"href\"")).count(), 2, "one line each: {text}");

    let page = wharf.ask("GET", "/?q=report", "Accept: text/html\r\n", b"");
    assert_eq!(page.field("Content-Type"), "text/html; charset=utf-8");
    assert_eq!((page.field("Vary").as_str(), page.field("Cache-Control").as_str()), ("Accept", "no-cache"));
    let text = page.text();
    for part in ["href=\"./a/report.txt\"", "href=\"./a/\"", "href=\"./a/reports/\"", "2 results", "7 B"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.ends_with("</html>"));
}

#[test]
fn names_are_text_in_every_format() {
    let wharf = Wharf::serve(&[]);
    let long = "x".repeat(255);
    let names: [&[u8]; 5] = [
        b"<img src=x onerror=alert(1)>x",
        b"x\n<script>alert(1)",
        b"x\xff\xfe",
        "x\u{202e}gpj.exe".as_bytes(),
        long.as_bytes(),
    ];
    fs::create_dir(wharf.folder().join("d")).expect("made");
    for name in names {
        fs::write(wharf.folder().join("d").join(OsStr::from_bytes(name)), "").expect("written");
    }
    assert_eq!(lines(&wharf, "/?q=x").len(), 5, "a name is one line");
    let found = json(&wharf.ask("GET", "/?q=x", JSON, b""));
    let hrefs: Vec<_> =
        found["entries"].as_array().expect("entries").iter().map(|entry| entry["href"].clone()).collect();
    assert!(hrefs.contains(&"./d/x%FF%FE".into()), "{hrefs:?}");
    for href in &hrefs {
        let target = href.as_str().expect("text").trim_start_matches('.').to_owned();
        assert_eq!(wharf.ask("GET", &target, "", b"").code(), 200, "{target}");
    }
    let page = wharf.ask("GET", "/?q=%3Cscript%3E", "Accept: text/html\r\n", b"").text();
    assert!(!page.contains("<script>") && page.contains("value=\"&lt;script&gt;\""), "{page}");
    let page = wharf.ask("GET", "/?q=x", "Accept: text/html\r\n", b"").text();
    assert!(!page.contains("<img src=x") && !page.contains('\u{202e}'), "{page}");
}

#[test]
fn what_listings_hide_is_not_found() {
    let wharf = Wharf::serve(&[]);
    for name in ["x", ".x", ".git/x", "d/.x", ".wharf/x", "d/x"] {
        wharf.write(name, "");
    }
    fs::write(wharf.outside_folder().join("x-outside"), "").expect("written");
    symlink(wharf.outside_folder(), wharf.folder().join("x-out")).expect("linked");
    symlink("../..", wharf.folder().join("d/x-up")).expect("linked");
    symlink("..", wharf.folder().join("d/x-loop")).expect("linked");
    symlink("x", wharf.folder().join("x-link")).expect("linked");
    assert_eq!(sorted(&wharf, "/?q=x"), ["d/x", "d/x-loop/", "x", "x-link"], "links are not entered");
    for target in ["/.git/?q=x", "/.wharf/?q=x", "/x-out/?q=x", "/none/?q=x", "/x/?q=x"] {
        assert_eq!(wharf.ask("GET", target, TEXT, b"").code(), 404, "{target}");
    }
    let hidden = Wharf::serve(&["--hidden"]);
    for name in [".git/x", ".wharf/x", "x"] {
        hidden.write(name, "");
    }
    assert_eq!(sorted(&hidden, "/?q=x"), [".git/x", "x"], "nothing of the server");
    assert!(lines(&hidden, "/?q=lock").is_empty(), "nor its own files");
}

#[test]
fn rules_below_hold() {
    let flags =
        ["--allow", "everyone=view", "--allow", "everyone=none@secret", "--allow", "everyone=drop@inbox"];
    let wharf = Wharf::serve(&flags);
    for name in ["open/x", "secret/x", "secret/deeper/x", "inbox/x", "x"] {
        wharf.write(name, "");
    }
    symlink("../secret/x", wharf.folder().join("open/x-link")).expect("linked");
    symlink("../secret", wharf.folder().join("open/x-dir")).expect("linked");
    assert_eq!(sorted(&wharf, "/?q=x"), ["open/x", "x"]);
    assert_eq!(sorted(&wharf, "/?q=secret"), [] as [&str; 0]);
    for target in ["/secret/?q=x", "/open/x-dir/?q=x"] {
        assert_eq!(wharf.ask("GET", target, TEXT, b"").code(), 404, "{target}");
    }
}

#[test]
fn bad_searches_are_refused() {
    let wharf = Wharf::serve(&[]);
    wharf.write("d/file", "");
    let long = format!("/?q={}", "x".repeat(256));
    let cases = [
        ("/?q", "there is no text"),
        ("/?q=", "there is no text"),
        (&long, "longer than 255 bytes"),
        ("/?q=%ff", "not UTF-8"),
        ("/?q=%2", "hexadecimal"),
        ("/?q=%zz", "hexadecimal"),
        ("/?q=[]", "without its"),
        ("/?q=*[a", "without its"),
        ("/?q=[z-a]", "ends before it begins"),
        ("/?q=x&zip", "combined with zip"),
        ("/?q=x&tar", "combined with tar"),
        ("/?qr&q=x", "combined with qr"),
    ];
    for (target, why) in cases {
        let answer = wharf.ask("GET", target, "", b"");
        assert_eq!(answer.code(), 400, "{target}");
        assert!(answer.text().contains(why), "{target}: {}", answer.text());
    }
    for target in ["/?q=FILE&sort=-size&view=grid&list", "/?q=file&q=none", "/?x=y&q=file"] {
        assert_eq!(lines(&wharf, target), ["d/file"], "{target}");
    }
    let answer = wharf.ask("GET", "/d?q=file", "", b"");
    assert_eq!((answer.code(), answer.field("Location").as_str()), (308, "/d/?q=file"));
    assert_eq!(wharf.ask("GET", "/d/file?q=%ff", "", b"").code(), 200, "not about a file");
}

#[test]
fn methods_and_preconditions() {
    let wharf = Wharf::serve(&[]);
    wharf.write("file", "");
    let mut wire = wharf.connect();
    let head = wire.ask("HEAD", "/?q=file", JSON, b"");
    assert_eq!((head.code(), head.body.len()), (200, 0));
    assert_eq!(head.field("Content-Type"), "application/json");
    assert_eq!(wire.ask("HEAD", "/?q=[]", "", b"").code(), 400);
    assert_eq!(wire.ask("GET", "/?q=file", "If-None-Match: *\r\n", b"").code(), 304);
    for method in ["PATCH", "TRACE", "CONNECTED"] {
        let code = wire.ask(method, "/?q=file", "", b"").code();
        assert!(matches!(code, 405 | 501), "{method}: {code}");
    }
    let old = "GET /?q=file HTTP/1.0\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n";
    let mut wire = wharf.connect();
    wire.send(old);
    let answer = String::from_utf8(wire.read_to_end()).expect("text");
    assert!(answer.ends_with("\r\n\r\nfile\n"), "{answer}");
}

#[test]
fn an_index_page_does_not_hide_the_search() {
    let wharf = Wharf::serve(&[]);
    wharf.write("index.html", "<p>index");
    assert_eq!(lines(&wharf, "/?q=index"), ["index.html"]);
}

#[test]
fn a_directory_that_hangs_does_not_delay_what_was_found_before() {
    let Some(mount) = Mount::new() else { return };
    let top = mount.path().parent().expect("a directory").to_owned();
    for name in ["near.txt", "behind/deep/near.txt"] {
        let path = top.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, "").expect("written");
    }
    let wharf = Wharf::serve_folder(&top, &["--workers", "4"]);
    let stopped = mount.stop();
    let mut wire = wharf.connect();
    wire.send(format!("GET /?q=near HTTP/1.1\r\nHost: {}\r\n{TEXT}\r\n", wharf.address()));
    wire.read_until("near.txt\n");
    assert_eq!(wharf.ask("GET", "/near.txt", "", b"").code(), 200, "others are served");
    drop(stopped);
    wire.read_until("share/deep/near.txt\n");
    wire.read_until("0\r\n\r\n");
}

#[test]
fn results_are_cut_and_the_response_says_so() {
    let wharf = Wharf::serve(&[]);
    for number in 0..=MOST {
        fs::write(wharf.folder().join(format!("x{number}")), "").expect("written");
    }
    let found = json(&wharf.ask("GET", "/?q=x", JSON, b""));
    assert_eq!(found["entries"].as_array().map(Vec::len), Some(MOST));
    assert_eq!((&found["complete"], &found["cut"]), (&false.into(), &"results".into()));
    let text = lines(&wharf, "/?q=x");
    assert_eq!(text.len(), MOST + 2);
    assert_eq!(text[MOST..], ["", "incomplete: results"]);
    let page = wharf.ask("GET", "/?q=x", "", b"").text();
    assert!(page.contains("10000 results. There are more"), "{}", &page[page.len() - 300..]);
    fs::remove_file(wharf.folder().join("x7")).expect("removed");
    let found = json(&wharf.ask("GET", "/?q=x", JSON, b""));
    assert_eq!((&found["count"], &found["complete"]), (&MOST.into(), &true.into()), "all of them");
}

/// A search that its client does not read: it is not complete until the client goes.
fn unread(wharf: &Wharf) -> Wire {
    let mut wire = wharf.connect();
    wire.begin_to_ask("GET", "/?q=%C3%BC", None);
    let mut start = [0; 15];
    wire.stream().read_exact(&mut start).expect("a response");
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    wire
}

#[test]
fn one_client_leaves_searches_for_others_and_gives_them_back() {
    let wharf = Wharf::serve(&["--stall", "600"]);
    let directory = wharf.folder().join("ü".repeat(120));
    fs::create_dir(&directory).expect("made");
    // More than sockets hold: each entry takes several kilobytes.
    for number in 0..5_000 {
        fs::write(directory.join(format!("{}{number}", "ü".repeat(120))), "").expect("written");
    }
    let files = wharf.open_files();
    let mut searches: Vec<_> = (0..AT_ONCE).map(|_| unread(&wharf)).collect();
    let refused = wharf.ask("GET", "/?q=x", TEXT, b"");
    assert_eq!((refused.code(), refused.field("Retry-After").as_str()), (503, "2"));
    assert!(refused.text().contains("too many searches"), "{}", refused.text());
    assert_eq!(wharf.ask("HEAD", "/?q=x", TEXT, b"").code(), 200, "it searches nothing");
    let mut other = Wire::connect_from(2, wharf.address());
    assert_eq!(other.ask("GET", "/?q=none", TEXT, b"").code(), 200, "another client");
    drop(searches.pop());
    eventually("its permit is returned", || wharf.ask("GET", "/?q=none", TEXT, b"").code() == 200);
    drop(searches);
    eventually("its directories are closed", || wharf.open_files() <= files);
}
