//! Entries of the folder are renamed, moved, deleted and restored on its page; and the page of the trash.

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::driver::{Browser, stage};
use crate::common::{Wharf, eventually};

/// Everybody may do everything.
pub(super) const EDIT: [&str; 2] = ["--allow", "everyone=edit,chat"];

/// Keys without a character (W3C WebDriver 2 §17.4.2).
const F2: char = '\u{e032}';
pub(super) const DELETE: char = '\u{e017}';
const ENTER: char = '\u{e007}';
pub(super) const ESCAPE: char = '\u{e00c}';

/// A name that would do harm as markup.
pub(super) const HOSTILE: &str = "<img src=x onerror=alert(1)>.txt";

pub(super) fn fill(wharf: &Wharf) {
    for name in ["a.txt", "b.txt", "sub/c.txt", "other/deep/d.txt", HOSTILE] {
        wharf.write(name, name);
    }
}

/// Focuses the link of a row, once it is there.
pub(super) fn focus(browser: &Browser, href: &str) {
    let link = format!("document.querySelector('#files a[href=\"./{href}\"]')");
    browser.until(&link);
    browser.js(&format!("{link}.focus()"));
}

/// Opens the menu of a row.
pub(super) fn open_menu(browser: &Browser, href: &str) {
    browser.until(&format!("document.querySelector('#files td:has(> a[href=\"./{href}\"]) .more')"));
    browser.click(&format!("#files td:has(> a[href=\"./{href}\"]) .more"));
    browser.until("document.querySelector('#menu:popover-open')");
}

/// Enters this text in the dialog, and sends it.
pub(super) fn enter(browser: &Browser, text: &str) {
    browser.until("document.querySelector('.change[open] input')");
    let script = "const field = document.querySelector('.change input'); field.value = arguments[0]; \
                  field.dispatchEvent(new Event('input'))";
    browser.js_with(script, &json!([text]));
    browser.click(".change form button");
}

#[track_caller]
pub(super) fn is_told(browser: &Browser, text: &str) {
    browser.until(&format!("document.querySelector('#toast p').textContent === {}", json!(text)));
}

/// Moves the focus into the message, which stays as long as the focus is there, however slow the machine is.
pub(super) fn keep_message(browser: &Browser) {
    browser.js("document.querySelector('#toast button').focus()");
}

/// Waits until the focus is on the link of this row.
#[track_caller]
pub(super) fn has_focus(browser: &Browser, href: &str) {
    browser.until(&format!("document.activeElement.getAttribute('href') === './{href}'"));
}

/// Waits until the page shows these names.
#[track_caller]
pub(super) fn shows(browser: &Browser, names: &[&str]) {
    eventually(&format!("{names:?}"), || browser.names() == names);
}

#[test]
fn names_change_and_change_back() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    let hostile = "%3Cimg%20src=x%20onerror=alert(1)%3E.txt";
    // With the keyboard alone.
    focus(&browser, hostile);
    browser.key(F2);
    browser.until("document.activeElement.matches('.change input')");
    assert_eq!(
        browser.js("const field = document.activeElement; return [field.value, field.selectionEnd]"),
        json!([HOSTILE, HOSTILE.len() - 4])
    );
    is_for_everybody(&browser, "rename");
    browser.key(ESCAPE);
    browser.until("!document.querySelector('dialog[open]')");
    has_focus(&browser, hostile);
    browser.key(F2);
    enter(&browser, "a.txt");
    browser.until("document.querySelector('.change .failed').textContent.includes('exists already')");
    is_for_everybody(&browser, "not-renamed");
    for wrong in ["..", "x/y", ""] {
        enter(&browser, wrong);
        assert_eq!(
            browser.js("return document.querySelector('.change form').checkValidity()"),
            false,
            "{wrong}"
        );
    }
    enter(&browser, "50% & <b>.txt");
    is_told(&browser, &format!("Renamed “{HOSTILE}” to “50% & <b>.txt”."));
    has_focus(&browser, "50%25%20&%20%3Cb%3E.txt");
    assert_eq!(wharf.read("50% & <b>.txt"), HOSTILE.as_bytes());
    keep_message(&browser);
    is_for_everybody(&browser, "renamed");
    browser.press("Undo");
    is_told(&browser, &format!("“{HOSTILE}” is back."));
    has_focus(&browser, hostile);
    // A directory, with the menu.
    open_menu(&browser, "sub/?list");
    is_for_everybody(&browser, "menu");
    browser.press("Rename");
    enter(&browser, "süb");
    is_told(&browser, "Renamed “sub” to “süb”.");
    browser.until("document.activeElement.pathname === '/s%C3%BCb/'");
    // Ctrl+Z is Undo.
    browser.js(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'z', ctrlKey: true, bubbles: true}))",
    );
    is_told(&browser, "“sub” is back.");
    assert_eq!(wharf.read("sub/c.txt"), b"sub/c.txt");
    assert_eq!(browser.complaints().iter().filter(|text| !text.contains("412")).count(), 0);
}

