//! LOCK, UNLOCK, and what locks forbid.

use std::fs;
use std::os::unix::fs::symlink;

use super::{between, lock, named, propfind, serve, token};
#[cfg(feature = "accounts")]
use crate::common::office::{ANNA, BERT, Office};
use crate::common::{Tftp, eventually};

#[test]
pub fn a_lock_keeps_others_out() {
    let wharf = serve(&["--udp", "0"]);
    wharf.write("dir/a", "old");
    wharf.write("dir/b", "b");
    let mut wire = wharf.connect();
    let granted = lock(&mut wire, "/dir/a", "Depth: 0\r\nTimeout: Second-600\r\n");
    assert_eq!(granted.code(), 200, "{}", granted.text());
    let token = token(&granted);
    let told = granted.text();
    assert!(told.contains("<D:exclusive/>") && told.contains("<D:owner>ann</D:owner>"), "{told}");
    assert_eq!(between(&told, "<D:lockroot><D:href>", "</D:href>"), ["/dir/a"]);
    assert!(["Second-600", "Second-599"].contains(&between(&told, "<D:timeout>", "<")[0]), "{told}");

    let patch = b"<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x/></D:prop></D:set></D:propertyupdate>";
    let changes: [(&str, &str, &str, &[u8]); 7] = [
        ("PUT", "/dir/a", "", b"new"),
        ("POST", "/dir/a", "", b"new"),
        ("DELETE", "/dir/a", "", b""),
        ("MOVE", "/dir/a", "Destination: /c\r\n", b""),
        ("MOVE", "/dir/b", "Destination: /dir/a\r\n", b""),
        ("COPY", "/dir/b", "Destination: /dir/a\r\n", b""),
        ("PROPPATCH", "/dir/a", "", patch),
    ];
    for (method, target, fields, body) in changes {
        let answer = wharf.ask(method, target, fields, body);
        assert_eq!(answer.code(), 423, "{method} {target}: {}", answer.text());
        assert!(
            answer.text().contains("<D:lock-token-submitted><D:href>/dir/a</D:href>"),
            "{}",
            answer.text()
        );
        let wrong = format!("{fields}If: (<urn:uuid:00000000-0000-4000-8000-000000000000>)\r\n");
        assert_eq!(wharf.ask(method, target, &wrong, body).code(), 412, "{method}");
    }
    let members = wire.ask("DELETE", "/dir/", "", b"");
    assert_eq!(members.code(), 207, "a member is locked: {}", members.text());
    assert!(
        members.text().contains("<D:href>/dir/a</D:href><D:status>HTTP/1.1 423 Locked"),
        "{}",
        members.text()
    );
    assert_eq!(lock(&mut wharf.connect(), "/dir/", "Depth: infinity\r\n").code(), 423);
    let mut tftp = Tftp::new(wharf.tftp());
    tftp.send_request(b"\0\x02dir/a\0octet\0");
    assert_eq!(tftp.hear()[..4], [0, 4, 0, 0]);
    tftp.send(b"\0\x03\0\x01tftp");
    assert_eq!(tftp.hear()[..4], [0, 5, 0, 2], "TFTP has no tokens");
    assert_eq!(wharf.read("dir/a"), b"old");

    for answer in [
        wire.ask("PUT", "/dir/a", &format!("If: ({token})\r\n"), b"new"),
        wire.ask("PUT", "/dir/b", "", b"not locked"),
        wire.ask("MOVE", "/dir/b", &format!("Destination: /dir/a\r\nIf: </dir/a> ({token})\r\n"), b""),
        wire.ask("UNLOCK", "/dir/a", &format!("Lock-Token: {token}\r\n"), b""),
        wire.ask("PUT", "/dir/a", "", b"free again"),
    ] {
        assert_eq!(answer.code(), 204, "{}", answer.text());
    }
    assert_eq!(wire.ask("UNLOCK", "/dir/a", &format!("Lock-Token: {token}\r\n"), b"").code(), 409);
}

