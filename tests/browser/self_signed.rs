//! The page over TLS, with the certificate that wharf has made and the user has imported.

use super::driver::Browser;
use super::{chat, upload};
use crate::common::{Wharf, run, sample};

#[test]
fn the_page_uploads_chats_and_follows_the_folder() {
    let place = tempfile::tempdir().expect("a folder");
    let state = place.path().to_string_lossy().into_owned() + "/state";
    let wharf = Wharf::serve(&["--tls-self-signed", "--state", &state]);
    let certificate = place.path().join("state/tls-cert.pem");
    let Some(browser) = Browser::trusting(&certificate) else { return };
    browser.go(&wharf.url("/?list"));
    assert_eq!(browser.js("return isSecureContext && location.protocol"), "https:");
    // One in a single request, one in pieces.
    let large = sample(8 << 20, 5);
    let (given, paths) = upload::given(&[("small.txt", b"small"), ("large.bin", &large)]);
    browser.type_into("#give input", &upload::lines(&paths));
    upload::is_told(&browser, "2 uploaded");
    assert!(wharf.read("large.bin") == large && wharf.read("small.txt") == b"small");
    chat::join(&browser, "ann");
    chat::says(&browser, "hello over TLS");
    chat::hears(&browser, "hello over TLS");
    // The event stream announces what another client saves.
    std::fs::write(given.path().join("other.txt"), "other").expect("written");
    let (url, certificate) = (wharf.url("/"), certificate.to_string_lossy().into_owned());
    let output = run(&["put", "other.txt", "--to", &url, "--cacert", &certificate], "", given.path());
    assert_eq!(output.code, Some(0), "{output:?}");
    chat::hears(&browser, " uploaded other.txt, 5 B");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    let Some(stranger) = Browser::open() else { return };
    stranger.go(&wharf.url("/?list"));
    let page = stranger.text("body");
    assert!(page.contains("ERR_CERT_AUTHORITY_INVALID"), "{page}");
}
