//! Requests that are refused. They change nothing.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::fs::{Mode, OFlags};

use super::{EDIT, relocate, serve, tree};
use crate::common::Wharf;

/// A folder with a file, directories, and links.
fn furnished(flags: &[&str]) -> Wharf {
    let wharf = serve(flags);
    wharf.write("a", "a");
    wharf.write("b", "b");
    wharf.write("dir/file", "file");
    wharf.write("dir/deep/file", "deep");
    wharf.write("other/file", "other");
    wharf.write(".hidden", "hidden");
    symlink(wharf.outside_folder(), wharf.folder().join("out")).expect("linked");
    wharf
}

#[test]
fn destinations_that_are_refused() {
    let wharf = furnished(&[]);
    let before = tree(&wharf);
    let host = wharf.address();
    let long = format!("/{}", "x".repeat(256));
    let cases = [
        ("another host", "/a", "http://evil.example/x", 502),
        ("another port", "/a", "http://127.0.0.1:1/x", 502),
        ("another name of this machine", "/a", &format!("http://localhost:{}/x", host.port()), 502),
        ("an invalid host", "/a", "http://[::/x", 400),
        ("user info", "/a", &format!("http://u@{host}/x"), 400),
        ("another scheme", "/a", "ftp://127.0.0.1/x", 400),
        ("a fragment", "/a", "/x#y", 400),
        ("a query", "/a", "/x?y", 400),
        ("relative", "/a", "x", 400),
        ("empty", "/a", "", 400),
        ("a blank", "/a", "/x y", 400),
        ("a backslash", "/a", "/x\\y", 400),
        ("a bad escape", "/a", "/x%2", 400),
        ("an encoded slash", "/a", "/dir%2Fx", 400),
        ("NUL", "/a", "/x%00", 400),
        ("dots", "/a", "/dir/../x", 400),
        ("encoded dots", "/a", "/dir/%2e%2e/x", 400),
        ("too long", "/a", &long, 400),
        ("onto itself", "/a", "/a", 403),
        ("onto itself, spelled otherwise", "/a", "//%61", 403),
        ("a directory onto itself", "/dir/", "/dir", 403),
        ("into its own child", "/dir", "/dir/deep/x", 409),
        ("into itself", "/dir/", "/dir/x/", 409),
        ("below a file", "/a", "/a/x", 409),
        ("over the directory that it is in", "/dir/deep", "/dir", 409),
        ("over the root", "/a", "/", 409),
        ("no parent", "/a", "/none/x", 409),
        ("through a file", "/a", "/b/x", 409),
        ("hidden", "/a", "/.x", 404),
        ("the server's own", "/a", "/.wharf/x", 404),
        ("its own paths", "/a", "/.wharf/uploads/x", 404),
        ("below", "/a", "/dir/.wharf", 404),
        ("a temporary's name", "/a", "/.wharf-00.tmp", 404),
        ("through a link that leads out", "/a", "/out/x", 404),
        ("onto a link that leads out", "/a", "/out", 404),
    ];
    for method in ["MOVE", "COPY"] {
        for (name, from, to, code) in &cases {
            let answer = relocate(&mut wharf.connect(), method, from, to, "");
            assert_eq!(answer.code(), *code, "{method}: {name}: {}", answer.text());
            assert_eq!(answer.text().lines().count(), 1, "{name}: one sentence: {}", answer.text());
        }
        assert_eq!(wharf.ask(method, "/a", "", b"").code(), 400, "no Destination");
        let twice = "Destination: /x\r\nDestination: /x\r\n";
        assert_eq!(wharf.ask(method, "/a", twice, b"").code(), 400, "two Destinations");
    }
    assert_eq!(tree(&wharf), before);
    assert_eq!(std::fs::read_dir(wharf.outside_folder()).expect("a folder").count(), 0);
}

#[test]
fn sources_and_fields_that_are_refused() {
    let wharf = furnished(&[]);
    let before = tree(&wharf);
    let any = ["MOVE", "COPY"].as_slice();
    let cases = [
        ("missing", any, "/none", "", "", 404),
        ("through a file", any, "/a/x", "", "", 404),
        ("a file with a slash", any, "/a/", "", "", 404),
        ("hidden", any, "/.hidden", "", "", 404),
        ("dots", any, "/dir/../a", "", "", 400),
        ("its own path", any, "/.wharf/health", "", "", 405),
        ("the root", &["MOVE"], "/", "", "", 403),
        ("a body", any, "/a", "Content-Length: 1\r\n", "x", 415),
        ("Overwrite is neither", any, "/a", "Overwrite: yes\r\n", "", 400),
        ("two Overwrites", any, "/a", "Overwrite: T\r\nOverwrite: F\r\n", "", 400),
        ("an unknown depth", any, "/dir", "Depth: 2\r\n", "", 400),
        ("one", any, "/dir", "Depth: 1\r\n", "", 400),
        ("a part of a directory", &["MOVE"], "/dir", "Depth: 0\r\n", "", 400),
        ("another version", any, "/a", "If-Match: \"x\"\r\n", "", 412),
        ("another version of a directory", any, "/dir", "If-Match: \"x\"\r\n", "", 412),
        ("it has changed", any, "/a", "If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT\r\n", "", 412),
        ("another site's page", any, "/a", "Origin: null\r\n", "", 403),
        ("fetched from elsewhere", any, "/a", "Sec-Fetch-Site: cross-site\r\n", "", 403),
    ];
    for (name, methods, from, fields, body, code) in cases {
        for method in methods {
            let fields = format!("Destination: /new\r\n{fields}");
            let answer = wharf.connect().ask(method, from, &fields, body.as_bytes());
            assert_eq!(answer.code(), code, "{method}: {name}: {}", answer.text());
        }
    }
    let taken = [("/b", "Overwrite: F\r\n"), ("/b", "If-None-Match: *\r\n"), ("/dir", "Overwrite: F\r\n")];
    for (fields, why) in
        [("Overwrite: F\r\n", "Overwrite is F"), ("If-None-Match: *\r\n", "If-None-Match is *")]
    {
        let said = relocate(&mut wharf.connect(), "MOVE", "/a", "/b", fields).text();
        assert_eq!(said, format!("something of that name exists, and {why} (choose another name)\n"));
    }
    for (method, (to, fields)) in any.iter().flat_map(|method| taken.map(|taken| (method, taken))) {
        let mut wire = wharf.connect();
        assert_eq!(relocate(&mut wire, method, "/a", to, fields).code(), 412, "{method} {to}: {fields}");
        assert_eq!(relocate(&mut wire, method, "/other", to, fields).code(), 412, "{method} {to}: {fields}");
        assert_eq!(wire.ask("GET", "/a", "", b"").text(), "a", "the connection stays open");
    }
    assert_eq!(tree(&wharf), before);
}