#[test]
pub fn a_deep_lock_covers_everything_below() {
    let wharf = serve(&[]);
    wharf.write("dir/sub/a", "a");
    let mut wire = wharf.connect();
    let token = token(&lock(&mut wire, "/dir", "Depth: infinity\r\n"));
    for target in ["/dir/sub/a", "/dir/sub/new"] {
        assert_eq!(wharf.ask("PUT", target, "", b"x").code(), 423, "{target}");
        let with = format!("If: </dir/> ({token})\r\n");
        assert!(wire.ask("PUT", target, &with, b"x").code() < 300, "{target}");
    }
    assert_eq!(wire.ask("MKCOL", "/dir/d", "", b"").code(), 423);
    assert_eq!(wire.ask("PUT", "/directory", "", b"x").code(), 201, "another name");
    let found = propfind(&mut wire, "/dir/sub/a", "0", "").text();
    assert!(found.contains(token.trim_matches(['<', '>'])), "{found}");
}

#[test]
pub fn a_lock_on_a_directory_alone_covers_its_names() {
    let wharf = serve(&[]);
    wharf.write("dir/a", "a");
    let mut wire = wharf.connect();
    let token = token(&lock(&mut wire, "/dir/", "Depth: 0\r\n"));
    assert_eq!(wire.ask("PUT", "/dir/a", "", b"content").code(), 204, "only names are locked");
    let with = format!("If: </dir> ({token})\r\n");
    for (method, target) in [("PUT", "/dir/new"), ("MKCOL", "/dir/d"), ("DELETE", "/dir/a")] {
        assert_eq!(wharf.ask(method, target, "", b"").code(), 423, "{method}");
        assert!(wire.ask(method, target, &with, b"").code() < 300, "{method}");
    }
}

#[test]
pub fn a_lock_of_a_new_name_creates_an_empty_file() {
    let wharf = serve(&[]);
    let mut wire = wharf.connect();
    let granted = lock(&mut wire, "/new.txt", "Depth: 0\r\n");
    assert_eq!(granted.code(), 201, "davfs2 relies on it");
    let head = wire.ask("HEAD", "/new.txt", "", b"");
    assert_eq!((head.code(), head.field("Content-Length").as_str()), (200, "0"));
    assert_eq!(head.field("ETag"), granted.field("ETag"));
    let log = wharf.settled_log();
    assert!(!log.contains("saved new.txt"), "nobody is told: {log}");
    let fields = format!("If: ({})\r\nIf-Match: {}\r\n", token(&granted), head.field("ETag"));
    assert_eq!(wire.ask("PUT", "/new.txt", &fields, b"text").code(), 204);
    assert_eq!(lock(&mut wire, "/none/new.txt", "Depth: 0\r\n").code(), 409, "no parent");
    assert_eq!(lock(&mut wire, "/dir/", "Depth: 0\r\n").code(), 409, "a file has no slash");
    assert!(wharf.trash().is_empty(), "an empty file is not kept");
}

#[test]
pub fn a_lock_ends_and_takes_its_empty_file_along() {
    let wharf = serve(&[]);
    wharf.write("old", "old");
    let mut wire = wharf.connect();
    for name in ["/new", "/filled", "/old"] {
        let granted = lock(&mut wire, name, "Depth: 0\r\nTimeout: Second-0\r\n");
        assert!(granted.code() < 300);
        let told = granted.text();
        let seconds: u64 = between(&told, "<D:timeout>Second-", "<")[0].parse().expect("a number");
        assert!((1..=10).contains(&seconds), "enough for another request: {told}");
        if name == "/filled" {
            assert_eq!(wire.ask("PUT", name, &format!("If: ({})\r\n", token(&granted)), b"x").code(), 204);
        }
    }
    eventually("the locks end", || wharf.connect().ask("GET", "/new", "", b"").code() == 404);
    for name in ["/filled", "/old"] {
        eventually("anybody may write", || wharf.ask("PUT", name, "", b"anybody").code() == 204);
    }
}

