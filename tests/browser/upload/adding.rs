//! The button for adding, and what is pasted.

use std::path::Path;

use serde_json::json;

use super::super::accessibility::is_for_everybody;
use super::super::changes::{EDIT, enter};
use super::super::driver::{Browser, stage};
use super::{given, is_told, lines};
use crate::common::{Wharf, eventually};

/// Keys without a character (W3C WebDriver 2 §17.4.2).
const ENTER: char = '\u{e007}';
const DOWN: char = '\u{e015}';
const UP: char = '\u{e013}';
const ESCAPE: char = '\u{e00c}';

const HOSTILE: &str = "<img src=x onerror=alert(1)>.txt";

/// Pastes files, as names, types and contents, and a text into what has the focus.
pub(in crate::browser) fn paste(browser: &Browser, files: &[(&str, &str, &str)], text: &str) {
    let script = "const data = new DataTransfer();
        for (const [name, type, content] of arguments[0]) data.items.add(new File([content], name, {type}));
        if (arguments[1]) data.setData('text/plain', arguments[1]);
        document.activeElement.dispatchEvent(
            new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true}))";
    browser.js_with(script, &json!([files, text]));
}

/// The focused item of the menu.
fn focused_is(browser: &Browser, text: &str) {
    browser.until(&format!("document.activeElement.textContent === '{text}'"));
}

#[test]
fn the_menu_works_with_the_keyboard() {
    let Some((wharf, browser)) = stage(&EDIT, |_| {}) else { return };
    browser.js("document.querySelector('#add').focus()");
    browser.key(ENTER);
    focused_is(&browser, "Files");
    is_for_everybody(&browser, "adding");
    browser.key(UP);
    focused_is(&browser, "New folder");
    browser.key(DOWN);
    focused_is(&browser, "Files");
    browser.key(DOWN);
    focused_is(&browser, "Folder");
    browser.key(ESCAPE);
    browser.until("document.activeElement.id === 'add' && !document.querySelector(':popover-open')");
    browser.key(ENTER);
    focused_is(&browser, "Files");
    for _ in 0..2 {
        browser.key(DOWN);
    }
    focused_is(&browser, "New text file");
    browser.key(ENTER);
    browser.until("document.activeElement.value === 'New text file.txt'");
    browser.key(ENTER);
    browser.until("document.activeElement.pathname === '/New%20text%20file.txt'");
    assert_eq!(wharf.read("New text file.txt"), b"");
}

/// A name that is taken is not replaced; a hostile one is text.
#[test]
fn a_text_file_is_created() {
    let fill = |wharf: &Wharf| {
        wharf.write("a.txt", "old");
    };
    let Some((wharf, browser)) = stage(&["--allow", "everyone=view,add"], fill) else { return };
    let create = |name: &str| {
        browser.press("Add");
        browser.press("New text file");
        enter(&browser, name);
    };
    create("a.txt");
    browser.until(
        "document.querySelector('.change .failed')?.textContent.startsWith('A file of that name exists')",
    );
    assert_eq!(wharf.read("a.txt"), b"old");
    browser.press("Cancel");
    create(HOSTILE);
    browser.until(&format!("document.activeElement.textContent === {}", json!(HOSTILE)));
    assert_eq!(wharf.read(HOSTILE), b"");
    assert_eq!(browser.complaints().iter().filter(|line| !line.contains(" 409 ")).count(), 0);
}

/// Only touch devices offer the camera. Its pictures get a name with the time.
#[test]
fn a_picture_is_taken_on_touch_devices() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let (_place, paths) = given(&[("image.jpg", b"picture")]);
    let offers =
        || browser.js("return getComputedStyle(document.querySelector('#take-picture')).display !== 'none'");
    assert_eq!(offers(), false);
    browser.show_as(false, true);
    browser.devtools("Emulation.setTouchEmulationEnabled", &json!({"enabled": true}));
    browser.until("matchMedia('(pointer: coarse)').matches");
    assert_eq!(offers(), true);
    browser.click("#add");
    is_for_everybody(&browser, "adding-touch");
    let small = "return [...document.querySelectorAll('#adding button')].filter((item) => item.offsetHeight && item.offsetHeight < 44).length";
    assert_eq!(browser.js(small), 0);
    browser.type_into("#give input[capture]", &lines(&paths));
    is_told(&browser, "1 uploaded");
    let tree = wharf.tree();
    assert!(
        tree.len() == 1
            && tree[0].starts_with("picture 20")
            && Path::new(&tree[0]).extension().is_some_and(|ending| ending == "jpg"),
        "{tree:?}"
    );
}

