//! `?sha256` returns the hash of one version of a file, and that version's tag.

use std::fs::File;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::common::{Wharf, outside, sample};

/// The response for this content.
fn line(content: &[u8]) -> String {
    let hash = Sha256::digest(content);
    hash.iter().map(|byte| format!("{byte:02x}")).chain(["\n".to_owned()]).collect()
}

#[test]
fn a_file_has_its_hash_and_its_tag() {
    let wharf = Wharf::serve(&[]);
    let long = sample(40 << 20, 1);
    for (name, content) in [("empty", &b""[..]), ("a%20b", b"one"), ("long", &long)] {
        wharf.ask("PUT", &format!("/{name}"), "", content);
        let answer = wharf.ask("GET", &format!("/{name}?sha256"), "", b"");
        assert_eq!((answer.code(), answer.text()), (200, line(content)), "{name}");
        assert_eq!(answer.field("Content-Type"), "text/plain; charset=utf-8", "{name}");
        let file = wharf.ask("HEAD", &format!("/{name}"), "", b"");
        assert_eq!(answer.field("ETag"), file.field("ETag"), "{name}");
        let head = wharf.ask("HEAD", &format!("/{name}?sha256"), "", b"");
        assert_eq!((head.code(), head.field("Content-Length").as_str()), (200, "65"), "{name}");
    }
}

#[test]
fn a_hash_honours_preconditions() {
    let wharf = Wharf::serve(&[]);
    // Once while the hash is computed, and once when it is known.
    for name in ["a", "a", "b"] {
        wharf.write(name, name);
        let target = format!("/{name}?sha256");
        let tag = wharf.ask("HEAD", &format!("/{name}"), "", b"").field("ETag");
        let ask = |field: &str| wharf.ask("GET", &target, field, b"");
        let same = ask(&format!("If-None-Match: {tag}\r\n"));
        assert_eq!((same.code(), same.field("ETag"), same.body.len()), (304, tag.clone(), 0));
        assert_eq!(ask("If-None-Match: \"other\"\r\n").text(), line(name.as_bytes()));
        assert_eq!(ask("If-Match: \"other\"\r\n").code(), 412);
        assert_eq!(ask(&format!("If-Match: {tag}\r\n")).code(), 200);
    }
}

#[test]
fn the_hash_agrees_with_sha256sum() {
    let Some(mut sha256sum) = outside("sha256sum") else { return };
    let wharf = Wharf::serve(&[]);
    let path = wharf.write("a", sample(1_000_000, 2));
    let output = sha256sum.arg(path).output().expect("it runs");
    let told = wharf.ask("GET", "/a?sha256", "", b"").text();
    assert_eq!(output.stdout.get(..64), told.as_bytes().get(..64));
}

#[test]
fn another_version_has_another_hash() {
    let wharf = Wharf::serve(&[]);
    for version in 0..20 {
        let content = sample(1000, version);
        wharf.write("a", &content);
        assert_eq!(wharf.ask("GET", "/a?sha256", "", b"").text(), line(&content), "version {version}");
    }
}

#[test]
fn a_target_without_content_has_no_hash() {
    let wharf = Wharf::serve(&["--hidden"]);
    wharf.write("dir/file", "x");
    wharf.write(".wharf/uploads/x", "x");
    let cases =
        [("/none?sha256", 404), ("/dir?sha256", 308), ("/.wharf/uploads/x?sha256", 404), ("/..?sha256", 400)];
    for (target, code) in cases {
        assert_eq!(wharf.ask("GET", target, "", b"").code(), code, "{target}");
    }
}

/// Two users of one proxy. No hash is ready while this test runs.
#[test]
fn a_client_with_many_hashes_does_not_delay_an_upload_from_its_address_forever() {
    let wharf = Wharf::serve(&[]);
    let mut hashes: Vec<_> = (0..12)
        .map(|number| {
            let path = wharf.write(&number.to_string(), "");
            let file = File::options().write(true).open(path).expect("it is there");
            file.set_len(1 << 40).expect("long and sparse");
            let mut wire = wharf.connect();
            wire.begin_to_ask("GET", &format!("/{number}?sha256"), None);
            wire
        })
        .collect();
    assert_eq!(wharf.ask("PUT", "/new", "", b"content").code(), 201);
    assert!(!hashes.iter_mut().any(|wire| wire.hears_within(Duration::from_millis(1))), "still running");
}

#[test]
fn a_hash_is_abandoned_when_its_client_disconnects() {
    let wharf = Wharf::serve(&[]);
    let ask = |name: &str| {
        let mut wire = wharf.connect();
        wire.begin_to_ask("GET", &format!("/{name}?sha256"), None).end();
        wire
    };
    wharf.write("short", "one");
    assert_eq!(ask("short").read_answer(false).text(), line(b"one"), "it still reads");
    let long = File::options().write(true).open(wharf.write("long", "")).expect("it is there");
    long.set_len(1 << 40).expect("long and sparse");
    assert!(ask("long").is_closed());
}
