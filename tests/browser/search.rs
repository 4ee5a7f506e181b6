//! Searching all folders from the page: by keyboard, as the results come, and without scripts.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use super::accessibility::is_for_everybody;
use super::driver::{Browser, stage};
use crate::common::Wharf;
use crate::common::fuse::Mount;

/// Keys without a character (W3C WebDriver 2 §17.4.2).
const ENTER: char = '\u{e007}';
const ESCAPE: char = '\u{e00c}';
const UP: char = '\u{e013}';
const DOWN: char = '\u{e015}';

fn some_files(wharf: &Wharf) {
    for name in ["notes.txt", "a/Report 1.txt", "a/b/report 2.pdf", "a/other.txt", "reports.md"] {
        wharf.write(name, "x");
    }
}

/// The names of the results, in order.
fn results(browser: &Browser) -> Vec<String> {
    let names =
        "return [...document.querySelectorAll('#found td:first-child bdi')].map((name) => name.textContent)";
    serde_json::from_value(browser.js(names)).expect("names")
}

/// Waits until the search says this.
#[track_caller]
fn says(browser: &Browser, text: &str) {
    browser
        .until(&format!("document.querySelector('#search [role=status]')?.textContent.startsWith('{text}')"));
}

/// The text of the focused element.
fn focused(browser: &Browser) -> String {
    let text = browser.js("return document.activeElement.id || document.activeElement.textContent");
    text.as_str().expect("text").to_owned()
}