#[test]
fn things_move_and_move_back() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    open_menu(&browser, "sub/?list");
    browser.press("Move");
    let folders = "[...document.querySelectorAll('.change li')].map((row) => row.textContent).join()";
    browser.until(&format!("{folders} === 'other'"));
    assert_eq!(browser.js("return document.querySelector('.change form > .row button').disabled"), true);
    browser.press("other");
    browser.until(&format!("{folders} === '↑ Up,deep'"));
    browser.press("deep");
    browser.until(&format!("{folders} === '↑ Up'"));
    assert_eq!(browser.text(".change .place"), "To: Files / other / deep");
    is_for_everybody(&browser, "move");
    browser.press("Move here");
    is_told(&browser, "Moved “sub” to “deep”.");
    shows(&browser, &["other", HOSTILE, "a.txt", "b.txt"]);
    assert_eq!(wharf.read("other/deep/sub/c.txt"), b"sub/c.txt");
    browser.press("Undo");
    is_told(&browser, "“sub” is back.");
    has_focus(&browser, "sub/?list");
    // Upwards, to a place where the name is taken.
    wharf.write("other/a.txt", "another");
    browser.go(&wharf.url("/other/?list"));
    open_menu(&browser, "a.txt");
    browser.press("Move");
    browser.press("↑ Up");
    browser.until("document.querySelector('.change .place').textContent === 'To: Files'");
    browser.press("Move here");
    browser.until("document.querySelector('.change .failed').textContent.includes('exists already')");
    assert_eq!((wharf.read("a.txt"), wharf.read("other/a.txt")), (b"a.txt".to_vec(), b"another".to_vec()));
}

#[test]
fn what_is_deleted_comes_back() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    for (href, name) in [("sub/?list", "sub"), ("a.txt", "a.txt")] {
        focus(&browser, href);
        browser.key(DELETE);
        is_told(&browser, &format!("Deleted “{name}”."));
        eventually("it is gone", || !wharf.folder().join(name).exists());
        browser.until(&format!("!document.querySelector('#files a[href=\"./{href}\"]')"));
    }
    // The next row has the focus.
    has_focus(&browser, "b.txt");
    keep_message(&browser);
    is_for_everybody(&browser, "deleted");
    browser.press("Undo");
    is_told(&browser, "Restored “a.txt”.");
    has_focus(&browser, "a.txt");
    assert_eq!(wharf.read("a.txt"), b"a.txt");
    // The folder is still in the trash. An empty file is not kept, so there is nothing to undo.
    wharf.write("empty", "");
    browser.js("window.dispatchEvent(new Event('focus'))");
    open_menu(&browser, "empty");
    browser.press("Delete");
    is_told(&browser, "Deleted “empty”.");
    assert_eq!(browser.js("return document.querySelector('#toast button').hidden"), true);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn without_a_trash_the_page_asks() {
    let Some((wharf, browser)) = stage(&[&EDIT[..], &["--trash", "off"]].concat(), fill) else { return };
    focus(&browser, "a.txt");
    browser.key(DELETE);
    browser.until("document.querySelector('.change[open]')");
    assert!(browser.text(".change").contains("Delete “a.txt” for good?"));
    is_for_everybody(&browser, "delete-for-good");
    browser.key(ESCAPE);
    browser.until("!document.querySelector('dialog')");
    assert!(wharf.folder().join("a.txt").exists());
    browser.key(DELETE);
    browser.until("document.querySelector('.change[open]')");
    browser.click(".change form button");
    is_told(&browser, "Deleted “a.txt”.");
    shows(&browser, &["other", "sub", HOSTILE, "b.txt"]);
    assert_eq!(browser.js("return document.querySelector('#toast button').hidden"), true);
    assert!(!browser.js("return document.body.innerText").as_str().expect("text").contains("Trash"));
}

