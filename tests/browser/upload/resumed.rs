//! Uploads that broke off are offered again after a reload.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::super::accessibility::is_for_everybody;
use super::super::driver::{Browser, stage};
use super::{given, is_told, lines};
use crate::common::{Wharf, eventually, sample};

const SIZE: usize = 3 << 20;

/// The part that the server has when an upload breaks off.
const PART: usize = 1 << 20;

/// A page whose upload of `large.bin` has broken off after [`PART`] bytes: the file, and its content.
fn broken_off(flags: &[&str]) -> Option<(Wharf, Browser, TempDir, PathBuf, Vec<u8>)> {
    let (wharf, browser) = stage(flags, |_| {})?;
    let content = sample(SIZE, 7);
    let (place, mut paths) = given(&[("large.bin", &content)]);
    // The content after the first part never leaves.
    browser.js_with(
        "const send = XMLHttpRequest.prototype.send;
         XMLHttpRequest.prototype.send = function (body) {
           if (body?.size !== arguments_[0]) return send.call(this, body);
           this.onload = () => (window.isStuck = true);
           send.call(this, body.slice(0, arguments_[1]));
         };
         window.arguments_ = arguments[0]",
        &json!([[SIZE, PART]]),
    );
    browser.type_into("#give input", &lines(&paths));
    browser.until("window.isStuck");
    browser.js("addEventListener('beforeunload', (event) => event.stopImmediatePropagation(), true)");
    browser.go(&wharf.url("/?list"));
    Some((wharf, browser, place, paths.remove(0), content))
}

fn is_offered(browser: &Browser) {
    browser.until(
        "document.querySelector('.broken p')?.textContent === 'An upload broke off: choose the file again to continue'",
    );
}

fn is_forgotten(browser: &Browser) {
    browser.until("!Object.keys(localStorage).some((key) => key.startsWith('wharf-uploads'))");
}

#[test]
fn a_chosen_file_continues_where_the_server_is() {
    let Some((wharf, browser, _place, path, content)) = broken_off(&[]) else { return };
    is_offered(&browser);
    assert_eq!(browser.text(".broken li"), "large.bin\n1.0 MiB of 3.0 MiB");
    is_for_everybody(&browser, "broken-off");
    browser.type_into(".broken input", path.to_str().expect("text"));
    is_told(&browser, "1 uploaded");
    assert!(wharf.read("large.bin") == content);
    let log = wharf.settled_log();
    assert_eq!(log.matches("\"POST /large.bin HTTP/1.1\" 201").count(), 1, "it was continued: {log}");
    is_forgotten(&browser);
    browser.go(&wharf.url("/?list"));
    assert_eq!(browser.js("return document.querySelector('.broken')"), json!(null));
}

/// It is recognised by its name, size and time, however it is added.
#[test]
fn the_same_file_continues_when_it_is_added_again() {
    let Some((wharf, browser, _place, path, content)) = broken_off(&[]) else { return };
    is_offered(&browser);
    browser.drop_files(&[&path]);
    is_told(&browser, "1 uploaded");
    assert!(wharf.read("large.bin") == content);
    assert_eq!(wharf.settled_log().matches("\"POST /large.bin HTTP/1.1\" 201").count(), 1);
    is_forgotten(&browser);
}

#[test]
fn a_file_that_has_changed_is_sent_from_the_start() {
    let Some((wharf, browser, _place, path, _)) = broken_off(&[]) else { return };
    is_offered(&browser);
    let other = sample(SIZE + 1, 8);
    fs::write(&path, &other).expect("written");
    browser.type_into(".broken input", path.to_str().expect("text"));
    is_told(&browser, "1 uploaded");
    assert!(wharf.read("large.bin") == other);
    let log = wharf.settled_log();
    assert_eq!(log.matches("\"POST /large.bin HTTP/1.1\" 201").count(), 2, "{log}");
    assert!(log.contains("\"DELETE /.wharf/uploads/TOKEN HTTP/1.1\" 204"), "the old part is deleted: {log}");
    is_forgotten(&browser);
}

#[test]
fn a_forgotten_upload_leaves_nothing_on_the_server() {
    let Some((wharf, browser, ..)) = broken_off(&[]) else { return };
    is_offered(&browser);
    // Another window of this browser follows.
    let (first, second) = browser.new_tab();
    browser.go(&wharf.url("/?list"));
    is_offered(&browser);
    browser.press("Forget them");
    browser.until("!document.querySelector('#uploads')");
    is_forgotten(&browser);
    eventually("its part is deleted", || {
        wharf.log().contains("\"DELETE /.wharf/uploads/TOKEN HTTP/1.1\" 204")
    });
    browser.close_tab();
    browser.turn_to(&first);
    browser.until("!document.querySelector('#uploads')");
    drop(second);
}

/// What the server no longer has is not offered, and what the browser stores is not trusted.
#[test]
fn what_is_gone_is_not_offered() {
    let Some((wharf, browser, ..)) = broken_off(&[]) else { return };
    is_offered(&browser);
    let key = "Object.keys(localStorage).find((key) => key.startsWith('wharf-uploads'))";
    browser.js(&format!("localStorage.setItem({key}, localStorage.getItem({key}).replaceAll(/uploads.[^\"]{{8}}/g, 'uploads/AAAAAAAA'))"));
    browser.go(&wharf.url("/?list"));
    is_forgotten(&browser);
    assert_eq!(browser.js("return document.querySelector('#uploads')"), json!(null));
    for broken in
        ["{", "7", "[[1]]", "{\"a\":1}", "[[\"/x\",{\"location\":\"https://host.invalid/\",\"begun\":9e15}]]"]
    {
        browser.js_with("localStorage.setItem('wharf-uploads /.wharf/ ', arguments[0])", &json!([broken]));
        browser.go(&wharf.url("/?list"));
        is_forgotten(&browser);
        assert_eq!(browser.js("return document.querySelector('#uploads')"), json!(null), "{broken}");
    }
    let complaints = browser.complaints();
    assert!(complaints.iter().all(|line| line.contains("beforeunload")), "{complaints:?}");
}
