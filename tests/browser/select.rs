//! Rows are selected with the mouse, the keyboard and a finger; and what is selected is downloaded, moved, copied and deleted.

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::changes::{DELETE, EDIT, ESCAPE, HOSTILE, fill, focus, has_focus, is_told, keep_message, shows};
use super::driver::{Browser, stage};
use crate::common::eventually;

/// Keys without a character (W3C WebDriver 2 §17.4.2).
const SHIFT: char = '\u{e008}';
const CONTROL: char = '\u{e009}';
const DOWN: char = '\u{e015}';
const RIGHT: char = '\u{e014}';
const ENTER: char = '\u{e007}';
const F10: char = '\u{e03a}';

/// Selects these rows with their checkboxes, or not any more.
pub(super) fn pick(browser: &Browser, hrefs: &[&str]) {
    for href in hrefs {
        let label = format!("#files td:has(> a[href=\"./{href}\"]) .pick");
        browser.until(&format!("document.querySelector({})", json!(label)));
        browser.click(&label);
    }
}

/// Clicks the link of a row while these keys are held, as `shiftKey`.
fn click_with(browser: &Browser, href: &str, keys: &str) {
    let click = "document.querySelector(`#files a[href=\"./${arguments[0]}\"]`).dispatchEvent(
        new MouseEvent('click', {bubbles: true, cancelable: true, [arguments[1]]: true}))";
    browser.js_with(click, &json!([href, keys]));
}

/// Waits until the bar says this.
#[track_caller]
pub(super) fn says(browser: &Browser, text: &str) {
    browser.until(&format!("document.querySelector('#bar p').textContent === {}", json!(text)));
}

/// Waits until the bar is gone.
#[track_caller]
pub(super) fn has_no_selection(browser: &Browser) {
    browser.until("document.querySelector('#bar').hidden && !document.querySelector('#files .picked')");
}

/// Presses a button of the bar.
pub(super) fn press_in_bar(browser: &Browser, text: &str) {
    let find = format!(
        "[...document.querySelectorAll('#bar button')].find((one) => one.textContent === {})",
        json!(text)
    );
    browser.until(&format!("{find}?.offsetParent"));
    browser.js(&format!("{find}.click()"));
}

/// The buttons of the bar.
fn offered(browser: &Browser) -> serde_json::Value {
    browser.js("return [...document.querySelectorAll('#bar button')].filter((one) => one.offsetParent).map((one) => one.textContent)")
}

