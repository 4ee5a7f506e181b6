//! What a download saves, and where.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::client::address::Endpoint;
use crate::client::fake_peer::{FakePeer, PeerAction};
use crate::client::fetch::downloads::local_path;
use crate::client::fetch::sessions::MOST_REDIRECTS;
use PeerAction::{Read, Say};

const OK: PeerAction = Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

/// Downloads `target` from a scripted server with one connection; returns the result, and the files that exist
/// afterwards.
fn fetch_from(acts: &[PeerAction], target: &str) -> (Result<Fetched, ClientError>, Vec<String>) {
    let peer = FakePeer::plays(&[acts]);
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = fetch(&mut Session::new(peer.server()), target, folder.path());
    let mut names = Vec::new();
    walk(folder.path(), folder.path(), &mut names);
    (outcome, names)
}

/// All files below `folder`, with their content.
fn walk(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(root, &path, names);
        } else {
            let text = fs::read_to_string(&path).expect("text");
            names.push(format!("{}: {text}", path.strip_prefix(root).expect("below").display()));
        }
    }
}

#[test]
fn a_file_keeps_its_path() {
    let cases = [
        ("a file", "/a/b%20c.txt", "a/b c.txt: ok"),
        ("a directory", "/a/", "a/index.html: ok"),
        ("the root", "/", "index.html: ok"),
        ("a query", "/a?list", "a: ok"),
        ("a backslash is an ordinary character", "/a%5Cb", "a\\b: ok"),
        ("two slashes", "//a", "a: ok"),
    ];
    for (name, target, expected) in cases {
        let (outcome, names) = fetch_from(&[Read, OK], target);
        let fetched = outcome.expect(name).to_string();
        assert!(fetched.starts_with("200 OK → ") && fetched.contains(", 2 B in "), "{name}: {fetched}");
        assert_eq!(names, [expected], "{name}");
    }
}

proptest::proptest! {
    #[test]
    fn an_upload_and_its_download_have_the_same_path(name in "[^/\0]{1,9}(/[^/\0]{1,9}){0,3}") {
        let is_plain = name.split('/').all(|part| part != "." && part != "..");
        proptest::prop_assume!(is_plain);
        let target = crate::client::upload::default_path(&name);
        proptest::prop_assert_eq!(local_path(&target).ok(), Some(PathBuf::from(name)));
    }
}

#[test]
fn paths_outside_the_download_directory() {
    let mut session = Session::new(Endpoint::Unix(PathBuf::from("/nowhere")));
    for target in ["/../a", "/a/../../b", "/%2e%2e/a", "/a/..", "/."] {
        let error = fetch(&mut session, target, Path::new("downloads")).expect_err(target);
        assert!(matches!(error, ClientError::Outside(_) | ClientError::Target(_)), "{target}: {error}");
    }
}

#[test]
fn a_short_file_that_is_cut_off_is_not_kept() {
    let cut = Say("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok");
    let (outcome, names) = fetch_from(&[Read, cut], "/a");
    assert!(matches!(outcome, Err(ClientError::CutShort(2, Some(3)))), "{outcome:?}");
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn an_error_response_is_not_saved() {
    let refusal = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nNo such.\n";
    let (outcome, names) = fetch_from(&[Read, Say(refusal)], "/a");
    assert_eq!(outcome.expect_err("refused").to_string(), "404 Not Found: No such.");
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn a_file_that_exists_is_not_replaced() {
    // A HEAD request shows that the server's file has another length.
    let peer = FakePeer::plays(&[&[Read, Say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")]]);
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a"), "older and longer").expect("written");
    let outcome = fetch(&mut Session::new(peer.server()), "/a", folder.path());
    assert!(matches!(outcome, Err(ClientError::Exists(_))), "{outcome:?}");
    assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"older and longer");
}

#[test]
fn a_redirect_may_add_a_slash_but_not_choose_a_name() {
    let cases = [("/dir/", "dir/index.html: ok"), ("/.bashrc", "dir: ok")];
    for (location, expected) in cases {
        let redirect: &'static str = Box::leak(
            format!("HTTP/1.1 308 Permanent Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
                .into(),
        );
        let (outcome, names) = fetch_from(&[Read, Say(redirect), Read, OK], "/dir");
        assert!(outcome.is_ok(), "{outcome:?}");
        assert_eq!(names, [expected]);
    }
}

#[test]
fn a_redirect_cycle_ends() {
    let redirect = Say("HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n");
    let acts: Vec<PeerAction> = [Read, redirect].repeat(MOST_REDIRECTS + 1);
    let (outcome, _) = fetch_from(&acts, "/a");
    assert!(matches!(outcome, Err(ClientError::Redirects)), "{outcome:?}");
}
