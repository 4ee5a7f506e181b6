//! Removing files and directories that somebody is reading, writing or uploading.

use std::thread;

use super::{EDIT, Visitor, files};
use crate::common::{Wharf, sample};
use crate::resumable::{DRAFT, append, begin};

#[test]
fn a_download_of_a_removed_file_finishes() {
    let wharf = Wharf::serve(&EDIT);
    // More than the buffers of the sockets hold.
    let content = sample(32 << 20, 3);
    wharf.write("d/large", &content);
    for target in ["/d/large", "/d"] {
        let mut wire = wharf.connect();
        wire.begin_to_ask("GET", "/d/large", None).read_until("\r\n\r\n");
        let mut visitor = Visitor::new(&wharf);
        visitor.does("DELETE", target, "", 204);
        visitor.does("GET", "/d/large", "", 404);
        let answer = wire.read_answer(false);
        assert_eq!(answer.code(), 200);
        assert!(answer.body == content, "{target}");
        visitor.does("POST", super::UNDO, "", 200);
    }
}

#[test]
fn an_upload_outlasts_the_removal_of_what_it_replaces() {
    let wharf = Wharf::serve(&EDIT);
    for (target, removed, old) in [("/a", "/a", "a"), ("/d/e/f", "/d", "d/e/f")] {
        wharf.write(old, "old");
        let mut wire = wharf.connect();
        wire.begin_to_ask("PUT", target, Some(8)).send("new ");
        let mut visitor = Visitor::new(&wharf);
        visitor.does("DELETE", removed, "", 204);
        let answer = wire.send("file").read_answer(false);
        assert!([201, 204].contains(&answer.code()), "{target}: {}", answer.text());
        assert_eq!(wharf.read(old), b"new file");
    }
}

#[test]
fn an_unfinished_upload_is_not_there_to_remove() {
    let wharf = Wharf::serve(&EDIT);
    let upload = begin(&wharf, "/dir/file", DRAFT);
    assert_eq!(append(&wharf, &upload, 0, false, b"half ").code(), 204);
    let mut visitor = Visitor::new(&wharf);
    visitor.does("DELETE", "/dir/file", "", 404);
    wharf.write("dir/file", "old");
    visitor.does("DELETE", "/dir/file", "", 204);
    assert_eq!(append(&wharf, &upload, 5, true, b"whole").code(), 200);
    assert_eq!(wharf.read("dir/file"), b"half whole");
    assert_eq!(visitor.paths(), ["/dir/file"]);
}

#[test]
fn of_many_that_remove_one_file_one_succeeds() {
    let wharf = Wharf::serve(&EDIT);
    for round in 0..20 {
        let target = if round % 2 == 0 {
            wharf.write("file", "x");
            "/file"
        } else {
            wharf.write("dir/file", "x");
            "/dir/"
        };
        let mut codes = thread::scope(|scope| {
            let clients: Vec<_> =
                (0..8).map(|_| scope.spawn(|| wharf.ask("DELETE", target, "", b"").code())).collect();
            clients.into_iter().map(|client| client.join().expect("no panic")).collect::<Vec<_>>()
        });
        codes.sort_unstable();
        assert_eq!(codes, [204, 404, 404, 404, 404, 404, 404, 404], "{target}");
        assert!(files(&wharf).is_empty());
    }
}

/// A reader gets a whole version or none, whatever others remove, restore and replace.
#[test]
fn readers_see_whole_files() {
    let wharf = Wharf::serve(&EDIT);
    let versions = [b"a".repeat(40_000), b"b".repeat(40_000)];
    wharf.write("file", &versions[0]);
    thread::scope(|scope| {
        let changing = scope.spawn(|| {
            let mut visitor = Visitor::new(&wharf);
            for round in 0..40 {
                let body = String::from_utf8(versions[round % 2].clone()).expect("text");
                match round % 4 {
                    0 => drop(visitor.ask("DELETE", "/file", "", "")),
                    1 => drop(visitor.ask("POST", super::UNDO, "", "")),
                    _ => drop(visitor.ask("PUT", "/file", "", &body)),
                }
            }
        });
        let mut wire = wharf.connect();
        while !changing.is_finished() {
            let answer = wire.ask("GET", "/file", "", b"");
            let is_whole = answer.code() == 404 || versions.contains(&answer.body);
            assert!(is_whole, "{}, {} bytes", answer.code(), answer.body.len());
        }
    });
}