#[test]
fn rows_are_selected_with_the_mouse() {
    let Some((_wharf, browser)) = stage(&EDIT, fill) else { return };
    pick(&browser, &["a.txt"]);
    says(&browser, "1 selected, 5 B");
    assert_eq!(offered(&browser), json!(["Download", "Move", "Copy", "Delete", "×"]));
    // A range, with Shift, and one more, with Control; neither opens a preview.
    click_with(&browser, "other/?list", "shiftKey");
    says(&browser, "4 selected, 37 B");
    click_with(&browser, "b.txt", "ctrlKey");
    says(&browser, "5 selected, 42 B");
    click_with(&browser, "sub/?list", "metaKey");
    says(&browser, "4 selected, 42 B");
    assert_eq!(browser.js("return document.querySelector('dialog')"), json!(null));
    assert_eq!(browser.js("return document.querySelector('th .pick input').indeterminate"), true);
    is_for_everybody(&browser, "selected");
    browser.click("th .pick");
    says(&browser, "5 selected, 42 B");
    assert_eq!(browser.js("return document.querySelector('th .pick input').indeterminate"), false);
    browser.click("th .pick");
    has_no_selection(&browser);
    // In the grid, too.
    browser.js("document.querySelector('.views [name=view]').click()");
    browser.until("document.querySelector('table.grid .pick')");
    pick(&browser, &["a.txt", "sub/?list&view=grid"]);
    says(&browser, "2 selected, 5 B");
    is_for_everybody(&browser, "selected-grid");
    browser.press("×");
    has_no_selection(&browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_keyboard_alone_selects_and_deletes() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    browser.until("document.querySelectorAll('#files .pick').length === 6");
    focus(&browser, "a.txt");
    browser.key(' ');
    browser.chord(&[SHIFT, DOWN]);
    says(&browser, "2 selected, 10 B");
    has_focus(&browser, "b.txt");
    browser.key(ESCAPE);
    has_no_selection(&browser);
    browser.chord(&[CONTROL, 'a']);
    says(&browser, "5 selected, 42 B");
    browser.key(ESCAPE);
    focus(&browser, "a.txt");
    browser.chord(&[SHIFT, DOWN]);
    // From the row to the bar, and along it.
    browser.chord(&[SHIFT, F10]);
    browser.until("document.activeElement.textContent === 'Download'");
    for name in ["Move", "Copy", "Delete"] {
        browser.key(RIGHT);
        browser.until(&format!("document.activeElement.textContent === '{name}'"));
    }
    browser.key(ENTER);
    is_told(&browser, "Deleted 2 things.");
    has_no_selection(&browser);
    shows(&browser, &["other", "sub", HOSTILE]);
    keep_message(&browser);
    is_for_everybody(&browser, "deleted-many");
    browser.press("Undo");
    is_told(&browser, "Restored 2 things.");
    shows(&browser, &["other", "sub", HOSTILE, "a.txt", "b.txt"]);
    // The key deletes all that is selected if it is pressed in one of these rows.
    focus(&browser, "a.txt");
    browser.chord(&[SHIFT, DOWN]);
    browser.key(DELETE);
    is_told(&browser, "Deleted 2 things.");
    eventually("both are gone", || {
        !wharf.folder().join("a.txt").exists() && !wharf.folder().join("b.txt").exists()
    });
    // In a field, the keys are for the text.
    browser.js("document.querySelector('#filter').focus()");
    browser.chord(&[CONTROL, 'a']);
    browser.key('?');
    assert_eq!(
        browser.js("return document.querySelector('#bar').hidden && !document.querySelector('dialog')"),
        true
    );
}

#[test]
fn a_long_press_selects_and_then_taps_do() {
    let Some((_wharf, browser)) = stage(&EDIT, fill) else { return };
    browser.until("document.querySelectorAll('#files .pick').length === 6");
    let touch = |kind: &str, href: &str| {
        let place = "const {left, top} = document.querySelector(`#files a[href=\"./${arguments[0]}\"] bdi`).getBoundingClientRect(); return [left + 5, top + 5]";
        let place = browser.js_with(place, &json!([href]));
        let points = if kind == "touchStart" { json!([{"x": place[0], "y": place[1]}]) } else { json!([]) };
        browser.devtools("Input.dispatchTouchEvent", &json!({"type": kind, "touchPoints": points}));
    };
    touch("touchStart", "a.txt");
    says(&browser, "1 selected, 5 B");
    touch("touchEnd", "a.txt");
    touch("touchStart", "b.txt");
    touch("touchEnd", "b.txt");
    says(&browser, "2 selected, 10 B");
    assert_eq!(browser.js("return document.querySelector('dialog')"), json!(null), "nothing was opened");
    for href in ["b.txt", "a.txt"] {
        touch("touchStart", href);
        touch("touchEnd", href);
    }
    has_no_selection(&browser);
    touch("touchStart", "a.txt");
    touch("touchEnd", "a.txt");
    browser.until("document.querySelector('#preview[open]')");
}

#[test]
fn the_selection_survives_a_refresh_and_a_filter() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    pick(&browser, &["a.txt", "b.txt", "sub/?list"]);
    says(&browser, "3 selected, 10 B");
    wharf.write("new.txt", "new");
    browser.js("window.dispatchEvent(new Event('focus'))");
    shows(&browser, &["other", "sub", HOSTILE, "a.txt", "b.txt", "new.txt"]);
    browser.until("document.querySelectorAll('#files .picked input:checked').length === 3");
    says(&browser, "3 selected, 10 B");
    // What the filter hides is not acted on.
    browser.type_into("#filter", "b.t");
    says(&browser, "1 selected, 5 B; 2 more hidden by the filter");
    is_for_everybody(&browser, "selected-filtered");
    browser.press("Delete");
    is_told(&browser, "Deleted “b.txt”.");
    eventually("it is gone", || !wharf.folder().join("b.txt").exists());
    assert!(wharf.folder().join("a.txt").exists() && wharf.folder().join("sub").exists());
    browser.js("const field = document.querySelector('#filter'); field.value = ''; field.dispatchEvent(new Event('input', {bubbles: true}))");
    says(&browser, "2 selected, 5 B");
    // What another client has removed is not selected any more.
    std::fs::remove_file(wharf.folder().join("a.txt")).expect("removed");
    browser.js("window.dispatchEvent(new Event('focus'))");
    says(&browser, "1 selected");
}

