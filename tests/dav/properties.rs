//! PROPFIND and PROPPATCH.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use super::{EDIT, between, hrefs, named, propfind, serve};
use crate::common::Wharf;
use crate::common::fuse::{Mount, faults};

/// Changes properties; returns the statuses of the response with their properties.
fn proppatch(wharf: &Wharf, target: &str, inner: &str) -> String {
    let body = format!("<D:propertyupdate xmlns:D=\"DAV:\" xmlns:Z=\"urn:z\">{inner}</D:propertyupdate>");
    let answer = wharf.ask("PROPPATCH", target, "", body.as_bytes());
    assert_eq!(answer.code(), 207, "{}", answer.text());
    answer.text()
}

#[test]
pub fn options_announce_webdav() {
    let wharf = serve(&[]);
    for target in ["*", "/", "/none/at/all"] {
        let answer = wharf.ask("OPTIONS", target, "", b"");
        assert_eq!(
            (answer.field("DAV").as_str(), answer.field("MS-Author-Via").as_str()),
            ("1, 2, 3", "DAV")
        );
    }
    assert_eq!(wharf.ask("OPTIONS", "/.wharf/health", "", b"").field("DAV"), "");
    let without = serve(&["--no-dav"]);
    let options = without.ask("OPTIONS", "/", "", b"");
    assert_eq!((options.field("DAV").as_str(), options.field("Allow").contains("LOCK")), ("", false));
    for method in ["PROPFIND", "PROPPATCH", "LOCK", "UNLOCK"] {
        assert_eq!(without.ask(method, "/", "Depth: 0\r\n", b"").code(), 405, "{method}");
    }
}

#[test]
pub fn a_directory_is_listed_with_its_entries() {
    let wharf = serve(&[]);
    wharf.write("a b/ü&<>'\"[1].txt", "12345");
    wharf.write("a b/sub/deep.txt", "");
    wharf.write("a b/.hidden", "");
    let mut wire = wharf.connect();
    for target in ["/a%20b/", "/a%20b", "//a%20b//"] {
        let answer = propfind(&mut wire, target, "1", "");
        assert_eq!(answer.code(), 207, "{target}: no redirect");
        assert_eq!(answer.field("Content-Type"), "application/xml; charset=utf-8");
        let mut found = hrefs(&answer);
        assert_eq!(found.remove(0), "/a%20b/", "first the directory itself");
        found.sort();
        assert_eq!(found, ["/a%20b/%C3%BC&amp;%3C%3E'%22%5B1%5D.txt", "/a%20b/sub/"]);
        assert_eq!(hrefs(&propfind(&mut wire, target, "0", "")), ["/a%20b/"]);
    }
    let answer = propfind(&mut wire, "/a%20b/", "1", "").text();
    assert_eq!(between(&answer, "<D:getcontentlength>", "<"), ["5"]);
    assert_eq!(answer.matches("<D:resourcetype><D:collection/></D:resourcetype>").count(), 2);
    assert_eq!(answer.matches("<D:resourcetype/>").count(), 1);
    for (target, code) in
        [("/none", 404), ("/a%20b/.hidden", 404), ("/.wharf/", 404), ("/a%20b/sub/deep.txt", 207)]
    {
        assert_eq!(propfind(&mut wire, target, "0", "").code(), code, "{target}");
    }
}

#[test]
pub fn live_properties_agree_with_get() {
    let wharf = serve(&[]);
    wharf.write("notes.txt", "notes\n");
    wharf.files_age();
    let mut wire = wharf.connect();
    let get = wire.ask("GET", "/notes.txt", "", b"");
    let body = named(
        "<D:getetag/><D:getlastmodified/><D:getcontenttype/><D:displayname/><D:supportedlock/><D:lockdiscovery/>\
         <D:quota-used-bytes/><N:x xmlns:N=\"urn:n\"/>",
    );
    let answer = propfind(&mut wire, "/notes.txt", "0", &body).text();
    for (property, expected) in [
        ("getetag", get.field("ETag").replace('"', "&quot;")),
        ("getlastmodified", get.field("Last-Modified")),
        ("getcontenttype", get.field("Content-Type")),
        ("displayname", "notes.txt".to_owned()),
        ("lockdiscovery", String::new()),
    ] {
        let found = between(&answer, &format!("<D:{property}>"), &format!("</D:{property}>"))[0].to_owned();
        assert_eq!(found.replace('"', "&quot;"), expected, "{property}");
    }
    let missing = between(&answer, "<D:propstat>", "</D:propstat>")[1];
    assert_eq!(
        missing,
        "<D:prop><D:quota-used-bytes/><P:x xmlns:P=\"urn:n\"/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status>"
    );
    let names = "<propfind xmlns=\"DAV:\"><propname/></propfind>";
    let answer = propfind(&mut wire, "/notes.txt", "0", names).text();
    assert!(answer.contains("<D:getetag/>") && !answer.contains("notes.txt</D:displayname>"), "{answer}");
}

