//! macOS Finder (WebDAVFS): probes in every directory, chunked bodies with a length beside them, `._x` beside every file.

use super::script::{LOCK, Script};
use super::serve;

const AGENT: &str = "WebDAVFS/3.0.0 (03008000) Darwin/23.6.0 (arm64)";

/// The names that it looks for in a directory.
const PROBES: [&str; 9] = [
    "._.",
    ".metadata_never_index",
    ".Spotlight-V100",
    "mach_kernel",
    "Backups.backupdb",
    ".DS_Store",
    ".localized",
    ".ql_disablethumbnails",
    ".TemporaryItems",
];

const QUOTA: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?><D:propfind xmlns:D=\"DAV:\"><D:prop>\
                     <D:quota-available-bytes/><D:quota-used-bytes/></D:prop></D:propfind>";

#[test]
pub fn it_mounts_and_its_probes_are_cheap() {
    let wharf = serve(&[]);
    wharf.write("a.txt", "a");
    let mut finder = Script::of(AGENT, "Accept: */*\r\n", &wharf);
    finder.run(&[
        ("OPTIONS /", "", "", "204 DAV: 1, 2, 3"),
        ("PROPFIND /", "Depth: 0", QUOTA, "207 <D:quota-available-bytes>"),
        ("PROPFIND /", "Depth: 1", "", "207 <D:href>/a.txt</D:href>"),
    ]);
    for name in PROBES {
        for method in ["PROPFIND", "HEAD", "GET"] {
            let answer = finder.ask(method, &format!("/{name}"), "Depth: 0", "");
            assert_eq!(answer.code(), 404, "{method} {name}");
            assert!(answer.body.len() < 64, "{method} {name}: {}", answer.text());
        }
    }
    finder.run(&[("GET /none.txt", "", "", "404")]);
    let log = wharf.settled_log();
    assert!(log.contains("GET /none.txt"), "{log}");
    for name in PROBES {
        assert!(!log.contains(name), "{name}: {log}");
    }
}

#[test]
#[cfg(feature = "accounts")]
pub fn it_copies_a_file_with_its_companion() {
    use crate::common::office::{ANNA, Office};
    let office = Office::open(&["--allow", "anna=edit"]);
    let wharf = &office.wharf;
    let mut finder = Script::of(AGENT, &format!("{ANNA}Accept: */*\r\n"), wharf);
    for (path, content) in [("/photo.jpg", "a large photo"), ("/._photo.jpg", "what macOS knows about it")] {
        let (put, lock) = (format!("PUT {path}"), format!("LOCK {path}"));
        let (find, unlock) = (format!("PROPFIND {path}"), format!("UNLOCK {path}"));
        let with = format!("If: ({{token {path}}})|chunked|X-Expected-Entity-Length: {}", content.len());
        let short = format!("If: ({{token {path}}})|chunked|X-Expected-Entity-Length: {}", content.len() + 1);
        let end = format!("Lock-Token: {{token {path}}}");
        finder.run(&[
            (&find, "Depth: 0", "", "404"),
            (&put, "", "", "201"),
            (&lock, "Depth: 0|Timeout: Second-600", LOCK, "200"),
            (&put, &with, content, "204"),
            (&find, "Depth: 0", "", "207"),
            (&unlock, &end, "", "204"),
            (&lock, "Depth: 0|Timeout: Second-600", LOCK, "200"),
            (&put, &short, content, "400"),
            (&unlock, &end, "", "204"),
        ]);
        assert_eq!(wharf.read(&path[1..]), content.as_bytes());
    }
    finder.run(&[
        ("MOVE /photo.jpg", "Destination: http://{host}/other.jpg|Overwrite: F", "", "201"),
        ("MOVE /._photo.jpg", "Destination: http://{host}/._other.jpg|Overwrite: F", "", "201"),
        ("DELETE /other.jpg", "", "", "204"),
        ("DELETE /._other.jpg", "", "", "204"),
    ]);
    assert!(wharf.trash().iter().all(|(path, _)| !path.contains("._")), "{:?}", wharf.trash());
}

/// With 403 or 404 for `._x`, it aborts the whole copy with error -36.
#[test]
pub fn without_its_companions_the_copy_goes_on() {
    for flags in [&[][..], &["--no-litter"], &["--hidden", "--no-litter"]] {
        let wharf = serve(flags);
        wharf.write("._old", "old");
        Script::of(AGENT, "", &wharf).run(&[
            ("PUT /photo.jpg", "", "", "201"),
            ("PUT /._photo.jpg", "", "", "423"),
            ("PUT /new/.DS_Store", "", "x", "423"),
            ("MKCOL /.TemporaryItems", "", "", "423"),
            ("MOVE /photo.jpg", "Destination: /._photo.jpg", "", "423"),
            ("COPY /photo.jpg", "Destination: /._photo.jpg", "", "423"),
            ("PUT /photo.jpg", "chunked|X-Expected-Entity-Length: 1", "x", "204"),
        ]);
        let mut names = wharf.tree();
        names.sort();
        assert_eq!(names, ["._old", "photo.jpg"], "{flags:?}");
    }
    let wharf = serve(&["--no-litter"]);
    wharf.write("Thumbs.db", "old");
    Script::of(AGENT, "", &wharf).run(&[
        ("PUT /Thumbs.db", "", "new", "423"),
        ("PUT /desktop.ini", "", "new", "423"),
        ("GET /Thumbs.db", "", "", "200 old"),
        ("DELETE /Thumbs.db", "", "", "204"),
    ]);
    let wharf = serve(&[]);
    Script::of(AGENT, "", &wharf).run(&[("PUT /Thumbs.db", "", "new", "201")]);
}
