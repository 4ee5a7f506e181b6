//! Listings, archives and the chat show only what their principal may list.

use super::caller::Caller;
use super::client::Client;
use super::stage::Stage;
use crate::common::fuse::{Mount, faults};
use crate::common::{Wharf, Wire};

/// The names in the JSON listing of a directory.
fn names(client: &mut Client, target: &str) -> String {
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n");
    let (status, answer) = client.ask(&request);
    assert_eq!(status, 200, "{target}: {answer}");
    let body = answer.split_once("\n{").expect("JSON").1;
    let listing: serde_json::Value = serde_json::from_str(&format!("{{{body}")).expect("JSON");
    let entries = listing["entries"].as_array().expect("entries").iter();
    let mut names: Vec<_> = entries.map(|entry| entry["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names.join(" ")
}

#[test]
fn a_listing_leaves_out_what_must_not_be_listed() {
    let mut stage = Stage::new();
    for client in stage.clients.iter_mut().filter(|client| client.caller != Caller::Token) {
        let caller = client.caller;
        let (is_near, is_anna) = (caller.address() == Some(2), caller.user() == Some("anna"));
        assert_eq!(names(client, "/"), if is_anna { "open private work" } else { "open work" }, "{caller:?}");
        let shown = match (is_near, is_anna) {
            (true, true) => "file memo near",
            (true, false) => "file near",
            (false, true) => "file memo",
            (false, false) => "file",
        };
        assert_eq!(names(client, "/open/"), shown, "{caller:?}");
        assert_eq!(names(client, "/work/"), "file source", "{caller:?}");
        for accept in ["text/html", "text/plain", "application/json"] {
            let request = format!("GET /work/ HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n");
            let (_, answer) = client.ask(&request);
            assert!(answer.contains("file"), "{answer}");
            for name in ["link", "hush", "gone"] {
                assert!(
                    !answer.contains(&format!("./{name}")) && !answer.contains(&format!("{name}\t")),
                    "{answer}"
                );
            }
        }
        if is_near {
            assert_eq!(names(client, "/closed/near/"), "file");
        }
        if is_anna {
            assert_eq!(names(client, "/private/own/"), "diary", "a link leads to what is closed");
        }
    }
    let token = stage.clients.iter_mut().find(|client| client.caller == Caller::Token).expect("a program");
    assert_eq!(names(token, "/private/"), "memo own");
    assert_eq!(names(token, "/private/own/"), "diary");
}

#[cfg(feature = "archive")]
#[test]
fn an_archive_has_only_what_may_be_listed_and_read() {
    let mut stage = Stage::new();
    for client in stage.clients.iter_mut().filter(|client| client.caller != Caller::Token) {
        let is_near = client.caller.address() == Some(2);
        for format in ["tar", "zip"] {
            let (status, answer) = client.ask(&format!("GET /?{format} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            assert_eq!(status, 200);
            let has = |text: &str| answer.contains(text);
            let case = format!("{:?}, {format}", client.caller);
            assert!(
                has("open/file") && has("the content of open/file") && has("the content of work/file"),
                "{case}"
            );
            assert_eq!(has("the content of closed/near/file"), is_near, "{case}: open/near is a link to it");
            let is_anna = client.caller.user() == Some("anna");
            for file in ["the content of private/memo", "private/own/diary"] {
                assert_eq!(has(file), is_anna, "{case}: {file}");
            }
            for hidden in ["inbox", "closed/hush", "hush", "work/link", "work/dir", "content of inbox"] {
                assert!(!has(hidden), "{case}: {hidden}");
            }
        }
    }
}

#[test]
fn the_chat_announces_only_what_its_listener_may_list() {
    let stage = Stage::new();
    let wharf = &stage.wharf;
    let joined = |host: u8, name: &str| {
        let answer = Wire::connect_from(host, wharf.address()).ask(
            "POST",
            "/.wharf/chat/join",
            "",
            format!("user={name}").as_bytes(),
        );
        let value: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        format!("Wharf-Member: {}\r\n", value["token"].as_str().expect("a token"))
    };
    let (ann, bob) = (joined(1, "ann"), joined(1, "bob"));
    let mut stream = Wire::connect_from(1, wharf.address());
    stream.send(format!("GET /.wharf/chat/events HTTP/1.1\r\nHost: localhost\r\n{ann}\r\n"));
    stream.read_until("event: welcome");
    for target in ["/inbox/hush1", "/work/seen1", "/inbox/hush2", "/work/seen2"] {
        assert_eq!(wharf.ask("PUT", target, "", b"new").code(), 201, "{target}");
    }
    stream.read_until("seen2");
    let polled = wharf.ask("GET", "/.wharf/chat/messages", &bob, b"").text();
    assert!(polled.contains("seen1") && polled.contains("seen2") && !polled.contains("hush"), "{polled}");
    // A stream that resumes gets what it missed, and no more.
    let first = polled.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id");
    let mut resumed = Wire::connect_from(1, wharf.address());
    resumed.send(format!(
        "GET /.wharf/chat/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {first}\r\n{ann}\r\n"
    ));
    resumed.read_until("seen2");
    let all = format!("{}{}", everything(stream), everything(resumed));
    assert!(!all.contains("hush"), "{all}");
}

/// Everything that a stream has received until its client closes it.
fn everything(mut stream: Wire) -> String {
    stream.end();
    String::from_utf8_lossy(&stream.read_to_end()).into_owned()
}

#[test]
fn a_file_system_with_many_spellings_opens_no_way_around_a_rule() {
    let Some(mount) = Mount::new() else { return };
    let behind = mount.behind();
    std::fs::create_dir_all(behind.join("Closed/Below")).expect("made");
    std::fs::write(behind.join("Closed/Below/file"), "secret").expect("written");
    std::fs::write(behind.join("Open"), "public").expect("written");
    mount.set(&[faults::LIKE_FAT]);
    let wharf =
        Wharf::serve_in(mount.place(), &["--allow", "everyone=write", "--allow", "everyone=none@/Closed"]);
    for (method, target, code) in [
        ("GET", "/Open", 200),
        ("GET", "/OPEN", 200),
        ("GET", "/Closed/Below/file", 404),
        ("GET", "/closed/Below/file", 404),
        ("GET", "/CLOSED/below/FILE", 404),
        ("GET", "/Closed./Below/file", 404),
        ("GET", "/closed../below./file.", 404),
        ("GET", "/Open.", 200),
        ("PUT", "/closed./new", 404),
        ("GET", "/closed/", 404),
        ("GET", "/closed/below/?tar", 404),
        ("GET", "/closed", 404),
        ("PUT", "/closed/new", 404),
        ("PUT", "/closed/below/file", 404),
        ("PUT", "/closed/new/new", 404),
        ("MKCOL", "/CLOSED/new", 404),
        ("PUT", "/new", 201),
    ] {
        let answer = wharf.ask(method, target, "", b"");
        assert_eq!(answer.code(), code, "{method} {target}: {}", answer.text());
    }
    assert_eq!(std::fs::read(behind.join("Closed/Below/file")).expect("there"), b"secret");
    assert_eq!(std::fs::read_dir(behind.join("Closed")).expect("there").count(), 1);
}

#[test]
fn rules_by_address_keep_responses_out_of_shared_caches() {
    for (rule, expected) in
        [("everyone=view", "no-cache"), ("everyone=view from 127.0.0.0/8", "private, no-cache")]
    {
        let wharf = Wharf::serve(&["--allow", rule]);
        wharf.write("dir/file", "content");
        for target in ["/dir/file", "/dir/", "/dir", "/none", "/dir/file?sha256"] {
            assert_eq!(
                wharf.ask("GET", target, "", b"").field("Cache-Control"),
                expected,
                "{rule}, {target}"
            );
        }
    }
}
