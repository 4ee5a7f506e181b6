//! Which entries of the trash are restored, where they are restored to, and which entries expire.

use std::fs;

use super::{EDIT, TRASH, UNDO, Visitor, files, on_disk, text};
use crate::common::{Wharf, eventually};

#[test]
pub fn what_was_removed_comes_back() {
    let wharf = Wharf::serve(&EDIT);
    wharf.write("d/a b.txt", "one");
    wharf.write("tree/deep/file", "two");
    let mut visitor = Visitor::new(&wharf);
    visitor.does("DELETE", "/d/a%20b.txt", "", 204);
    visitor.does("DELETE", "/tree/", "", 204);
    let entries = visitor.entries();
    assert_eq!((&*text(&entries[0]["path"]), &*text(&entries[1]["path"])), ("/tree/", "/d/a b.txt"));
    assert_eq!(entries[1]["size"], 3);
    assert!(entries[1]["principal"].is_null() && text(&entries[1]["time"]).ends_with('Z'), "{entries:?}");
    // Its directory is created again.
    fs::remove_dir(wharf.folder().join("d")).expect("it is empty");
    for (entry, location, path, file, content) in [
        (&entries[1], "/d/a%20b.txt", "/d/a b.txt", "d/a b.txt", "one"),
        (&entries[0], "/tree/", "/tree/", "tree/deep/file", "two"),
    ] {
        let target = format!("{TRASH}/{}/restore", text(&entry["id"]));
        let answer = visitor.does("POST", &target, "", 200);
        assert_eq!(
            (answer.field("Location").as_str(), answer.field("Cache-Control").as_str()),
            (location, "no-store")
        );
        assert_eq!(answer.text(), format!("{{\"path\":\"{path}\"}}\n"));
        assert_eq!(wharf.read(file), content.as_bytes());
        let again = visitor.does("POST", &target, "", 404).text();
        assert_eq!(
            again,
            "there is no such entry in the trash (it was restored or discarded, or has expired)\n"
        );
    }
    assert!(visitor.paths().is_empty());
    assert!(wharf.settled_log().contains(" restored d/a b.txt\n"));
}

#[test]
fn nothing_is_restored_over_something_else() {
    let wharf = Wharf::serve(&EDIT);
    let mut visitor = Visitor::new(&wharf);
    for version in ["first", "second", "third"] {
        wharf.write("a.txt", version);
        visitor.does("DELETE", "/a.txt", "", 204);
    }
    wharf.write("a.txt", "in its place");
    for (name, version) in
        [("a (restored).txt", "third"), ("a (restored 2).txt", "second"), ("a (restored 3).txt", "first")]
    {
        let location = visitor.does("POST", UNDO, "", 200).field("Location");
        assert_eq!(location, format!("/{}", name.replace(' ', "%20")));
        assert_eq!(wharf.read(name), version.as_bytes());
    }
    assert_eq!(wharf.read("a.txt"), b"in its place");
    wharf.write("dir/file", "x");
    visitor.does("DELETE", "/dir", "", 204);
    wharf.write("dir", "a file");
    assert_eq!(visitor.does("POST", UNDO, "", 200).field("Location"), "/dir%20(restored)/");
}

#[test]
fn undo_restores_the_newest_again_and_again() {
    let wharf = Wharf::serve(&EDIT);
    let mut visitor = Visitor::new(&wharf);
    assert_eq!(visitor.does("POST", UNDO, "", 404).text(), "there is nothing to undo\n");
    for name in ["a", "b"] {
        wharf.write(name, name);
    }
    visitor.does("DELETE", "/a", "", 204);
    visitor.does("PUT", "/b", "newer", 204);
    assert_eq!(visitor.does("POST", UNDO, "", 200).field("Location"), "/b%20(restored)");
    assert_eq!(visitor.does("POST", UNDO, "", 200).field("Location"), "/a");
    visitor.does("POST", UNDO, "", 404);
    assert_eq!(
        (wharf.read("a"), wharf.read("b (restored)"), wharf.read("b")),
        (b"a".into(), b"b".into(), b"newer".into())
    );
}

#[test]
fn undo_passes_over_what_cannot_be_restored() {
    let wharf = Wharf::serve(&EDIT);
    let mut visitor = Visitor::new(&wharf);
    wharf.write("a", "a");
    wharf.write("dir/b", "b");
    visitor.does("DELETE", "/a", "", 204);
    visitor.does("DELETE", "/dir/b", "", 204);
    fs::remove_dir(wharf.folder().join("dir")).expect("removed");
    wharf.write("dir", "a file");
    assert_eq!(visitor.does("POST", UNDO, "", 200).field("Location"), "/a");
    let newest = visitor.newest();
    let reason = visitor.ask("POST", &format!("{newest}/restore"), "", "").text();
    let refused = visitor.ask("POST", UNDO, "", "");
    assert_eq!((refused.code() / 100, refused.text()), (4, reason), "why the newest cannot");
}