#[test]
fn a_folder_is_created() {
    // Visitors who may only add files can do nothing else.
    let Some((wharf, browser)) = stage(&["--allow", "everyone=view,add"], fill) else { return };
    browser.press("Add");
    browser.press("New folder");
    enter(&browser, "a.txt");
    browser.until("document.querySelector('.change .failed').textContent.startsWith('A file or directory of that name exists')");
    browser.js("document.querySelector('.change input').value = 'neu & <b>'");
    browser.js("document.querySelector('.change input').focus()");
    browser.key(ENTER);
    is_told(&browser, "Created “neu & <b>”.");
    browser.until("document.activeElement.pathname === '/neu%20&%20%3Cb%3E/'");
    assert!(wharf.folder().join("neu & <b>").is_dir());
    open_menu(&browser, "b.txt");
    let items = "return [...document.querySelectorAll('#menu button')].map((item) => item.textContent)";
    assert_eq!(browser.js(items), json!(["Download", "Copy link", "QR code", "Copy", "Details"]));
    browser.key(ESCAPE);
    focus(&browser, "b.txt");
    browser.key(DELETE);
    browser.key(F2);
    assert_eq!(browser.js("return document.querySelector('dialog')"), json!(null));
    assert!(wharf.folder().join("b.txt").exists());
    // In an empty folder, the toolbar has only this button.
    browser.go(&wharf.url("/neu%20&%20%3Cb%3E/?list"));
    browser.press("Add");
    browser.press("New folder");
    enter(&browser, "below");
    shows(&browser, &["below"]);
}

#[test]
fn visitors_without_the_rights_see_none_of_it() {
    for flags in [&["--allow", "everyone=view,chat"][..], &[&EDIT[..], &["--read-only"]].concat()] {
        let Some((wharf, browser)) = stage(flags, fill) else { return };
        browser.until("document.querySelector('#files tbody')");
        let page = wharf.ask("GET", "/?list", "", b"").text();
        for part in ["new-folder", "Trash", "data-may", "/change."] {
            assert!(!page.contains(part), "{part}: {page}");
        }
        focus(&browser, "a.txt");
        browser.key(DELETE);
        browser.key(F2);
        assert_eq!(browser.js("return document.querySelector('dialog')"), json!(null));
        assert!(wharf.folder().join("a.txt").exists());
    }
    // The menus are only where rules give the rights.
    let rules = ["--allow", "everyone=view", "--allow", "everyone=edit@sub"];
    let Some((wharf, browser)) = stage(&rules, fill) else { return };
    assert_eq!(browser.js("return document.querySelector('#new-folder')"), json!(null));
    browser.go(&wharf.url("/sub/?list"));
    focus(&browser, "c.txt");
    browser.key(DELETE);
    is_told(&browser, "Deleted “c.txt”.");
    browser.press("Undo");
    has_focus(&browser, "c.txt");
    // A move to where one may not add anything says so.
    open_menu(&browser, "c.txt");
    browser.press("Move");
    browser.press("↑ Up");
    browser.until("document.querySelector('.change .place').textContent === 'To: Files'");
    browser.press("Move here");
    browser.until("document.querySelector('.change .failed').textContent.length > 10");
    assert!(wharf.folder().join("sub/c.txt").exists());
}

