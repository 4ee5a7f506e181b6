//! Texts are edited on the page: nothing that others have saved is replaced unasked, and nothing that was typed is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::driver::{Browser, stage};
use crate::common::{Forwarder, Wharf, eventually};

const ESCAPE: char = '\u{e00c}';
const ENTER: char = '\u{e007}';
const TAB: char = '\u{e004}';
const HOME: &str = "\u{e011}";

/// A name that would do harm as markup, and its link.
const HOSTILE: (&str, &str) =
    ("<img src=x onerror=alert(1)>.txt", "%3Cimg%20src=x%20onerror=alert(1)%3E.txt");

const IS_EDITED: &str = "document.querySelector('#preview.edit textarea') === document.activeElement";
const IS_SAVED: &str = "document.querySelector('.editor [role=status]').textContent === 'Saved'";
const HAS_CONFLICT: &str = "document.querySelector('.editor section p')";
const ASKS: &str =
    "document.querySelector('dialog.change[open] h2')?.textContent.startsWith('Discard your changes to')";
const IS_CLOSED: &str = "!document.querySelector('dialog[open]')";

fn fill(wharf: &Wharf) {
    wharf.write("a.txt", "old");
    wharf.write("b.txt", "b");
}

/// Opens the editor of this file.
fn edit(browser: &Browser, href: &str) {
    browser.click(&format!("#files a[href='./{href}']"));
    browser.press("Edit");
    browser.until(IS_EDITED);
}

/// Types this before the text.
fn insert(browser: &Browser, text: &str) {
    browser.type_into("#preview textarea", &format!("{HOME}{text}"));
}

fn value(browser: &Browser) -> String {
    browser.js("return document.querySelector('#preview textarea').value").as_str().expect("text").to_owned()
}

/// How many of these requests for this path the server has received.
fn count(wharf: &Wharf, request: &str) -> usize {
    wharf.settled_log().matches(request).count()
}

