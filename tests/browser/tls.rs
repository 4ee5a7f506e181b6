//! The page behind a proxy that adds TLS: it uploads and talks as it does without.

use super::driver::Browser;
use super::{give, room};
use crate::common::{Front, Tls, Wharf, eventually, sample};

#[test]
fn the_page_uploads_and_talks() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("wharf.sock");
    let socket = path.to_str().expect("text");
    let wharf = Wharf::serve(&["--unix", socket, "--host", "files.example"]);
    eventually("it listens", || path.exists());
    let Some(front) = Front::nginx(socket, Tls::On) else { return };
    let here = ["--host-resolver-rules=MAP files.example 127.0.0.1", "--ignore-certificate-errors"];
    let Some(browser) = Browser::open_with(&here) else { return };
    browser.go(&format!("https://files.example:{}/?list", front.address().port()));
    // One as a whole, one in pieces.
    let large = sample(8 << 20, 5);
    let (_given, paths) = give::given(&[("small.txt", b"small"), ("large.bin", &large)]);
    browser.type_into("#give input", &give::lines(&paths));
    give::is_told(&browser, "2 uploaded");
    assert!(wharf.read("large.bin") == large && wharf.read("small.txt") == b"small");
    room::join(&browser, "ann");
    room::says(&browser, "hello over TLS");
    room::hears(&browser, "hello over TLS");
}
