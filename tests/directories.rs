//! Empty directories: MKCOL creates one, and `wharf put -R` sends them. The tests of `wharf get -R` are in
//! `fetch_many`.

use std::fs;
use std::io::Write as _;
use std::thread;

use crate::common::fuse::{Mount, are_durable, faults};
use crate::common::{Fake, Wharf, run};

#[test]
fn mkcol_creates_a_directory() {
    let place = tempfile::tempdir().expect("a folder");
    let record = place.path().join("record");
    let wharf = Wharf::serve(&["--record", record.to_str().expect("text")]);
    let mut wire = wharf.connect();
    let answer = wire.ask("MKCOL", "/a%20b", "", b"");
    assert_eq!((answer.code(), answer.text().as_str()), (201, "created a b/\n"));
    assert_eq!(answer.field("Content-Location"), "/a%20b/");
    assert_eq!(wire.ask("MKCOL", "/a%20b/c/", "", b"").code(), 201, "with a slash, on the same connection");
    assert_eq!(wire.ask("MKCOL", "/%ff%0a/?x", "Content-Length: 0\r\n", b"").code(), 201);
    assert_eq!(wire.ask("MKCOL", "/new", "If-None-Match: *\r\n", b"").code(), 201);
    assert_eq!(wire.ask("PUT", "/new/file", "", b"x").code(), 201);
    let mut expected = vec!["a b/", "a b/c/", "new/", "new/file", "\u{fffd}\n/"];
    expected.sort_unstable();
    let mut tree = wharf.tree();
    tree.sort_unstable();
    assert_eq!(tree, expected);
    assert!(wire.ask("GET", "/?list", "Accept: text/plain\r\n", b"").text().contains("a b/\t-"));
    assert!(wharf.settled_log().contains(" created \\xff\\n/"), "{}", wharf.log());
    let events = wire.ask("GET", "/.wharf/chat/messages", "", b"").text();
    assert!(!events.contains("a b"), "the chat hears of files only: {events}");
    let _ = wharf.kill();
    let script = fs::read_to_string(record).expect("a script");
    assert!(script.contains("# MKCOL /a%20b HTTP/1.1 -> 201\n"), "{script}");
}

#[test]
fn invalid_directories_are_rejected() {
    let wharf = Wharf::serve(&[]);
    wharf.write("dir/file", "old");
    std::os::unix::fs::symlink(wharf.outside_folder(), wharf.folder().join("out")).expect("linked");
    std::os::unix::fs::symlink("dir", wharf.folder().join("in")).expect("linked");
    let before = wharf.tree();
    let long = format!("/{}", "x".repeat(256));
    let cases = [
        ("it exists", "/dir", "", "", 405),
        ("it exists, with a slash", "/dir/", "", "", 405),
        ("a link to it", "/in/", "", "", 405),
        ("a file has the name", "/dir/file", "", "", 405),
        ("the root", "/", "", "", 405),
        ("it exists, with a precondition", "/dir", "If-None-Match: *\r\n", "", 405),
        ("no parent", "/none/new", "", "", 409),
        ("through a file", "/dir/file/new", "", "", 409),
        ("a precondition that fails", "/new", "If-Match: *\r\n", "", 412),
        ("a body (RFC 4918 §9.3)", "/new", "Content-Length: 1\r\n", "x", 415),
        ("a body in chunks", "/new", "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n", 415),
        ("a body that waits", "/new", "Content-Length: 1\r\nExpect: 100-continue\r\n", "", 415),
        ("through a link that leads out", "/out/new", "", "", 404),
        ("hidden", "/.x", "", "", 404),
        ("hidden directory", "/.d/x", "", "", 404),
        ("the server's own", "/.wharf/x", "", "", 404),
        ("below", "/dir/.wharf", "", "", 404),
        ("a temporary's name", "/.wharf-00.tmp", "", "", 404),
        ("dots", "/../x", "", "", 400),
        ("encoded dots", "/dir/%2e%2e/x", "", "", 400),
        ("an encoded slash", "/dir%2Fx", "", "", 400),
        ("NUL", "/a%00", "", "", 400),
        ("too long", &long, "", "", 400),
        ("another site's page", "/new", "Origin: null\r\n", "", 403),
        ("fetched from elsewhere", "/new", "Sec-Fetch-Site: cross-site\r\n", "", 403),
    ];
    for (name, target, fields, body, code) in cases {
        let answer = wharf.connect().ask("MKCOL", target, fields, body.as_bytes());
        assert_eq!(answer.code(), code, "{name}: {}", answer.text());
        assert_eq!(answer.text().lines().count(), 1, "{name}: one sentence: {}", answer.text());
        let allowed = if code == 405 {
            "GET, HEAD, POST, PUT, DELETE, MOVE, COPY, PROPFIND, PROPPATCH, LOCK, UNLOCK, OPTIONS"
        } else {
            ""
        };
        assert_eq!(answer.field("Allow"), allowed, "{name}");
    }
    assert_eq!(wharf.tree(), before);
    assert_eq!(fs::read_dir(wharf.outside_folder()).expect("a folder").count(), 0);
    for (flags, code) in [(&["--read-only"][..], 403), (&["--reserve", "9000000000000000000"], 507)] {
        let wharf = Wharf::serve(flags);
        assert_eq!(wharf.ask("MKCOL", "/new", "", b"").code(), code, "{flags:?}");
        assert!(wharf.tree().is_empty());
    }
    let hidden = Wharf::serve(&["--hidden"]);
    assert_eq!(hidden.ask("MKCOL", "/.new", "", b"").code(), 201);
    assert_eq!(hidden.ask("MKCOL", "/.new/.Wharf", "", b"").code(), 404);
}

