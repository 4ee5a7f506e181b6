//! Messages: links, several lines, pictures; and the chat that folds away.

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::chat::{hears, join, says};
use super::driver::{Browser, stage};
use super::upload::adding::paste;
use super::upload::given;
use crate::common::Wharf;

/// Sends a message that other clients send too, without what this page would prevent.
fn ann_says(wharf: &Wharf, text: &str) {
    let joined = wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").text();
    let token = joined.split('"').nth(3).expect("a token").to_owned();
    let fields = format!("Wharf-Member: {token}\r\n");
    assert_eq!(wharf.ask("POST", "/.wharf/chat/messages", &fields, text.as_bytes()).code(), 202);
    assert_eq!(wharf.ask("POST", "/.wharf/chat/leave", &fields, b"").code(), 204);
}

/// The links in messages: their texts, and where they lead.
fn links(browser: &Browser) -> serde_json::Value {
    browser.js("return [...document.querySelectorAll('#log p:not(.told) a')].map((link) => [link.textContent, link.href])")
}

#[test]
fn addresses_in_messages_are_links() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    join(&browser, "bob");
    let table = [
        ("see https://a.example/x.", vec!["https://a.example/x"]),
        ("(http://b.example/y), and HTTPS://c.example!", vec!["http://b.example/y", "HTTPS://c.example"]),
        (
            "https://d.example/A_(b) “https://e.example/”",
            vec!["https://d.example/A_(b)", "https://e.example/"],
        ),
        ("<a href=https://f.example/>f</a>", vec!["https://f.example/"]),
        ("https://g.example/\u{202e}moc.knab//:sptth", vec!["https://g.example/"]),
        ("javascript:alert(1) data:text/html,x ftp://h.example/ xhttps://i.example", vec![]),
        ("https:// http://[ https://\u{0}", vec![]),
        ("two\nlines https://j.example/?a=b&c=d#e", vec!["https://j.example/?a=b&c=d#e"]),
    ];
    let mut expected = Vec::new();
    for (number, (text, found)) in table.iter().enumerate() {
        let text = text.replace('\u{0}', "");
        ann_says(&wharf, &format!("{number}: {text}"));
        hears(&browser, &format!("{number}: {text}"));
        expected.extend(found.iter().map(|link| json!(link)));
        let seen = links(&browser);
        let texts: Vec<_> = seen.as_array().expect("pairs").iter().map(|pair| pair[0].clone()).collect();
        assert_eq!(texts, expected, "{text}");
    }
    let safe = "return [...document.querySelectorAll('#log a')].every((link) => /^https?:$/.test(link.protocol) && link.target === '_blank' && link.rel === 'noopener noreferrer')";
    assert_eq!(browser.js(safe), true);
    assert_eq!(browser.js("return document.querySelectorAll('#log :is(script, img)').length"), 0);
    is_for_everybody(&browser, "chat-links");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Enter sends, and Shift with Enter makes a line. The field grows with its lines.
#[test]
fn a_message_may_have_several_lines() {
    let Some((_wharf, browser)) = stage(&[], |_| {}) else { return };
    join(&browser, "bob");
    let height =
        || browser.js("return document.querySelector('#text').offsetHeight").as_f64().expect("a height");
    let low = height();
    // U+E008 is Shift, and U+E000 releases it.
    browser.type_into("#text", "first\u{e008}\u{e006}\u{e000}second\u{e008}\u{e006}\u{e000}third");
    assert_eq!(browser.js("return document.querySelector('#text').value"), "first\nsecond\nthird");
    assert!(height() > low + 20.0, "{low}, then {}", height());
    is_for_everybody(&browser, "chat-lines");
    browser.show_as(false, false);
    browser.type_into("#text", "\u{e006}");
    hears(&browser, "you first\nsecond\nthird");
    browser.until("document.querySelector('#text').value === ''");
    assert!(height() <= low + 1.0);
}

/// Pictures go into the folder under free names, and their links into the message.
#[test]
fn pictures_are_shared_in_a_message() {
    let Some((wharf, browser)) = stage(&[], |wharf| drop(wharf.write("boat (1.png", "old"))) else { return };
    join(&browser, "bob");
    browser.js("document.querySelector('#text').focus()");
    paste(&browser, &[("boat (1.png", "image/png", "new")], "");
    let link = wharf.url("/boat%20(1%20(1).png");
    browser.until(&format!("document.querySelector('#text').value === {}", json!(format!("{link} "))));
    says_more(&browser, "look");
    hears(&browser, &format!("you {link} look"));
    assert_eq!(links(&browser)[0][0], link.as_str());
    assert_eq!(
        (wharf.read("boat (1.png"), wharf.read("boat (1 (1).png")),
        (b"old".to_vec(), b"new".to_vec())
    );
    // A picture that is dropped on the chat; a text is pasted as ever.
    let (_place, paths) = given(&[("harbour.jpg", b"picture")]);
    let at = browser.js("const {left, top} = document.querySelector('#log').getBoundingClientRect(); return [left + 20, top + 20]");
    for kind in ["dragEnter", "dragOver", "drop"] {
        let data = json!({"items": [], "files": [paths[0].to_str().expect("text")], "dragOperationsMask": 1});
        browser.devtools(
            "Input.dispatchDragEvent",
            &json!({"type": kind, "x": at[0], "y": at[1], "data": data}),
        );
    }
    browser.until(&format!(
        "document.querySelector('#text').value === {}",
        json!(format!("{} ", wharf.url("/harbour.jpg")))
    ));
    assert_eq!(wharf.read("harbour.jpg"), b"picture");
    assert_eq!(browser.js("return document.body.classList.contains('drop')"), false);
    browser.js("document.querySelector('#text').focus()");
    paste(&browser, &[], "text");
    assert_eq!(browser.js("return document.querySelector('dialog')"), json!(null));
}

/// Appends this to the message, and sends it.
fn says_more(browser: &Browser, text: &str) {
    browser.type_into("#text", text);
    browser.press("Send");
}

/// On a wide screen, the chat stays folded, and counts messages meanwhile.
#[test]
fn the_chat_folds_away_on_a_wide_screen() {
    let Some((wharf, browser)) = stage(&[], |wharf| drop(wharf.write("sub/a.txt", "a"))) else { return };
    join(&browser, "bob");
    says(&browser, "before");
    hears(&browser, "you before");
    let is_open = || browser.js("return document.querySelector('#room').checkVisibility()") == true;
    browser.js("document.querySelector('#close-room').focus()");
    browser.key('\u{e007}');
    assert!(!is_open());
    assert_eq!(
        browser.js("return [document.activeElement.id, document.activeElement.ariaExpanded]"),
        json!(["open-room", "false"])
    );
    ann_says(&wharf, "are you there?");
    browser.until("document.querySelector('#open-room').dataset.news === '1'");
    is_for_everybody(&browser, "chat-folded");
    browser.show_as(false, false);
    browser.go(&wharf.url("/sub/?list"));
    assert!(!is_open());
    browser.click("#open-room");
    assert!(is_open());
    browser.until("document.activeElement.matches('#text, #user')");
    browser.go(&wharf.url("/?list"));
    assert!(is_open());
}
