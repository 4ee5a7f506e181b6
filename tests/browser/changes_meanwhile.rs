//! Changes on the page of a folder that has changed meanwhile: in another window, or because a session has ended. And a new
//! folder that is undone.

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::changes::{
    DELETE, EDIT, ESCAPE, HOSTILE, enter, fill, focus, is_told, keep_message, open_menu, shows,
};
use super::driver::{Browser, stage};

/// Waits until the open dialog shows this error.
#[track_caller]
fn is_refused(browser: &Browser, text: &str) {
    browser.until(&format!("document.querySelector('.change .failed')?.textContent === {}", json!(text)));
}

/// Opens the dialog that moves this file, and chooses this folder.
fn choose(browser: &Browser, href: &str, folder: &str) {
    open_menu(browser, href);
    browser.press("Move");
    let row = format!(
        "[...document.querySelectorAll('.change li button')].find((row) => row.textContent === {})",
        json!(folder)
    );
    browser.until(&row);
    browser.press(folder);
    browser
        .until(&format!("document.querySelector('.change .place').textContent === 'To: Files / {folder}'"));
}

#[test]
fn a_new_folder_is_undone_while_it_is_empty() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    let create = || {
        browser.press("Add");
        browser.press("New folder");
        browser.until("document.activeElement.matches('.change input')");
        is_for_everybody(&browser, "new-folder");
        enter(&browser, "new");
        is_told(&browser, "Created “new”.");
        keep_message(&browser);
        shows(&browser, &["new", "other", "sub", HOSTILE, "a.txt", "b.txt"]);
    };
    create();
    is_for_everybody(&browser, "created");
    browser.press("Undo");
    is_told(&browser, "“new” is gone again.");
    shows(&browser, &["other", "sub", HOSTILE, "a.txt", "b.txt"]);
    assert!(!wharf.folder().join("new").exists());
    create();
    wharf.write("new/file", "of another client");
    browser.press("Undo");
    is_told(&browser, "“new” is not empty any more.");
    assert_eq!(wharf.read("new/file"), b"of another client");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn each_change_meets_the_same_change_of_another_window() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    let Some(other) = Browser::open() else { return };
    other.go(&wharf.url("/?list"));
    other.until("document.querySelector('.more')");
    for window in [&browser, &other] {
        window.press("Add");
        window.press("New folder");
        window.until("document.querySelector('.change[open] input')");
    }
    enter(&browser, "new");
    is_told(&browser, "Created “new”.");
    enter(&other, "new");
    is_refused(&other, "A file or directory of that name exists (choose another name)");
    other.key(ESCAPE);
    other.until("!document.querySelector('dialog')");
    shows(&other, &["new", "other", "sub", HOSTILE, "a.txt", "b.txt"]);
    for window in [&browser, &other] {
        choose(window, "a.txt", "new");
    }
    browser.press("Move here");
    is_told(&browser, "Moved “a.txt” to “new”.");
    keep_message(&browser);
    other.press("Move here");
    is_refused(&other, "There is nothing of that name.");
    other.key(ESCAPE);
    other.until("!document.querySelector('dialog')");
    shows(&other, &["new", "other", "sub", HOSTILE, "b.txt"]);
    assert_eq!(wharf.read("new/a.txt"), b"a.txt");
    // What was moved on meanwhile cannot be moved back.
    std::fs::rename(wharf.folder().join("new/a.txt"), wharf.folder().join("c.txt")).expect("renamed");
    browser.press("Undo");
    is_told(&browser, "There is nothing of that name.");
    assert_eq!(wharf.read("c.txt"), b"a.txt");
    // An entry of the trash that was restored meanwhile.
    focus(&browser, "b.txt");
    browser.key(DELETE);
    is_told(&browser, "Deleted “b.txt”.");
    browser.press("Trash");
    browser.until("document.querySelector(\"[aria-label='Restore /b.txt']\")");
    let undo = "const done = arguments[0]; fetch('/.wharf/undo', {method: 'POST'}).then((answer) => done(answer.status))";
    assert_eq!(browser.js_later(undo, &json!([])), 200);
    browser.click("[aria-label='Restore /b.txt']");
    is_told(&browser, "There is no such entry in the trash (it was restored or discarded, or has expired)");
    browser.until("document.querySelector('#nothing')");
    assert_eq!(wharf.read("b.txt"), b"b.txt");
}

#[cfg(feature = "accounts")]
mod with_accounts {
    use super::super::login::{IN, log_in, stage};
    use super::*;
    use crate::login::office::PASSWORD;

    const ENDED: &str = "!document.querySelector('dialog') && document.querySelector('#gone')?.textContent.startsWith('You are no longer logged in.')";

    #[test]
    fn a_session_ends_before_any_change() {
        let Some((office, browser)) = stage(&[]) else { return };
        let folder = office.wharf.folder();
        for name in ["b.txt", "c.txt", "sub/d.txt"] {
            office.wharf.write(name, name);
        }
        let end = || {
            let elsewhere = office.log_in("anna");
            assert_eq!(office.wharf.ask("POST", "/.wharf/sessions", &elsewhere, b"end=others").code(), 303);
        };
        let again = || {
            let login = browser.js("return document.querySelector('#gone a').href");
            browser.go(login.as_str().expect("a link"));
            log_in(&browser, PASSWORD);
            browser.until(IN);
        };
        log_in(&browser, PASSWORD);
        browser.until(IN);
        browser.press("Add");
        browser.press("New folder");
        browser.until("document.querySelector('.change[open] input')");
        end();
        enter(&browser, "new");
        browser.until(ENDED);
        is_for_everybody(&browser, "new-folder-logged-out");
        assert!(!folder.join("new").exists());
        again();
        choose(&browser, "b.txt", "sub");
        end();
        browser.press("Move here");
        browser.until(ENDED);
        assert!(folder.join("b.txt").exists() && !folder.join("sub/b.txt").exists());
        again();
        focus(&browser, "b.txt");
        browser.key(DELETE);
        is_told(&browser, "Deleted “b.txt”.");
        keep_message(&browser);
        end();
        browser.press("Undo");
        browser.until(ENDED);
        assert!(!folder.join("b.txt").exists());
        again();
        browser.press("Trash");
        browser.until("document.querySelector('#trash li')");
        browser.press("Empty the trash");
        browser.until("document.querySelector('.change[open]')");
        end();
        browser.click(".change form button");
        browser.until(ENDED);
        again();
        browser.press("Trash");
        browser.until("document.querySelector('#trash li')");
        browser.click("[aria-label='Restore /b.txt']");
        is_told(&browser, "Restored “b.txt”.");
        assert_eq!(office.wharf.read("b.txt"), b"b.txt");
    }
}
