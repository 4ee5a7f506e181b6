//! A folder is shared from its page: the link is made, opened elsewhere, and ended.

use std::fs;

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::driver::Browser;
use super::login::{IN, log_in, stage};
use crate::common::eventually;
use crate::login::office::PASSWORD;

/// The key that closes a dialog, and the one that activates a button (W3C WebDriver 2 §17.4.2).
const ESCAPE: char = '\u{e00c}';
const ENTER: char = '\u{e007}';

/// What the dialog shows after it has made a link.
const MADE: &str = "document.querySelector('#sharing input[readonly]')?.value.includes('/.wharf/l/')";

/// How many links the dialog lists.
fn listed(count: usize) -> String {
    format!("document.querySelectorAll('#sharing li').length === {count}")
}

/// Opens the dialog, sets these fields, and makes a link. Returns its address.
fn make(browser: &Browser, fields: &str) -> String {
    browser.press("Share");
    browser.until("document.querySelector('#sharing[open]')");
    browser.js(&format!("const form = document.querySelector('#sharing form'); {fields}"));
    browser.press("Make a link");
    browser.until(MADE);
    let address = browser.js("return document.querySelector('#sharing input[readonly]').value");
    address.as_str().expect("text").to_owned()
}

#[test]
fn a_folder_is_shared_and_its_link_is_ended() {
    let Some((office, browser)) = stage(&[]) else { return };
    let Some(elsewhere) = Browser::open() else { return };
    log_in(&browser, PASSWORD);
    browser.until(IN);
    office.wharf.write("work/plan.txt", "a plan");
    browser.go(&office.wharf.url("/open/?list"));
    browser.until("document.querySelector('#files')");
    assert_eq!(
        browser.js("return document.querySelector('#share')"),
        json!(null),
        "there, nobody has the right"
    );
    browser.go(&office.wharf.url("/work/?list"));
    // With the keyboard alone: the dialog closes, and the button has the focus again.
    browser.js("document.querySelector('#share').focus()");
    browser.key(ENTER);
    browser.until("document.querySelector('#sharing[open]')");
    is_for_everybody(&browser, "share");
    browser.key(ESCAPE);
    browser.until("!document.querySelector('#sharing[open]') && document.activeElement.id === 'share'");

    let link = make(&browser, "form.elements.uses.value = 2; form.elements.password.value = 'open sesame'");
    browser.until(&listed(1));
    browser.until(
        "document.querySelector('#sharing svg[role=img]') && document.activeElement.textContent === 'Copy'",
    );
    is_for_everybody(&browser, "shared");
    browser.press("Copy");
    browser.until("['Copied.', 'Press Ctrl+C to copy it.'].includes(document.querySelector('#sharing .row [role=status]').textContent)");
    let row = browser.text("#sharing li");
    for part in ["/work", "works until", "2 uses left", "has a password"] {
        assert!(row.contains(part), "{part}: {row}");
    }

    elsewhere.go(&link);
    elsewhere.type_into("[name=password]", "open sesame");
    elsewhere.press("Open");
    elsewhere.until("document.querySelector('#files')");
    assert_eq!(elsewhere.names(), ["plan.txt"]);
    assert_eq!(elsewhere.js("return document.querySelector('#share')"), json!(null), "a link makes no links");

    browser.press("Close");
    browser.press("Share");
    browser.until("document.querySelector('#sharing li')?.innerText.includes('1 use left')");
    assert_eq!(browser.js("return document.querySelector('#sharing input[readonly]').value"), json!(""));
    browser.press("End");
    browser.until(&listed(0));
    elsewhere.go(&link);
    elsewhere.until("document.querySelector('.error .code')?.textContent === '404'");
    is_for_everybody(&elsewhere, "link-ended");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_dialog_says_why_there_is_no_link() {
    let Some((office, browser)) = stage(&[]) else { return };
    log_in(&browser, PASSWORD);
    browser.until(IN);
    browser.press("Share");
    browser.until("document.querySelector('#sharing[open]')");
    fs::remove_dir_all(office.wharf.folder().join("open")).expect("removed");
    browser.js("const form = document.querySelector('#sharing form'); form.elements.password.value = '\\0'");
    browser.press("Make a link");
    browser.until("document.querySelector('#sharing #failure').textContent");
    is_for_everybody(&browser, "not-shared");
}

#[test]
fn a_drop_link_takes_files_on_a_phone() {
    let Some((office, browser)) = stage(&[]) else { return };
    let Some(phone) = Browser::open() else { return };
    log_in(&browser, PASSWORD);
    browser.until(IN);
    let link = make(&browser, "form.elements.drop.checked = true");
    phone.show_as(false, true);
    phone.go(&link);
    phone.until("document.querySelector('input[type=file]')");
    is_for_everybody(&phone, "drop");
    phone.show_as(false, true);
    let path = office.wharf.outside_folder().join("a photo with a rather long name.jpg");
    fs::write(&path, "a photo").expect("written");
    phone.type_into("input[type=file]", path.to_str().expect("text"));
    let overflows = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
    assert_eq!(phone.js(&format!("return {overflows}")), json!(false));
    phone.press("Send");
    phone.until("document.querySelector('h1')?.textContent === 'Thank you'");
    assert_eq!(phone.js(&format!("return [innerWidth, {overflows}]")), json!([360, false]));
    is_for_everybody(&phone, "dropped");
    eventually("it is saved", || office.wharf.folder().join("a photo with a rather long name.jpg").exists());
    assert_eq!(phone.complaints(), Vec::<String>::new());
}
