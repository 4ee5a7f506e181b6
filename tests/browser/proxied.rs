//! The page behind a proxy with TLS: uploads and chat work as without it, and an error from the proxy is shown in one
//! line.

use super::driver::Browser;
use super::{chat, upload};
use crate::common::{ReverseProxy, Tls, Wharf, eventually, sample};

#[test]
fn the_page_uploads_and_chats() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("wharf.sock");
    let socket = path.to_str().expect("text");
    let wharf = Wharf::serve(&["--unix", socket, "--host", "files.example"]);
    eventually("it listens", || path.exists());
    let Some(proxy) = ReverseProxy::nginx(socket, Tls::On) else { return };
    let here = ["--host-resolver-rules=MAP files.example 127.0.0.1", "--ignore-certificate-errors"];
    let Some(browser) = Browser::open_with(&here) else { return };
    browser.go(&format!("https://files.example:{}/?list", proxy.address().port()));
    uploads_and_chats(&browser, &wharf);
}

#[test]
fn the_size_limit_of_a_proxy_is_reported() {
    let wharf = Wharf::serve(&[]);
    let proxy = ReverseProxy::nginx_with(Tls::Off, |address, _| {
        let location = format!("proxy_pass http://{}; proxy_set_header Host $http_host;", wharf.address());
        format!("server {{ listen {address}; location / {{ {location} }} }}")
    });
    let (Some(proxy), Some(browser)) = (proxy, Browser::open()) else { return };
    browser.go(&format!("http://{}/?list", proxy.address()));
    let (_given, paths) = upload::given(&[("large.bin", &sample(8 << 20, 5))]);
    browser.type_into("#give input", &upload::lines(&paths));
    upload::is_told(&browser, "1 failed");
    let said = browser.text("#uploads li");
    assert!(said.contains("too large for the proxy in front of the server (413)"), "{said}");
}

/// A file in a single request, one in pieces, and a message arrive over TLS.
pub fn uploads_and_chats(browser: &Browser, wharf: &Wharf) {
    let large = sample(8 << 20, 5);
    let (_given, paths) = upload::given(&[("small.txt", b"small"), ("large.bin", &large)]);
    browser.type_into("#give input", &upload::lines(&paths));
    upload::is_told(browser, "2 uploaded");
    assert!(wharf.read("large.bin") == large && wharf.read("small.txt") == b"small");
    chat::join(browser, "ann");
    chat::says(browser, "hello over TLS");
    chat::hears(browser, "hello over TLS");
}
