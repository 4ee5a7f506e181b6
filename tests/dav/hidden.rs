//! Names that begin with a dot: for users with the right `edit`, and for nobody else.

use super::{hrefs, lock, propfind, token};
use crate::common::office::{ANNA, BERT, Office, bearer, json};
use crate::common::{Wharf, Wire};

/// Clients without an account.
const NOBODY: &str = "";

fn office(flags: &[&str]) -> Office {
    let rules = ["--allow", "everyone=view,chat", "--allow", "bert=write,chat", "--allow", "anna=edit"];
    let office = Office::open(&[&rules, flags].concat());
    for path in [".env", "d/a.txt", "d/.git/config", "d/.git/refs/main", "d/.x", "d/.wharf/own"] {
        office.wharf.write(path, path);
    }
    office
}

fn code(wire: &mut Wire, method: &str, target: &str, fields: &str, body: &[u8]) -> u16 {
    wire.ask(method, target, fields, body).code()
}

#[test]
pub fn a_user_with_edit_uses_them() {
    let office = office(&[]);
    let mut wire = office.wharf.connect();
    for target in ["/d/.x", "/.env", "/d/.git/config"] {
        let answer = wire.ask("GET", target, ANNA, b"");
        assert_eq!((answer.code(), &*answer.text()), (200, &target[1..]));
    }
    let to = |target: &str| format!("{ANNA}Destination: {target}\r\n");
    for (method, target, fields, body, expected) in [
        ("PUT", "/d/.new", ANNA.to_owned(), "new", 201),
        ("PUT", "/d/.new", ANNA.to_owned(), "newer", 204),
        ("PUT", "/.parent/.child/file", ANNA.to_owned(), "new", 201),
        ("MKCOL", "/d/.made", ANNA.to_owned(), "", 201),
        ("MOVE", "/d/.new", to("/d/.moved"), "", 201),
        ("COPY", "/d/.moved", to("/copied"), "", 201),
        ("COPY", "/copied", to("/.copied"), "", 201),
        ("MOVE", "/.copied", to("/shown"), "", 201),
        ("PROPFIND", "/d/.moved", format!("{ANNA}Depth: 0\r\n"), "", 207),
        ("DELETE", "/d/.moved", ANNA.to_owned(), "", 204),
        ("DELETE", "/d/.made", ANNA.to_owned(), "", 204),
        ("GET", "/d/.moved", ANNA.to_owned(), "", 404),
    ] {
        assert_eq!(code(&mut wire, method, target, &fields, body.as_bytes()), expected, "{method} {target}");
    }
    assert_eq!(office.wharf.read("shown"), b"newer");
    let locked = lock(&mut wire, "/d/.locked", &format!("{ANNA}Depth: 0\r\n"));
    assert_eq!(locked.code(), 201);
    let fields = format!("{ANNA}Lock-Token: {}\r\n", token(&locked));
    assert_eq!(code(&mut wire, "UNLOCK", "/d/.locked", &fields, b""), 204);
}

/// A hidden name needs the right at its real path too.
#[test]
pub fn a_link_does_not_lead_around_the_rules() {
    let office = Office::open(&["--allow", "anna=edit", "--allow", "anna=view,add,remove@/real"]);
    let wharf = &office.wharf;
    wharf.write("real/.env", "secret");
    wharf.write("real/seen", "seen");
    std::os::unix::fs::symlink("real", wharf.folder().join("alias")).expect("linked");
    let before = wharf.tree();
    let mut wire = wharf.connect();
    let to = |target: &str| format!("{ANNA}Destination: {target}\r\n");
    for directory in ["/real", "/alias"] {
        for (method, name, fields, body, expected) in [
            ("GET", "seen", ANNA.to_owned(), "", 200),
            ("GET", ".env", ANNA.to_owned(), "", 404),
            ("PROPFIND", ".env", format!("{ANNA}Depth: 0\r\n"), "", 404),
            ("PUT", ".new", ANNA.to_owned(), "new", 404),
            ("PUT", ".a/b", ANNA.to_owned(), "new", 404),
            ("MKCOL", ".made", ANNA.to_owned(), "", 404),
            ("COPY", ".env", to("/copied"), "", 404),
            ("MOVE", ".env", to("/moved"), "", 404),
            ("DELETE", ".env", ANNA.to_owned(), "", 404),
        ] {
            let target = format!("{directory}/{name}");
            let answer = wharf.ask(method, &target, &fields, body.as_bytes());
            assert_eq!(answer.code(), expected, "{method} {target}");
        }
        assert_eq!(lock(&mut wire, &format!("{directory}/.env"), &format!("{ANNA}Depth: 0\r\n")).code(), 404);
        let listed =
            wire.ask("PROPFIND", &format!("{directory}/"), &format!("{ANNA}Depth: 1\r\n"), b"").text();
        assert!(listed.contains("seen") && !listed.contains(".env"), "{listed}");
    }
    assert_eq!(wharf.tree(), before);
    assert_eq!(code(&mut wire, "COPY", "/alias/", &to("/all"), b""), 201);
    assert_eq!((wharf.read("all/seen"), wharf.folder().join("all/.env").exists()), (b"seen".to_vec(), false));
}