#[test]
fn two_windows_change_the_folder_at_once() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    let Some(other) = Browser::open() else { return };
    other.go(&wharf.url("/?list"));
    other.until("document.querySelector('.more')");
    // The other browser asks for a name meanwhile.
    focus(&other, "a.txt");
    other.key(F2);
    other.until("document.activeElement.matches('.change input')");
    focus(&browser, "a.txt");
    browser.key(DELETE);
    is_told(&browser, "Deleted “a.txt”.");
    enter(&other, "mine.txt");
    other.until("document.querySelector('.change .failed').textContent === 'There is nothing of that name.'");
    other.key(ESCAPE);
    shows(&other, &["other", "sub", HOSTILE, "b.txt"]);
    // Another tab of the first browser shows the change immediately, and its deletions do not change what Undo
    // restores.
    let (old, new) = browser.new_tab();
    browser.go(&wharf.url("/?list"));
    focus(&browser, "b.txt");
    browser.key(DELETE);
    is_told(&browser, "Deleted “b.txt”.");
    browser.turn_to(&old);
    shows(&browser, &["other", "sub", HOSTILE]);
    browser.press("Undo");
    is_told(&browser, "Restored “a.txt”.");
    browser.turn_to(&new);
    shows(&browser, &["other", "sub", HOSTILE, "a.txt"]);
    browser.close_tab();
    browser.turn_to(&old);
    // A file that another client has saved there is not replaced: the undo of a move says so.
    focus(&browser, "a.txt");
    browser.key(F2);
    enter(&browser, "z.txt");
    is_told(&browser, "Renamed “a.txt” to “z.txt”.");
    wharf.write("a.txt", "of another");
    browser.press("Undo");
    browser.until("document.querySelector('#toast p').textContent.includes('exists already')");
    assert_eq!(wharf.read("a.txt"), b"of another");
}

#[test]
fn the_trash_restores_and_forgets() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    for (href, name) in [("a.txt", "a.txt"), ("b.txt", "b.txt"), ("sub/?list", "sub")] {
        focus(&browser, href);
        browser.key(DELETE);
        is_told(&browser, &format!("Deleted “{name}”."));
    }
    let paths = |expected: &[&str]| {
        let script = "return [...document.querySelectorAll('.trash strong')].map((path) => path.textContent)";
        eventually(&format!("{expected:?}"), || browser.js(script) == json!(expected));
    };
    browser.press("Trash");
    browser.until("document.querySelector('#trash')");
    paths(&["/sub/", "/b.txt", "/a.txt"]);
    browser.until("!document.querySelector('.trash').innerText.includes('UTC')");
    is_for_everybody(&browser, "trash");
    browser.click("[aria-label='Restore /sub/']");
    is_told(&browser, "Restored “sub”.");
    paths(&["/b.txt", "/a.txt"]);
    browser.until("document.activeElement.ariaLabel === 'Restore /b.txt'");
    assert_eq!(wharf.read("sub/c.txt"), b"sub/c.txt");
    browser.click("[aria-label='Delete for good: /b.txt']");
    browser.until("document.querySelector('.change[open]')");
    is_for_everybody(&browser, "trash-asks");
    browser.press("Cancel");
    browser.until("!document.querySelector('dialog')");
    browser.click("[aria-label='Delete for good: /b.txt']");
    browser.until("document.querySelector('.change[open]')");
    browser.click(".change form button");
    is_told(&browser, "Deleted “/b.txt” for good.");
    paths(&["/a.txt"]);
    browser.press("Empty the trash");
    browser.until("document.querySelector('.change[open]')");
    browser.click(".change form button");
    is_told(&browser, "The trash is empty.");
    browser.until("document.querySelector('#nothing') && document.activeElement.matches('h1')");
    is_for_everybody(&browser, "trash-empty");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // Without scripts, forms do the same.
    browser.go(&wharf.url("/other/?list"));
    focus(&browser, "deep/?list");
    browser.key(DELETE);
    is_told(&browser, "Deleted “deep”.");
    browser.without_script();
    browser.press("Trash");
    browser.until("document.querySelector('#trash li')");
    browser.click("[aria-label='Restore /other/deep/']");
    browser.until("document.querySelector('#nothing')");
    assert_eq!(wharf.read("other/deep/d.txt"), b"other/deep/d.txt");
}

