//! Users whom a trusted proxy names (`--trust-user-header`).

use std::path::Path;

use super::users::{UsersFile, authorization};
use crate::common::accounts::basic;
use crate::common::{Wharf, Wire, run};
use crate::resumable::DRAFT;

const RULES: [&str; 4] = ["--allow", "users=edit,chat", "--allow", "everyone=view@/open"];

/// A server behind a proxy at 127.0.0.1.
fn serve(users: &UsersFile) -> Wharf {
    let with_users = users.flags();
    let with_users = with_users.each_ref().map(|flag| &**flag);
    let flags = ["--no-sync", "--trust-proxy", "127.0.0.1", "--trust-user-header", "Remote-User"];
    let wharf = Wharf::serve(&[&with_users[..], &flags, &RULES].concat());
    wharf.write("open/file", "public");
    wharf.write("closed/file", "secret");
    wharf
}

#[test]
fn only_a_field_that_names_one_user_is_believed() {
    let users = UsersFile::new(&["ann", "ben", "off"]);
    users.disable("off");
    let wharf = serve(&users);
    // The fields, and the responses for a file that everybody may read, and for one that users may read.
    let table: [(&str, u16, u16); 17] = [
        ("", 200, 401),
        ("Remote-User: ann\r\n", 200, 200),
        ("remote-user:ann \r\n", 200, 200),
        ("Remote-User: ann\r\nX-Forwarded-For: 203.0.113.9\r\n", 200, 200),
        ("Remote_User: ann\r\n", 200, 401),
        ("Remote-User: off\r\n", 400, 400),
        ("Remote-User: zoe\r\n", 400, 400),
        ("Remote-User: ANN\r\n", 400, 400),
        ("Remote-User:\r\n", 400, 400),
        ("Remote-User: ann, ben\r\n", 400, 400),
        ("Remote-User: \u{e4}nn\r\n", 400, 400),
        ("Remote-User: ann\r\nRemote-User: ann\r\n", 400, 400),
        ("Remote-User: ann\r\nRemote-User: zoe\r\n", 400, 400),
        ("Remote-User:\r\nRemote-User: ann\r\n", 400, 400),
        // The stronger credentials decide.
        (&format!("Remote-User: zoe\r\n{}", authorization("ben")), 200, 200),
        (&format!("Remote-User: ann\r\n{}", basic("ben", "no")), 401, 401),
        ("Authorization: Bearer x\r\nRemote-User: ann\r\n", 401, 401),
    ];
    for (fields, open, closed) in table {
        for (target, code) in [("/open/file", open), ("/closed/file", closed)] {
            let answer = wharf.ask("GET", target, fields, b"");
            assert_eq!(answer.code(), code, "{target} {fields:?}: {}", answer.text());
        }
        assert_eq!(wharf.ask("GET", "/.wharf/health", fields, b"").code(), 200, "{fields:?}");
        // From another peer, the field means nothing.
        if !fields.contains("Authorization") {
            for (target, code) in [("/open/file", 200), ("/closed/file", 401)] {
                let answer = Wire::connect_from(2, wharf.address()).ask("GET", target, fields, b"");
                assert_eq!(answer.code(), code, "{target} {fields:?}, not from the proxy: {}", answer.text());
            }
        }
    }
    // No user was created. A removed user has no rights any more, not even over an open connection.
    let mut wire = Wire::connect(wharf.address());
    assert_eq!(wire.ask("GET", "/closed/file", "Remote-User: ann\r\n", b"").code(), 200);
    users.remove("ann", &wharf);
    assert_eq!(wire.ask("GET", "/closed/file", "Remote-User: ann\r\n", b"").code(), 400);
}

#[test]
fn responses_depend_on_the_field() {
    let users = UsersFile::new(&["ann"]);
    let wharf = serve(&users);
    for (fields, target, cache) in
        [("", "/open/file", "no-cache"), ("Remote-User: ann\r\n", "/closed/file", "private, no-cache")]
    {
        let answer = wharf.ask("GET", target, fields, b"");
        let vary = answer.head.all("Vary").map(|value| String::from_utf8_lossy(value).into_owned());
        let vary = vary.collect::<Vec<_>>();
        assert_eq!(
            (answer.field("Cache-Control").as_str(), &*vary.join(", ")),
            (cache, "Authorization, Cookie, Remote-User")
        );
    }
}

/// A page of another site makes the browser ask the proxy, which adds the user.
#[test]
fn pages_of_other_sites_change_nothing() {
    let users = UsersFile::new(&["ann"]);
    let wharf = serve(&users);
    let ann = "Remote-User: ann\r\n";
    let begun = wharf.ask("POST", "/closed/upload", &format!("{ann}Upload-Complete: ?0\r\n{DRAFT}"), b"");
    assert_eq!(begun.code(), 201, "{}", begun.text());
    let upload = begun.field("Location");
    for evil in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n",
    ] {
        for (method, target) in unsafe_requests(&upload) {
            let answer = wharf.ask(method, target, &format!("{ann}{evil}"), b"");
            assert_eq!(answer.code(), 403, "{method} {target} {evil}: {}", answer.text());
            assert!(answer.text().contains("cross-site"), "{method} {target}: {}", answer.text());
        }
    }
    assert_eq!(wharf.ask("PUT", "/closed/new", ann, b"x").code(), 201, "the proxy's own pages may");
}

/// A request of each unsafe method in each area.
pub fn unsafe_requests(upload: &str) -> [(&'static str, &str); 9] {
    [
        ("PUT", "/closed/file"),
        ("POST", "/closed/file"),
        ("POST", "/closed/"),
        ("MKCOL", "/closed/new"),
        ("PATCH", upload),
        ("DELETE", upload),
        ("POST", "/.wharf/chat/join"),
        ("POST", "/.wharf/chat/messages"),
        ("POST", "/.wharf/chat/leave"),
    ]
}

#[test]
fn flags_that_do_not_fit_are_refused() {
    let users = UsersFile::new(&["ann"]);
    let [_, file, ..] = users.flags();
    let header = ["--trust-user-header", "Remote-User"];
    let proxy = ["--trust-proxy", "127.0.0.1"];
    let with_users = ["--users", &file];
    let table: [(Vec<&str>, &str); 7] = [
        ([header, with_users].concat(), "--trust-proxy"),
        ([header, proxy].concat(), "--users"),
        ([&header[..], &proxy, &with_users, &["--proxy-protocol"]].concat(), "--proxy-protocol"),
        (
            [&["--trust-user-header", "Cookie"][..], &proxy, &with_users].concat(),
            "Cookie has another meaning",
        ),
        (
            [&["--trust-user-header", "a b"][..], &proxy, &with_users].concat(),
            "cannot be the name of a header",
        ),
        (vec!["--unix-users"], "--users"),
        (
            [&["--unix-users", "--trust-proxy", "unix"][..], &with_users].concat(),
            "--unix-users cannot be used with --trust-proxy unix",
        ),
    ];
    for (flags, why) in table {
        let output = run(&[&["serve", ".", "--port", "0"], &flags[..]].concat(), "", Path::new("."));
        assert_eq!(output.code, Some(2), "{flags:?}: {}", output.stderr);
        assert!(output.stderr.contains(why), "{flags:?}: {}", output.stderr);
    }
}
