//! `?sha256` tells the hash of a file, of one version of it, and which that is.

use sha2::{Digest, Sha256};

use crate::common::{Wharf, outside, sample};

/// The line that is told of this content.
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
fn it_agrees_with_another_program() {
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
fn what_has_no_content_has_no_hash() {
    let wharf = Wharf::serve(&["--hidden"]);
    wharf.write("dir/file", "x");
    wharf.write(".wharf/uploads/x", "x");
    let cases =
        [("/none?sha256", 404), ("/dir?sha256", 308), ("/.wharf/uploads/x?sha256", 404), ("/..?sha256", 400)];
    for (target, code) in cases {
        assert_eq!(wharf.ask("GET", target, "", b"").code(), code, "{target}");
    }
}