#[test]
pub fn they_look_absent_to_others() {
    let office = office(&[]);
    let wharf = &office.wharf;
    wharf.files_age();
    let order = r#"{"name":"t","path":"/","rights":"list,read"}"#;
    let token = bearer(&office.make("/.wharf/tokens", ANNA, order)["token"]);
    let order = r#"{"path":"/d","for":"1d","rights":"write"}"#;
    let made = json(&wharf.ask("POST", "/.wharf/links", ANNA, order.as_bytes()));
    let link = made["link"].as_str().and_then(|link| link.split_once("/.wharf/")).expect("a link").1;
    let link = format!("/.wharf/{}", link.trim_end_matches('/'));
    // What she has read is in the cache, which is for everybody.
    for _ in 0..3 {
        assert_eq!(wharf.ask("GET", "/d/.x", ANNA, b"").code(), 200);
    }
    let missing = wharf.ask("GET", "/d/none", BERT, b"").text();
    for (credentials, root) in [(NOBODY, "/d"), (BERT, "/d"), (&*token, "/d"), (NOBODY, &*link)] {
        for target in ["/.x", "/.git/", "/.git/config", "/.wharf-0.tmp"] {
            let answer = wharf.ask("GET", &format!("{root}{target}"), credentials, b"");
            assert_eq!((answer.code(), answer.text()), (404, missing.clone()), "{credentials}{root}{target}");
            let fields = format!("{credentials}Depth: 0\r\n");
            assert_eq!(wharf.ask("PROPFIND", &format!("{root}{target}"), &fields, b"").code(), 404);
        }
    }
    for (credentials, root) in [(BERT, "/d"), (NOBODY, &*link)] {
        let target = format!("{root}/.new");
        for method in ["PUT", "MKCOL"] {
            assert_eq!(wharf.ask(method, &target, credentials, b"").code(), 404, "{method} {target}");
        }
        let fields = format!("{credentials}Depth: 0\r\n");
        assert_eq!(lock(&mut wharf.connect(), &target, &fields).code(), 404, "{target}");
    }
    assert!(!wharf.folder().join("d/.new").exists());
    let answer = wharf.ask("GET", "/d/.wharf/own", ANNA, b"");
    assert_eq!((answer.code(), answer.text()), (404, missing), "what is the server's is nobody's");
    assert_eq!(wharf.ask("PUT", "/d/.wharf-0.tmp", ANNA, b"x").code(), 404);
}

