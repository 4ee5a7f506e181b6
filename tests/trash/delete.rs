//! DELETE of files, links and directories: what it removes, and what it refuses.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;

use super::{EDIT, TRASH, Visitor, files, on_disk};
use crate::common::{Wharf, eventually};

#[test]
pub fn files_links_and_directories_are_removed() {
    let wharf = Wharf::serve(&EDIT);
    for path in ["a b", "d/deep/file", "e/file", "kept/file", "other"] {
        wharf.write(path, path);
    }
    symlink("kept", wharf.folder().join("to-directory")).expect("linked");
    symlink("kept/file", wharf.folder().join("to-file")).expect("linked");
    symlink("nowhere", wharf.folder().join("dangling")).expect("linked");
    let mut visitor = Visitor::new(&wharf);
    for (target, fields) in [
        ("/a%20b", ""),
        ("/d/deep/", "Depth: infinity\r\n"),
        ("/d", ""),
        ("/e", "Depth: Infinity\r\nContent-Length: 0\r\n"),
        ("/to-directory", ""),
        ("/to-file", ""),
        ("/other", "Depth: 0\r\n"),
    ] {
        let answer = visitor.ask("DELETE", target, fields, "");
        assert_eq!((answer.code(), answer.text().as_str()), (204, ""), "{target}");
        assert_eq!(visitor.ask("GET", target, "", "").code(), 404, "{target}");
    }
    assert_eq!(visitor.ask("DELETE", "/dangling", "", "").code(), 404, "what leads nowhere looks absent");
    assert_eq!(files(&wharf), ["dangling", "kept/", "kept/file"], "a link is removed itself");
    let expected = ["/other", "/to-file", "/to-directory", "/e/", "/d/", "/d/deep/", "/a b"];
    assert_eq!(visitor.paths(), expected);
    let log = wharf.settled_log();
    for line in [" removed a b\n", " removed d/deep/\n", " removed to-directory\n"] {
        assert!(log.contains(line), "{line}: {log}");
    }
}

#[test]
fn removals_that_are_refused() {
    let wharf = Wharf::serve(&EDIT);
    wharf.write("dir/file", "old");
    wharf.write(".hidden/file", "old");
    symlink(wharf.outside_folder(), wharf.folder().join("out")).expect("linked");
    for (target, name) in
        [(".hidden/file", "to-hidden"), (".hidden/none", "to-nothing"), (".hidden", "to-directory")]
    {
        symlink(target, wharf.folder().join(name)).expect("linked");
    }
    let before = files(&wharf);
    let long = format!("/{}", "x".repeat(256));
    let cases = [
        ("the root", "/", "", 403),
        ("the root, with a precondition", "/", "If-Match: \"x\"\r\n", 403),
        ("missing", "/none", "", 404),
        ("missing, with a precondition", "/none", "If-Match: *\r\n", 404),
        ("missing directory", "/none/", "", 404),
        ("through a file", "/dir/file/x", "", 404),
        ("a file with a slash", "/dir/file/", "", 404),
        ("a link that leads out", "/out", "", 404),
        ("through a link that leads out", "/out/file", "", 404),
        ("a link to a hidden file", "/to-hidden", "", 404),
        ("a link to a hidden file that does not exist", "/to-nothing", "", 404),
        ("a link to a hidden directory", "/to-directory", "", 404),
        ("hidden", "/.hidden", "", 404),
        ("below a hidden directory", "/.hidden/file", "", 404),
        ("the server's own", "/.wharf", "", 404),
        ("the server's own, below", "/.wharf/lock", "", 404),
        ("another version", "/dir/file", "If-Match: \"x\"\r\n", 412),
        ("any version but this", "/dir/file", "If-None-Match: *\r\n", 412),
        ("a directory that must not exist", "/dir", "If-None-Match: *\r\n", 412),
        ("a directory has no version", "/dir", "If-Match: \"x\"\r\n", 412),
        ("not changed since", "/dir/file", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 412),
        ("a directory alone", "/dir/", "Depth: 0\r\n", 400),
        ("a directory and a level", "/dir", "Depth: 1\r\n", 400),
        ("no depth", "/dir", "Depth: 2\r\n", 400),
        ("dots", "/../x", "", 400),
        ("an encoded slash", "/dir%2Ffile", "", 400),
        ("NUL", "/a%00", "", 400),
        ("too long", &long, "", 400),
        ("another site's page", "/dir/file", "Origin: null\r\n", 403),
        ("fetched from elsewhere", "/dir/file", "Sec-Fetch-Site: cross-site\r\n", 403),
    ];
    for (name, target, fields, code) in cases {
        let answer = wharf.ask("DELETE", target, fields, b"");
        assert_eq!(answer.code(), code, "{name}: {}", answer.text());
        assert_eq!(answer.text().lines().count(), 1, "{name}: one sentence: {}", answer.text());
        assert_eq!(answer.field("Set-Cookie"), "", "{name}: nothing was removed");
    }
    assert_eq!(files(&wharf), before);
    let said = wharf.ask("DELETE", "/", "", b"").text();
    assert_eq!(said, "the shared folder itself cannot be removed\n");
    let said = wharf.ask("DELETE", "/dir/", "Depth: 0\r\n", b"").text();
    assert_eq!(said, "a directory is removed with all that is in it (send Depth: infinity)\n");
    for (method, target) in [("PATCH", "/dir/file"), ("PUT", TRASH), ("DELETE", "/.wharf/undo")] {
        let answer = wharf.ask(method, target, "", b"");
        assert_eq!(answer.code(), 405, "{method} {target}");
    }
    assert!(wharf.ask("OPTIONS", "/", "", b"").field("Allow").contains("DELETE"));
}

