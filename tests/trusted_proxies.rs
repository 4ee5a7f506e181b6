//! Behind trusted proxies: the client, the scheme and the host are those that the proxies name, for limits, logs, the chat
//! and the gates.

use crate::common::{Answer, Wharf, Wire, eventually, run};

/// Sends a request from 127.0.0.1 with these field lines.
fn ask(wharf: &Wharf, method: &str, target: &str, fields: &str) -> Answer {
    wharf.ask(method, target, fields, b"")
}

/// The client of the request for this target, as the access log names it.
fn logged(wharf: &Wharf, target: &str) -> String {
    let line = format!("\"GET {target} HTTP/1.1\"");
    eventually(&line, || wharf.log().contains(&line));
    let log = wharf.log();
    let before = log.lines().find_map(|found| found.split_once(&line)).expect("it was there").0;
    before.split_whitespace().next_back().expect("a client").to_owned()
}

#[test]
fn the_log_names_the_client_that_a_trusted_proxy_names() {
    let head_limit = "x".repeat(12_000);
    let many = format!("X-Forwarded-For: {head_limit}, 203.0.113.9\r\n");
    let cases = [
        ("/one", "X-Forwarded-For: 203.0.113.9\r\n", Some("203.0.113.9")),
        ("/forged", "X-Forwarded-For: 198.51.100.1, 203.0.113.9\r\n", Some("203.0.113.9")),
        ("/lines", "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.9\r\n", Some("203.0.113.9")),
        ("/hops", "X-Forwarded-For: 203.0.113.9, 127.0.0.2, 127.0.0.3\r\n", Some("203.0.113.9")),
        ("/ipv6", "X-Forwarded-For: [2001:db8::7]:5000\r\n", Some("2001:db8::7")),
        ("/unknown", "X-Forwarded-For: 203.0.113.9, unknown\r\n", None),
        ("/hidden", "X-Forwarded-For: _hidden\r\n", None),
        ("/empty", "X-Forwarded-For: , ,\r\n", None),
        ("/garbage", "X-Forwarded-For: 203.0.113.9 or so\r\n", None),
        ("/underscores", "X_Forwarded_For: 203.0.113.9\r\n", None),
        ("/family", "Forwarded: for=203.0.113.9\r\n", None),
        ("/long", &many, Some("203.0.113.9")),
    ];
    let trusting = Wharf::serve(&["--trust-proxy", "127.0.0.0/8"]);
    let other = Wharf::serve(&["--trust-proxy", "192.0.2.0/24", "--trust-proxy", "unix"]);
    for (target, fields, client) in cases {
        ask(&trusting, "GET", target, fields);
        ask(&other, "GET", target, fields);
        let found = logged(&trusting, target);
        match client {
            Some(client) => assert_eq!(found, client, "{target}"),
            None => assert!(found.starts_with("127.0.0.1:"), "{target}: {found}"),
        }
        let direct = logged(&other, target);
        assert!(direct.starts_with("127.0.0.1:"), "{target}, not trusted: {direct}");
    }
    let standard = Wharf::serve(&["--trust-proxy", "127.0.0.1=forwarded"]);
    ask(&standard, "GET", "/a", "Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 198.51.100.1\r\n");
    assert_eq!(logged(&standard, "/a"), "203.0.113.9");
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let wharf = Wharf::serve(&["--trust-proxy", "127.0.0.1"]);
    let fields = format!("X-Forwarded-For: {}203.0.113.9\r\n", "198.51.100.1, ".repeat(4700));
    assert_eq!(ask(&wharf, "GET", "/", &fields).code(), 431);
}

/// Behind a proxy, all clients have the same peer: the messages of one client must not use up the limit of another.
#[test]
fn clients_behind_a_proxy_have_limits_of_their_own() {
    let wharf = Wharf::serve(&["--trust-proxy", "127.0.0.1"]);
    let mut members = Vec::new();
    for (name, address) in [("ann", "203.0.113.1"), ("bob", "203.0.113.2")] {
        let from = format!("X-Forwarded-For: {address}\r\n");
        let joined = wharf.ask("POST", "/.wharf/chat/join", &from, format!("user={name}").as_bytes());
        let joined: serde_json::Value = serde_json::from_slice(&joined.body).expect("JSON");
        let token = joined["token"].as_str().expect("a token").to_owned();
        members.push(format!("{from}Wharf-Member: {token}\r\n"));
    }
    let say = |fields: &str| wharf.ask("POST", "/.wharf/chat/messages", fields, b"hello").code();
    let ann_ends = (0..200).map(|_| say(&members[0])).any(|code| code == 429);
    assert!(ann_ends, "a client has a limit");
    assert_eq!(say(&members[1]), 202, "another client has its own");
}