#[test]
#[cfg(feature = "accounts")]
pub fn locks_reveal_nothing_to_those_who_may_not_see() {
    use crate::common::office::{ANNA, BERT, Office};
    let rules =
        ["anna=edit", "bert=edit", "bert=none@/pub/secret", "everyone=drop@/inbox", "anna=edit@/inbox"];
    let office = Office::open(&rules.map(|rule| ["--allow", rule]).concat());
    office.wharf.write("pub/secret/plan.txt", "x");
    office.wharf.write("inbox/letter.txt", "x");
    for path in ["/pub/secret/plan.txt", "/inbox/letter.txt"] {
        assert_eq!(lock(&mut office.wharf.connect(), path, ANNA).code(), 200, "{path}");
    }
    for (method, target, fields) in
        [("DELETE", "/pub/", ""), ("LOCK", "/pub/", ""), ("MOVE", "/pub/", "Destination: /p\r\n")]
    {
        let mut wire = office.wharf.connect();
        let fields = format!("{BERT}{fields}");
        let answer = if method == "LOCK" {
            lock(&mut wire, target, &fields)
        } else {
            wire.ask(method, target, &fields, b"")
        };
        assert!(answer.code() >= 400 || answer.code() == 207, "{method}: {}", answer.code());
        assert!(!answer.text().contains("secret"), "{method}: {}", answer.text());
    }
    for name in ["letter.txt", "other.txt"] {
        assert_eq!(office.wharf.ask("PUT", &format!("/inbox/{name}"), "", b"y").code(), 201, "{name}");
    }
    assert_eq!(office.wharf.read("inbox/letter.txt"), b"x");
    assert_eq!(office.ask("MKCOL", "/pub/secret/", ANNA, "").code(), 405, "it exists, locked or not");
}

#[test]
pub fn a_lock_holds_for_every_path_of_its_file() {
    let wharf = serve(&["--udp", "0"]);
    for name in ["dir/file", "dir/other", "target"] {
        wharf.write(name, "old");
    }
    let link = |target: &str, name: &str| symlink(target, wharf.folder().join(name)).expect("linked");
    link("dir", "way");
    link("target", "link");
    let mut wire = wharf.connect();
    let file = token(&lock(&mut wire, "/dir/file", "Depth: 0\r\n"));
    let by_link = token(&lock(&mut wire, "/link", "Depth: 0\r\n"));
    let patch = "<D:propertyupdate xmlns:D=\"DAV:\"><D:set><D:prop><x/></D:prop></D:set></D:propertyupdate>";
    for (method, target, fields, body, token) in [
        ("PUT", "/way/file", "", "new", &file),
        ("PROPPATCH", "/way/file", "", patch, &file),
        ("DELETE", "/way/file", "", "", &file),
        ("MOVE", "/way/other", "Destination: /way/file\r\n", "", &file),
        ("PUT", "/target", "", "new", &by_link),
        ("PUT", "/link", "", "new", &by_link),
        ("PROPPATCH", "/link", "", patch, &by_link),
        ("DELETE", "/link", "", "", &by_link),
    ] {
        let answer = wharf.ask(method, target, fields, body.as_bytes());
        assert_eq!(answer.code(), 423, "{method} {target}: {}", answer.text());
        if method == "PROPPATCH" {
            let with = format!("If: ({token})\r\n");
            assert_eq!(wharf.ask(method, target, &with, body.as_bytes()).code(), 207, "{method} {target}");
        }
    }
    let mut tftp = Tftp::new(wharf.tftp());
    assert!(tftp.put("way/file", &[], b"new").is_err());
    assert_eq!(wharf.read("dir/file"), b"old");
    let discovered = propfind(&mut wire, "/way/", "1", &named("<D:lockdiscovery/>")).text();
    assert_eq!(discovered.matches("<D:activelock>").count(), 1, "{discovered}");
    for (path, token) in [("/way/file", &file), ("/target", &by_link)] {
        let unlocked = wharf.ask("UNLOCK", path, &format!("Lock-Token: {token}\r\n"), b"");
        assert_eq!(unlocked.code(), 204, "{path}: {}", unlocked.text());
        assert_eq!(wharf.ask("PUT", path, "", b"new").code(), 204, "{path}");
    }
}