#[test]
fn only_the_version_that_the_client_has_seen_is_removed() {
    let wharf = Wharf::serve(&EDIT);
    let version = |target: &str| {
        let head = wharf.ask("HEAD", target, "", b"");
        (head.field("ETag"), head.field("Last-Modified"))
    };
    for name in ["a", "b", "c", "d"] {
        wharf.write(name, "old");
    }
    let (old, _) = version("/a");
    assert_eq!(wharf.ask("PUT", "/a", "", b"newer").code(), 204);
    let delete = |target: &str, fields: &str| wharf.ask("DELETE", target, fields, b"").code();
    assert_eq!(delete("/a", &format!("If-Match: {old}\r\n")), 412);
    let (new, _) = version("/a");
    assert_eq!(delete("/a", &format!("If-None-Match: {new}\r\n")), 412);
    assert_eq!(delete("/a", &format!("If-Match: {old}, {new}\r\n")), 204);
    assert_eq!(delete("/b", "If-Match: *\r\n"), 204);
    assert_eq!(delete("/c", &format!("If-None-Match: {new}\r\n")), 204);
    let (_, date) = version("/d");
    assert_eq!(delete("/d", &format!("If-Unmodified-Since: {date}\r\n")), 204);
    assert!(files(&wharf).is_empty());
}

#[test]
fn removing_needs_the_right() {
    let refused = "permission denied: this needs the right remove (ask the server's administrator)\n";
    let read_only = "the folder is shared read-only\n";
    let hidden = "there is nothing of that name\n";
    for (flags, code, said) in [
        (&[][..], 403, refused),
        (&["--read-only"], 403, read_only),
        (&["--read-only", "--allow", "everyone=edit"], 403, read_only),
        (&["--allow", "everyone=write"], 404, hidden),
        (&["--allow", "everyone=drop"], 404, hidden),
        (&["--allow", "everyone=view,remove"], 204, ""),
    ] {
        let wharf = Wharf::serve(flags);
        wharf.write("file", "x");
        let [there, missing] = ["/file", "/none"].map(|target| wharf.ask("DELETE", target, "", b""));
        assert_eq!((there.code(), there.text().as_str()), (code, said), "{flags:?}");
        let expected = if code == 204 { 404 } else { code };
        assert_eq!(missing.code(), expected, "{flags:?}: the rules decide before the disk");
        assert_eq!(files(&wharf).is_empty(), code == 204, "{flags:?}");
    }
}

#[test]
fn a_directory_stays_if_a_rule_below_it_takes_the_right_away() {
    let rules = ["everyone=edit", "everyone=view@/a/b", "everyone=none@/c/d", "everyone=edit@/a/b/open"];
    let flags: Vec<_> = rules.iter().flat_map(|rule| ["--allow", rule]).collect();
    let wharf = Wharf::serve(&flags);
    for path in ["a/b/file", "a/b/open/file", "a/c/file", "c/d/file", "e/file"] {
        wharf.write(path, "x");
    }
    let before = files(&wharf);
    for target in ["/a", "/a/", "/a/b", "/a/b/file", "/c", "/c/d", "/c/d/file"] {
        let answer = wharf.ask("DELETE", target, "", b"");
        assert!([403, 404].contains(&answer.code()), "{target}: {}", answer.code());
        assert!(!answer.text().contains('d') || target.contains("/c/d") || !answer.text().contains("/d"));
    }
    assert_eq!(files(&wharf), before);
    for target in ["/a/b/open", "/a/c", "/e/"] {
        assert_eq!(wharf.ask("DELETE", target, "", b"").code(), 204, "{target}");
    }
}

