//! Uploads are subject to the rules of the folder, and each client may have a limited number of them.

use std::fs;
use std::path::PathBuf;

use super::{DRAFT, append, begin, files, parts, unfinished};
use crate::common::{Wharf, Wire, eventually, run, sample};

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
