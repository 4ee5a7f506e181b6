//! Tests of the hosts that a request may name.

use super::*;
use crate::http::request::{FieldSpace, Head};

fn hosts(given: &[&str]) -> AllowedHosts {
    AllowedHosts::new(given.iter().map(|name| name.parse().expect("a name")).collect())
}

/// Applies `find` to a request with this Host and these field lines.
fn of<T>(host: &str, lines: &str, find: impl Fn(Option<&str>, Fields<'_, '_>) -> T) -> T {
    let bytes = format!("POST /x HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
    let mut space = FieldSpace::new();
    let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
    find(head.host, head.fields)
}

#[test]
fn a_host_is_remembered_for_one_server_only() {
    let (named, other) = (hosts(&["files.example"]), hosts(&[]));
    for _ in 0..2 {
        assert!(named.is_asked(Some("files.example")));
        assert!(named.clone().is_asked(Some("files.example")));
        assert!(!other.is_asked(Some("files.example")));
        assert!(!named.is_asked(Some("files.example.evil")));
    }
}

#[test]
fn destinations_on_this_server() {
    let hosts = hosts(&["files.example"]);
    let cases = [
        ("the same", "h:1", Some("h:1"), true),
        ("in another case", "H:1", Some("h.:1"), true),
        ("another port", "h:2", Some("h:1"), false),
        ("no port", "h", Some("h:1"), false),
        ("another host", "evil", Some("h"), false),
        ("usual ports, whatever the scheme", "h:443", Some("h"), true),
        ("the same address", "[0:0::1]:1", Some("[::1]:1"), true),
        ("a given name, behind a proxy", "files.example", Some("127.0.0.1:8080"), true),
        ("at another port", "files.example:8443", Some("127.0.0.1:8080"), false),
        ("at the port that was asked for", "files.example:8443", Some("files.example:8443"), true),
        ("a given name, no Host", "files.example:80", None, true),
        ("no Host", "h", None, false),
    ];
    for (name, authority, host, expected) in cases {
        assert_eq!(hosts.is_where_asked(authority, host), expected, "{name}");
    }
}

#[test]
fn hosts_of_this_server() {
    let hosts = hosts(&["files.example", "2001:db8::7"]);
    let cases = [
        (Some("127.0.0.1:8080"), true),
        (Some("[::1]:8080"), true),
        (Some("[fe80::1]:8080"), true),
        (Some("[fe80::1%25eth0]:8080"), true),
        (Some("[fe80::1%eth0]:8080"), true),
        (Some("192.168.1.7"), true),
        (Some("LOCALHOST:1"), true),
        (Some("localhost."), true),
        (Some("files.example:80"), true),
        (Some("Files.Example.:80"), true),
        (Some("evil.example"), false),
        (Some("127.0.0.1.evil.example"), false),
        (Some("localhost.evil.example"), false),
        (Some("xfiles.example"), false),
        (Some("files.example.."), false),
        (None, true),
    ];
    for (host, expected) in cases {
        assert_eq!(hosts.is_asked(host), expected, "{host:?}");
    }
}

#[test]
fn requests_whose_host_counts() {
    let tcp = Peer::Inet(([127, 0, 0, 1], 5000).into());
    let unix = Peer::Unix(None);
    let (origin, fetched) = ("Origin: http://evil\r\n", "Sec-Fetch-Site: same-origin\r\n");
    let cases: [(&str, Peer, &[&str], &str, &str, bool); 13] = [
        ("TCP", tcp, &[], "evil", "", false),
        ("a program", unix, &[], "anything", "", true),
        ("a browser that writes", unix, &[], "evil", origin, false),
        ("a browser that reads", unix, &[], "evil", fetched, false),
        ("any value of that field", unix, &[], "evil", "sec-fetch-site: none\r\n", false),
        ("an empty field", unix, &[], "evil", "Origin:\r\n", false),
        ("a browser at an address", unix, &[], "192.0.2.7:8080", origin, true),
        ("a browser at localhost", unix, &[], "localhost", fetched, true),
        ("the server has a name", unix, &["files.example"], "anything", "", false),
        ("this name", unix, &["files.example"], "files.example", "", true),
        ("a browser at this name", unix, &["files.example"], "files.example:8443", fetched, true),
        ("a browser at another", unix, &["files.example"], "evil", fetched, false),
        ("what a proxy says by itself", unix, &["files.example"], "localhost", fetched, true),
    ];
    for (name, peer, given, host, lines, expected) in cases {
        let (hosts, nobody) = (hosts(given), TrustedProxies::default());
        let takes = of(host, lines, |host, fields| hosts.takes(peer, host, fields, &nobody));
        assert_eq!(takes, expected, "{name}");
    }
    let proxies = TrustedProxies::new(vec!["unix".parse().expect("valid")], false);
    for (host, expected) in [("evil", false), ("localhost", true)] {
        let takes = of(host, "", |host, fields| hosts(&[]).takes(unix, host, fields, &proxies));
        assert_eq!(takes, expected, "a trusted proxy at the socket: {host}");
    }
}

#[test]
fn writes_from_pages() {
    let cases = [
        ("curl", "", true),
        ("our own page", "Origin: http://h:1\r\nSec-Fetch-Site: same-origin\r\n", true),
        ("typed into the address bar", "Sec-Fetch-Site: none\r\n", true),
        ("in any case", "Origin: http://H:1\r\n", true),
        ("another site", "Origin: http://evil\r\n", false),
        ("another port", "Origin: http://h:2\r\n", false),
        ("the usual port is another", "Origin: http://h\r\n", false),
        ("another scheme", "Origin: https://h:1\r\n", false),
        ("a scheme that is not a web page's", "Origin: file://h:1\r\n", false),
        ("a scheme in capitals", "Origin: HTTP://h:1\r\n", false),
        ("no scheme", "Origin: h:1\r\n", false),
        ("a sandboxed page", "Origin: null\r\n", false),
        ("an empty origin", "Origin: \r\n", false),
        ("a path", "Origin: http://h:1/\r\n", false),
        ("user info", "Origin: http://u@h:1\r\n", false),
        ("not ASCII", "Origin: http://h\u{e9}:1\r\n", false),
        ("same site is not same origin", "Sec-Fetch-Site: same-site\r\n", false),
        ("cross-site without Origin", "Sec-Fetch-Site: cross-site\r\n", false),
        ("an empty relation", "Sec-Fetch-Site:\r\n", false),
        ("our origin, fetched by another", "Origin: http://h:1\r\nSec-Fetch-Site: same-site\r\n", false),
        ("one good, one bad", "Origin: http://h:1\r\nOrigin: http://evil\r\n", false),
        ("twice the same", "Origin: http://h:1\r\nOrigin: http://h:1\r\n", false),
        ("a list (RFC 6454 §7.1)", "Origin: http://h:1 http://evil\r\n", false),
        ("two relations", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", false),
    ];
    for (name, lines, expected) in cases {
        let hosts = hosts(&[]);
        assert_eq!(of("h:1", lines, |host, fields| hosts.may_write(host, None, fields)), expected, "{name}");
    }
    let bare = Head::parse(b"POST /x HTTP/1.0\r\nOrigin: http://h\r\n\r\n", &mut FieldSpace::new())
        .map(|head| hosts(&[]).may_write(head.host, None, head.fields));
    assert_eq!(bare, Ok(false), "an origin, and no Host");
}

/// Behind a proxy, whether or not it forwards the browser's Host.
#[test]
fn writes_from_pages_behind_tls() {
    let (named, upstream) = ("files.example", "127.0.0.1:8080");
    let cases = [
        ("the name", named, "https://files.example", true),
        ("Host is the upstream's", upstream, "https://files.example", true),
        ("Host is the socket's", "localhost", "https://files.example", true),
        ("Host has the usual port", "files.example:443", "https://files.example", true),
        ("the origin has it", named, "https://files.example:443", true),
        ("in any case", "FILES.example", "https://Files.Example", true),
        ("a final dot", "files.example.", "https://files.example.", true),
        ("a port of its own", "files.example:8443", "https://files.example:8443", true),
        ("another port (another service)", named, "https://files.example:8443", false),
        ("the same, Host is the upstream's", upstream, "https://files.example:8080", false),
        ("the usual port is another service", "files.example:8443", "https://files.example", false),
        ("an address that was named", upstream, "https://192.0.2.7", true),
        ("IPv6 that was named", upstream, "https://[2001:db8:0::7]", true),
        ("IPv6 with its port", "[2001:DB8::7]:8443", "https://[2001:db8::7]:8443", true),
        ("an address that was not", "192.0.2.8", "https://192.0.2.8", false),
        ("localhost", "localhost", "https://localhost", false),
        ("the loopback", "127.0.0.1:8080", "https://127.0.0.1:8080", false),
        ("another site", named, "https://evil.example", false),
        ("a name below", named, "https://a.files.example", false),
        ("a name around it", named, "https://files.example.evil", false),
        ("two final dots", named, "https://files.example..", false),
        ("user info", named, "https://files.example@evil", false),
        ("no TLS, Host is another", upstream, "http://files.example", false),
        ("no TLS, at Host's port", named, "http://files.example", true),
        ("no TLS, at the port of TLS", "files.example:443", "http://files.example", false),
        ("a path", named, "https://files.example/", false),
        ("a port over 65,535", named, "https://files.example:65979", false),
        ("no name", named, "https://", false),
        ("not ASCII", named, "https://fil\u{e9}s.example", false),
    ];
    let hosts = hosts(&["Files.Example", "192.0.2.7", "2001:db8::7"]);
    for (name, host, origin, expected) in cases {
        for (relation, is_fine) in [("same-origin", true), ("same-site", false), ("cross-site", false)] {
            let lines = format!("Origin: {origin}\r\nSec-Fetch-Site: {relation}\r\n");
            let may = of(host, &lines, |host, fields| hosts.may_write(host, None, fields));
            assert_eq!(may, expected && is_fine, "{name}, {relation}");
        }
        let may =
            of(host, &format!("Origin: {origin}\r\n"), |host, fields| hosts.may_write(host, None, fields));
        assert_eq!(may, expected, "{name}, from an older browser");
    }
    let unnamed = AllowedHosts::new(Vec::new());
    let may =
        of(named, "Origin: https://files.example\r\n", |host, fields| unnamed.may_write(host, None, fields));
    assert!(!may, "the name was not given with --host");
}

/// A trusted proxy names the scheme that the browser used.
#[test]
fn writes_from_pages_behind_a_trusted_proxy() {
    let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
    let cases = [
        ("the scheme it says", https, "192.0.2.7", "https://192.0.2.7", true),
        ("with a port", https, "192.0.2.7:8443", "https://192.0.2.7:8443", true),
        ("another port", https, "192.0.2.7:8443", "https://192.0.2.7", false),
        ("a page without TLS of the same host", https, "192.0.2.7", "http://192.0.2.7", false),
        ("a page without TLS of a given name", https, "files.example", "http://files.example", false),
        ("another host", https, "192.0.2.7", "https://192.0.2.8", false),
        ("no TLS", http, "192.0.2.7", "http://192.0.2.7", true),
        ("no TLS, it says", http, "192.0.2.7", "https://192.0.2.7", false),
        ("a proxy before it has TLS", http, "files.example", "https://files.example", true),
    ];
    let hosts = hosts(&["files.example"]);
    for (name, scheme, host, origin, expected) in cases {
        let may =
            of(host, &format!("Origin: {origin}\r\n"), |host, fields| hosts.may_write(host, scheme, fields));
        assert_eq!(may, expected, "{name}");
    }
}
