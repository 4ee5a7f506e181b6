//! Clients without an account own the entries that belong to their cookie.

use super::{EDIT, TRASH, UNDO, Visitor, on_disk};
use crate::common::{Wharf, Wire};

/// The name and the value of a cookie that a response sets, and its attributes.
fn parts(set: &str) -> (String, String, String) {
    let (pair, attributes) = set.split_once("; ").expect("attributes");
    let (name, value) = pair.split_once('=').expect("a value");
    (name.to_owned(), value.to_owned(), attributes.to_owned())
}

#[test]
fn the_first_removal_brings_a_cookie() {
    let wharf = Wharf::serve(&EDIT);
    let port = wharf.address().port();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for name in ["a", "b", "c", "d", "e"] {
        wharf.write(name, "somebody's");
    }
    for (method, target, fields, body) in [
        ("DELETE", "/a", "", ""),
        ("PUT", "/b", "", "new"),
        ("POST", "/c", "", "new"),
        ("PUT", "/d", "Upload-Complete: ?1\r\nUpload-Draft-Interop-Version: 9\r\n", "new"),
        (
            "POST",
            "/",
            "Content-Type: multipart/form-data; boundary=b\r\n",
            "--b\r\nContent-Disposition: form-data; name=f; filename=e\r\n\r\nnew\r\n--b--\r\n",
        ),
    ] {
        let answer = wharf.ask(method, target, fields, body.as_bytes());
        assert_eq!(answer.code() / 100, 2, "{method}: {}", answer.text());
        let (name, value, attributes) = parts(&answer.field("Set-Cookie"));
        assert_eq!(attributes, "Path=/; Max-Age=604800; HttpOnly; SameSite=Lax", "{method}");
        assert!(value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");
        names.push(name);
        values.push(value);
    }
    assert!(names.iter().all(|name| *name == format!("wharf-undo-{port}")), "{names:?}");
    values.sort();
    values.dedup();
    assert_eq!(values.len(), 5, "each is random");
    let new = wharf.ask("PUT", "/new", "", b"x");
    assert_eq!((new.code(), new.field("Set-Cookie")), (201, String::new()), "nothing was replaced");
    let log = wharf.settled_log();
    let records: Vec<_> =
        on_disk(&wharf).into_iter().filter(|name| name.strip_suffix(".json").is_some()).collect();
    assert_eq!(records.len(), 5, "{records:?}");
    for record in records.iter().map(|name| wharf.read(&format!(".wharf/trash/{name}"))) {
        let record = String::from_utf8(record).expect("text");
        assert!(!values.iter().any(|value| record.contains(value)), "{record}");
    }
    assert!(!values.iter().any(|value| log.contains(value)), "it is not logged");
}

/// From then on, the client is known, and only a kept entry renews the cookie.
#[test]
fn the_first_removal_of_what_is_not_kept_brings_a_cookie_too() {
    let wharf = Wharf::serve(&EDIT);
    for (method, body, code) in [("DELETE", "", 204), ("PUT", "new", 204)] {
        let mut visitor = Visitor::new(&wharf);
        for first in [true, false] {
            wharf.write("empty", "");
            let answer = visitor.does(method, "/empty", body, code);
            assert_eq!(answer.field("Set-Cookie").is_empty(), !first, "{method}");
        }
        wharf.write("full", "somebody's");
        assert!(
            !visitor.does(method, "/full", body, code).field("Set-Cookie").is_empty(),
            "{method}: renewed"
        );
        wharf.write("full", "somebody's");
        visitor.does("DELETE", "/full", "", 204);
    }
    let mut visitor = Visitor::new(&wharf);
    visitor.does("DELETE", "/none", "", 404);
    visitor.does("PUT", "/new", "x", 201);
    assert_eq!(visitor.cookie, "", "nothing was removed");
}

#[test]
fn the_response_has_the_id_of_what_is_kept() {
    let wharf = Wharf::serve(&EDIT);
    let mut visitor = Visitor::new(&wharf);
    let form = "--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\nnew\r\n--b--\r\n";
    for (method, target, fields, body) in [
        ("DELETE", "/a", "", ""),
        ("PUT", "/a", "", "new"),
        ("POST", "/", "Content-Type: multipart/form-data; boundary=b\r\n", form),
        ("MOVE", "/b", "Destination: /a\r\n", ""),
        ("COPY", "/b", "Destination: /a\r\n", ""),
        ("COPY", "/dir", "Destination: /a\r\n", ""),
    ] {
        for name in ["b", "dir/x"] {
            wharf.write(name, "x");
        }
        for (content, is_kept) in [("somebody's", true), ("", false)] {
            let _ = std::fs::remove_dir_all(wharf.folder().join("a"));
            wharf.write("a", content);
            wharf.write("b", "x");
            let answer = visitor.ask(method, target, fields, body);
            assert_eq!(answer.code() / 100, 2, "{method} {target}: {}", answer.text());
            let id = answer.field("Wharf-Trash");
            assert_eq!(!id.is_empty(), is_kept, "{method} {target}: {id}");
            if is_kept {
                assert_eq!(visitor.newest(), format!("{TRASH}/{id}"), "{method} {target}");
            }
        }
    }
    assert_eq!(visitor.does("PUT", "/new", "x", 201).field("Wharf-Trash"), "");
}

/// Everybody behind one address would be one client otherwise.
#[test]
fn an_address_makes_nobody_the_writer_of_a_file() {
    let wharf = Wharf::serve(&EDIT);
    let (mut ann, mut bob) = (Visitor::new(&wharf), Visitor::new(&wharf));
    ann.does("PUT", "/new", "ann's", 201);
    bob.does("DELETE", "/new", "", 204);
    assert_eq!(bob.paths(), ["/new"], "it is kept");
    bob.does("PUT", "/mine", "bob's", 201);
    bob.does("DELETE", "/mine", "", 204);
    assert_eq!(bob.paths(), ["/new"], "the cookie says that it is bob's own");
}

#[test]
fn without_the_cookie_nothing_is_seen() {
    let wharf = Wharf::serve(&EDIT);
    for name in ["a", "b", "c"] {
        wharf.write(name, name);
    }
    let (mut ann, mut bob) = (Visitor::new(&wharf), Visitor::new(&wharf));
    ann.does("DELETE", "/a", "", 204);
    let first = ann.cookie.clone();
    ann.does("DELETE", "/b", "", 204);
    assert_eq!(ann.cookie, first, "it keeps its cookie");
    bob.does("DELETE", "/c", "", 204);
    assert_eq!((ann.paths(), bob.paths()), (vec!["/b".to_owned(), "/a".into()], vec!["/c".to_owned()]));
    let of_bob = bob.newest();
    let other = format!("{}{}", &first[..first.len() - 3], "x\r\n");
    let twice = format!("{};{}", first.trim_end(), first.trim_end().trim_start_matches("Cookie: ")) + "\r\n";
    for cookie in ["", &other, &twice, &first.to_uppercase()] {
        let mut stranger = Visitor { cookie: cookie.to_owned(), ..Visitor::new(&wharf) };
        assert!(stranger.paths().is_empty(), "{cookie}");
        stranger.does("POST", UNDO, "", 404);
        for (method, target) in [("POST", format!("{of_bob}/restore")), ("DELETE", of_bob.clone())] {
            stranger.does(method, &target, "", 404);
        }
        assert_eq!(stranger.does("DELETE", TRASH, "", 200).text(), "{\"count\":0}\n");
    }
    for (method, target) in [("POST", format!("{of_bob}/restore")), ("DELETE", of_bob.clone())] {
        ann.does(method, &target, "", 404);
    }
    assert_eq!(bob.does("POST", UNDO, "", 200).field("Location"), "/c");
    assert_eq!(ann.paths(), ["/b", "/a"]);
    let mut wire = Wire::connect_from(2, wharf.address());
    let elsewhere = wire.ask("POST", UNDO, &first, b"");
    assert_eq!(
        (elsewhere.code(), elsewhere.field("Location").as_str()),
        (200, "/b"),
        "wherever it comes from"
    );
}

#[test]
fn below_a_base_the_cookie_is_for_the_base() {
    let wharf = Wharf::serve(&[&EDIT[..], &["--base", "/files"]].concat());
    wharf.write("a", "x");
    let removed = wharf.ask("DELETE", "/files/a", "", b"");
    let (_, _, attributes) = parts(&removed.field("Set-Cookie"));
    assert!(attributes.starts_with("Path=/files/; "), "{attributes}");
    let cookie = removed.field("Set-Cookie");
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().expect("a value"));
    let restored = wharf.ask("POST", "/files/.wharf/undo", &cookie, b"");
    assert_eq!((restored.code(), restored.field("Location").as_str()), (200, "/files/a"));
}