#[test]
pub fn the_space_is_told_to_those_who_ask() {
    let wharf = serve(&["--reserve", "1k"]);
    let mut wire = wharf.connect();
    let body = named("<D:quota-available-bytes/><D:quota-used-bytes/>");
    let ask = |wire: &mut crate::common::Wire, agent: &str| {
        let fields = format!("Depth: 0\r\nUser-Agent: {agent}\r\n");
        wire.ask("PROPFIND", "/", &fields, body.as_bytes()).text()
    };
    let told = ask(&mut wire, "rclone/1.60");
    let bytes: Vec<u64> = ["quota-available-bytes", "quota-used-bytes"]
        .iter()
        .map(|name| between(&told, &format!("<D:{name}>"), "<")[0].parse().expect("a number"))
        .collect();
    assert!(bytes.iter().all(|bytes| *bytes > 0), "{told}");
    assert!(!propfind(&mut wire, "/", "0", "").text().contains("quota"), "not among all properties");
    let finder = ask(&mut wire, "WebDAVFS/3.0.0 (03008000) Darwin/24.4.0 (arm64)");
    assert!(finder.contains("404 Not Found") && !finder.contains("200 OK"), "it would wait: {finder}");
}

#[test]
pub fn many_entries_are_listed_in_little_memory() {
    const COUNT: usize = 20_000;
    let wharf = serve(&[]);
    for number in 0..COUNT {
        fs::write(wharf.folder().join(format!("measurement {number:05}.csv")), "").expect("written");
    }
    let before = wharf.status("VmRSS");
    let mut wire = wharf.connect();
    let answer = propfind(&mut wire, "/", "1", "");
    assert_eq!(hrefs(&answer).len(), COUNT + 1);
    assert!(answer.body.len() / COUNT <= 300, "Explorer reads 1,000,000 bytes");
    let grown = wharf.status("VmHWM").saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more");
}

#[test]
pub fn properties_are_kept_with_their_file() {
    keep_properties_with_their_file(&serve(&[]));
}

#[test]
pub fn properties_are_kept_without_extended_attributes() {
    let Some(mount) = Mount::new() else { return };
    mount.set(&[faults::NO_XATTRS]);
    let wharf = Wharf::serve_in(mount.place(), &EDIT);
    keep_properties_with_their_file(&wharf);
    let files = wharf.folder().join(".wharf/props");
    assert!(fs::read_dir(&files).expect("a directory").count() > 0, "they are in files");

    // What is below a directory goes with it.
    let set = "<D:set><D:prop><Z:author>Ann</Z:author></D:prop></D:set>";
    wharf.write("deep/in/it.txt", "x");
    for target in ["/deep/", "/deep/in/", "/deep/in/it.txt"] {
        assert!(proppatch(&wharf, target, set).contains("200 OK"));
    }
    let has = |target: &str| propfind(&mut wharf.connect(), target, "0", "").text().contains(">Ann<");
    assert_eq!(wharf.ask("COPY", "/deep/", "Destination: /shallow/\r\nDepth: 0\r\n", b"").code(), 201);
    wharf.write("shallow/in/it.txt", "y");
    assert!(has("/shallow/") && !has("/shallow/in/it.txt"), "only the directory was copied");
    assert_eq!(wharf.ask("COPY", "/deep/", "Destination: /copy/\r\n", b"").code(), 201);
    assert_eq!(wharf.ask("MOVE", "/deep/", "Destination: /moved/\r\n", b"").code(), 201);
    for target in ["/copy/", "/copy/in/it.txt", "/moved/", "/moved/in/", "/moved/in/it.txt"] {
        assert!(has(target), "{target}");
    }
    // Another program has removed the file.
    fs::remove_file(wharf.folder().join("copy/in/it.txt")).expect("removed");
    assert_eq!(wharf.ask("PUT", "/copy/in/it.txt", "", b"another file").code(), 201);
    assert!(!has("/copy/in/it.txt"), "a new file has none");
    let wharf = Wharf::serve_in(wharf.kill(), &EDIT);
    let has = |target: &str| propfind(&mut wharf.connect(), target, "0", "").text().contains(">Ann<");
    assert!(has("/moved/in/it.txt"), "they outlive the server");
    for target in ["/copy/", "/moved/", "/shallow/", "/c.txt", "/dir/"] {
        assert_eq!(wharf.ask("DELETE", target, "", b"").code(), 204, "{target}");
    }
    let left = fs::read_dir(&files).expect("a directory").count();
    assert_eq!(left, 0, "what is gone has none");
}

