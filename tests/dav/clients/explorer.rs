//! Windows Explorer (MiniRedir): folders without a slash, a lock without a depth, `Win32*` properties.

use std::fs;
use std::time::{Duration, SystemTime};

use super::script::{LOCK, Script};
use super::serve;
use crate::common::Wharf;

const AGENT: &str = "Microsoft-WebDAV-MiniRedir/10.0.22621";

const TIMES: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?><D:propertyupdate xmlns:D=\"DAV:\" \
    xmlns:Z=\"urn:schemas-microsoft-com:\"><D:set><D:prop>\
    <Z:Win32CreationTime>Sat, 03 Feb 2001 04:05:06 GMT</Z:Win32CreationTime>\
    <Z:Win32LastAccessTime>Sat, 03 Feb 2001 04:05:06 GMT</Z:Win32LastAccessTime>\
    <Z:Win32LastModifiedTime>Sat, 03 Feb 2001 04:05:06 GMT</Z:Win32LastModifiedTime>\
    <Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>";

fn explorer(wharf: &Wharf) -> Script<'_> {
    Script::of(AGENT, "translate: f\r\nCache-Control: no-cache\r\nPragma: no-cache\r\n", wharf)
}

#[test]
pub fn it_connects_and_looks_around() {
    let wharf = serve(&[]);
    wharf.write("docs/sub/a", "a");
    explorer(&wharf).run(&[
        ("OPTIONS /", "", "", "204 DAV: 1, 2, 3"),
        ("OPTIONS /docs", "", "", "204 MS-Author-Via: DAV"),
        ("PROPFIND /", "Depth: 0|Content-Length: 0", "", "207 <D:href>/</D:href>"),
        ("PROPFIND /docs", "Depth: 0|Content-Length: 0", "", "207 <D:href>/docs/</D:href>"),
        ("PROPFIND /docs", "Depth: 1|Content-Length: 0", "", "207 <D:href>/docs/sub/</D:href>"),
        ("PROPFIND /docs/desktop.ini", "Depth: 0|Content-Length: 0", "", "404"),
        ("PROPFIND /docs/Thumbs.db", "Depth: 0|Content-Length: 0", "", "404"),
    ]);
}

#[test]
pub fn it_copies_a_file() {
    let wharf = serve(&[]);
    wharf.write("docs/other", "x");
    let mut explorer = explorer(&wharf);
    explorer.run(&[
        ("PROPFIND /docs/new.txt", "Depth: 0|Content-Length: 0", "", "404"),
        ("PUT /docs/new.txt", "", "", "201"),
        ("LOCK /docs/new.txt", "Timeout: Second-3600", LOCK, "200 <D:depth>infinity</D:depth>"),
    ]);
    let answer = explorer.ask("PROPPATCH", "/docs/new.txt", "If: ({token /docs/new.txt})", TIMES);
    let told = answer.text();
    assert_eq!((answer.code(), told.matches("HTTP/1.1 200 OK").count()), (207, 1), "{told}");
    assert!(told.contains("Win32FileAttributes") && !told.contains("403") && !told.contains("404"), "{told}");
    explorer.run(&[
        ("HEAD /docs/new.txt", "", "", "200 Content-Length: 0"),
        ("PUT /docs/new.txt", "If: ({token /docs/new.txt})", "content", "204"),
        ("PROPPATCH /docs/new.txt", "If: ({token /docs/new.txt})", TIMES, "207 200 OK"),
        ("UNLOCK /docs/new.txt", "Lock-Token: {token /docs/new.txt}", "", "204"),
        ("PROPFIND /docs/new.txt", "Depth: 0|Content-Length: 0", "", "207 <D:getcontentlength>7<"),
    ]);
    assert_eq!(wharf.read("docs/new.txt"), b"content");
    let facts = fs::metadata(wharf.folder().join("docs/new.txt")).expect("a file");
    assert_eq!(facts.modified().expect("a time"), SystemTime::UNIX_EPOCH + Duration::from_secs(981_173_106));
    assert!(wharf.trash().is_empty(), "the empty file and the full one are one file");
}

#[test]
pub fn it_gives_up_a_name_and_takes_it_again() {
    let wharf = serve(&[]);
    wharf.write("docs/other", "x");
    explorer(&wharf).run(&[
        ("LOCK /docs/a.txt", "Timeout: Second-3600", LOCK, "201"),
        ("PUT /docs/a.txt", "If: ({token /docs/a.txt})", "", "204"),
        ("DELETE /docs/a.txt", "If: ({token /docs/a.txt})", "", "204"),
        ("PUT /docs/a.txt", "", "again", "201"),
    ]);
    assert_eq!(wharf.read("docs/a.txt"), b"again");
}

#[test]
pub fn it_saves_through_a_temporary() {
    let wharf = serve(&[]);
    wharf.write("docs/a.txt", "old");
    explorer(&wharf).run(&[
        ("LOCK /docs/a.txt", "Timeout: Second-3600", LOCK, "200"),
        ("PUT /docs/a.tmp", "", "", "201"),
        ("LOCK /docs/a.tmp", "Timeout: Second-3600", LOCK, "200"),
        ("PUT /docs/a.tmp", "If: ({token /docs/a.tmp})", "new", "204"),
        ("UNLOCK /docs/a.tmp", "Lock-Token: {token /docs/a.tmp}", "", "204"),
        ("UNLOCK /docs/a.txt", "Lock-Token: {token /docs/a.txt}", "", "204"),
        ("LOCK /docs/a.tmp", "Timeout: Second-3600", LOCK, "200"),
        (
            "MOVE /docs/a.tmp",
            "Destination: http://{host}/docs/a.txt|Overwrite: T|If: ({token /docs/a.tmp})",
            "",
            "204",
        ),
        ("PUT /docs/a.txt", "", "no lock is left", "204"),
    ]);
    assert!(!wharf.folder().join("docs/a.tmp").exists());
}

#[test]
pub fn it_renames_and_removes() {
    let wharf = serve(&[]);
    for path in ["docs/a.txt", "docs/b.txt", "docs/sub/deep/c"] {
        wharf.write(path, path);
    }
    explorer(&wharf).run(&[
        ("MOVE /docs/a.txt", "Destination: http://{host}/docs/b.txt|Overwrite: F", "", "412"),
        ("MOVE /docs/a.txt", "Destination: http://{host}/docs/A.TXT|Overwrite: F", "", "201"),
        ("MOVE /docs/sub", "Destination: http://{host}/docs/other|Overwrite: F", "", "201"),
        ("PROPFIND /docs/other", "Depth: 1|Content-Length: 0", "", "207 <D:href>/docs/other/deep/</D:href>"),
        ("MKCOL /docs/New%20folder", "", "", "201"),
        ("MKCOL /docs/New%20folder", "", "", "405"),
        ("DELETE /docs/other", "", "", "204"),
    ]);
    assert_eq!(wharf.read("docs/A.TXT"), b"docs/a.txt");
}
