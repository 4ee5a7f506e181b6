//! The card that shows all uploads, and what happens when the page is left.

use serde_json::json;

use super::super::accessibility::is_for_everybody;
use super::super::driver::{Browser, stage};
use super::{given, is_told, lines};
use crate::common::Wharf;

/// Whether the page asks before it is left.
fn warns(browser: &Browser) -> bool {
    let leave = "const leave = new Event('beforeunload', {cancelable: true}); dispatchEvent(leave); return leave.defaultPrevented";
    browser.js(leave) == true
}

/// Five uploads of which none makes progress: three are sent, two wait.
fn stuck(browser: &Browser) {
    let names = ["a", "b", "c", "d", "e"].map(|name| (format!("{name} <b>.txt"), vec![b'x'; 1000]));
    let files: Vec<_> = names.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    let (_place, paths) = given(&files);
    browser.js("XMLHttpRequest.prototype.send = () => {}; XMLHttpRequest.prototype.abort = function () { this.onabort(); }");
    browser.type_into("#give input", &lines(&paths));
    is_told(browser, "5 to go");
}

#[test]
fn leaving_the_page_warns_as_long_as_files_are_left() {
    let Some((_wharf, browser)) = stage(&[], |_| {}) else { return };
    assert!(!warns(&browser));
    stuck(&browser);
    assert!(warns(&browser));
    browser.press("Cancel all");
    browser.until("!document.querySelector('#uploads')");
    assert!(!warns(&browser));
    // While it finds out which names exist, nothing is sent yet.
    browser.js("window.fetch = () => new Promise(() => {})");
    let (_place, paths) = given(&[("f.txt", b"x")]);
    browser.type_into("#give input", &lines(&paths));
    assert!(warns(&browser));
}

/// The card is at the lower edge of the window, whether the listing is short or long. It covers neither the chat nor a
/// message, and can be folded.
#[test]
fn the_card_is_docked_and_folds() {
    let many = |wharf: &Wharf| (0..100).for_each(|number| drop(wharf.write(&format!("{number}.txt"), "")));
    for is_long in [false, true] {
        let Some((_wharf, browser)) = stage(&[], |wharf| {
            if is_long {
                many(wharf);
            }
        }) else {
            return;
        };
        stuck(&browser);
        let place = "const card = document.querySelector('#uploads').getBoundingClientRect();
            const over = (other) => { const box = document.querySelector(other).getBoundingClientRect();
                return box.width > 1 && box.left < card.right && card.left < box.right && box.top < card.bottom && card.top < box.bottom; };
            return [innerHeight - card.bottom < 80 && card.bottom <= innerHeight, over('#room')]";
        assert_eq!(browser.js(place), json!([true, false]), "long: {is_long}");
        let is_listed = "return document.querySelector('#uploads li').checkVisibility()";
        assert_eq!(browser.js(is_listed), true);
        browser.js("document.querySelector('#uploads header button').focus()");
        browser.key('\u{e007}');
        assert_eq!(browser.js(is_listed), false);
        assert_eq!(browser.js("return document.activeElement.ariaExpanded"), "false");
        assert_eq!(browser.js(place), json!([true, false]), "long: {is_long}, folded");
        is_for_everybody(&browser, if is_long { "uploads-folded-long" } else { "uploads-folded" });
    }
}

/// On a phone, the card shows only the totals, until a file is refused.
#[test]
fn the_card_is_small_on_a_phone_until_something_fails() {
    let Some((wharf, browser)) = stage(&["--max-upload", "100"], |_| {}) else { return };
    browser.show_as(false, true);
    browser.go(&wharf.url("/?list"));
    let (_place, paths) = given(&[("small.txt", b"x")]);
    browser.type_into("#give input", &lines(&paths));
    is_told(&browser, "1 uploaded");
    assert_eq!(browser.js("return document.querySelector('#uploads li').checkVisibility()"), false);
    let height = browser.js("return document.querySelector('#uploads').offsetHeight").as_f64();
    assert!(height < Some(120.0), "{height:?}");
    let (_place, paths) = given(&[("large.txt", &[b'x'; 200])]);
    browser.type_into("#give input", &lines(&paths));
    browser.until("document.querySelector('#uploads .failed')?.checkVisibility()");
    is_for_everybody(&browser, "upload-failed-on-a-phone");
}