fn keep_properties_with_their_file(wharf: &Wharf) {
    wharf.write("dir/a.txt", "a");
    let set = "<D:set><D:prop><Z:author xml:lang=\"en\">Ann &amp; <Z:b>Bob</Z:b></Z:author><plain/></D:prop></D:set>";
    for target in ["/dir/a.txt", "/dir/"] {
        let told = proppatch(wharf, target, set);
        assert!(told.contains("200 OK") && told.contains("<P:author xmlns:P=\"urn:z\"/><plain/>"), "{told}");
    }
    let kept = "<Z:author xmlns:Z=\"urn:z\" xml:lang=\"en\">Ann &amp; <Z:b>Bob</Z:b></Z:author>";
    let mut wire = wharf.connect();
    let has =
        |wire: &mut crate::common::Wire, target: &str| propfind(wire, target, "0", "").text().contains(kept);
    assert!(has(&mut wire, "/dir/a.txt") && has(&mut wire, "/dir/"));
    let listed = propfind(&mut wire, "/dir/", "1", &named("<x:author xmlns:x=\"urn:z\"/>")).text();
    assert_eq!(listed.matches(kept).count(), 2, "{listed}");
    // They stay with new content, and go where the file goes.
    assert_eq!(wire.ask("PUT", "/dir/a.txt", "", b"new").code(), 204);
    assert!(has(&mut wire, "/dir/a.txt"));
    assert_eq!(wire.ask("MOVE", "/dir/a.txt", "Destination: /b.txt\r\n", b"").code(), 201);
    assert!(has(&mut wire, "/b.txt"));
    assert_eq!(wire.ask("COPY", "/b.txt", "Destination: /c.txt\r\n", b"").code(), 201);
    assert!(has(&mut wire, "/c.txt"));
    wharf.write("plain.txt", "without properties");
    let over = "Destination: /c.txt\r\n";
    assert_eq!(wire.ask("COPY", "/plain.txt", over, b"").code(), 204);
    assert!(!has(&mut wire, "/c.txt"), "a copy has what its source has");
    assert_eq!(wire.ask("COPY", "/b.txt", over, b"").code(), 204);
    assert!(has(&mut wire, "/c.txt"));
    assert_eq!(wire.ask("DELETE", "/b.txt", "", b"").code(), 204);
    assert_eq!(wire.ask("PUT", "/b.txt", "", b"another file").code(), 201);
    assert!(!has(&mut wire, "/b.txt"), "a new file has none");
    proppatch(wharf, "/c.txt", "<D:remove><D:prop><Z:author/><Z:none/></D:prop></D:remove>");
    assert!(!has(&mut wire, "/c.txt"));
}

#[test]
pub fn all_changes_are_made_or_none() {
    let wharf = serve(&[]);
    wharf.write("a", "a");
    let told =
        proppatch(&wharf, "/a", "<D:set><D:prop><Z:b>1</Z:b><D:getetag>x</D:getetag></D:prop></D:set>");
    let stats = between(&told, "<D:propstat>", "</D:propstat>");
    assert!(stats[0].contains("<D:getetag/>") && stats[0].contains("403 Forbidden"), "{told}");
    assert!(stats[0].contains("<D:cannot-modify-protected-property/>"), "{told}");
    assert!(
        stats[1].contains("<P:b xmlns:P=\"urn:z\"/>") && stats[1].contains("424 Failed Dependency"),
        "{told}"
    );
    assert!(!propfind(&mut wharf.connect(), "/a", "0", "").text().contains("urn:z"));
    let long = "x".repeat(60_000);
    let told = proppatch(&wharf, "/a", &format!("<D:set><D:prop><Z:b>{long}</Z:b><Z:c/></D:prop></D:set>"));
    assert!(told.contains("200 OK") && !told.contains("507"), "ext4 has not so much room, but a file has");
    assert!(propfind(&mut wharf.connect(), "/a", "0", "").text().contains(&long));
    let told = proppatch(&wharf, "/a", &format!("<D:set><D:prop><Z:d>{long}</Z:d><Z:e/></D:prop></D:set>"));
    assert!(told.contains("507 Insufficient Storage") && !told.contains("200 OK"), "more than 64 KiB in all");
    let told = propfind(&mut wharf.connect(), "/a", "0", "").text();
    assert!(told.contains(&long) && !told.contains(":d"), "nothing has changed");
}