#[test]
fn programs_at_the_unix_socket_remove_files() {
    let place = tempfile::tempdir().expect("a folder");
    let socket = place.path().join("socket");
    let wharf = Wharf::serve(&[&EDIT[..], &["--unix", socket.to_str().expect("text")]].concat());
    eventually("it listens", || socket.exists());
    wharf.write("file", "x");
    let mut stream = UnixStream::connect(&socket).expect("it listens");
    stream.write_all(b"DELETE /file HTTP/1.1\r\nHost: any\r\nConnection: close\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    assert!(
        answer.starts_with("HTTP/1.1 204 ") && answer.contains("\r\nSet-Cookie: wharf-undo-80="),
        "{answer}"
    );
    assert!(files(&wharf).is_empty());
}

#[test]
fn nothing_is_kept_with_the_trash_off() {
    let mut wharf = Wharf::serve(&[&EDIT[..], &["--trash", "off"]].concat());
    wharf.write("file", "x");
    for number in 0..100 {
        wharf.write(&format!("tree/{number}/file"), "x");
    }
    let mut visitor = Visitor::new(&wharf);
    let replaced = visitor.does("PUT", "/file", "new", 204);
    let removed = visitor.does("DELETE", "/file", "", 204);
    visitor.does("DELETE", "/tree", "", 204);
    assert_eq!((replaced.field("Set-Cookie"), removed.field("Set-Cookie")), (String::new(), String::new()));
    let said = "the trash is off: removed files are gone (the server runs with --trash off)\n";
    for (method, target) in
        [("GET", TRASH), ("DELETE", TRASH), ("POST", "/.wharf/undo"), ("DELETE", "/.wharf/trash/x")]
    {
        assert_eq!(visitor.does(method, target, "", 404).text(), said, "{method} {target}");
    }
    assert!(files(&wharf).is_empty());
    eventually("the directory is gone from the disk", || on_disk(&wharf).is_empty());
    assert!(wharf.settled_log().contains(" removed for good file\n"));
    wharf.signal(rustix::process::Signal::TERM);
    let (said, _) = wharf.wait();
    assert!(said.contains("\nWhat is removed or replaced is gone at once (--trash off).\n"), "{said}");
}

#[test]
fn tftp_removes_nothing() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--udp", "0"]].concat());
    wharf.write("file", "old");
    // TFTP has no request that removes files; a file that a write replaces has no owner in the trash.
    let place = tempfile::tempdir().expect("a folder");
    std::fs::write(place.path().join("file"), "new").expect("written");
    let url = format!("tftp://{}/", wharf.tftp());
    let output = crate::common::run(&["put", "file", "--to", &url], "", place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(wharf.read("file"), b"new");
    let mut visitor = Visitor::new(&wharf);
    assert!(visitor.paths().is_empty());
    visitor.does("POST", "/.wharf/undo", "", 404);
    for name in [".wharf/trash", ".wharf/undo"] {
        let mut client = crate::common::Tftp::new(wharf.tftp());
        client.send_request(format!("\0\x01{name}\0octet\0").as_bytes());
        assert_eq!(client.hear()[..4], [0, 5, 0, 1], "{name}");
    }
}

#[test]
fn the_response_names_the_entry_of_the_trash() {
    let wharf = Wharf::serve(&EDIT);
    wharf.write("file", "content");
    wharf.write("tree/file", "content");
    wharf.write("empty", "");
    let mut visitor = Visitor::new(&wharf);
    for target in ["/file", "/tree/"] {
        let named = visitor.does("DELETE", target, "", 204).field("Wharf-Trash");
        assert_eq!(format!("{TRASH}/{named}"), visitor.newest(), "{target}");
    }
    assert_eq!(visitor.does("DELETE", "/empty", "", 204).field("Wharf-Trash"), "", "it is not kept");
}
