//! The page follows the folder: changes of others appear, and nothing moves under the eyes of the visitor.

use super::driver::stage;
use crate::common::eventually;

#[test]
fn changes_of_others_appear_and_those_elsewhere_ask_for_nothing() {
    let Some((wharf, browser)) = stage(&["--allow", "everyone=edit", "--no-chat"], |wharf| {
        wharf.write("a.txt", "a");
        wharf.write("sub/b.txt", "b");
    }) else {
        return;
    };
    eventually("the page follows", || wharf.log().contains("\"GET /?changes HTTP/1.1\" 200 "));
    assert_eq!(wharf.ask("PUT", "/new.txt", "", b"").code(), 201);
    browser
        .until("[...document.querySelectorAll('#files bdi')].some((name) => name.textContent === 'new.txt')");
    assert_eq!(wharf.ask("MKCOL", "/made/", "", b"").code(), 201);
    browser.until("[...document.querySelectorAll('#files bdi')].some((name) => name.textContent === 'made')");
    assert_eq!(wharf.ask("DELETE", "/a.txt", "", b"").code(), 204);
    browser
        .until("![...document.querySelectorAll('#files bdi')].some((name) => name.textContent === 'a.txt')");
    assert_eq!(browser.names(), ["made", "sub", "new.txt"]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn what_the_visitor_looks_at_does_not_move() {
    let Some((wharf, browser)) = stage(&["--allow", "everyone=edit"], |wharf| {
        for number in 0..900 {
            wharf.write(&format!("m{number:03}.txt"), "");
        }
    }) else {
        return;
    };
    eventually("the page follows", || wharf.log().contains("\"GET /?changes HTTP/1.1\" 200 "));
    browser.js("document.querySelector(`#files a[href='./m500.txt']`).scrollIntoView({ block: 'center' })");
    browser.js("window.top500 = () => document.querySelector(`#files a[href='./m500.txt']`).getBoundingClientRect().top");
    browser.js("window.before500 = top500(); document.querySelector(`#files a[href='./m500.txt']`).focus({ preventScroll: true })");
    for number in 0..40 {
        wharf.write(&format!("a{number}.txt"), "");
    }
    assert_eq!(wharf.ask("PUT", "/a.txt", "", b"").code(), 201);
    browser.until("document.querySelector(`#files a[href='./a.txt']`)");
    browser.until("Math.abs(top500() - before500) < 2");
    assert_eq!(browser.js("return document.activeElement.getAttribute('href')"), "./m500.txt");
}

#[test]
fn a_stream_that_breaks_is_opened_again_and_the_listing_is_current() {
    let Some((mut wharf, browser)) = stage(&[], |wharf| drop(wharf.write("a.txt", "a"))) else { return };
    eventually("the page follows", || wharf.log().contains("\"GET /?changes HTTP/1.1\" 200 "));
    browser.devtools("Network.enable", &serde_json::json!({}));
    let offline = |is_offline: bool| {
        let conditions = serde_json::json!({"offline": is_offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        browser.devtools("Network.emulateNetworkConditions", &conditions);
    };
    offline(true);
    browser.js("dispatchEvent(new Event('focus'))");
    browser.until("document.querySelector('#gone')?.textContent");
    wharf.write("meanwhile.txt", "");
    offline(false);
    browser.js("dispatchEvent(new Event('online'))");
    browser.until(
        "[...document.querySelectorAll('#files bdi')].some((name) => name.textContent === 'meanwhile.txt')",
    );
    wharf.stays();
}
