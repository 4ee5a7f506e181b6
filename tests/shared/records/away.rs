//! The store of the sessions does not respond.

use serde_json::json;

use super::{Branches, LINKS, PASSWORD, TOKENS, secret};
use crate::common::accounts::{basic, replace_users};
use crate::common::office::bearer;
use crate::common::store::Store;
use crate::common::{Answer, eventually, run};
use crate::disturbances::Clock;

fn is_unavailable(answer: &Answer) -> bool {
    (answer.code(), answer.field("Retry-After").as_str()) == (503, "2")
}

#[test]
fn known_sessions_go_on_while_the_store_is_away() {
    let Some(mut store) = Store::durable() else { return };
    let mut branches = Branches::open(2, &store);
    let session = branches.log_in(0, "anna");
    let token =
        bearer(&branches.make(0, TOKENS, &json!({"name": "ci", "rights": "read", "for": "30d"}))["token"]);
    let link = branches.link(0, &json!({"path": "/", "for": "2d"}));
    let all_know_them = || {
        assert_eq!([0, 1].map(|server| branches.by_session(server, &session)), [200; 2]);
        assert_eq!(branches.code(1, "GET", "/a.txt", &token), 200);
        assert_eq!(branches.code(1, "GET", &format!("{link}/a.txt"), ""), 200);
    };
    all_know_them();
    let made = branches.make(0, TOKENS, &json!({"name": "old", "rights": "read", "for": "30d"}));
    let (old, id) = (bearer(&made["token"]), made["id"].as_str().expect("an id"));
    let end = format!("{TOKENS}/{id}");
    assert_eq!(branches.code(0, "DELETE", &end, &basic("anna", PASSWORD)), 204);
    branches
        .eventually_everywhere("it is revoked", |server| branches.code(server, "GET", "/a.txt", &old) == 401);
    store.kill();
    eventually("it is noticed", || branches.servers[1].log().contains("do not follow the store"));
    all_know_them();
    // That it has ended is known without the store.
    assert_eq!([0, 1].map(|server| branches.code(server, "GET", "/a.txt", &old)), [401; 2]);
    // What cannot be written is refused, and the session stays.
    let cookie = branches.cookie(1, &session);
    for (method, target, fields) in [
        ("POST", "/.wharf/logout", cookie.clone()),
        ("POST", "/.wharf/login", String::new()),
        ("DELETE", &*format!("{LINKS}/all"), basic("anna", PASSWORD)),
    ] {
        let form = format!("name=anna&password={}", PASSWORD.replace(' ', "+"));
        let answer = branches.servers[1].ask(method, target, &fields, form.as_bytes());
        assert!(is_unavailable(&answer), "{target}: {}", answer.text());
    }
    assert_eq!(branches.by_session(1, &session), 200);
    // A server that knows no records cannot judge them. A password needs none.
    branches.add();
    let cookie = branches.cookie(2, &session);
    for fields in [cookie.as_str(), &token] {
        let answer = branches.servers[2].ask("GET", "/a.txt", fields, b"");
        assert!(is_unavailable(&answer), "{}", answer.text());
        assert_eq!(answer.field("Set-Cookie"), "", "the browser keeps the cookie");
    }
    assert!(is_unavailable(&branches.servers[2].ask("GET", &link, "", b"")));
    assert_eq!(branches.code(2, "GET", "/.wharf/login", &cookie), 200);
    assert_eq!(branches.code(2, "GET", "/a.txt", &basic("anna", PASSWORD)), 200);
    store.run();
    branches.eventually_everywhere("it goes on", |server| branches.by_session(server, &session) == 200);
    branches.log_in(2, "anna");
}

/// Slow answers are waited for.
#[test]
fn a_store_that_pauses_for_two_seconds_ends_nothing() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let session = branches.log_in(0, "anna");
    assert_eq!(branches.by_session(1, &session), 200);
    let _: () = store.ask("CLIENT PAUSE 2000 ALL");
    assert_eq!(branches.by_session(0, &session), 200, "without the store");
    let slow = branches.log_in(0, "anna");
    assert_eq!(branches.by_session(1, &slow), 200);
}

#[test]
fn a_store_that_refuses_the_server_is_an_error() {
    let Some(store) = Store::start(&["--requirepass", "right"]) else { return };
    let place = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(place.path().join("folder")).expect("a folder");
    let added = run(&["user", "add", "anna", "--password-stdin", "--users", "users"], "anna", place.path());
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    let flags = ["serve", "folder", "--port", "0", "--users", "users", "--state", "state", "--shared"];
    let output = run(&[&flags[..], &[&store.url(), "--no-chat"]].concat(), "", place.path());
    assert_eq!(output.code, Some(1), "{}", output.stderr);
    assert!(
        output.stderr.contains("--shared: ") && output.stderr.contains("password is missing or wrong"),
        "{}",
        output.stderr
    );
}

/// A primary that has become a replica answers, but what it knows is old.
#[test]
fn a_store_that_is_a_replica_now_is_not_followed() {
    let Some(store) = Store::start(&[]) else { return };
    let branches = Branches::open(2, &store);
    let session = branches.log_in(0, "anna");
    assert_eq!(branches.by_session(1, &session), 200);
    let _: String = store.ask("REPLICAOF 127.0.0.1 9");
    for server in &branches.servers {
        eventually("it is noticed", || server.log().contains("do not follow the store"));
    }
    assert_eq!([0, 1].map(|server| branches.by_session(server, &session)), [200; 2]);
    assert!(is_unavailable(&branches.try_log_in(0, "anna", PASSWORD)));
    let _: String = store.ask("REPLICAOF NO ONE");
    branches.eventually_everywhere("it goes on", |server| {
        branches.try_log_in(server, "anna", PASSWORD).code() == 303
    });
}

/// A server whose clock is wrong must not end what is valid.
#[test]
fn a_wrong_clock_ends_nothing() {
    let Some(store) = Store::start(&[]) else { return };
    let place = tempfile::tempdir().expect("a directory");
    let [users, state] = ["users", "state"].map(|name| place.path().join(name));
    let hash = bcrypt::hash(PASSWORD, 4).expect("a hash");
    replace_users(&users, &format!("anna:{hash}\n"));
    let [users, state] = [&users, &state].map(|path| path.to_str().expect("text"));
    let flags = ["--users", users, "--state", state, "--shared", &store.url()];
    let Some(clock) = Clock::serve(&flags) else { return };
    let wharf = &clock.wharf;
    wharf.write("a.txt", "one");
    let form = format!("name=anna&password={}", PASSWORD.replace(' ', "+"));
    let session = secret(&wharf.ask("POST", "/.wharf/login", "", form.as_bytes()));
    let cookie = format!("Cookie: wharf-{}={session}\r\n", wharf.address().port());
    let logs = |text: &str, times: usize| {
        eventually(text, || wharf.log().matches(text).count() == times);
    };
    for (round, offset) in ["-60d", "+60d"].into_iter().enumerate() {
        clock.set(offset);
        logs("the clocks of this machine and of the store differ", round + 1);
        clock.set("+0");
        logs("sessions, tokens and links follow the store again", round + 1);
        assert_eq!(wharf.ask("GET", "/a.txt", &cookie, b"").code(), 200, "{offset}");
    }
}
