//! Names that exist: the page asks, and replaces nothing without an answer.

use std::fs;

use super::super::driver::stage;
use super::{given, is_told, lines};
use crate::common::Wharf;

#[test]
fn a_name_that_exists_is_asked_about() {
    let fill = |wharf: &Wharf| {
        for name in ["a.txt", "b.txt", "c.txt"] {
            wharf.write(name, "old");
        }
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let (_place, paths) =
        given(&[("a.txt", b"new a"), ("b.txt", b"new b"), ("c.txt", b"new c"), ("d.txt", b"new d")]);
    browser.type_into("#give input", &lines(&paths));
    for (name, answer) in [("a.txt", "Replace"), ("b.txt", "Keep both"), ("c.txt", "Skip")] {
        browser
            .until(&format!("document.querySelector('dialog h2')?.textContent === '{name} already exists'"));
        browser.press(answer);
    }
    is_told(&browser, "3 uploaded");
    let table =
        [("a.txt", "new a"), ("b.txt", "old"), ("b (1).txt", "new b"), ("c.txt", "old"), ("d.txt", "new d")];
    for (name, content) in table {
        assert_eq!(wharf.read(name), content.as_bytes(), "{name}");
    }
    assert_eq!(wharf.tree().len(), 5);
}

/// The question shows both sizes and times, and says if the contents are the same.
#[test]
fn the_question_compares_both_files() {
    let fill = |wharf: &Wharf| {
        for (name, content) in [("a.txt", "same"), ("b.txt", "five."), ("c.txt", "longer")] {
            wharf.write(name, content);
        }
        fs::create_dir(wharf.folder().join("d.txt")).expect("made");
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let (_place, paths) =
        given(&[("a.txt", b"same"), ("b.txt", b"FIVE."), ("c.txt", b"short"), ("d.txt", b"no folder")]);
    browser.type_into("#give input", &lines(&paths));
    let table = [
        ("a.txt", "4 B", "4 B", "Both have the same content. Replace it?"),
        ("b.txt", "5 B", "5 B", "Replace it?"),
        ("c.txt", "6 B", "5 B", "Replace it?"),
    ];
    for (name, there, here, verdict) in table {
        browser
            .until(&format!("document.querySelector('dialog h2')?.textContent === '{name} already exists'"));
        browser.until(&format!("document.querySelector('dialog p').textContent === '{verdict}'"));
        let facts = browser.text("dialog ul");
        let (first, second) = facts.split_once('\n').expect("two lines");
        assert!(first.starts_with(&format!("In the folder: {there}, 20")), "{facts}");
        assert!(second.starts_with(&format!("Your file: {here}, 20")), "{facts}");
        let focused = if verdict.starts_with("Both") { "Skip" } else { "Keep both" };
        assert_eq!(browser.js("return document.activeElement.textContent"), focused, "{name}");
        browser.press("Skip");
    }
    browser.until("document.querySelector('dialog p')?.textContent === 'It is a folder.'");
    assert!(!browser.text("dialog").contains("Replace"));
    browser.press("Keep both");
    is_told(&browser, "1 uploaded");
    assert_eq!(wharf.read("d (1).txt"), b"no folder");
}

/// Behind a proxy, visitors may add files only.
#[test]
fn what_may_not_be_replaced_is_kept() {
    let fill = |wharf: &Wharf| {
        for (name, content) in [("a.txt", "same"), ("b.txt", "old")] {
            wharf.write(name, content);
        }
    };
    let Some((wharf, browser)) = stage(&["--trust-proxy", "203.0.113.1"], fill) else { return };
    let (_place, paths) = given(&[("a.txt", b"same"), ("b.txt", b"new b")]);
    browser.type_into("#give input", &lines(&paths));
    let table = [
        ("a.txt", "Both have the same content. You cannot replace it.", "Skip"),
        ("b.txt", "You cannot replace it.", "Keep both"),
    ];
    for (name, verdict, answer) in table {
        browser
            .until(&format!("document.querySelector('dialog h2')?.textContent === '{name} already exists'"));
        browser.until(&format!("document.querySelector('dialog p').textContent === '{verdict}'"));
        assert!(!browser.text("dialog .row").contains("Replace"), "{name}");
        browser.press(answer);
    }
    is_told(&browser, "1 uploaded");
    assert_eq!((wharf.read("b.txt"), wharf.read("b (1).txt")), (b"old".to_vec(), b"new b".to_vec()));
}

/// The page knows the rights in its directory only.
#[test]
fn what_may_not_be_replaced_in_a_subdirectory_is_asked_about_again() {
    let fill = |wharf: &Wharf| {
        wharf.write("sub/a.txt", "old");
    };
    let rules = ["--allow", "everyone=write", "--allow", "everyone=view,add@/sub"];
    let Some((wharf, browser)) = stage(&rules, fill) else { return };
    let (place, _) = given(&[("sub/a.txt", b"new")]);
    browser.drop_files(&[&place.path().join("sub")]);
    browser.until("document.querySelector('dialog p')?.textContent === 'Replace it?'");
    browser.press("Replace");
    browser.until("document.querySelector('dialog p')?.textContent === 'You cannot replace it.'");
    assert!(!browser.text("dialog .row").contains("Replace"));
    browser.press("Keep both");
    is_told(&browser, "1 uploaded");
    assert_eq!((wharf.read("sub/a.txt"), wharf.read("sub/a (1).txt")), (b"old".to_vec(), b"new".to_vec()));
}

#[test]
fn one_answer_can_apply_to_all() {
    let fill = |wharf: &Wharf| {
        for name in ["a.txt", "b.txt"] {
            wharf.write(name, "old");
        }
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let (_place, paths) = given(&[("a.txt", b"new"), ("b.txt", b"new")]);
    browser.type_into("#give input", &lines(&paths));
    browser.click("dialog input");
    browser.press("Keep both");
    is_told(&browser, "2 uploaded");
    assert_eq!((wharf.read("a (1).txt"), wharf.read("b (1).txt")), (b"new".to_vec(), b"new".to_vec()));
    assert_eq!((wharf.read("a.txt"), wharf.read("b.txt")), (b"old".to_vec(), b"old".to_vec()));
}

#[test]
fn a_name_that_another_client_takes_meanwhile_is_never_replaced_unasked() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let (_place, paths) = given(&[("a.txt", b"new")]);
    // The page gets an empty listing, although the folder has files.
    browser.js("const real = fetch; window.fetch = async (...asked) => asked[1]?.headers?.Accept === 'application/json' ? new Response('{\"entries\":[]}') : real(...asked)");
    wharf.write("a.txt", "old");
    browser.type_into("#give input", &lines(&paths));
    browser.until("document.querySelector('dialog h2')?.textContent === 'a.txt already exists'");
    assert_eq!(wharf.read("a.txt"), b"old");
    browser.press("Replace");
    is_told(&browser, "1 uploaded");
    assert_eq!(wharf.read("a.txt"), b"new");
}