#[test]
fn pasted_files_and_pictures_are_uploaded() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    paste(&browser, &[("a.txt", "text/plain", "one"), ("b <i>.png", "image/png", "two")], "");
    is_told(&browser, "2 uploaded");
    assert_eq!((wharf.read("a.txt"), wharf.read("b <i>.png")), (b"one".to_vec(), b"two".to_vec()));
    // Two pictures in one second do not get the same name.
    browser.js("Object.defineProperty(Intl.DateTimeFormat.prototype, 'format', {get: () => () => '2026-11-30 14:03:22'})");
    for count in 3..=4 {
        paste(&browser, &[("image.png", "image/png", "picture")], "");
        is_told(&browser, &format!("{count} uploaded"));
    }
    let tree = wharf.tree();
    let pasted: Vec<_> = tree.iter().filter(|name| name.starts_with("pasted ")).collect();
    assert_eq!(pasted, ["pasted 2026-11-30 14.03.22 (1).png", "pasted 2026-11-30 14.03.22.png"]);
}

/// Text is saved under a name that the user chooses; a paste into a field or a dialog is not for the folder.
#[test]
fn pasted_text_becomes_a_file() {
    let fill = |wharf: &Wharf| {
        wharf.write("notes.txt", "old");
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    browser.js("document.querySelector('#filter').focus()");
    paste(&browser, &[], "not for the folder");
    browser.js("document.activeElement.blur()");
    paste(&browser, &[], "<script>alert(1)</script>\ntwo lines");
    browser.until("document.activeElement.value?.startsWith('pasted 20')");
    is_for_everybody(&browser, "pasted");
    paste(&browser, &[("a.txt", "text/plain", "not this")], "");
    enter(&browser, "notes.txt");
    browser.until("document.querySelector('dialog h2')?.textContent === 'notes.txt already exists'");
    browser.press("Keep both");
    is_told(&browser, "1 uploaded");
    assert_eq!(wharf.tree(), ["notes (1).txt", "notes.txt"]);
    assert_eq!(wharf.read("notes (1).txt"), b"<script>alert(1)</script>\ntwo lines");
}

/// Whoever may only look has neither the menu nor the paste.
#[test]
fn a_read_only_page_takes_nothing_that_is_pasted() {
    let Some((wharf, browser)) = stage(&["--read-only"], |_| {}) else { return };
    assert_eq!(browser.js("return document.querySelector('#add, #adding')"), json!(null));
    paste(&browser, &[("a.txt", "text/plain", "x")], "text");
    assert_eq!(browser.js("return document.querySelector('dialog, #uploads')"), json!(null));
    assert!(!wharf.settled_log().contains("PUT"));
}

/// The server is gone: the page says so, and creates nothing later.
#[test]
fn a_text_file_is_not_created_without_the_server() {
    let Some((wharf, browser)) = stage(&EDIT, |_| {}) else { return };
    browser.press("Add");
    browser.press("New text file");
    browser.until("document.querySelector('.change[open] input')");
    let port = wharf.address().port().to_string();
    let place = wharf.kill();
    enter(&browser, "new.txt");
    browser.until("document.querySelector('.change .failed').textContent === 'The server does not respond.'");
    let wharf = Wharf::serve_in(place, &["--port", &port, "--allow", "everyone=edit"]);
    assert!(wharf.tree().is_empty());
    browser.click(".change form button");
    eventually("it is created once", || wharf.tree() == ["new.txt"]);
}

/// Names that begin with a dot are sent if the server takes them.
#[test]
fn hidden_files_are_sent_if_the_server_has_them() {
    let Some((wharf, browser)) = stage(&["--hidden"], |_| {}) else { return };
    let (_place, paths) = given(&[(".profile", b"x")]);
    browser.type_into("#give input", &lines(&paths));
    is_told(&browser, "1 uploaded");
    assert_eq!(wharf.read(".profile"), b"x");
}
