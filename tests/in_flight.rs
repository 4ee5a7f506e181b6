//! Transfers are aborted when their session, token, link or user ends; all other transfers continue.

use std::fs::{self, File};

use crate::common::accounts::write_users;
use crate::common::fuse::{Mount, What};
use crate::common::office::{ANNA, Office, bearer};
use crate::common::{Answer, Wharf, Wire, eventually};

/// The size of the downloads: more than all buffers between a server and a client that does not read.
const SIZE: usize = 64 << 20;

const CUT: &str = "may not have the rest of a response: its credentials have ended";
const REFUSED: &str = "may not send the rest of a body: its credentials have ended";

/// A server with a large file.
fn office() -> Office {
    let office = Office::open(&[]);
    File::create(office.wharf.folder().join("large"))
        .and_then(|file| file.set_len(SIZE as u64))
        .expect("made");
    office
}

/// Logs anna in; returns the field with the cookie.
fn log_in(office: &Office) -> String {
    let answer = office.ask("POST", "/.wharf/login", "", "name=anna&password=secret-anna");
    assert_eq!(answer.code(), 303, "{}", answer.text());
    let cookie = answer.field("Set-Cookie");
    format!("Cookie: {}\r\n", cookie.split(';').next().expect("a value"))
}

/// Begins to download, and reads only the head.
fn begin_get(office: &Office, target: &str, fields: &str) -> Wire {
    let (wire, code) = try_get(office, target, fields);
    assert_eq!(code, 200, "{target} {fields}");
    wire
}

fn try_get(office: &Office, target: &str, fields: &str) -> (Wire, u16) {
    let (mut wire, host) = (office.wharf.connect(), office.wharf.address());
    wire.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n"));
    let code = wire.read_answer(true).code();
    (wire, code)
}

/// Begins to upload, and sends the first half.
fn begin_put(office: &Office, target: &str, fields: &str) -> Wire {
    let (mut wire, host) = (office.wharf.connect(), office.wharf.address());
    let expects = "Expect: 100-continue\r\n";
    wire.send(format!("PUT {target} HTTP/1.1\r\nHost: {host}\r\n{fields}{expects}Content-Length: 8\r\n\r\n"));
    wire.read_until("100 Continue\r\n\r\n");
    wire.send("half");
    wire
}

/// How many bytes of the content follow, not counting the few that the test has already read with the head.
fn rest(mut wire: Wire) -> usize {
    wire.read_to_end().len()
}

fn count(office: &Office, line: &str) -> usize {
    office.wharf.log().matches(line).count()
}

/// Begins a download and an upload with these credentials. Ends the credentials, and checks that both transfers are
/// aborted, but the transfers of another session are not.
fn are_cut(office: &Office, target: &str, fields: &str, end: impl FnOnce()) {
    let other = log_in(office);
    let (cut, refused) = (count(office, CUT), count(office, REFUSED));
    let folder = target.trim_end_matches("large");
    let download = begin_get(office, target, fields);
    let mut upload = begin_put(office, &format!("{folder}new"), fields);
    let mut others_upload = begin_put(office, "/others", &other);
    let others_download = begin_get(office, "/large", &format!("{other}Connection: close\r\n"));
    end();
    eventually("the download is cut", || count(office, CUT) == cut + 1);
    eventually("the upload is refused", || count(office, REFUSED) == refused + 1);
    assert!(rest(download) < SIZE / 2, "{target}");
    assert_eq!(upload.read_answer(false).code(), 401, "{target}");
    assert!(upload.is_closed(), "{target}");
    assert!(!office.wharf.folder().join("new").exists(), "{target}");
    assert_eq!(others_upload.send("more").read_answer(false).code(), 201);
    assert_eq!(rest(others_download), SIZE);
    fs::remove_file(office.wharf.folder().join("others")).expect("removed");
}

fn succeeds(answer: &Answer) {
    assert!(answer.code() / 100 <= 3, "{}: {}", answer.code(), answer.text());
}

#[test]
fn transfers_end_with_the_session() {
    let office = office();
    let session = log_in(&office);
    are_cut(&office, "/large", &session, || succeeds(&office.ask("POST", "/.wharf/logout", &session, "")));
    // Another browser ends all others.
    let (session, other) = (log_in(&office), log_in(&office));
    let (cut, download) = (count(&office, CUT), begin_get(&office, "/large", &session));
    succeeds(&office.ask("POST", "/.wharf/sessions", &other, "end=others"));
    eventually("the download is cut", || count(&office, CUT) == cut + 1);
    assert!(rest(download) < SIZE / 2);
}