#[test]
pub fn every_way_to_add_to_a_locked_directory_needs_its_token() {
    let wharf = serve(&["--udp", "0"]);
    wharf.write("new", "b");
    assert_eq!(wharf.ask("MKCOL", "/dir", "", b"").code(), 201);
    let begun = wharf.ask("POST", "/dir/begun", "Upload-Complete: ?0\r\n", b"").field("Location");
    let mut wire = wharf.connect();
    let mut late = wharf.connect();
    let before = wharf.open_files();
    late.begin_to_ask("PUT", "/dir/late", Some(4)).send("ha");
    eventually("its file is open", || wharf.open_files() > before);
    let token = token(&lock(&mut wire, "/dir/", "Depth: 0\r\n"));
    assert_eq!(late.send("lf").read_answer(false).code(), 423, "its body was under way");
    let form = "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"form\"\r\n\r\nx\r\n--b--\r\n";
    let multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    let piece = "Content-Type: application/partial-upload\r\nUpload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: 1\r\n";
    let with = format!("If: </dir/> ({token})\r\n");
    for (method, target, fields, body) in [
        ("PUT", "/dir/new", "", "x"),
        ("PUT", "/dir/new/and/deep", "", "x"),
        ("POST", "/dir/", multipart, form),
        ("PATCH", &begun, piece, "x"),
        ("COPY", "/new", "Destination: /dir/copy\r\n", ""),
    ] {
        let answer = wharf.ask(method, target, fields, body.as_bytes());
        assert_eq!(answer.code(), 423, "{method} {target}: {}", answer.text());
    }
    let mut tftp = Tftp::new(wharf.tftp());
    assert!(tftp.put("dir/tftp", &[], b"x").is_err());
    assert_eq!(fs::read_dir(wharf.folder().join("dir")).expect("a directory").count(), 0);
    assert_eq!(wharf.ask("PUT", "/dir/new/and/deep", &with, b"x").code(), 201);
}

#[test]
#[cfg(feature = "accounts")]
pub fn undo_and_restore_ask_for_locks() {
    use crate::common::office::{ANNA, BERT, Office};
    let office = Office::open(&["--allow", "anna,bert=edit"]);
    office.wharf.write("dir/a", "a");
    assert_eq!(office.code("DELETE", "/dir/a", BERT), 204);
    let token = token(&lock(&mut office.wharf.connect(), "/dir/", ANNA));
    assert_eq!(office.code("POST", "/.wharf/undo", BERT), 423);
    assert!(!office.wharf.folder().join("dir/a").exists());
    let unlock = format!("{ANNA}Lock-Token: {token}\r\n");
    assert_eq!(office.code("UNLOCK", "/dir/", &unlock), 204);
    assert_eq!(office.code("POST", "/.wharf/undo", BERT), 200);
}

#[test]
#[cfg(feature = "accounts")]
pub fn a_deep_lock_needs_rights_everywhere_below() {
    use crate::common::office::{ANNA, BERT, Office};
    let office = Office::open(&["--allow", "anna,bert=edit", "--allow", "bert=view@/pub/secret"]);
    office.wharf.write("pub/secret/a", "a");
    let deep =
        |who: &str| lock(&mut office.wharf.connect(), "/pub/", &format!("{who}Depth: infinity\r\n")).code();
    assert_eq!((deep(BERT), deep(ANNA)), (403, 200));
}