/// Chooses a folder in the dialog.
pub(super) fn choose(browser: &Browser, folder: &str, verb: &str) {
    let row = "[...document.querySelectorAll('.change li button')].find((row) => row.textContent === {})";
    browser.until(&row.replace("{}", &json!(folder).to_string()));
    browser.press(folder);
    browser.until("!document.querySelector('.change form > .row button').disabled");
    browser.press(verb);
}

#[test]
fn several_things_move_and_are_copied() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    let hostile = "%3Cimg%20src=x%20onerror=alert(1)%3E.txt";
    pick(&browser, &["a.txt", hostile, "sub/?list"]);
    browser.press("Copy");
    browser.until("document.querySelector('.change h2')?.textContent === 'Copy 3 things'");
    browser.until("document.querySelector('.change li')");
    is_for_everybody(&browser, "copy-many");
    assert_eq!(browser.js("return document.querySelectorAll('.change li').length"), 1, "sub is not offered");
    choose(&browser, "other", "Copy here");
    is_told(&browser, "Copied 3 things to “other”.");
    assert_eq!(wharf.read("other/sub/c.txt"), wharf.read("sub/c.txt"));
    assert_eq!(wharf.read(&format!("other/{HOSTILE}")), HOSTILE.as_bytes());
    keep_message(&browser);
    browser.press("Undo");
    is_told(&browser, "3 copies are gone again.");
    assert!(!wharf.folder().join("other/a.txt").exists() && wharf.folder().join("a.txt").exists());
    // The same things are still selected.
    says(&browser, &format!("3 selected, {} B", 5 + HOSTILE.len()));
    browser.press("Move");
    choose(&browser, "other", "Move here");
    is_told(&browser, "Moved 3 things to “other”.");
    has_no_selection(&browser);
    shows(&browser, &["other", "b.txt"]);
    keep_message(&browser);
    browser.press("Undo");
    is_told(&browser, "3 things are back.");
    shows(&browser, &["other", "sub", HOSTILE, "a.txt", "b.txt"]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_selection_is_downloaded_as_a_zip() {
    let Some((wharf, browser)) = stage(&["--allow", "everyone=view"], fill) else { return };
    pick(&browser, &["a.txt", "sub/?list"]);
    assert_eq!(offered(&browser), json!(["Download", "×"]));
    browser.press("Download");
    let line = "\"GET /?zip&name=sub&name=a.txt HTTP/1.1\" 200 ";
    eventually(line, || wharf.log().contains(line));
    // More names than fit into a link are posted.
    for number in 0..60 {
        wharf.write(&format!("a rather long name of a file, which is the number {number}.txt"), "x");
    }
    browser.js("window.dispatchEvent(new Event('focus'))");
    browser.until("document.querySelectorAll('#files td .pick').length === 65");
    browser.chord(&[CONTROL, 'a']);
    browser.press("Download");
    let line = "\"POST /?zip HTTP/1.1\" 200 ";
    eventually(line, || wharf.log().contains(line));
    // A name that is gone meanwhile: the page says so.
    browser.key(ESCAPE);
    pick(&browser, &["a.txt", "b.txt"]);
    std::fs::remove_file(wharf.folder().join("b.txt")).expect("removed");
    browser.press("Download");
    browser.until("document.querySelector('#toast p').textContent.includes('b.txt')");
}

#[test]
fn without_a_trash_the_page_asks_about_all() {
    let Some((wharf, browser)) = stage(&[&EDIT[..], &["--trash", "off"]].concat(), fill) else { return };
    pick(&browser, &["a.txt", "b.txt"]);
    browser.press("Delete");
    browser.until("document.querySelector('.change h2')?.textContent === 'Delete 2 things for good?'");
    is_for_everybody(&browser, "delete-many-for-good");
    browser.key(ESCAPE);
    browser.until("!document.querySelector('dialog')");
    assert!(wharf.folder().join("a.txt").exists());
    press_in_bar(&browser, "Delete");
    browser.until("document.querySelector('.change[open]')");
    browser.click(".change form button");
    is_told(&browser, "Deleted 2 things.");
    assert_eq!(browser.js("return document.querySelector('#toast button').hidden"), true);
    shows(&browser, &["other", "sub", HOSTILE]);
}