#[test]
fn transfers_end_with_the_token() {
    let office = office();
    let made = office.make("/.wharf/tokens", ANNA, r#"{"name":"backup"}"#);
    let target = format!("/.wharf/tokens/{}", made["id"].as_str().expect("text"));
    are_cut(&office, "/large", &bearer(&made["token"]), || {
        succeeds(&office.ask("DELETE", &target, ANNA, ""));
    });
}

#[test]
fn a_download_ends_when_the_token_expires() {
    let office = office();
    // A busy machine may need longer than a token lasts.
    let begun = [4, 12, 24].into_iter().find_map(|seconds| {
        let order = format!(r#"{{"name":"short{seconds}","for":"{seconds}s"}}"#);
        let token = bearer(&office.make("/.wharf/tokens", ANNA, &order)["token"]);
        let (download, code) = try_get(&office, "/large", &token);
        (code == 200).then_some(download)
    });
    let download = begun.expect("a token that lasts long enough");
    eventually("the download is cut", || count(&office, CUT) == 1);
    assert!(rest(download) < SIZE / 2);
}

#[test]
fn downloads_end_with_the_link() {
    let office = office();
    for uses in ["", r#","uses":1"#] {
        let made = office.make("/.wharf/links", ANNA, &format!(r#"{{"path":"/","for":"1d"{uses}}}"#));
        let secret = made["link"].as_str().and_then(|link| link.split("/.wharf/l/").nth(1)).expect("a link");
        let link = format!("/.wharf/l/{}", secret.trim_end_matches('/'));
        let fields = if uses.is_empty() {
            String::new()
        } else {
            let opened = office.ask("POST", &link, "", "");
            let cookie = opened.field("Set-Cookie");
            format!("Cookie: {}\r\n", cookie.split(';').next().expect("a value"))
        };
        let (cut, download) = (count(&office, CUT), begin_get(&office, &format!("{link}/large"), &fields));
        let target = format!("/.wharf/links/{}", made["id"].as_str().expect("text"));
        succeeds(&office.ask("DELETE", &target, ANNA, ""));
        eventually("the download is cut", || count(&office, CUT) == cut + 1);
        assert!(rest(download) < SIZE / 2, "{uses}");
    }
}

#[test]
fn transfers_end_with_the_user() {
    let office = office();
    let (cut, refused) = (count(&office, CUT), count(&office, REFUSED));
    let (download, mut upload) = (begin_get(&office, "/large", ANNA), begin_put(&office, "/new", ANNA));
    let anonymous = begin_get(&office, "/.wharf/health", "");
    office.keep_users(&["bert"]);
    eventually("the download is cut", || count(&office, CUT) == cut + 1);
    eventually("the upload is refused", || count(&office, REFUSED) == refused + 1);
    assert!(rest(download) < SIZE / 2);
    assert_eq!(upload.read_answer(false).code(), 401);
    assert!(!office.wharf.folder().join("new").exists());
    drop(anonymous);
}

#[test]
fn event_streams_end_with_the_session() {
    let office = office();
    let session = log_in(&office);
    let joined = office.ask("POST", "/.wharf/chat/join", &session, "user=anna");
    assert_eq!(joined.code(), 200, "{}", joined.text());
    let member = crate::common::office::json(&joined)["token"].as_str().expect("text").to_owned();
    let fields = format!("{session}Wharf-Member: {member}\r\n");
    let mut events = begin_get(&office, "/.wharf/chat/events", &fields);
    succeeds(&office.ask("POST", "/.wharf/logout", &session, ""));
    events.read_to_end();
}

#[test]
fn a_kept_connection_sees_at_once_what_has_ended() {
    let office = office();
    let session = log_in(&office);
    let made = office.make("/.wharf/tokens", ANNA, r#"{"name":"backup","path":"/"}"#);
    let token = bearer(&made["token"]);
    let mut wires = [&session, &token].map(|fields| (office.wharf.connect(), fields));
    for (wire, fields) in &mut wires {
        for _ in 0..3 {
            assert_eq!(wire.ask("GET", "/?list", fields, b"").code(), 200);
        }
        // One bit less is a different credential, and an empty value is no credential.
        let changed = fields.replace("\r\n", "x\r\n");
        assert_eq!(wire.ask("GET", "/?list", &changed, b"").code(), 401, "{changed}");
        assert_eq!(wire.ask("GET", "/?list", "", b"").code(), 401);
        assert_eq!(wire.ask("GET", "/?list", fields, b"").code(), 200);
    }
    let target = format!("/.wharf/tokens/{}", made["id"].as_str().expect("text"));
    succeeds(&office.ask("DELETE", &target, ANNA, ""));
    succeeds(&office.ask("POST", "/.wharf/logout", &session, ""));
    for (wire, fields) in &mut wires {
        assert_eq!(wire.ask("GET", "/?list", fields, b"").code(), 401, "{fields}");
    }
}

#[test]
fn a_copy_ends_with_its_session() {
    let Some(mount) = Mount::new() else { return };
    let private = tempfile::tempdir().expect("a directory");
    let users = write_users(private.path(), &[("anna", "secret-anna", &[])]);
    let flags: Vec<_> = users.iter().map(String::as_str).collect();
    let wharf = Wharf::serve_in(mount.place(), &flags);
    for number in 0..600 {
        wharf.write(&format!("many/{number}"), "x");
    }
    let session =
        wharf.ask("POST", "/.wharf/login", "", b"name=anna&password=secret-anna").field("Set-Cookie");
    let session = format!("Cookie: {}\r\n", session.split(';').next().expect("a value"));
    let held = mount.hold_fsync();
    let (mut wire, host) = (wharf.connect(), wharf.address());
    wire.send(format!("COPY /many/ HTTP/1.1\r\nHost: {host}\r\nDestination: /copy\r\n{session}\r\n"));
    eventually("it waits for the disk", || {
        mount.events().iter().any(|event| event.what == What::FsyncBegins)
    });
    assert_eq!(wharf.ask("POST", "/.wharf/logout", &session, b"").code(), 303);
    drop(held);
    let answer = wire.read_answer(false);
    assert_eq!(answer.code(), 401, "{}", answer.text());
    eventually("what was copied is gone", || {
        let names = fs::read_dir(wharf.folder()).expect("a directory");
        names.flatten().all(|entry| ["many", ".wharf"].iter().any(|name| entry.file_name() == *name))
    });
}
