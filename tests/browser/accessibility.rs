//! Accessibility: axe-core finds no violations, in light and dark mode, on a desktop and on a phone; and a narrow
//! screen or large text cuts off no content.
//!
//! With `WHARF_SCREENSHOTS=DIR` a screenshot of each page is saved there.

use std::fs;

use serde_json::{Value, json};

use super::driver::{Browser, stage, stage_with_pdf};
use crate::common::{Wharf, root};

const AXE: &str = include_str!("axe/axe.min.js");

/// Runs axe-core. It does not load the page's media and style sheets again: with a video that cannot be played, that takes
/// ten seconds.
const VIOLATIONS: &str = "
    const done = arguments[0];
    const explained = (one) => [one.id, one.help, ...one.nodes.map((node) => node.html + ' ' + node.failureSummary)];
    axe.run({resultTypes: ['violations'], preload: false})
        .then((found) => done(found.violations.map(explained)), (error) => done(String(error)))";

/// Asserts that axe-core finds no violations on the page in any mode, and that the page is no wider than its
/// window.
#[track_caller]
pub(super) fn is_for_everybody(browser: &Browser, name: &str) {
    browser.until("document.readyState === 'complete'");
    // It stays in the page.
    if browser.js("return typeof axe") == "undefined" {
        browser.js(AXE);
    }
    for (dark, phone) in [(false, false), (true, false), (true, true), (false, true)] {
        let look = format!(
            "{name}-{}-{}",
            if phone { "phone" } else { "desk" },
            if dark { "dark" } else { "light" }
        );
        browser.show_as(dark, phone);
        picture(browser, &look);
        assert_eq!(browser.js_later(VIOLATIONS, &json!([])), json!([]), "{look}");
        let overflows =
            browser.js("return document.documentElement.scrollWidth > document.documentElement.clientWidth");
        assert_eq!(overflows, Value::Bool(false), "{look} is wider than its window");
    }
    browser.show_as(false, false);
}

/// Saves a screenshot of the page, if `WHARF_SCREENSHOTS` is set.
fn picture(browser: &Browser, name: &str) {
    let Ok(directory) = std::env::var("WHARF_SCREENSHOTS") else { return };
    fs::create_dir_all(&directory).expect("made");
    fs::write(format!("{directory}/{name}.png"), browser.picture()).expect("written");
}

fn fill(wharf: &Wharf) {
    let photo = fs::read(root().join("www/server/photoServer.jpg")).expect("a photo");
    for name in ["boat.jpg", "harbour/IMG_1.jpg", "harbour/IMG_2.jpg", "harbour/IMG_10.jpg"] {
        wharf.write(name, &photo);
    }
    wharf.write("backup.tar.gz", crate::common::sample(3_400_000, 1));
    wharf.write("Minutes of the meeting.pdf", crate::common::sample(84_000, 2));
    wharf.write("Notes.md", "# Notes\n\nBring the boat in before the tide.\n");
    wharf.write("talk.mp4", crate::common::sample(1_900_000, 3));
    wharf.write("timetable.json", "{}\n");
    wharf.write("drafts/a.txt", "a");
}

#[test]
fn the_folder_and_its_grid_are_accessible() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    is_for_everybody(&browser, "folder");
    browser.go(&wharf.url("/harbour/?list&view=grid"));
    browser.until("[...document.querySelectorAll('#files img')].every((image) => image.naturalWidth)");
    is_for_everybody(&browser, "grid");
    browser.type_into("#filter", "nothing like this");
    browser.until("document.querySelector('#count').textContent.includes('no name')");
    is_for_everybody(&browser, "no-match");
}

#[test]
fn a_deep_path_is_accessible() {
    let deep = "holidays/of this year/on the islands/the second week/pictures";
    let Some((wharf, browser)) = stage(&[], |wharf| drop(wharf.write(&format!("{deep}/a.txt"), "a"))) else {
        return;
    };
    browser.go(&wharf.url(&format!("/{}/?list", deep.replace(' ', "%20"))));
    is_for_everybody(&browser, "deep");
    browser.click(".way summary");
    is_for_everybody(&browser, "deep-unfolded");
}

#[test]
fn a_folder_that_is_read_only_or_has_lost_its_server_is_accessible() {
    let Some((wharf, browser)) = stage(&["--read-only"], fill) else { return };
    assert_eq!(browser.text(".badge"), "Read-only");
    is_for_everybody(&browser, "read-only");
    let _place = wharf.kill();
    browser.js("window.dispatchEvent(new Event('focus'))");
    browser.until("document.querySelector('#gone')");
    is_for_everybody(&browser, "gone");
}

#[test]
fn an_empty_folder_its_qr_code_and_an_error_page_are_accessible() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    is_for_everybody(&browser, "empty");
    browser.press("QR code");
    browser.until("document.querySelector('main img')?.naturalWidth > 0");
    is_for_everybody(&browser, "qr-code");
    browser.go(&wharf.url("/nothing"));
    is_for_everybody(&browser, "error");
}

