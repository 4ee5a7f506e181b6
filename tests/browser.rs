//! A real browser shows the folder and uploads to it.

mod accessibility;
mod changes;
mod changes_meanwhile;
pub(crate) mod chat;
mod chat_message;
pub(crate) mod driver;
mod editor;
mod folder;
mod gallery;
mod hostile;
mod live;
#[cfg(feature = "accounts")]
mod login;
mod menu;
#[cfg(feature = "thumbs")]
mod pictures;
mod player;
mod preview;
mod proxied;
mod search;
mod select;
mod select_meanwhile;
#[cfg(feature = "tls")]
mod self_signed;
mod session;
#[cfg(feature = "accounts")]
mod share;
mod stream;
mod upload;

use std::process::Command;

use crate::common::{Wharf, eventually, outside, root};

/// A headless browser with a profile of its own, which contacts no host but the page's server.
fn browser(profile: &std::path::Path) -> Option<Command> {
    let mut browser = outside("chromium-headless-shell")?;
    browser.args(["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    browser.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    browser.arg(format!("--user-data-dir={}", profile.display()));
    Some(browser)
}

/// The page's DOM, as the browser parsed it.
fn dom(url: &str) -> Option<String> {
    let profile = tempfile::tempdir().expect("a folder");
    let output = browser(profile.path())?.args(["--dump-dom", url]).output().expect("it starts");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_example_pages_are_shown() {
    let wharf = Wharf::serve(&[]);
    crate::common::copy(&root().join("www"), &wharf.folder());
    let url = |target: &str| wharf.url(target).replace("127.0.0.1", "localhost");
    let Some(text) = dom(&url("/server/testServer.txt")) else { return };
    assert!(text.contains("This is testServer.txt."), "{text}");
    let photo = dom(&url("/server/photoServer.jpg")).expect("it is installed");
    assert!(photo.contains("<img"), "{photo}");
    let page = dom(&url("/server/index.html")).expect("it is installed");
    assert!(page.contains("</h1>"), "{page}");
    let listing = dom(&url("/?list")).expect("it is installed");
    assert!(listing.contains("href=\"./server/?list\"") && listing.contains("type=\"file\""), "{listing}");
    for served in ["testServer.txt", "photoServer.jpg", "index.html"] {
        let line = format!("\"GET /server/{served} HTTP/1.1\" 200 ");
        eventually(&line, || wharf.log().contains(&line));
    }
}