#[test]
pub fn only_propfind_lists_them() {
    let office = office(&[]);
    let wharf = &office.wharf;
    let listed = |target: &str, credentials: &str| {
        let fields = format!("{credentials}Depth: 1\r\n");
        let mut found = hrefs(&wharf.ask("PROPFIND", target, &fields, b""));
        found.sort();
        found
    };
    assert_eq!(listed("/d", ANNA), ["/d/", "/d/.git/", "/d/.x", "/d/a.txt"]);
    assert_eq!(listed("/d/.git/", ANNA), ["/d/.git/", "/d/.git/config", "/d/.git/refs/"]);
    for credentials in [BERT, NOBODY] {
        assert_eq!(listed("/d", credentials), ["/d/", "/d/a.txt"]);
    }
    for target in ["/d/", "/d/?tar", "/d/?list&sort=name"] {
        for accept in ["text/html", "application/json", "text/plain"] {
            let fields = format!("{ANNA}Accept: {accept}\r\n");
            let answer = wharf.ask("GET", target, &fields, b"");
            assert_eq!(answer.code(), 200, "{target}");
            let text = answer.text();
            assert!(text.contains("a.txt") && !text.contains(".git") && !text.contains("/.x"), "{text}");
        }
    }
    // A hidden directory that she asks for by name is a directory like others.
    let answer = wharf.ask("GET", "/d/.git/", &format!("{ANNA}Accept: application/json\r\n"), b"");
    assert!(answer.text().contains("config"), "{}", answer.text());
}

#[test]
pub fn a_copy_of_a_directory_has_what_its_user_may_use() {
    let office = office(&["--allow", "anna=write@/plain"]);
    let wharf = &office.wharf;
    let copy = |credentials: &str, to: &str| {
        let fields = format!("{credentials}Destination: {to}\r\n");
        assert_eq!(wharf.ask("COPY", "/d", &fields, b"").code(), 201, "{to}");
        wharf.folder().join(&to[1..]).join(".git/refs/main").exists()
    };
    assert!(copy(ANNA, "/of-anna"));
    assert!(!copy(BERT, "/of-bert"));
    wharf.write("plain/a", "a");
    assert!(!copy(ANNA, "/plain/d"), "she may not use hidden names there");
    assert!(!wharf.folder().join("of-anna/.wharf").exists());
}

#[test]
pub fn the_chat_room_does_not_learn_of_them() {
    let office = office(&[]);
    let wharf = &office.wharf;
    let joined = json(&wharf.ask("POST", "/.wharf/chat/join", BERT, b""));
    let member = format!("{BERT}Wharf-Member: {}\r\n", joined["token"].as_str().expect("a token"));
    let to = |target: &str| format!("{ANNA}Destination: {target}\r\n");
    for (method, target, fields) in [
        ("PUT", "/d/.secret-1", ANNA.to_owned()),
        ("MOVE", "/d/.secret-1", to("/d/.secret-2")),
        ("MOVE", "/d/.secret-2", to("/d/arrived")),
        ("COPY", "/d/arrived", to("/d/.secret-3")),
        ("DELETE", "/d/.secret-3", ANNA.to_owned()),
        ("MOVE", "/d/a.txt", to("/d/.secret-4")),
    ] {
        let body: &[u8] = if method == "PUT" { b"x" } else { b"" };
        assert_eq!(wharf.ask(method, target, &fields, body).code() / 100, 2, "{method} {target}");
    }
    let events = wharf.ask("GET", "/.wharf/chat/messages?since=", &member, b"").text();
    assert!(!events.contains("secret"), "{events}");
    assert!(events.contains("d/arrived") && events.contains("d/a.txt"), "it came and went: {events}");
}

#[test]
pub fn they_need_all_the_rights() {
    for flags in [&["--read-only"][..], &["--allow", "anna=write@/d"]] {
        let office = office(flags);
        let fields = format!("{ANNA}Depth: 1\r\n");
        let listed = hrefs(&office.wharf.ask("PROPFIND", "/d", &fields, b""));
        assert_eq!(listed, ["/d/", "/d/a.txt"], "{flags:?}");
        assert_eq!(office.wharf.ask("GET", "/d/.x", ANNA, b"").code(), 404, "{flags:?}");
    }
    // Without accounts, everybody would have them.
    let open = Wharf::serve(&["--allow", "everyone=edit"]);
    open.write("d/.env", "secret");
    let mut wire = open.connect();
    assert_eq!(code(&mut wire, "GET", "/d/.env", "", b""), 404);
    assert_eq!(hrefs(&propfind(&mut wire, "/d", "1", "")), ["/d/"]);
    assert_eq!(code(&mut wire, "PUT", "/d/.new", "", b"x"), 404);
}