#[test]
fn of_many_that_create_a_directory_one_wins() {
    let wharf = Wharf::serve(&[]);
    for round in 0..20 {
        let make = || wharf.ask("MKCOL", &format!("/{round}"), "", b"").code();
        let mut codes = thread::scope(|scope| {
            let clients: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            clients.into_iter().map(|client| client.join().expect("no panic")).collect::<Vec<_>>()
        });
        codes.sort_unstable();
        assert_eq!(codes, [201, 405, 405, 405, 405, 405, 405, 405]);
    }
}

#[test]
fn a_directory_is_on_the_disk_when_it_is_acknowledged() {
    for (fault, code) in [(None, 201), (Some(faults::FSYNCDIR_EIO), 500)] {
        let Some(mount) = Mount::new() else { return };
        if let Some(fault) = fault {
            mount.set(&[fault]);
        }
        let wharf = Wharf::serve_in(mount.place(), &[]);
        let mut wire = wharf.connect();
        assert_eq!(wire.ask("MKCOL", "/a", "", b"").code(), code);
        if fault.is_none() {
            assert_eq!(wire.ask("MKCOL", "/a/b", "", b"").code(), 201);
            are_durable(&mount.events(), &[]);
        }
    }
}

/// A tree with a file, and empty directories; nothing in `links` is sent.
fn tree() -> tempfile::TempDir {
    let here = tempfile::tempdir().expect("a folder");
    for directory in ["d/empty", "d/deep/er/a b", "d/full/empty", "d/links"] {
        fs::create_dir_all(here.path().join(directory)).expect("made");
    }
    fs::write(here.path().join("d/full/file"), "x").expect("written");
    std::os::unix::fs::symlink("../full", here.path().join("d/links/link")).expect("linked");
    here
}