#[test]
pub fn a_client_fills_what_its_lock_has_made() {
    for flags in
        [&["--allow", "everyone=list,read,add"][..], &["--allow", "everyone=edit", "--on-conflict", "refuse"]]
    {
        let wharf = crate::common::Wharf::serve(flags);
        let mut wire = wharf.connect();
        let granted = lock(&mut wire, "/new", "Depth: 0\r\n");
        assert_eq!(granted.code(), 201, "{flags:?}");
        let fields = format!("If: ({})\r\nIf-Match: {}\r\n", token(&granted), granted.field("ETag"));
        let wrong = format!("If: ({})\r\nIf-Match: \"other\"\r\n", token(&granted));
        assert_eq!(wharf.ask("PUT", "/new", &wrong, b"x").code(), 412, "{flags:?}");
        assert_eq!(wharf.ask("PUT", "/new", &fields, b"filled").code(), 201, "{flags:?}");
        assert_eq!(wharf.read("new"), b"filled");
        let again = format!("If: ({})\r\n", token(&granted));
        assert!(wharf.ask("PUT", "/new", &again, b"x").code() >= 400, "{flags:?}: now it would be replaced");
    }
}

#[test]
pub fn a_refresh_gives_a_lock_more_time() {
    let wharf = serve(&[]);
    wharf.write("a", "a");
    let mut wire = wharf.connect();
    let granted = lock(&mut wire, "/a", "Timeout: Second-20\r\n");
    let token = token(&granted);
    let refresh = |fields: &str| wharf.ask("LOCK", "/a", fields, b"");
    let answer = refresh(&format!("If: ({token})\r\nTimeout: Infinite, Second-4100000000\r\n"));
    assert_eq!(answer.code(), 200, "{}", answer.text());
    assert_eq!(answer.field("Lock-Token"), "", "it is not a new lock (RFC 4918 §9.10.2)");
    let told = answer.text();
    assert!(told.contains("Second-3600") || told.contains("Second-3599"), "{told}");
    let discovered = propfind(&mut wire, "/a", "0", "").text();
    assert_eq!(discovered.matches("<D:activelock>").count(), 1, "{discovered}");
    assert_eq!(refresh("").code(), 412);
    assert_eq!(refresh("If: (<urn:uuid:0>)\r\n").code(), 412);
}

#[test]
pub fn locks_go_with_what_they_covered() {
    let wharf = serve(&[]);
    let mut wire = wharf.connect();
    for (method, fields) in [("DELETE", ""), ("MOVE", "Destination: /elsewhere/\r\n")] {
        wharf.write("dir/a", "a");
        let token = token(&lock(&mut wire, "/dir/a", ""));
        let with = format!("{fields}If: </dir/a> ({token})\r\n");
        assert!(wire.ask(method, "/dir/", &with, b"").code() < 300, "{method}");
        wharf.write("dir/a", "a new file");
        assert_eq!(wire.ask("PUT", "/dir/a", "", b"x").code(), 204, "{method}: no lock is left");
        assert_eq!(wire.ask("DELETE", "/dir/", "", b"").code(), 204);
    }
}

#[test]
pub fn conditions_on_tags_are_checked() {
    let wharf = serve(&[]);
    wharf.write("a", "a");
    wharf.files_age();
    let mut wire = wharf.connect();
    let tag = wire.ask("HEAD", "/a", "", b"").field("ETag");
    for (condition, code) in [
        ("([\"other\"])".to_owned(), 412),
        ("(Not [\"other\"])".to_owned(), 204),
        (format!("</a> ([{tag}])"), 412),
        ("(<DAV:no-lock>)".to_owned(), 412),
        ("(Not <DAV:no-lock>)".to_owned(), 204),
        ("(".to_owned(), 400),
        ("</a> (<x>) (<y>".to_owned(), 400),
    ] {
        let answer = wharf.ask("PUT", "/a", &format!("If: {condition}\r\n"), b"b");
        assert_eq!(answer.code(), code, "{condition}: {}", answer.text());
    }
    wharf.files_age();
    let tag = wire.ask("HEAD", "/a", "", b"").field("ETag");
    let host = wharf.address();
    assert_eq!(wire.ask("DELETE", "/a", &format!("If: <http://{host}/a> ([{tag}])\r\n"), b"").code(), 204);
}