#[test]
pub fn the_time_of_a_file_is_set() {
    let wharf = serve(&[]);
    let path = wharf.write("a", "a");
    let set = |inner: &str| proppatch(&wharf, "/a", &format!("<D:set><D:prop>{inner}</D:prop></D:set>"));
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(981_173_106);
    for inner in [
        "<D:lastmodified>981173106</D:lastmodified>",
        "<m:Win32LastModifiedTime xmlns:m=\"urn:schemas-microsoft-com:\">Sat, 03 Feb 2001 04:05:06 GMT</m:Win32LastModifiedTime>",
    ] {
        fs::File::options()
            .write(true)
            .open(&path)
            .and_then(|file| file.set_modified(SystemTime::now()))
            .expect("set");
        let told = set(inner);
        assert!(told.contains("200 OK"), "{told}");
        assert_eq!(
            fs::metadata(&path).and_then(|facts| facts.modified()).expect("a time"),
            expected,
            "{inner}"
        );
    }
    assert!(set("<D:lastmodified>yesterday</D:lastmodified>").contains("409 Conflict"));
}

#[test]
pub fn properties_need_rights() {
    let wharf = Wharf::serve(&[
        "--allow",
        "everyone=view@/open",
        "--allow",
        "everyone=add@/drop",
        "--allow",
        "everyone=edit@/open/own",
    ]);
    for path in ["open/a", "open/own/b", "drop/c", "closed/d"] {
        wharf.write(path, "x");
    }
    let patch = "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x/></D:prop></D:set></D:propertyupdate>";
    let mut wire = wharf.connect();
    for (target, may_read, may_change) in [
        ("/open/a", true, false),
        ("/open/own/b", true, true),
        ("/drop/c", false, false),
        ("/closed/d", false, false),
        ("/", false, false),
    ] {
        let codes = [
            propfind(&mut wire, target, "0", "").code(),
            wire.ask("PROPPATCH", target, "", patch.as_bytes()).code(),
        ];
        for (code, may) in codes.into_iter().zip([may_read, may_change]) {
            assert!(if may { code == 207 } else { [403, 404].contains(&code) }, "{target}: {codes:?}");
        }
        wire = wharf.connect();
    }
    let read_only = serve(&["--read-only"]);
    read_only.write("a", "a");
    assert_eq!(propfind(&mut read_only.connect(), "/a", "0", "").code(), 207);
    assert_eq!(read_only.ask("PROPPATCH", "/a", "", patch.as_bytes()).code(), 403);
    assert_eq!(read_only.ask("LOCK", "/a", "Depth: 0\r\n", b"").code(), 403);
}

#[test]
pub fn paths_begin_with_the_base() {
    let wharf = serve(&["--base", "/files"]);
    wharf.write("a", "a");
    let mut wire = wharf.connect();
    assert_eq!(hrefs(&propfind(&mut wire, "/files/", "1", "")), ["/files/", "/files/a"]);
}

#[test]
pub fn values_are_for_those_who_may_read() {
    let wharf = Wharf::serve(&["--allow", "everyone=list", "--allow", "everyone=edit@/open"]);
    wharf.write("open/dir/a", "a");
    proppatch(&wharf, "/open/dir/a", "<D:set><D:prop><Z:secret>x</Z:secret></D:prop></D:set>");
    assert_eq!(wharf.ask("COPY", "/open/dir/a", "Destination: /open/b\r\n", b"").code(), 201);
    fs::rename(wharf.folder().join("open/b"), wharf.folder().join("b")).expect("moved");
    symlink("..", wharf.folder().join("open/up")).expect("linked");
    let mut wire = wharf.connect();
    for (target, depth, is_shown) in [
        ("/open/dir/", "1", true),
        ("/open/dir/a", "0", true),
        ("/", "1", false),
        ("/b", "0", false),
        ("/open/up/", "1", false),
        ("/open/up/b", "0", false),
    ] {
        let told = propfind(&mut wire, target, depth, "").text();
        assert_eq!(told.contains("secret"), is_shown, "{target}: {told}");
    }
}
