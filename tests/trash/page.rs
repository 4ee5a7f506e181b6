//! The page of the trash, which works without a script.

use super::{EDIT, TRASH, UNDO, Visitor, text};
use crate::common::Wharf;

const BROWSER: &str = "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n";

#[test]
fn forms_restore_and_discard() {
    let wharf = Wharf::serve(&EDIT);
    let mut visitor = Visitor::new(&wharf);
    let empty = visitor.ask("GET", TRASH, BROWSER, "").text();
    assert!(empty.contains("There is nothing in the trash"), "{empty}");
    for name in ["a&b", "<script>", "c"] {
        wharf.write(name, "x".repeat(2048));
    }
    for target in ["/a&b", "/%3Cscript%3E", "/c"] {
        visitor.does("DELETE", target, "", 204);
    }
    let entries = visitor.entries();
    let ids: Vec<_> = entries.iter().map(|entry| text(&entry["id"])).collect();
    let answer = visitor.ask("GET", TRASH, BROWSER, "");
    let page = answer.text();
    assert_eq!(answer.field("Cache-Control"), "no-store");
    assert!(
        page.contains("/a&amp;b") && page.contains("/&lt;script>") || page.contains("/&lt;script&gt;"),
        "{page}"
    );
    assert!(page.contains("kept for 7 days") && page.contains("2.0 KiB"), "{page}");
    for id in &ids {
        assert!(page.contains(&format!("action=\"..{TRASH}/{id}/restore\"")), "{page}");
        assert!(page.contains(&format!("name=\"discard\" value=\"{id}\"")), "{page}");
    }
    let form = format!("{BROWSER}Content-Type: application/x-www-form-urlencoded\r\n");
    let restored = visitor.ask("POST", &format!("{TRASH}/{}/restore", ids[0]), &form, "");
    assert_eq!((restored.code(), restored.field("Location").as_str()), (303, TRASH));
    let discarded = visitor.ask("POST", TRASH, &form, &format!("discard={}", ids[1]));
    assert_eq!((discarded.code(), discarded.field("Location").as_str()), (303, TRASH));
    assert_eq!((visitor.paths(), wharf.read("c").len()), (vec!["/a&b".to_owned()], 2048));
    let undone = visitor.ask("POST", UNDO, &form, "");
    assert_eq!((undone.code(), undone.field("Location").as_str()), (303, TRASH));
    assert_eq!(wharf.read("a&b").len(), 2048);
    visitor.does("DELETE", "/c", "", 204);
    assert_eq!(visitor.ask("POST", TRASH, &form, "discard=all").code(), 303);
    assert!(visitor.paths().is_empty());
    for (wrong, code) in
        [("", 400), ("discard=", 400), ("discard=x", 400), (&*format!("discard={}", ids[1]), 404)]
    {
        assert_eq!(visitor.ask("POST", TRASH, &form, wrong).code(), code, "{wrong}");
    }
    let long = visitor.ask("POST", TRASH, &form, &"x".repeat(300));
    assert_eq!(long.code(), 413);
    for (method, target) in [("POST", TRASH), ("POST", UNDO), ("DELETE", TRASH)] {
        let answer = visitor.ask(method, target, "Origin: http://evil.example\r\n", "discard=all");
        assert_eq!(answer.code(), 403, "{method} {target}: a page of another site");
    }
}

#[test]
fn json_is_for_programs() {
    let wharf = Wharf::serve(&EDIT);
    for (target, fields, kind) in [
        (TRASH, "", "application/json"),
        (TRASH, "Accept: */*\r\n", "application/json"),
        (TRASH, BROWSER, "text/html; charset=utf-8"),
        ("/.wharf/trash?json", BROWSER, "application/json"),
    ] {
        let answer = wharf.ask("GET", target, fields, b"");
        assert_eq!(answer.field("Content-Type"), kind, "{target} {fields}");
        assert_eq!(answer.field("Vary"), "Accept", "{target} {fields}");
    }
    assert_eq!(wharf.ask("GET", TRASH, "", b"").text(), "{\"items\":[],\"more\":false}\n");
    assert_eq!(wharf.ask("HEAD", TRASH, "", b"").code(), 200);
}

#[test]
fn a_page_has_a_hundred_entries() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--no-sync"]].concat());
    let mut visitor = Visitor::new(&wharf);
    for number in 0..103 {
        wharf.write(&format!("{number:03}"), "x");
        visitor.does("DELETE", &format!("/{number:03}"), "", 204);
    }
    let first = visitor.ask("GET", TRASH, BROWSER, "").text();
    assert!(first.contains("/102<") && first.contains("/003<") && !first.contains("/002<"), "{first}");
    let last = text(&visitor.entries()[99]["id"]);
    assert!(first.contains(&format!("name=\"before\" value=\"{last}\"")), "{first}");
    let next = visitor.ask("GET", &format!("{TRASH}?before={last}"), BROWSER, "").text();
    assert!(next.contains("/002<") && !next.contains("/003<") && !next.contains("Older entries"), "{next}");
}
