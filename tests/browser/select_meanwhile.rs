//! Something happens while a selection is deleted or moved: the network goes, another window is faster, the session ends.

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::changes::{EDIT, HOSTILE, fill, is_told, keep_message, shows};
use super::driver::{Browser, stage};
use super::select::{choose, has_no_selection, pick, press_in_bar, says};

/// Waits until the dialog says what was not done.
#[track_caller]
fn is_not_done(browser: &Browser, title: &str) {
    browser.until(&format!("document.querySelector('.change[open] h2')?.textContent === {}", json!(title)));
}

/// Cuts or restores the network of the page.
fn set_network(browser: &Browser, is_offline: bool) {
    browser.devtools("Network.enable", &json!({}));
    let network =
        json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
    browser.devtools("Network.emulateNetworkConditions", &network);
}

#[test]
fn the_network_goes_and_comes_back() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    pick(&browser, &["a.txt", "b.txt", "other/?list", "sub/?list"]);
    set_network(&browser, true);
    press_in_bar(&browser, "Delete");
    is_not_done(&browser, "Delete: 0 of 4 done");
    // Only the first was tried.
    assert_eq!(browser.js("return document.querySelectorAll('.change li').length"), 1);
    assert!(browser.text(".change").contains("3 more were not done."));
    is_for_everybody(&browser, "not-deleted");
    set_network(&browser, false);
    browser.press("Retry");
    is_told(&browser, "Deleted 4 things.");
    has_no_selection(&browser);
    shows(&browser, &[HOSTILE]);
    keep_message(&browser);
    browser.press("Undo");
    is_told(&browser, "Restored 4 things.");
    assert_eq!(wharf.read("sub/c.txt"), b"sub/c.txt");
}

/// The server does what it was asked for, but its responses are lost.
#[test]
fn nothing_happens_twice_when_responses_are_lost() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    pick(&browser, &["a.txt", "b.txt"]);
    browser.js("const real = window.fetch;
         window.fetch = async (url, options) => {
             const answer = await real(url, options);
             if (['MOVE', 'DELETE'].includes(options?.method) && window.loses) throw new TypeError('lost');
             return answer;
         };
         window.loses = true");
    browser.press("Move");
    choose(&browser, "other", "Move here");
    is_not_done(&browser, "Move: 0 of 2 done");
    assert_eq!(wharf.read("other/a.txt"), b"a.txt");
    browser.js("window.loses = false");
    browser.press("Retry");
    is_told(&browser, "Moved 2 things to “other”.");
    keep_message(&browser);
    browser.press("Undo");
    is_told(&browser, "2 things are back.");
    assert_eq!((wharf.read("a.txt"), wharf.read("b.txt")), (b"a.txt".to_vec(), b"b.txt".to_vec()));
}

#[test]
fn another_window_is_faster() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    let Some(other) = Browser::open() else { return };
    other.go(&wharf.url("/?list"));
    for window in [&browser, &other] {
        pick(window, &["a.txt", "b.txt", "sub/?list"]);
        says(window, "3 selected, 10 B");
    }
    press_in_bar(&browser, "Delete");
    is_told(&browser, "Deleted 3 things.");
    // The other window follows: what is gone is not selected any more.
    has_no_selection(&other);
    keep_message(&browser);
    browser.press("Undo");
    is_told(&browser, "Restored 3 things.");
    shows(&other, &["other", "sub", HOSTILE, "a.txt", "b.txt"]);
    // Without the server, nothing says what has changed.
    pick(&other, &["a.txt", "b.txt", "sub/?list"]);
    std::fs::remove_file(wharf.folder().join("a.txt")).expect("removed");
    std::fs::remove_dir_all(wharf.folder().join("sub")).expect("removed");
    press_in_bar(&other, "Delete");
    is_not_done(&other, "Delete: 1 of 3 done");
    let list =
        "return [...document.querySelectorAll('.change li bdi')].map((name) => name.textContent).sort()";
    assert_eq!(other.js(list), json!(["a.txt", "sub"]));
    other.press("Cancel");
    is_told(&other, "Delete: 1 of 3 done");
    keep_message(&other);
    other.press("Undo");
    is_told(&other, "Restored “b.txt”.");
    assert_eq!(wharf.read("b.txt"), b"b.txt");
}

#[test]
fn names_that_are_taken_are_listed() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    wharf.write("other/a.txt", "another");
    wharf.write(&format!("other/{HOSTILE}"), "another");
    pick(&browser, &["a.txt", "b.txt", "%3Cimg%20src=x%20onerror=alert(1)%3E.txt"]);
    browser.press("Move");
    choose(&browser, "other", "Move here");
    is_not_done(&browser, "Move: 1 of 3 done");
    let list =
        "return [...document.querySelectorAll('.change li bdi')].map((name) => name.textContent).sort()";
    assert_eq!(browser.js(list), json!([HOSTILE, "a.txt"]));
    is_for_everybody(&browser, "not-moved");
    browser.press("Cancel");
    is_told(&browser, "Move: 1 of 3 done");
    keep_message(&browser);
    // What failed is still selected.
    says(&browser, &format!("2 selected, {} B", 5 + HOSTILE.len()));
    browser.press("Undo");
    is_told(&browser, "“b.txt” is back.");
    assert_eq!((wharf.read("b.txt"), wharf.read("other/a.txt")), (b"b.txt".to_vec(), b"another".to_vec()));
}

#[cfg(feature = "accounts")]
#[test]
fn the_session_ends_in_between() {
    use super::login::{IN, log_in};
    use crate::login::office::PASSWORD;

    let Some((office, browser)) = super::login::stage(&[]) else { return };
    for name in ["b.txt", "c.txt", "d.txt"] {
        office.wharf.write(name, name);
    }
    log_in(&browser, PASSWORD);
    browser.until(IN);
    pick(&browser, &["b.txt", "c.txt", "d.txt"]);
    let elsewhere = office.log_in("anna");
    assert_eq!(office.wharf.ask("POST", "/.wharf/sessions", &elsewhere, b"end=others").code(), 303);
    press_in_bar(&browser, "Delete");
    browser.until("document.querySelector('#gone')?.textContent.startsWith('You are no longer logged in.')");
    is_told(&browser, "Delete: 0 of 3 done");
    assert!(["b.txt", "c.txt", "d.txt"].iter().all(|name| office.wharf.folder().join(name).exists()));
    // All of it is still selected, for after the login.
    browser.until("document.querySelectorAll('#files .picked').length === 3");
    is_for_everybody(&browser, "selected-logged-out");
}