#[test]
fn what_the_servers_rules_refuse() {
    for (flags, method, code) in [
        (&["--read-only"][..], "MOVE", 403),
        (&["--read-only"], "COPY", 403),
        (&["--reserve", "9000000000000000000"], "COPY", 507),
        (&["--max-upload", "2"], "COPY", 413),
        (&["--on-conflict", "refuse"], "MOVE", 409),
        (&["--on-conflict", "refuse"], "COPY", 409),
    ] {
        let wharf = furnished(flags);
        let before = tree(&wharf);
        let to = if code == 409 { "/b" } else { "/new" };
        let from = if code == 413 { "/dir" } else { "/a" };
        let answer = relocate(&mut wharf.connect(), method, from, to, "");
        assert_eq!(answer.code(), code, "{method} {flags:?}: {}", answer.text());
        assert_eq!(tree(&wharf), before, "{method} {flags:?}");
    }
    let renaming = furnished(&["--on-conflict", "rename"]);
    for (method, path) in [("COPY", "/b%20(1)"), ("MOVE", "/b%20(2)")] {
        let answer = relocate(&mut renaming.connect(), method, "/a", "/b", "");
        assert_eq!((answer.code(), answer.field("Location").as_str()), (201, path));
    }
    assert_eq!(renaming.read("b"), b"b");
    let default = Wharf::serve(&[]);
    default.write("a", "a");
    assert_eq!(relocate(&mut default.connect(), "MOVE", "/a", "/x", "").code(), 403, "no right to remove");
    assert_eq!(relocate(&mut default.connect(), "COPY", "/a", "/x", "").code(), 201);
}

#[test]
fn below_a_base_destinations_are_those_that_clients_see() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--base", "/files", "--host", "files.example"]].concat());
    wharf.write("a", "a");
    let mut wire = wharf.connect();
    let moved = relocate(&mut wire, "MOVE", "/files/a", "/files/b", "");
    assert_eq!((moved.code(), moved.field("Location").as_str()), (201, "/files/b"));
    assert_eq!(moved.text(), "moved to b\n");
    let copied = relocate(&mut wire, "COPY", "/b", "https://files.example/files/c", "");
    assert_eq!((copied.code(), copied.field("Location").as_str()), (201, "/files/c"));
    for (to, code) in [
        ("/d", 400),
        ("https://files.example/d", 400),
        ("https://files.example:1/files/d", 502),
        ("/files", 409),
    ] {
        assert_eq!(relocate(&mut wire, "COPY", "/files/b", to, "").code(), code, "{to}");
    }
    assert_eq!(tree(&wharf), ["b", "c"]);
}

/// No path leads to the file: it can only be moved and removed with the directory.
#[test]
fn a_directory_deeper_than_any_path() {
    let wharf = serve(&[]);
    let top = wharf.folder().join("deep");
    fs::create_dir(&top).expect("a directory");
    let mut below = rustix::fs::open(&top, OFlags::DIRECTORY, Mode::empty()).expect("open");
    for _ in 0..2_000 {
        rustix::fs::mkdirat(&below, "level", Mode::RWXU).expect("a directory");
        below = rustix::fs::openat(&below, "level", OFlags::DIRECTORY, Mode::empty()).expect("open");
    }
    let mut wire = wharf.connect();
    let answer = relocate(&mut wire, "COPY", "/deep/", "/copy/", "");
    assert_eq!(answer.code(), 409, "{}", answer.text());
    assert!(answer.text().starts_with("a path in the directory is too long"), "{}", answer.text());
    assert!(!wharf.folder().join("copy").exists());
    assert_eq!(relocate(&mut wire, "MOVE", "/deep/", "/moved/", "").code(), 201);
    assert_eq!(wire.ask("DELETE", "/moved/", "", b"").code(), 204);
}

#[test]
fn the_largest_upload_bounds_a_copied_directory() {
    let wharf = serve(&["--max-upload", "1K"]);
    wharf.write("dir/a", [b'a'; 600]);
    wharf.write("dir/b", [b'b'; 600]);
    let mut wire = wharf.connect();
    let answer = relocate(&mut wire, "COPY", "/dir/", "/copy/", "");
    assert_eq!(answer.code(), 413, "{}", answer.text());
    assert!(answer.text().contains("--max-upload"), "{}", answer.text());
    assert!(!wharf.folder().join("copy").exists());
    assert_eq!(relocate(&mut wire, "MOVE", "/dir/", "/copy/", "").code(), 201);
}