#[test]
fn entries_are_discarded() {
    let wharf = Wharf::serve(&EDIT);
    let mut visitor = Visitor::new(&wharf);
    for name in ["a", "b", "c", "dir/file"] {
        wharf.write(name, name);
    }
    for target in ["/a", "/b", "/c", "/dir"] {
        visitor.does("DELETE", target, "", 204);
    }
    let newest = visitor.newest();
    assert_eq!(visitor.does("DELETE", &newest, "", 204).text(), "");
    visitor.does("DELETE", &newest, "", 404);
    visitor.does("POST", &format!("{newest}/restore"), "", 404);
    assert_eq!(visitor.paths(), ["/c", "/b", "/a"]);
    assert_eq!(visitor.does("DELETE", TRASH, "", 200).text(), "{\"count\":3}\n");
    assert!(visitor.paths().is_empty());
    assert_eq!(visitor.does("DELETE", TRASH, "", 200).text(), "{\"count\":0}\n");
    eventually("they are gone from the disk", || on_disk(&wharf).is_empty());
}

#[test]
fn entries_are_listed_in_pages() {
    let wharf = Wharf::serve(&EDIT);
    let mut visitor = Visitor::new(&wharf);
    for number in 0..5 {
        wharf.write(&number.to_string(), "x");
        visitor.does("DELETE", &format!("/{number}"), "", 204);
    }
    let entries = visitor.entries();
    let before = text(&entries[1]["id"]);
    let rest = visitor.does("GET", &format!("{TRASH}?before={before}"), "", 200).text();
    assert!(rest.contains("\"/2\"") && rest.contains("\"/0\"") && !rest.contains("\"/3\""), "{rest}");
    assert!(rest.contains("\"more\":false"), "{rest}");
    assert_eq!(visitor.does("GET", &format!("{TRASH}?before=x"), "", 400).text(), "before must be an id\n");
    for target in ["/x", "/x/restore", "/../x", &format!("/{before}/remove"), &format!("/{before}"), "/"] {
        let code = visitor.ask("POST", &format!("{TRASH}{target}"), "", "").code();
        assert!([400, 404].contains(&code), "{target}: {code}");
    }
}

#[test]
fn entries_expire() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--trash", "2s"]].concat());
    wharf.write("file", "x");
    wharf.write("dir/file", "x");
    let mut visitor = Visitor::new(&wharf);
    let removed = visitor.does("DELETE", "/file", "", 204);
    assert!(removed.field("Set-Cookie").contains("; Max-Age=2;"), "{}", removed.field("Set-Cookie"));
    visitor.does("DELETE", "/dir", "", 204);
    eventually("nothing is listed", || visitor.paths().is_empty());
    visitor.does("POST", UNDO, "", 404);
    eventually("nothing is left on the disk", || on_disk(&wharf).is_empty());
    for wrong in ["0s", "x", "7", ""] {
        let place = tempfile::tempdir().expect("a folder");
        let output = crate::common::run(&["serve", ".", "--port", "0", "--trash", wrong], "", place.path());
        assert_eq!(output.code, Some(2), "{wrong}: {output:?}");
    }
}

#[test]
fn a_full_trash_refuses_more() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--trash-size", "200"]].concat());
    wharf.write("small", "x".repeat(60));
    wharf.write("other", "x".repeat(60));
    wharf.write("large/file", "x".repeat(101));
    let mut visitor = Visitor::new(&wharf);
    visitor.does("DELETE", "/small", "", 204);
    let large = visitor.does("DELETE", "/large", "", 507).text();
    assert!(
        large.contains("it does not fit into your share of the trash, which may hold 100 bytes"),
        "{large}"
    );
    for (method, target, body) in [("DELETE", "/other", ""), ("PUT", "/other", "new")] {
        let said = visitor.does(method, target, body, 507).text();
        assert!(
            said.contains("your share of the trash is full: it holds 60 bytes, and may hold 100; its oldest entry makes room at 20"),
            "{method}: {said}"
        );
    }
    assert_eq!(files(&wharf), ["large/", "large/file", "other"]);
    assert_eq!(wharf.read("other").len(), 60, "the old file stays");
    visitor.does("DELETE", TRASH, "", 200);
    visitor.does("DELETE", "/other", "", 204);
}