/// One client behind the proxy takes all connections: it loses one of them to another client, which comes from the same
/// peer.
#[test]
fn a_client_behind_a_proxy_that_takes_all_connections_loses_one_to_another() {
    const ALL: usize = 32;
    let wharf = Wharf::serve(&["--trust-proxy", "127.0.0.1", "--max-connections", &ALL.to_string()]);
    let mut taken: Vec<_> = (0..ALL).map(|_| wharf.connect()).collect();
    for (number, wire) in taken.iter_mut().enumerate() {
        let head = format!("PUT /{number} HTTP/1.1\r\nHost: {}\r\n", wharf.address());
        wire.send(format!("{head}X-Forwarded-For: 203.0.113.1\r\nContent-Length: 2\r\n\r\na"));
    }
    wharf.comes_to_rest();
    let other = wharf.ask("GET", "/.wharf/health", "X-Forwarded-For: 203.0.113.2\r\n", b"");
    assert_eq!(other.code(), 200, "{}", other.text());
    let saved =
        taken.iter_mut().map(|wire| wire.send("b").read_answer(false).code()).filter(|code| *code == 201);
    assert_eq!(saved.count(), ALL - 1, "one was closed");
}

#[test]
fn the_scheme_of_a_trusted_proxy_counts_for_the_origin() {
    let wharf = Wharf::serve(&["--trust-proxy", "127.0.0.1"]);
    let host = wharf.address();
    let origin = format!("Origin: https://{host}\r\nSec-Fetch-Site: same-origin\r\n");
    let https = "X-Forwarded-Proto: https\r\n";
    let cases = [
        ("TLS ends at the proxy", format!("{origin}{https}"), 201),
        ("it does not say so", origin.clone(), 403),
        ("two different schemes", format!("{origin}{https}X-Forwarded-Proto: http\r\n"), 403),
        ("a scheme that is none", format!("{origin}X-Forwarded-Proto: wss\r\n"), 403),
        ("a page without TLS", format!("Origin: http://{host}\r\n{https}"), 403),
        ("another site", format!("Origin: https://evil.example\r\n{https}"), 403),
    ];
    for (name, fields, code) in &cases {
        let target = format!("/{code}{}", name.len());
        assert_eq!(wharf.ask("PUT", &target, fields, b"x").code(), *code, "{name}");
    }
    let direct = Wharf::serve(&["--host", "files.example"]);
    let fields = format!("Origin: https://{}\r\n{https}", direct.address());
    assert_eq!(direct.ask("PUT", "/a", &fields, b"x").code(), 403, "this proxy is not trusted");
}

#[test]
fn the_host_of_a_trusted_proxy_must_be_a_given_name() {
    let wharf = Wharf::serve(&["--trust-proxy", "127.0.0.1", "--host", "files.example"]);
    let cases = [
        ("a given name", "X-Forwarded-Host: files.example\r\n", 200),
        ("with a port", "X-Forwarded-Host: files.example:8443\r\n", 200),
        ("in any case", "X-Forwarded-Host: FILES.example.\r\n", 200),
        ("forged before the proxy's", "X-Forwarded-Host: evil.example, files.example\r\n", 200),
        ("a given name, forged", "X-Forwarded-Host: files.example, evil.example\r\n", 421),
        ("another name", "X-Forwarded-Host: evil.example\r\n", 421),
        ("an address that was not given", "X-Forwarded-Host: 127.0.0.1\r\n", 421),
        ("no host at all", "X-Forwarded-Host: http://files.example/\r\n", 421),
        ("not ASCII", "X-Forwarded-Host: fil\u{e9}s\r\n", 421),
    ];
    for (name, fields, code) in cases {
        assert_eq!(ask(&wharf, "GET", "/", fields).code(), code, "{name}");
    }
    // The Host field is checked too, because the other field may come from the client.
    let mut wire = wharf.connect();
    for (host, code) in [("localhost", 200), ("files.example", 200), ("evil.example", 421)] {
        for forwarded in ["", "X-Forwarded-Host: files.example\r\n"] {
            wire.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n{forwarded}\r\n"));
            assert_eq!(wire.read_answer(false).code(), code, "{host}, {forwarded:?}");
        }
    }
    let mut outside = Wire::connect_from(2, wharf.address());
    outside.send("GET / HTTP/1.1\r\nHost: upstream\r\nX-Forwarded-Host: files.example\r\n\r\n");
    assert_eq!(outside.read_answer(false).code(), 421, "this peer is not trusted");
}

#[test]
fn an_upload_in_pieces_belongs_to_the_client_behind_the_proxy() {
    let wharf = Wharf::serve(&["--trust-proxy", "127.0.0.1"]);
    let begun = wharf.ask("PUT", "/u", "X-Forwarded-For: 203.0.113.1\r\nUpload-Complete: ?0\r\n", b"a");
    assert_eq!(begun.code(), 201);
    let log = wharf.settled_log();
    assert!(log.lines().any(|line| line.contains("203.0.113.1 \"PUT /u")), "{log}");
}

#[test]
fn flags_that_are_no_proxies_are_refused() {
    let place = tempfile::tempdir().expect("a folder");
    for flag in ["10.0.0.0/33", "proxy.example", "10.0.0.0/8=both", ""] {
        let refused = run(&["serve", ".", "--trust-proxy", flag], "", place.path());
        assert_eq!(refused.code, Some(2), "{flag:?}");
        assert!(refused.stderr.contains("--trust-proxy"), "{flag:?}: {}", refused.stderr);
    }
    let alone = run(&["serve", ".", "--proxy-protocol"], "", place.path());
    assert!(alone.code == Some(2) && alone.stderr.contains("--trust-proxy"), "{}", alone.stderr);
}