#[test]
fn a_preview_and_a_question_are_accessible() {
    let Some((wharf, browser)) = stage_with_pdf(fill) else { return };
    browser.click("#files a[href='./boat.jpg']");
    browser.until("document.querySelector('#preview img')?.naturalWidth > 0");
    is_for_everybody(&browser, "preview");
    for (name, element) in
        [("Notes.md", "pre"), ("talk.mp4", "video"), ("Minutes%20of%20the%20meeting.pdf", "iframe")]
    {
        browser.press("Close");
        browser.click(&format!("#files a[href='./{name}']"));
        browser.until(&format!("document.querySelector('#preview {element}')"));
        is_for_everybody(&browser, &format!("preview-{element}"));
    }
    browser.go(&wharf.url("/?list"));
    let path = wharf.outside_folder().join("Notes.md");
    fs::write(&path, "other notes").expect("written");
    browser.type_into("#give input", path.to_str().expect("text"));
    browser.until("document.querySelector('dialog[open] h2')");
    is_for_everybody(&browser, "question");
}

#[test]
fn uploads_and_the_chat_are_accessible() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let ann = wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").text();
    let token: Value = serde_json::from_str(&ann).expect("JSON");
    let as_ann = format!("Wharf-Member: {}\r\n", token["token"].as_str().expect("a token"));
    browser.type_into("#user", "bob");
    browser.press("Join");
    browser.until("document.querySelector('#state').textContent === '2 here'");
    for text in ["Did you find the timetable?", "It is in the folder, with the photos of the harbour."] {
        wharf.ask("POST", "/.wharf/chat/messages", &as_ann, text.as_bytes());
    }
    wharf.ask("POST", "/.wharf/chat/messages?to=bob", &as_ann, b"The surprise is in drafts.");
    wharf.ask("PUT", "/harbour/IMG_11.jpg", &as_ann, b"no picture");
    browser.until("document.querySelectorAll('#log p').length >= 4");
    // One upload that is complete, and one that makes no progress.
    browser.js(
        "const send = XMLHttpRequest.prototype.send; XMLHttpRequest.prototype.send = function (body) {
                  if (body?.size !== 3000000) return send.call(this, body);
                  this.upload.onprogress({loaded: 1200000});
                }",
    );
    for (name, size) in [("survey.csv", 9000), ("harbour from above.tif", 3_000_000)] {
        let path = wharf.outside_folder().join(name);
        fs::write(&path, crate::common::sample(size, 4)).expect("written");
        browser.type_into("#give input", path.to_str().expect("text"));
    }
    browser.until("document.querySelector('#uploads [role=status]')?.textContent === '1 to go, 1 uploaded'");
    browser.until("document.querySelector('#uploads > p').textContent.endsWith(' left')");
    is_for_everybody(&browser, "uploading");
    browser.click("#uploads summary");
    is_for_everybody(&browser, "uploads-unfolded");
    browser.js("const drop = new Event('drop', {cancelable: true});
         const locked = {fullPath: '/locked', createReader: () => ({readEntries: (done, error) => error()})};
         drop.dataTransfer = {types: ['Files'], items: [{webkitGetAsEntry: () => locked}]};
         dispatchEvent(drop)");
    browser.until("document.querySelector('#uploads .failed')");
    is_for_everybody(&browser, "upload-failed");
    browser.show_as(false, true);
    browser.click("#open-room");
    is_for_everybody(&browser, "chatting");
}

#[test]
fn a_page_of_ten_thousand_entries_is_accessible() {
    let many = |wharf: &Wharf| {
        for number in 0..10_000 {
            fs::write(wharf.folder().join(format!("measurement {number:05}.csv")), "").expect("written");
        }
    };
    let Some((_wharf, browser)) = stage(&[], many) else { return };
    picture(&browser, "many-desk-light");
    browser.js("document.querySelectorAll('tbody:nth-of-type(n + 2), tbody tr:nth-child(n + 20)').forEach((row) => row.remove())");
    is_for_everybody(&browser, "many");
}

#[test]
fn text_can_be_twice_as_large() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    browser.show_as(false, true);
    for target in ["/?list", "/?list&view=grid", "/nothing"] {
        browser.go(&wharf.url(target));
        browser.js("document.documentElement.style.fontSize = '200%'");
        let overflow = browser.js(
            "const root = document.documentElement;
             if (root.scrollWidth <= root.clientWidth) return '';
             const wide = [...document.querySelectorAll('body *')]
                 .filter((element) => element.getBoundingClientRect().right > root.clientWidth);
             return 'wider than the window: ' + wide.map((element) => element.outerHTML.slice(0, 80)).join();",
        );
        assert_eq!(overflow, Value::from(""), "{target}");
    }
}