#[cfg(feature = "tls")]
#[test]
fn over_tls_no_other_host_can_set_the_cookie() {
    crate::common::over_tls(|| {
        let wharf = Wharf::serve(&EDIT);
        wharf.write("a", "x");
        let mut visitor = Visitor::new(&wharf);
        let set = visitor.does("DELETE", "/a", "", 204).field("Set-Cookie");
        assert!(set.starts_with("__Host-wharf-undo=") && set.ends_with("; SameSite=Lax; Secure"), "{set}");
        assert_eq!(visitor.does("POST", UNDO, "", 200).field("Location"), "/a");
    });
}

#[test]
fn the_trash_of_a_read_only_folder_is_closed() {
    let wharf = Wharf::serve(&EDIT);
    wharf.write("a", "x");
    let mut visitor = Visitor::new(&wharf);
    visitor.does("DELETE", "/a", "", 204);
    let cookie = visitor.cookie.clone();
    let place = wharf.kill();
    let wharf = Wharf::serve_in(place, &["--read-only"]);
    let port = wharf.address().port();
    let value = cookie.trim_end().split_once('=').expect("a value").1;
    let cookie = format!("Cookie: wharf-undo-{port}={value}\r\n");
    let mut visitor = Visitor { cookie, ..Visitor::new(&wharf) };
    for (method, target) in [("GET", TRASH), ("POST", UNDO), ("DELETE", TRASH)] {
        let said = visitor.does(method, target, "", 403).text();
        assert_eq!(said, "the folder is shared read-only\n", "{method} {target}");
    }
}