#[cfg(feature = "accounts")]
mod with_accounts {
    use serde_json::{Value, json};

    use super::super::login::{IN, log_in, stage};
    use super::*;
    use crate::login::office::PASSWORD;

    const ENDED: &str =
        "document.querySelector('#gone')?.textContent.startsWith('You are no longer logged in.')";

    #[test]
    fn a_session_ends_in_between() {
        let Some((office, browser)) = stage(&[]) else { return };
        log_in(&browser, PASSWORD);
        browser.until(IN);
        office.wharf.write("b.txt", "b");
        office.wharf.write("c.txt", "c");
        browser.js("window.dispatchEvent(new Event('focus'))");
        focus(&browser, "b.txt");
        browser.key(DELETE);
        is_told(&browser, "Deleted “b.txt”.");
        browser.until("!document.querySelector('#files a[href=\"./b.txt\"]')");
        focus(&browser, "c.txt");
        browser.key(F2);
        browser.until("document.querySelector('.change[open]')");
        let elsewhere = office.log_in("anna");
        let end = || office.wharf.ask("POST", "/.wharf/sessions", &elsewhere, b"end=others").code();
        assert_eq!(end(), 303);
        enter(&browser, "d.txt");
        browser.until(&format!("!document.querySelector('dialog') && {ENDED}"));
        browser.press("Undo");
        is_for_everybody(&browser, "changes-logged-out");
        focus(&browser, "c.txt");
        browser.key(DELETE);
        browser.until(ENDED);
        assert!(
            office.wharf.folder().join("c.txt").exists() && !office.wharf.folder().join("b.txt").exists()
        );
        // The link leads to the login; then all of it works again.
        let (old, new) = browser.new_tab();
        browser.turn_to(&old);
        let login = browser.js("return document.querySelector('#gone a').href");
        browser.turn_to(&new);
        browser.go(login.as_str().expect("a link"));
        log_in(&browser, PASSWORD);
        browser.until(IN);
        browser.press("Trash");
        browser.until("document.querySelector('#trash li')");
        assert_eq!(end(), 303);
        browser.click("[aria-label='Restore /b.txt']");
        browser.until(ENDED);
        is_for_everybody(&browser, "trash-logged-out");
        assert!(!office.wharf.folder().join("b.txt").exists());
    }

    #[test]
    fn a_link_has_a_trash_of_its_own() {
        let Some((office, browser)) = stage(&[]) else { return };
        office.wharf.write("work/plan.txt", "a plan");
        office.wharf.write("work/done/old.txt", "old");
        let wanted = json!({"path": "/work", "for": "1h", "rights": "view,add,replace,remove"}).to_string();
        let made = office.wharf.ask("POST", "/.wharf/links", &office.log_in("anna"), wanted.as_bytes());
        let made: Value = serde_json::from_slice(&made.body).expect("JSON");
        browser.go(made["link"].as_str().expect("a link"));
        open_menu(&browser, "plan.txt");
        browser.press("Move");
        browser.press("done");
        browser.until("document.querySelector('.change .place').textContent === 'To: Files / done'");
        browser.press("Move here");
        is_told(&browser, "Moved “plan.txt” to “done”.");
        browser.press("Undo");
        is_told(&browser, "“plan.txt” is back.");
        focus(&browser, "plan.txt");
        browser.key(DELETE);
        is_told(&browser, "Deleted “plan.txt”.");
        browser.press("Trash");
        browser.until("document.querySelector('.trash strong')?.textContent === '/plan.txt'");
        browser.press("Restore");
        is_told(&browser, "Restored “plan.txt”.");
        assert_eq!(office.wharf.read("work/plan.txt"), b"a plan");
    }
}
