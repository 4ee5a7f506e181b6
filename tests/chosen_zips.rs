//! `?zip` with names: a zip of some entries of a directory, named in the query or in a form that is posted.

use std::os::unix::fs::symlink;

use crate::common::Wharf;

/// The header of an entry in the central directory of a zip, and its length without the name (APPNOTE.TXT §4.3.12).
const ENTRY: &[u8] = b"PK\x01\x02";
const ENTRY_LENGTH: usize = 46;

/// The names in a zip, in order.
fn names(zip: &[u8]) -> Vec<String> {
    let entries = zip.windows(ENTRY.len()).enumerate().filter(|(_, window)| *window == ENTRY);
    let name = |at: usize| {
        let length = usize::from(u16::from_le_bytes([zip[at + 28], zip[at + 29]]));
        String::from_utf8_lossy(&zip[at + ENTRY_LENGTH..at + ENTRY_LENGTH + length]).into_owned()
    };
    entries.map(|(at, _)| name(at)).collect()
}

fn furnish(wharf: &Wharf) {
    for name in ["a.txt", "b & c+.txt", "größe.txt", "d/e/f.txt", "d/.hidden", "other/g.txt", ".env"] {
        wharf.write(name, name);
    }
}

/// A request with names in the query, and one with a form.
fn both(wharf: &Wharf, directory: &str, names: &str) -> [crate::common::Answer; 2] {
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    [
        wharf.ask("GET", &format!("{directory}?zip&{names}"), "", b""),
        wharf.ask("POST", &format!("{directory}?zip"), form, names.as_bytes()),
    ]
}

#[test]
fn a_zip_has_only_what_was_named() {
    let wharf = Wharf::serve(&["--read-only"]);
    furnish(&wharf);
    wharf.files_age();
    let table: [(&str, &str, &[&str]); 4] = [
        ("/", "name=a.txt", &["share/", "share/a.txt"]),
        (
            "/",
            "name=d&name=b+%26+c%2B.txt",
            &["share/", "share/b & c+.txt", "share/d/", "share/d/e/", "share/d/e/f.txt"],
        ),
        (
            "/",
            "name=gr%C3%B6%C3%9Fe.txt&name=a.txt&name=a.txt",
            &["share/", "share/a.txt", "share/größe.txt"],
        ),
        ("/d/", "name=e", &["d/", "d/e/", "d/e/f.txt"]),
    ];
    for (directory, query, expected) in table {
        for answer in both(&wharf, directory, query) {
            assert_eq!(answer.code(), 200, "{query}: {}", answer.text());
            assert_eq!(answer.field("Content-Type"), "application/zip");
            assert_eq!(answer.field("Content-Length"), answer.body.len().to_string());
            let mut found = names(&answer.body);
            found.sort();
            assert_eq!(found, expected, "{query}");
        }
    }
    // A link has ranges and a tag; a form has names in the query, too.
    let link = wharf.ask("GET", "/?zip&name=a.txt", "Range: bytes=0-1\r\n", b"");
    assert_eq!((link.code(), link.body.as_slice()), (206, b"PK".as_slice()));
    let form = wharf.ask("POST", "/?zip&name=a.txt", "Range: bytes=0-1\r\nIf-None-Match: *\r\n", b"name=d");
    assert_eq!((form.code(), form.field("ETag").as_str()), (200, ""));
    assert!(
        names(&form.body).contains(&"share/a.txt".to_owned())
            && names(&form.body).contains(&"share/d/e/f.txt".to_owned())
    );
    // Without names, a link is for everything.
    assert!(names(&wharf.ask("GET", "/?zip", "", b"").body).contains(&"share/other/g.txt".to_owned()));
}

#[test]
fn what_cannot_be_downloaded_is_named_before_the_zip_begins() {
    let rules =
        ["--allow", "everyone=view", "--allow", "everyone=none@/other", "--allow", "everyone=list@/d/e"];
    let wharf = Wharf::serve(&rules);
    furnish(&wharf);
    wharf.write("link-target.txt", "x");
    symlink("link-target.txt", wharf.folder().join("link.txt")).expect("linked");
    symlink("d", wharf.folder().join("link-to-directory")).expect("linked");
    symlink("/etc", wharf.folder().join("out")).expect("linked");
    symlink("other", wharf.folder().join("link-to-secret")).expect("linked");
    let missing = [
        ("name=nothing", "nothing"),
        ("name=a.txt&name=gone&name=nothing", "gone"),
        ("name=.env", ".env"),
        ("name=.wharf", ".wharf"),
        ("name=..", ".."),
        ("name=.", "."),
        ("name=", ""),
        ("name=d/e", "d/e"),
        ("name=..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        ("name=%2Fetc", "/etc"),
        ("name=a.txt%00", "a.txt\\u{0}"),
        ("name=out", "out"),
        ("name=other", "other"),
        ("name=link-to-secret", "link-to-secret"),
        ("name=%3Cb%3E%0A%ff", "<b>\\n\\xff"),
    ];
    for (query, name) in missing {
        for answer in both(&wharf, "/", query) {
            let expected = format!("there is nothing of this name to download: {name}\n");
            assert_eq!((answer.code(), answer.text().as_str()), (404, expected.as_str()), "{query}");
        }
    }
    let link = wharf.ask("GET", "/?zip&name=link.txt&name=link-to-directory", "", b"");
    let mut found = names(&link.body);
    found.sort();
    // What may only be listed is left out, as in a zip of everything.
    assert_eq!(found, ["share/", "share/link-to-directory/", "share/link-to-directory/e/", "share/link.txt"]);
    for (target, code) in [("/nothing/?zip", 404), ("/other/?zip", 404), ("/a.txt/?zip", 404)] {
        assert_eq!(wharf.ask("POST", target, "", b"name=a").code(), code, "{target}");
    }
}

#[test]
fn forms_are_checked_and_bounded() {
    let wharf = Wharf::serve(&[]);
    furnish(&wharf);
    let many = |count: usize| (0..count).map(|number| format!("name={number}&")).collect::<Vec<_>>().concat();
    let table = [
        ("nothing is named", "", String::new(), 400),
        ("another field", "", "names=a.txt".to_owned(), 400),
        ("another site", "Origin: http://evil.example\r\n", "name=a.txt".to_owned(), 403),
        ("the most names", "", many(10_000), 404),
        ("too many names", "", many(10_001), 413),
        ("too many bytes", "", format!("name={}", "x".repeat(1 << 20)), 413),
        ("afterwards", "", "name=a.txt".to_owned(), 200),
    ];
    for (name, fields, form, code) in table {
        let answer = wharf.ask("POST", "/?zip", fields, form.as_bytes());
        assert_eq!(answer.code(), code, "{name}: {}", answer.text());
    }
    // Nothing was saved, and other forms are uploads as before.
    assert!(!wharf.folder().join("zip").exists());
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    let body = b"--b\r\nContent-Disposition: form-data; name=f; filename=form\r\n\r\nnew\r\n--b--\r\n";
    assert_eq!(wharf.ask("POST", "/", form, body).code(), 200);
    assert_eq!(wharf.read("form"), b"new");
}