#[test]
fn a_text_is_edited_with_the_keyboard_alone() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    fs::set_permissions(wharf.folder().join("a.txt"), fs::Permissions::from_mode(0o640)).expect("set");
    browser.js("document.querySelector('#files td a').focus()");
    browser.key(ENTER);
    browser.until("document.querySelector('#preview pre')");
    is_for_everybody(&browser, "text");
    browser.tab_to("Edit");
    browser.key(ENTER);
    browser.until(IS_EDITED);
    is_for_everybody(&browser, "editor");
    for key in "new ".chars() {
        browser.key(key);
    }
    browser.until("document.querySelector('.editor [role=status]').textContent === 'Not saved'");
    browser.key_with_control('s');
    browser.until(IS_SAVED);
    assert_eq!(wharf.read("a.txt"), b"new old");
    // Once more, with what the server has now.
    browser.key('!');
    browser.tab_to("Save");
    browser.key(ENTER);
    eventually("it is saved", || wharf.read("a.txt") == b"new !old");
    browser.until(IS_SAVED);
    let mode = fs::metadata(wharf.folder().join("a.txt")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    // Tab leaves the text.
    browser.until("document.activeElement.textContent === 'Save'");
    browser.key(TAB);
    browser.key(TAB);
    browser.until(IS_EDITED);
    browser.key(TAB);
    assert_eq!(value(&browser), "new !old");
    browser.key(ESCAPE);
    browser.until(IS_CLOSED);
    browser.until("document.activeElement.pathname === '/a.txt'");
    // Nothing to save: nothing is sent.
    edit(&browser, "b.txt");
    browser.key_with_control('s');
    browser.until(IS_SAVED);
    assert_eq!(count(&wharf, "\"PUT /b.txt"), 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The byte order mark and the ends of lines stay, and what cannot be kept is not edited.
#[test]
fn what_a_text_field_does_not_keep_stays() {
    let texts: [(&str, &[u8], &[u8]); 5] = [
        ("bom.txt", b"\xef\xbb\xbfone\n", b"\xef\xbb\xbfnew\none\n"),
        ("dos.txt", b"one\r\ntwo\r\n", b"new\r\none\r\ntwo\r\n"),
        ("mac.txt", b"one\rtwo", b"new\rone\rtwo"),
        ("mixed.txt", b"one\r\ntwo\nthree\rfour\n\nsix\n", b"new\none\r\ntwo\nthree\rfour\n\nsix\n"),
        ("empty.txt", b"", b"new\n"),
    ];
    let refused: [(&str, &[u8], &str); 3] = [
        ("latin.txt", b"gr\xf6\xdfe", "This file is not text in UTF-8, so it cannot be edited here."),
        ("utf16.txt", b"\xff\xfea\0", "This file is not text in UTF-8, so it cannot be edited here."),
        ("large.txt", &vec![b'x'; (1 << 20) + 1], "Files over 1.0 MiB cannot be edited here."),
    ];
    let refused_texts = refused.map(|(name, content, _)| (name, content, content));
    let fill = |wharf: &Wharf| {
        for (name, content, _) in texts.iter().chain(&refused_texts) {
            wharf.write(name, content);
        }
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    for (name, _, expected) in texts {
        edit(&browser, name);
        insert(&browser, "new\n");
        browser.press("Save");
        browser.until(IS_SAVED);
        assert_eq!(
            wharf.read(name).escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "{name}"
        );
        browser.press("Close");
    }
    for (name, _, why) in refused {
        browser.click(&format!("#files a[href='./{name}']"));
        browser.press("Edit");
        browser.until(&format!(
            "document.querySelector('#preview [role=alert]')?.textContent === {}",
            json!(why)
        ));
        is_for_everybody(&browser, &format!("not-edited-{name}"));
        browser.press("Close");
    }
}

#[test]
fn two_windows_that_edit_the_same_text_lose_nothing() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let Some(other) = Browser::open() else { return };
    other.go(&wharf.url("/?list"));
    let conflict = |own: &str, others: &str| {
        for window in [&browser, &other] {
            edit(window, "a.txt");
        }
        insert(&other, others);
        other.press("Save");
        other.until(IS_SAVED);
        other.press("Close");
        insert(&browser, own);
        browser.press("Save");
        browser.until(HAS_CONFLICT);
        browser.until("document.activeElement.textContent === 'Save mine as a copy'");
        assert_eq!(
            browser.text(".editor section p"),
            "Somebody has changed this file since you opened it. Your text is not saved yet."
        );
    };
    // The other text is shown, and replaced.
    conflict("mine, ", "<b>theirs</b>, ");
    assert_eq!(wharf.read("a.txt"), b"<b>theirs</b>, old");
    browser.press("Show the other version");
    browser.until("document.querySelector('.other pre').textContent === '<b>theirs</b>, old'");
    is_for_everybody(&browser, "conflict");
    browser.press("Replace it with mine");
    browser.until(IS_SAVED);
    assert_eq!(wharf.read("a.txt"), b"mine, old");
    browser.press("Close");
    browser.until(IS_CLOSED);
    // A copy, as the first name is taken.
    wharf.write("a (1).txt", "");
    conflict("again ", "theirs ");
    browser.press("Save mine as a copy");
    browser.until(IS_SAVED);
    assert_eq!(browser.text("#preview h2"), "a (2).txt");
    assert_eq!(wharf.read("a.txt"), b"theirs mine, old");
    assert_eq!(wharf.read("a (2).txt"), b"again mine, old");
    insert(&browser, "and ");
    browser.press("Save");
    eventually("the copy is edited", || wharf.read("a (2).txt") == b"and again mine, old");
    browser.until(IS_SAVED);
    browser.press("Close");
    browser.until(IS_CLOSED);
    // The file is removed meanwhile.
    edit(&browser, "b.txt");
    insert(&browser, "my ");
    fs::remove_file(wharf.folder().join("b.txt")).expect("removed");
    browser.press("Save");
    browser.until(HAS_CONFLICT);
    assert_eq!(
        browser.text(".editor section p"),
        "Somebody has removed this file since you opened it. Your text is not saved yet."
    );
    is_for_everybody(&browser, "removed");
    browser.press("Save it again");
    browser.until(IS_SAVED);
    assert_eq!(wharf.read("b.txt"), b"my b");
    // The other window has saved the same.
    browser.press("Close");
    for window in [&browser, &other] {
        edit(window, "b.txt");
        insert(window, "same ");
    }
    for window in [&browser, &other] {
        window.press("Save");
        window.until(IS_SAVED);
    }
    assert_eq!(wharf.read("b.txt"), b"same my b");
    assert_eq!(browser.js("return document.querySelectorAll('.editor section p').length"), 0);
}

#[test]
fn a_lost_network_loses_no_text_and_saves_nothing_twice() {
    let wharf = Wharf::serve(&[]);
    fill(&wharf);
    let Some(browser) = Browser::open() else { return };
    let forwarder = Forwarder::to(wharf.address());
    browser.go(&format!("http://{}/?list", forwarder.address()));
    edit(&browser, "a.txt");
    let lost = "The server does not respond. Your text is still here: try again in a moment.";
    // The request does not arrive.
    insert(&browser, "1 ");
    forwarder.stop_after(0);
    forwarder.cut();
    browser.press("Save");
    let fails = || {
        eventually("the request fails", || {
            forwarder.cut();
            browser.js("return document.querySelector('.editor .failed').textContent") == lost
        });
    };
    fails();
    is_for_everybody(&browser, "save-lost");
    assert_eq!(wharf.read("a.txt"), b"old");
    assert_eq!(value(&browser), "1 old");
    forwarder.let_pass();
    browser.press("Save");
    browser.until(IS_SAVED);
    assert_eq!(wharf.read("a.txt"), b"1 old");
    // The response is lost, and the user saves again, or writes more first.
    let saves = || count(&wharf, "\"PUT /a.txt HTTP/1.1\" 204");
    for (number, more) in [(2, ""), (3, "more ")] {
        let before = saves();
        insert(&browser, &format!("{number} "));
        let sent = value(&browser);
        // The page asks for the entity tag first, so the response to PUT is the one that is lost.
        browser.js("const real = fetch; window.fetch = async (...asked) => { const answer = await real(...asked); if (asked[1].method !== 'PUT') return answer; window.fetch = real; throw new TypeError('lost') }");
        browser.press("Save");
        browser.until(&format!("document.querySelector('.editor .failed').textContent === {}", json!(lost)));
        assert_eq!(wharf.read("a.txt"), sent.as_bytes());
        insert(&browser, more);
        let expected = value(&browser);
        browser.press("Save");
        browser.until(IS_SAVED);
        assert_eq!(wharf.read("a.txt"), expected.as_bytes());
        assert_eq!(saves() - before, if more.is_empty() { 1 } else { 2 });
        assert_eq!(browser.js("return document.querySelectorAll('.editor section p').length"), 0);
    }
}

#[test]
fn changes_that_are_not_saved_are_asked_about() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    let asks_before_leaving = "const leaves = new Event('beforeunload', {cancelable: true}); dispatchEvent(leaves); return leaves.defaultPrevented";
    edit(&browser, "a.txt");
    assert_eq!(browser.js(asks_before_leaving), false);
    insert(&browser, "my ");
    assert_eq!(browser.js(asks_before_leaving), true);
    let stays = || {
        browser.until(ASKS);
        browser.press("Cancel");
        browser.until(
            "!document.querySelector('dialog.change[open]') && document.querySelector('#preview').open",
        );
        assert_eq!(value(&browser), "my old");
    };
    browser.press("Close");
    browser.until(ASKS);
    is_for_everybody(&browser, "discard");
    stays();
    browser.js("document.querySelector('#preview textarea').focus()");
    browser.key(ESCAPE);
    stays();
    browser.js("history.back()");
    stays();
    browser.js("history.back()");
    stays();
    // Another script, or the browser, closes the dialog.
    browser.js("document.querySelector('#preview').close()");
    stays();
    browser.press("Close");
    browser.press("Discard");
    browser.until(IS_CLOSED);
    assert_eq!(browser.js(asks_before_leaving), false);
    assert_eq!(wharf.read("a.txt"), b"old");
    browser.until("!history.state?.isPreview");
    // The text is that of the server again.
    edit(&browser, "a.txt");
    assert_eq!(value(&browser), "old");
}

#[test]
fn hostile_texts_and_names_are_text() {
    let hostile =
        "</textarea><script>document.title = 'evil'</script>\u{202e}\u{0}<img src=x onerror=alert(1)>";
    let long = "w".repeat(251) + ".txt";
    let fill = |wharf: &Wharf| {
        for name in [HOSTILE.0, "turned \u{202e}txt.txt", &long] {
            wharf.write(name, hostile);
        }
    };
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    for (href, shown) in
        [(HOSTILE.1, HOSTILE.0), ("turned%20%E2%80%AEtxt.txt", "turned \\u{202e}txt.txt"), (&long, &long)]
    {
        browser.click(&format!("#files a[href='./{href}']"));
        browser.until(&format!("document.querySelector('#preview pre')?.textContent === {}", json!(hostile)));
        browser.press("Edit");
        browser.until(IS_EDITED);
        assert_eq!(value(&browser), hostile);
        assert_eq!(browser.text("#preview h2"), shown);
        insert(&browser, "<b>");
        browser.press("Save");
        browser.until(IS_SAVED);
        browser.press("Close");
    }
    assert_eq!(wharf.read(HOSTILE.0), format!("<b>{hostile}").as_bytes());
    assert_eq!(wharf.read(&long), format!("<b>{hostile}").as_bytes());
    assert_eq!(
        browser
            .js("return [document.title, document.querySelectorAll('#preview :is(script, img, b)').length]"),
        json!(["/ – wharf", 0])
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Other scripts of the page open an empty text.
#[test]
fn a_new_text_replaces_nothing() {
    let Some((wharf, browser)) = stage(&[], fill) else { return };
    browser.devtools("Page.setBypassCSP", &json!({"enabled": true}));
    browser.go(&wharf.url("/?list"));
    let create = |path: &str| {
        let create = "const [path, done] = arguments;
            import(new URL(document.body.dataset.view, document.baseURI)).then(({ create }) => { create(path); done() })";
        browser.js_later(create, &json!([path]));
        browser.until(IS_EDITED);
    };
    create("/new%20%3Cb%3E.txt");
    assert_eq!(browser.text("#preview h2"), "new <b>.txt");
    browser.press("Save");
    browser.until(IS_SAVED);
    assert_eq!(wharf.read("new <b>.txt"), b"");
    insert(&browser, "text");
    browser.press("Save");
    eventually("it is saved", || wharf.read("new <b>.txt") == b"text");
    browser.until(IS_SAVED);
    browser.press("Close");
    eventually("it is listed", || browser.names().contains(&"new <b>.txt".to_owned()));
    create("/a.txt");
    insert(&browser, "mine");
    browser.press("Save");
    browser.until(HAS_CONFLICT);
    assert_eq!(
        browser.text(".editor section p"),
        "A file of this name exists already. Your text is not saved yet."
    );
    is_for_everybody(&browser, "name-taken");
    browser.press("Save mine as a copy");
    browser.until(IS_SAVED);
    assert_eq!((wharf.read("a.txt"), wharf.read("a (1).txt")), (b"old".to_vec(), b"mine".to_vec()));
    browser.devtools("Page.setBypassCSP", &json!({"enabled": false}));
}

/// Visitors who may not replace files get no editor.
#[test]
fn only_what_may_be_replaced_is_edited() {
    for flags in [&["--read-only"][..], &["--trust-proxy", "203.0.113.1"], &["--on-conflict", "refuse"]] {
        let Some((_wharf, browser)) = stage(flags, fill) else { return };
        browser.click("#files a[href='./a.txt']");
        browser.until("document.querySelector('#preview pre')?.textContent === 'old'");
        assert!(!browser.text("#preview .head").contains("Edit"), "{flags:?}");
    }
}

#[cfg(feature = "accounts")]
#[test]
fn a_text_is_saved_after_another_login() {
    use super::login::{IN, log_in, stage};
    use crate::login::office::PASSWORD;

    let Some((office, browser)) = stage(&[]) else { return };
    log_in(&browser, PASSWORD);
    browser.until(IN);
    let old = office.wharf.read("secret.txt");
    edit(&browser, "secret.txt");
    insert(&browser, "new ");
    let elsewhere = office.log_in("anna");
    assert_eq!(office.wharf.ask("POST", "/.wharf/sessions", &elsewhere, b"end=others").code(), 303);
    browser.press("Save");
    browser.until("document.querySelector('.editor .failed a')");
    is_for_everybody(&browser, "editor-logged-out");
    assert_eq!(office.wharf.read("secret.txt"), old);
    let login = browser.js("return document.querySelector('.editor .failed a').href");
    let (page, new) = browser.new_tab();
    browser.turn_to(&new);
    browser.go(login.as_str().expect("a link"));
    log_in(&browser, PASSWORD);
    browser.until(IN);
    browser.close_tab();
    browser.turn_to(&page);
    browser.js("window.dispatchEvent(new Event('focus'))");
    browser.until(IS_SAVED);
    assert_eq!(office.wharf.read("secret.txt"), [b"new ", &*old].concat());
}