#[test]
fn put_sends_empty_directories() {
    let (wharf, here) = (Wharf::serve(&[]), tree());
    let to = wharf.url("/in/new/");
    let expected = [
        "201 Created → /in/new/d/deep/er/a b/",
        "201 Created → /in/new/d/empty/",
        "201 Created → /in/new/d/full/empty/",
        "201 Created → /in/new/d/full/file, 1 B",
        "201 Created → /in/new/d/links/",
    ];
    for serial in [&[][..], &["--serial"]] {
        let output = run(&[&["put", "-R", "d", "--to", &to], serial].concat(), "", here.path());
        assert_eq!(output.code, Some(0), "{output:?}");
        assert_eq!(output.stderr, "skipped d/links/link: a symlink (--follow follows it)\n");
        let mut lines: Vec<_> =
            output.stdout.lines().map(|line| line.split(" in ").next().unwrap_or(line)).collect();
        lines.sort_unstable();
        if serial.is_empty() {
            assert_eq!(lines, expected);
        } else {
            let unchanged = expected.map(|line| line.replace("201 Created → ", "unchanged: "));
            assert_eq!(lines, unchanged, "again");
        }
    }
    let tree = ["d/", "d/deep/", "d/deep/er/", "d/deep/er/a b/", "d/empty/", "d/full/", "d/full/empty/"];
    let rest = ["d/full/file", "d/links/"];
    let tree = tree.iter().chain(&rest).map(|name| format!("in/new/{name}"));
    let tree: Vec<_> = ["in/".to_owned(), "in/new/".to_owned()].into_iter().chain(tree).collect();
    let mut found = wharf.tree();
    found.sort_unstable();
    assert_eq!(found, tree);
    // Only an empty directory is sent; then an empty directory is sent whose name a file on the server has.
    let output = run(&["put", "-R", "d/empty", "--to", &wharf.url("/only/")], "", here.path());
    assert!(output.stdout.starts_with("201 Created → /only/d/empty/ in "), "{output:?}");
    wharf.write("taken/d/empty", "a file");
    let output = run(&["put", "-R", "d/empty", "--to", &wharf.url("/taken/")], "", here.path());
    let said =
        "d/empty: 405 Method Not Allowed: a file or directory of that name exists (choose another name)\n";
    assert_eq!((output.code, output.stderr.as_str()), (Some(1), said), "{output:?}");
}

#[test]
fn a_server_that_cannot_create_directories_gets_the_files() {
    let here = tree();
    let skipped = |why: &str| {
        let mut lines = ["d/deep/er/a b", "d/empty", "d/full/empty", "d/links"]
            .map(|name| format!("skipped {name}: {why}"));
        lines.sort_unstable();
        lines.join("\n")
    };
    let lines_of = |text: &str| {
        let mut lines: Vec<_> = text.lines().filter(|line| line.contains("empty directory")).collect();
        lines.sort_unstable();
        lines.join("\n")
    };
    for refusal in ["501 Unsupported method", "405 Not Allowed", "403 Forbidden"] {
        let server = Fake::answers(move |head, stream| {
            let status = match head.split(' ').next() {
                Some("PUT") => {
                    let _ = std::io::Read::read_exact(stream, &mut [0]);
                    "201 Created"
                }
                Some("MKCOL") => refusal,
                _ => "404 Not Found",
            };
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        });
        let output = run(&["put", "-R", "d", "--to", &server.url("/"), "--retries=0"], "", here.path());
        assert_eq!((output.code, output.stdout.lines().count()), (Some(0), 1), "{refusal}: {output:?}");
        let why = "empty directory, which the server cannot create (no MKCOL)";
        assert_eq!(lines_of(&output.stderr), skipped(why), "{refusal}");
    }
    let wharf = Wharf::serve(&["--udp", "0"]);
    let output = run(&["put", "-R", "d", "--to", &format!("tftp://{}/", wharf.tftp())], "", here.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    let why = "empty directory, which TFTP cannot create";
    assert_eq!(lines_of(&output.stderr).matches(why).count(), 3, "{output:?}");
    let read_only = Wharf::serve(&["--read-only"]);
    let output = run(&["put", "-R", "d/empty", "--to", &read_only.url("/")], "", here.path());
    assert_eq!(output.stderr, "d/empty: 403 Forbidden: the folder is shared read-only\n");
    assert_eq!(output.code, Some(1));
}
