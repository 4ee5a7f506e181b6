//! The chat beside the folder: two windows and a terminal, a lost connection, and one event stream for all
//! tabs.

use std::io::Write;
use std::process::{Command, Stdio};

use super::driver::{Browser, stage};
use crate::common::{Running, Wharf, eventually};

pub(crate) fn join(browser: &Browser, name: &str) {
    browser.type_into("#user", name);
    browser.press("Join");
    browser.until("!document.querySelector('#talk').hidden");
}

/// Sends this, once the page shows the chat, and the previous message has left the field.
pub(crate) fn says(browser: &Browser, text: &str) {
    browser.until("!document.querySelector('#talk').hidden && document.querySelector('#text').value === ''");
    adds(browser, text);
}

/// Appends this to the text in the field and sends it.
fn adds(browser: &Browser, text: &str) {
    browser.type_into("#text", text);
    browser.press("Send");
}

/// Waits until the chat shows a line with this text.
#[track_caller]
pub(crate) fn hears(browser: &Browser, text: &str) {
    browser.until(&format!(
        "[...document.querySelectorAll('#log p')].some((line) => line.textContent.includes({text:?}))"
    ));
}

#[test]
fn two_windows_and_a_terminal_chat() {
    let Some((wharf, ann)) = stage(&[], |_| {}) else { return };
    let Some(bob) = Browser::open() else { return };
    bob.go(&wharf.url("/?list"));
    join(&ann, "ann");
    join(&bob, "bob");
    hears(&ann, "bob joined");
    let (host, port) = ("127.0.0.1", wharf.address().port().to_string());
    let mut terminal = Running::start(
        Command::new(env!("CARGO_BIN_EXE_wharf"))
            .args(["chat", "carl", host, &port])
            .current_dir(wharf.outside_folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    let mut speaks = terminal.stdin.take().expect("piped");
    hears(&ann, "carl joined");
    writeln!(speaks, "hello from <b>a terminal</b>\n/unicast ann only for you").expect("it listens");
    for window in [&ann, &bob] {
        hears(window, "carl hello from <b>a terminal</b>");
        let bold =
            "return [...document.querySelectorAll('#log p b')].some((b) => b.textContent === 'a terminal')";
        assert_eq!(window.js(bold), false, "messages are text");
    }
    hears(&ann, "carl to you: only for you");
    says(&bob, "hello all");
    hears(&ann, "bob hello all");
    // A private message, to a name.
    ann.press("bob");
    says(&ann, "a secret");
    hears(&bob, "ann to you: a secret");
    ann.press("To bob only ×");
    says(&ann, "no secret");
    hears(&bob, "ann no secret");
    assert!(!bob.text("#log").contains("only for you"));
    // An upload is announced with a link, and appears in the list.
    wharf.ask("PUT", "/from%20curl.txt", "", b"12345");
    hears(&bob, " uploaded from curl.txt, 5 B");
    bob.until("document.querySelector('#files bdi')?.textContent === 'from curl.txt'");
    assert_eq!(bob.js("return document.querySelector('#log .told a').pathname"), "/from%20curl.txt");
    drop(speaks);
    eventually("the terminal exits", || terminal.try_wait().expect("a child").is_some());
    hears(&ann, "[carl] has left the chat.");
    assert_eq!(ann.complaints(), Vec::<String>::new());
}

/// An upload whose name is not UTF-8 is announced with a link that leads to it, and appears in the list at
/// once, even if the browser encodes the directory's path differently from the server.
#[test]
fn an_upload_whose_name_is_not_utf_8_is_announced() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    wharf.ask("PUT", "/[%c3%a4]'%ff/old.txt", "", b"old");
    browser.go(&wharf.url("/[%c3%a4]'%ff/?list"));
    join(&browser, "ann");
    browser.until("document.querySelector('#state').textContent === '1 here'");
    wharf.ask("PUT", "/[%c3%a4]'%ff/no%fene.txt", "", b"odd");
    hears(&browser, " uploaded [ä]'\u{fffd}/no\u{fffd}ne.txt, 3 B");
    browser.until("document.querySelectorAll('#files bdi').length === 2");
    let fetch = "fetch(document.querySelector('#log .told a').href).then((answer) => answer.text()).then(arguments[0])";
    assert_eq!(browser.js_later(fetch, &serde_json::json!([])), "odd");
}

#[test]
fn a_name_can_be_taken_or_missing() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann");
    browser.type_into("#user", "ANN");
    browser.press("Join");
    browser.until("document.querySelector('#join .hint').textContent.includes('ANN')");
    assert_eq!(browser.js("return document.querySelector('#talk').hidden"), true);
}

