//! The page over TLS, with the certificate that wharf has made and the user has imported.

use std::path::Path;

use super::driver::Browser;
use super::{chat, proxied};
use crate::common::{Wharf, outside, run};

/// A browser whose user has imported this certificate as a server's certificate.
fn trusting(certificate: &Path) -> Option<Browser> {
    let home = tempfile::tempdir().expect("a folder");
    let database = home.path().join(".pki/nssdb");
    std::fs::create_dir_all(&database).expect("a folder");
    let database = format!("sql:{}", database.display());
    let certificate = certificate.to_str().expect("text");
    let import = ["-A", "-d", &database, "-n", "wharf", "-t", "P,,", "-i", certificate];
    for arguments in [&["-N", "-d", &database, "--empty-password"][..], &import] {
        let output = outside("certutil")?.args(arguments).output().expect("run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Browser::complete(home)
}

#[test]
fn the_page_uploads_chats_and_follows_the_folder() {
    let place = tempfile::tempdir().expect("a folder");
    let state = place.path().to_string_lossy().into_owned() + "/state";
    let wharf = Wharf::serve(&["--tls-self-signed", "--state", &state]);
    let certificate = place.path().join("state/tls-cert.pem");
    let Some(browser) = trusting(&certificate) else { return };
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
    let Some(stranger) = Browser::complete(tempfile::tempdir().expect("a folder")) else { return };
    stranger.go(&wharf.url("/?list"));
    let page = stranger.text("body");
    assert!(page.contains("ERR_CERT_AUTHORITY_INVALID"), "{page}");
}