#[test]
#[cfg(feature = "accounts")]
pub fn a_lock_belongs_to_its_user() {
    use crate::common::office::{ANNA, BERT, CARA, Office};
    let office = Office::open(&["--allow", "anna,bert=edit", "--allow", "cara=edit,admin"]);
    office.wharf.write("a", "a");
    let granted = lock(&mut office.wharf.connect(), "/a", &format!("{ANNA}Depth: 0\r\n"));
    let token = token(&granted);
    let put = |who: &str| office.code("PUT", "/a", &format!("{who}If: ({token})\r\n"));
    assert_eq!((put(BERT), put(ANNA)), (423, 204), "the token alone does not help");
    let unlock = |who: &str| office.code("UNLOCK", "/a", &format!("{who}Lock-Token: {token}\r\n"));
    assert_eq!((unlock(BERT), unlock(CARA)), (403, 204), "an administrator ends any lock");
}

/// Where a client has other rights at the real path, the lock there still holds.
#[test]
#[cfg(feature = "accounts")]
pub fn a_link_to_a_place_with_fewer_rights_does_not_lead_around_a_lock() {
    let office = Office::open(&["--allow", "users=edit", "--allow", "anna=view,remove@/real"]);
    let wharf = &office.wharf;
    wharf.write("real/file", "old");
    symlink("real", wharf.folder().join("alias")).expect("linked");
    let mut wire = wharf.connect();
    assert_eq!(lock(&mut wire, "/real/file", &format!("{BERT}Depth: 0\r\n")).code(), 200);
    for directory in ["/real", "/alias"] {
        let answer = wharf.ask("DELETE", &format!("{directory}/file"), ANNA, b"");
        assert_eq!(answer.code(), 423, "{directory}: {}", answer.text());
    }
    assert_eq!(wharf.read("real/file"), b"old");
}

/// What is told about a lock does not reveal a path that the client may not list.
#[test]
#[cfg(feature = "accounts")]
pub fn a_lock_does_not_reveal_where_it_is() {
    let office = Office::open(&["--allow", "everyone=view", "--allow", "bert=edit"]);
    let wharf = &office.wharf;
    wharf.write(".git/config", "content");
    symlink(".git", wharf.folder().join("way")).expect("linked");
    let mut wire = wharf.connect();
    assert_eq!(lock(&mut wire, "/.git/", &format!("{BERT}Depth: infinity\r\n")).code(), 200);
    for (fields, is_told) in [("", false), (BERT, true)] {
        let fields = format!("{fields}Depth: 0\r\n");
        let answer =
            wire.ask("PROPFIND", "/way/config", &fields, named("<D:lockdiscovery/>").as_bytes()).text();
        assert!(answer.contains("<D:activelock>"), "{answer}");
        assert_eq!(answer.contains("/.git/"), is_told, "{fields}{answer}");
    }
}

/// A file whose name is taken gets another name, which is new in its directory.
#[test]
pub fn a_file_that_gets_another_name_needs_the_token_of_its_directory() {
    let wharf = serve(&["--on-conflict", "rename"]);
    wharf.write("d/file", "old");
    wharf.write("e/file", "old");
    let mut wire = wharf.connect();
    let directory = token(&lock(&mut wire, "/d/", "Depth: 0\r\n"));
    lock(&mut wire, "/e/file", "Depth: 0\r\n");
    assert_eq!(wharf.ask("PUT", "/d/new", "", b"new").code(), 423);
    assert_eq!(wharf.ask("PUT", "/d/file", "", b"new").code(), 423);
    assert_eq!(wharf.ask("PUT", "/d/file", &format!("If: </d/> ({directory})\r\n"), b"new").code(), 201);
    assert_eq!(wharf.ask("PUT", "/e/file", "", b"new").code(), 201, "the locked file stays");
    assert_eq!((wharf.read("d/file (1)"), wharf.read("e/file (1)")), (b"new".to_vec(), b"new".to_vec()));
}