/// On a phone, the chat is a sheet: a button, Escape or a tap outside closes it, and new messages are counted only
/// while it is closed.
#[test]
fn the_sheet_closes_and_counts_messages_only_while_it_is_closed() {
    let Some((wharf, browser)) = stage(&[], |wharf| drop(wharf.write("a.txt", "text"))) else { return };
    browser.show_as(false, true);
    browser.click("#open-room");
    join(&browser, "bob");
    let joined = wharf.ask("POST", "/.wharf/chat/join", "", b"user=ann").text();
    let token = joined.split('"').nth(3).expect("a token").to_owned();
    let ann_says = |text: &str| {
        let fields = format!("Wharf-Member: {token}\r\n");
        assert_eq!(wharf.ask("POST", "/.wharf/chat/messages", &fields, text.as_bytes()).code(), 202);
        hears(&browser, text);
    };
    let news =
        || browser.js("return [document.querySelector('#open-room').dataset.news ?? '', document.title]");
    let is_open = || browser.js("return document.querySelector('#room').checkVisibility()") == true;
    let none = serde_json::json!(["", "/ – wharf"]);
    ann_says("while it is open");
    assert_eq!((news(), is_open()), (none.clone(), true));
    for close in ["button", "Escape", "outside"] {
        match close {
            "button" => browser.click("#close-room"),
            "Escape" => browser.key('\u{e00c}'),
            _ => browser.click("#files td a"),
        }
        assert!(!is_open(), "{close}");
        assert_eq!(browser.js("return document.activeElement.id"), "open-room", "{close}");
        ann_says(&format!("closed by {close}"));
        browser.until("document.querySelector('#open-room').dataset.news === '1'");
        assert_eq!(news(), serde_json::json!(["1", "(1) / – wharf"]), "{close}");
        browser.click("#open-room");
        assert_eq!((news(), is_open()), (none.clone(), true), "{close}");
    }
    assert_eq!(browser.js("return document.querySelector('#preview')"), serde_json::Value::Null);
    // On a wide screen, the chat is always open.
    browser.show_as(false, false);
    ann_says("beside the files");
    assert_eq!(news(), none);
    browser.click("#files td a");
    browser.until("document.querySelector('#preview pre')?.textContent === 'text'");
}

/// When the server has restarted and has no members, the window shows that it is offline, and joins again.
#[test]
fn the_chat_reconnects_after_a_restart() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    join(&browser, "ann");
    says(&browser, "before");
    hears(&browser, "you before");
    // The response to the message may come after its event.
    browser.until("document.querySelector('#text').value === ''");
    let port = wharf.address().port().to_string();
    let place = wharf.kill();
    browser.until("document.querySelector('#state').textContent.startsWith('Offline')");
    says(&browser, "into the void");
    hears(&browser, "Offline: message not sent.");
    let wharf = Wharf::serve_in(place, &["--port", &port]);
    browser.until("document.querySelector('#state').textContent === '1 here'");
    assert!(browser.text("#log").contains("before"), "earlier messages stay");
    adds(&browser, " again");
    hears(&browser, "you into the void again");
    assert!(wharf.settled_log().contains("joined the chat as ann"));
}

/// All tabs of a browser share one stream; when the tab that has it is closed, another takes over.
#[test]
fn all_tabs_share_one_stream() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    join(&browser, "ann");
    says(&browser, "first");
    hears(&browser, "you first");
    let (first, second) = browser.new_tab();
    browser.go(&wharf.url("/?list"));
    hears(&browser, "you first");
    assert_eq!(wharf.settled_log().matches("opened an event stream as ann").count(), 1);
    browser.turn_to(&first);
    browser.close_tab();
    browser.turn_to(&second);
    eventually("the second tab listens", || {
        wharf.log().matches(" opened an event stream as ann").count() == 2
    });
    says(&browser, "second");
    hears(&browser, "you second");
    let lines = browser.js("return [...document.querySelectorAll('#log p')].filter((line) => line.textContent.includes('first')).length");
    assert_eq!(lines, 1, "each message is shown once");
}

/// Without Web Locks, as on a network without TLS, the tabs negotiate on their own.
#[test]
fn all_tabs_share_one_stream_without_locks() {
    let Some((wharf, browser)) = stage(&[], |_| {}) else { return };
    let without = serde_json::json!({"source": "Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})"});
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &without);
    browser.go(&wharf.url("/?list"));
    assert_eq!(browser.js("return navigator.locks === undefined"), true);
    join(&browser, "ann");
    says(&browser, "from the first");
    hears(&browser, "you from the first");
    let (first, second) = browser.new_tab();
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", &without);
    browser.go(&wharf.url("/?list"));
    hears(&browser, "you from the first");
    says(&browser, "from the second");
    hears(&browser, "you from the second");
    browser.turn_to(&first);
    hears(&browser, "you from the second");
    // A tab that got no CPU time for some seconds may have been considered closed; then the two negotiate
    // again.
    let streams = || {
        let log = wharf.log();
        log.matches(" opened an event stream as ann").count()
            - log.matches(" closed its event stream as ann").count()
    };
    eventually("one of them listens", || streams() == 1);
    let joined = wharf.ask("POST", "/.wharf/chat/join", "", b"user=bob").text();
    let token = joined.split('"').nth(3).expect("a token").to_owned();
    let bob_says = |text: &[u8]| {
        let fields = format!("Wharf-Member: {token}\r\n");
        assert_eq!(wharf.ask("POST", "/.wharf/chat/messages", &fields, text).code(), 202);
    };
    bob_says(b"the same");
    hears(&browser, "bob the same");
    browser.close_tab();
    // No tab listens for some seconds; the new stream starts with the recent messages.
    bob_says(b"the same");
    browser.turn_to(&second);
    let count = "[...document.querySelectorAll('#log p')].filter((line) => line.textContent.includes('the same')).length";
    browser.until(&format!("{count} === 2"));
    says(&browser, "alone now");
    hears(&browser, "you alone now");
    eventually("the second tab listens", || streams() == 1);
}
