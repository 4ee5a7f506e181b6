//! The page over TLS, with the certificate that wharf has made and the user has imported.

use super::driver::Browser;
use super::{chat, proxied};
use crate::common::{Wharf, run};

#[test]
fn the_page_uploads_chats_and_follows_the_folder() {
    let place = tempfile::tempdir().expect("a folder");
    let state = place.path().to_string_lossy().into_owned() + "/state";
    let wharf = Wharf::serve(&["--tls-self-signed", "--state", &state]);
    let certificate = place.path().join("state/tls-cert.pem");
    let Some(browser) = Browser::trusting(&certificate) else { return };
    browser.go(&wharf.url("/?list"));
    assert_eq!(browser.js("return isSecureContext && location.protocol"), "https:");
    proxied::uploads_and_chats(&browser, &wharf);
    // The event stream announces what another client saves.
    std::fs::write(place.path().join("other.txt"), "other").expect("written");
    let (url, certificate) = (wharf.url("/"), certificate.to_string_lossy().into_owned());
    let output = run(&["put", "other.txt", "--to", &url, "--cacert", &certificate], "", place.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    chat::hears(&browser, " uploaded other.txt, 5 B");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let Some(stranger) = Browser::open() else { return };
    stranger.go(&wharf.url("/?list"));
    let page = stranger.text("body");
    assert!(page.contains("ERR_CERT_AUTHORITY_INVALID"), "{page}");
}