#[test]
fn a_key_leads_to_the_field_and_enter_searches_all_folders() {
    let Some((_wharf, browser)) = stage(&[], some_files) else { return };
    browser.key('/');
    assert_eq!(focused(&browser), "filter");
    browser.type_into("#filter", "Report");
    assert_eq!(browser.names(), ["reports.md"], "the rows are filtered at once");
    assert_eq!(
        browser.js("return document.querySelector('#search')"),
        json!(null),
        "nothing is searched yet"
    );
    browser.key(ENTER);
    says(&browser, "3 results.");
    let mut found = results(&browser);
    assert_eq!(found[0], "reports.md", "the nearest first");
    found.sort();
    assert_eq!(found, ["Report 1.txt", "report 2.pdf", "reports.md"]);
    assert_eq!(browser.text("#search h2"), "“Report” in all folders below");
    assert_eq!(browser.names(), ["reports.md"], "the folder is still filtered");
    let links = "return [...document.querySelectorAll('#found a')].map((link) => link.getAttribute('href'))";
    let links = browser.js(links).to_string();
    assert!(links.contains("./a/b/report%202.pdf") && links.contains("\"./a/b/\""), "{links}");
    is_for_everybody(&browser, "search");

    browser.js("document.querySelector('#filter').focus()");
    browser.key(DOWN);
    assert_eq!(focused(&browser), "reports.md");
    browser.key(DOWN);
    assert_ne!(focused(&browser), "reports.md");
    browser.key(UP);
    assert_eq!(focused(&browser), "reports.md");
    browser.key(UP);
    assert_eq!(focused(&browser), "filter");
    browser.key(DOWN);
    browser.key(ESCAPE);
    browser.until("!document.querySelector('#search')");
    assert_eq!((focused(&browser).as_str(), browser.names().len()), ("filter", 3), "all is as it was");
    browser.key('/');
    assert_eq!(
        browser.js("return document.querySelector('#filter').value"),
        "/",
        "in the field, it is a character"
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn the_button_searches_and_a_result_is_opened_by_its_link() {
    let Some((_wharf, browser)) = stage(&[], some_files) else { return };
    browser.type_into("#filter", "*.pdf");
    browser.press("Search all folders");
    says(&browser, "1 result.");
    browser.click("#found td:nth-child(2) a");
    browser.until("document.querySelector('h1').textContent === 'b'");
    browser.js("history.back()");
    browser.until("document.querySelector('h1').textContent === 'Files'");
    browser.js("document.querySelector('#filter').value = ''");
    browser.type_into("#filter", "no such name");
    browser.press("Search all folders");
    says(&browser, "Nothing found.");
    browser.press("Clear");
    browser.until("!document.querySelector('#search')");
    browser.type_into("#filter", "[]");
    browser.press("Search all folders");
    says(&browser, "The pattern has a ");
}

#[test]
fn it_works_without_scripts() {
    let Some((wharf, browser)) = stage(&[], some_files) else { return };
    browser.without_script();
    browser.go(&wharf.url("/?list&sort=-size"));
    browser.type_into("#filter", "report");
    browser.press("Search all folders");
    browser.until("document.querySelector('#count')?.textContent === '3 results.'");
    let mut found = results(&browser);
    found.sort();
    assert_eq!(found, ["Report 1.txt", "report 2.pdf", "reports.md"]);
    browser.js("document.querySelector('[name=q]').value = ''");
    browser.type_into("[name=q]", "*.pdf");
    browser.press("Search all folders");
    browser.until("document.querySelector('#count')?.textContent === '1 result.'");
    browser.click(".way a");
    browser.until("document.querySelector('#files')");
    let sorted = browser.js("return document.querySelector('th:nth-child(2)').ariaSort");
    assert_eq!(sorted, "descending", "the folder is shown as before");
}

#[test]
fn the_page_of_results_is_accessible() {
    let Some((wharf, browser)) = stage(&[], some_files) else { return };
    browser.go(&wharf.url("/?q=report&list"));
    is_for_everybody(&browser, "search-page");
    browser.go(&wharf.url("/a/?q=nothing"));
    assert_eq!(browser.text("#count"), "Nothing found.");
    is_for_everybody(&browser, "search-page-nothing");
}

#[test]
fn hostile_names_and_texts_are_text() {
    let names: [(&[u8], &str); 5] = [
        (b"x<img src=x onerror=\"document.title='evil'\">", "x<img src=x onerror=\"document.title='evil'\">"),
        (b"x\"><script>document.title='evil'", "x\"><script>document.title='evil'"),
        ("x\u{202e}fdp.exe".as_bytes(), "x\\u{202e}fdp.exe"),
        (b"x\xff\n", "x\\xff\\n"),
        (b"x&lt;tr&gt;", "x&lt;tr&gt;"),
    ];
    let long = "x".repeat(255);
    let staged = stage(&[], |wharf| {
        fs::create_dir(wharf.folder().join("<b>d")).expect("made");
        for (name, _) in names {
            fs::write(wharf.folder().join("<b>d").join(OsStr::from_bytes(name)), "").expect("written");
        }
        wharf.write(&format!("<b>d/{long}"), "");
    });
    let Some((wharf, browser)) = staged else { return };
    let mut expected: Vec<_> =
        names.iter().map(|(_, shown)| (*shown).to_owned()).chain([long.clone()]).collect();
    expected.sort();
    browser.type_into("#filter", "x");
    browser.press("Search all folders");
    says(&browser, "6 results.");
    for page in [false, true] {
        if page {
            browser.go(&wharf.url("/?q=x"));
        }
        let mut found = results(&browser);
        found.sort();
        assert_eq!(found, expected);
        let folder = browser.text("#found td:nth-child(2)");
        assert_eq!(folder, "<b>d/");
        assert_eq!(browser.js("return document.documentElement.scrollWidth > innerWidth"), false, "it wraps");
    }
    let text = "<img src=x onerror=\"document.title='evil'\">";
    browser.go(&wharf.url(&format!(
        "/?q={}",
        percent_encoding::percent_encode(text.as_bytes(), percent_encoding::NON_ALPHANUMERIC)
    )));
    assert_eq!(browser.js("return document.querySelector('[name=q]').value"), text);
    browser.go(&wharf.url("/?list"));
    browser.type_into("#filter", text);
    browser.press("Search all folders");
    says(&browser, "1 result.");
    assert_eq!(browser.js("return document.title"), "/ – wharf");
    assert_eq!(browser.complaints(), Vec::<String>::new(), "no script was even blocked");
}

#[test]
fn results_are_shown_as_they_come_and_the_search_can_be_stopped() {
    let Some(mount) = Mount::new() else { return };
    let top = mount.path().parent().expect("a directory").to_owned();
    fs::write(top.join("near.txt"), "").expect("written");
    let wharf = Wharf::serve_folder(&top, &["--workers", "4"]);
    let Some(browser) = Browser::open() else { return };
    browser.go(&wharf.url("/?list"));
    let stopped = mount.stop();
    browser.type_into("#filter", "near");
    browser.key(ENTER);
    browser.until("document.querySelector('#found td bdi')?.textContent === 'near.txt'");
    says(&browser, "Searching… ");
    browser.press("Stop");
    says(&browser, "Stopped. 1 found so far.");
    drop(stopped);
}

#[test]
fn a_server_that_is_gone_is_said_in_words() {
    let Some((wharf, browser)) = stage(&[], some_files) else { return };
    let _place = wharf.kill();
    browser.type_into("#filter", "report");
    browser.key(ENTER);
    says(&browser, "The server does not respond.");
}

#[cfg(feature = "accounts")]
#[test]
fn a_session_that_has_ended_is_said_in_words() {
    use super::login::{IN, log_in, stage};
    use crate::login::office::PASSWORD;

    let Some((office, browser)) = stage(&[]) else { return };
    log_in(&browser, PASSWORD);
    browser.until(IN);
    let elsewhere = office.log_in("anna");
    assert_eq!(office.wharf.ask("POST", "/.wharf/sessions", &elsewhere, b"end=others").code(), 303);
    browser.type_into("#filter", "secret");
    browser.key(ENTER);
    says(&browser, "You are no longer logged in.");
    browser.until("document.querySelector('#gone a')");
}
