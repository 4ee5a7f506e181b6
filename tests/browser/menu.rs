//! The menu of a row: what it offers to whom, and the dialogs that it opens. And the list of keys.

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::changes::{EDIT, ESCAPE, HOSTILE, fill, focus, has_focus, is_told, open_menu};
use super::driver::{Browser, stage};
use crate::common::Wharf;

/// Keys without a character (W3C WebDriver 2 §17.4.2).
const SHIFT: char = '\u{e008}';
const F10: char = '\u{e03a}';

/// The link of the hostile name.
const HOSTILE_LINK: &str = "%3Cimg%20src=x%20onerror=alert(1)%3E.txt";

fn items(browser: &Browser) -> serde_json::Value {
    browser.js("return [...document.querySelectorAll('#menu button')].map((item) => item.textContent)")
}

/// Opens the menu of a row, and presses this item.
fn press(browser: &Browser, href: &str, item: &str) {
    open_menu(browser, href);
    let find = format!(
        "[...document.querySelectorAll('#menu button')].find((one) => one.textContent === {})",
        json!(item)
    );
    browser.js(&format!("{find}.click()"));
}

/// Closes the dialog.
fn close(browser: &Browser) {
    browser.key(ESCAPE);
    browser.until("!document.querySelector('dialog[open]')");
}

#[test]
fn each_visitor_gets_what_the_rights_allow() {
    let table = [
        ("everyone=view", json!(["Download", "Copy link", "QR code", "Details"])),
        ("everyone=view,add", json!(["Download", "Copy link", "QR code", "Copy", "Details"])),
        (
            "everyone=edit",
            json!(["Download", "Copy link", "QR code", "Rename", "Move", "Copy", "Delete", "Details"]),
        ),
    ];
    for (rights, expected) in table {
        let Some((_wharf, browser)) = stage(&["--allow", rights], fill) else { return };
        for href in ["a.txt", "sub/?list"] {
            open_menu(&browser, href);
            assert_eq!(items(&browser), expected, "{rights}");
            browser.key(ESCAPE);
        }
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
}

#[test]
fn the_keyboard_opens_the_menu_and_the_list_of_keys() {
    let Some((_wharf, browser)) = stage(&EDIT, fill) else { return };
    browser.until("document.querySelectorAll('#files .more').length === 5");
    focus(&browser, "a.txt");
    browser.chord(&[SHIFT, F10]);
    browser.until(
        "document.querySelector('#menu:popover-open') && document.activeElement.textContent === 'Download'",
    );
    browser.key(ESCAPE);
    browser.until("!document.querySelector('#menu:popover-open')");
    focus(&browser, "b.txt");
    browser.key('?');
    browser.until("document.querySelector('.change[open] kbd')");
    is_for_everybody(&browser, "keys");
    close(&browser);
    has_focus(&browser, "b.txt");
}

#[test]
fn details_say_what_is_known() {
    let Some((wharf, browser)) = stage(&EDIT, fill) else { return };
    wharf.write("large.bin", vec![0; 5000]);
    browser.js("window.dispatchEvent(new Event('focus'))");
    press(&browser, "large.bin", "Details");
    browser.until("document.querySelector('.change dl')?.textContent.includes('4.9 KiB (5,000 bytes)')");
    browser.press("Compute");
    let hash = String::from_utf8(wharf.ask("GET", "/large.bin?sha256", "", b"").body).expect("text");
    browser.until(&format!("document.querySelector('.change code')?.textContent === '{}'", hash.trim()));
    is_for_everybody(&browser, "details");
    close(&browser);
    press(&browser, HOSTILE_LINK, "Details");
    browser.until("document.querySelector('.change dl')?.textContent.includes('text/plain')");
    assert_eq!(browser.text(".change dd bdi"), HOSTILE);
    close(&browser);
    press(&browser, "sub/?list", "Details");
    browser.until("document.querySelector('.change dl')?.textContent.includes('Folder')");
    close(&browser);
    // What is gone meanwhile, and a server that is gone.
    std::fs::remove_file(wharf.folder().join("large.bin")).expect("removed");
    press(&browser, "large.bin", "Details");
    browser.until("document.querySelector('.change .failed')?.textContent");
    close(&browser);
    let _place = wharf.kill();
    press(&browser, "a.txt", "Details");
    browser
        .until("document.querySelector('.change .failed')?.textContent === 'The server does not respond.'");
}

#[test]
fn the_address_of_a_row_is_copied_and_drawn() {
    let Some((wharf, browser)) = stage(&["--allow", "everyone=view"], fill) else { return };
    press(&browser, HOSTILE_LINK, "Copy link");
    is_told(&browser, &format!("Copied the link to “{HOSTILE}”."));
    for (href, path) in [(HOSTILE_LINK, HOSTILE_LINK), ("sub/?list", "sub/")] {
        press(&browser, href, "QR code");
        browser.until("document.querySelector('.change img')?.naturalWidth > 0");
        let address = browser.text(".change a");
        assert!(address.ends_with(&format!("/{path}")), "{address}");
        is_for_everybody(&browser, "qr-code-of-row");
        close(&browser);
    }
    let code = wharf.ask("GET", "/.wharf/qr.svg?path=/a.txt", "", b"");
    assert_eq!((code.code(), code.field("Content-Type").as_str()), (200, "image/svg+xml"));
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_row_is_copied_and_downloaded() {
    let Some((wharf, browser)) = stage(&EDIT, |wharf: &Wharf| fill(wharf)) else { return };
    press(&browser, "a.txt", "Copy");
    super::select::choose(&browser, "other", "Copy here");
    is_told(&browser, "Copied “a.txt” to “other”.");
    assert_eq!(wharf.read("other/a.txt"), wharf.read("a.txt"));
    browser.press("Undo");
    is_told(&browser, "“a.txt” is gone again.");
    assert!(!wharf.folder().join("other/a.txt").exists() && wharf.folder().join("a.txt").exists());
    press(&browser, "sub/?list", "Download");
    let line = "\"GET /sub/?zip HTTP/1.1\" 200 ";
    crate::common::eventually(line, || wharf.log().contains(line));
}

#[cfg(feature = "accounts")]
#[test]
fn a_row_is_shared() {
    use super::login::{IN, log_in};
    use crate::login::office::PASSWORD;

    let Some((office, browser)) = super::login::stage(&[]) else { return };
    office.wharf.write("work/plan.txt", "a plan");
    office.wharf.write("work/done/old.txt", "old");
    log_in(&browser, PASSWORD);
    browser.until(IN);
    browser.go(&office.wharf.url("/work/?list"));
    for (href, name, takes) in [("plan.txt", "plan.txt", false), ("done/?list", "done", true)] {
        press(&browser, href, "Share");
        browser
            .until(&format!("document.querySelector('#sharing[open] h2')?.textContent === 'Share “{name}”'"));
        let shown = "return !document.querySelector('#sharing [name=drop]').closest('label').hidden";
        assert_eq!(browser.js(shown), takes, "only a folder takes files");
        is_for_everybody(&browser, "share-row");
        browser.press("Make a link");
        browser.until("document.querySelector('#sharing input[readonly]')?.value.includes('/.wharf/l/')");
        close(&browser);
    }
    let list = office.wharf.ask("GET", "/.wharf/links", &office.log_in("anna"), b"").text();
    for path in ["/work/plan.txt", "/work/done"] {
        assert!(list.contains(path), "{list}");
    }
}
