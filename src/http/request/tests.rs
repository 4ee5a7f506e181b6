//! Request heads: valid, rejected, and written.

use super::*;
use crate::http::body::Framing;
use crate::http::target::{TARGET_LIMIT, TargetError};

/// Parses a head; returns method, framing and host.
fn parse(text: &str) -> Result<(Result<Method, UnsupportedMethod>, Framing, Option<String>), HeadError> {
    let mut space = FieldSpace::new();
    let head = Head::parse(text.as_bytes(), &mut space)?;
    Ok((head.method, head.framing, head.host.map(str::to_owned)))
}

#[test]
fn framing_is_unambiguous_or_rejected() {
    let cases = [
        ("none", "", Ok(Framing::Empty)),
        ("sized", "Content-Length: 7\r\n", Ok(Framing::Sized(7))),
        ("zero", "Content-Length: 0\r\n", Ok(Framing::Empty)),
        ("chunked", "transfer-encoding: Chunked\r\n", Ok(Framing::Chunked)),
        (
            "doubled (RFC 9110 §8.6)",
            "Content-Length: 7\r\nContent-Length: 7\r\n",
            Err(HeadError::ContentLength),
        ),
        ("a list", "Content-Length: 7, 7\r\n", Err(HeadError::ContentLength)),
        ("a sign", "Content-Length: +7\r\n", Err(HeadError::ContentLength)),
        ("hexadecimal", "Content-Length: 0x7\r\n", Err(HeadError::ContentLength)),
        ("empty", "Content-Length: \r\n", Err(HeadError::ContentLength)),
        ("over 2^64", "Content-Length: 18446744073709551616\r\n", Err(HeadError::ContentLength)),
        (
            "both (§6.1)",
            "Content-Length: 7\r\nTransfer-Encoding: chunked\r\n",
            Err(HeadError::TransferEncoding),
        ),
        ("chunked twice", "Transfer-Encoding: chunked, chunked\r\n", Err(HeadError::TransferEncoding)),
        (
            "on two lines",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            Err(HeadError::TransferEncoding),
        ),
        ("unknown (§6.1: 501)", "Transfer-Encoding: gzip, chunked\r\n", Err(HeadError::UnknownCoding)),
        (
            "chunked, and another (§6.3)",
            "Transfer-Encoding: chunked, gzip\r\n",
            Err(HeadError::TransferEncoding),
        ),
        ("chunked, and nothing", "Transfer-Encoding: chunked,\r\n", Err(HeadError::TransferEncoding)),
        ("identity", "Transfer-Encoding: identity\r\n", Err(HeadError::UnknownCoding)),
        ("hidden by a vertical tab", "Transfer-Encoding: \x0bchunked\r\n", Err(HeadError::FieldLine)),
    ];
    for (name, fields, expected) in cases {
        let found = parse(&format!("POST /x HTTP/1.1\r\nHost: h\r\n{fields}\r\n"));
        assert_eq!(found.map(|(_, framing, _)| framing), expected, "{name}");
    }
    let chunks_in_http10 = parse("POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(chunks_in_http10, Err(HeadError::TransferEncoding), "HTTP/1.0 (§6.1)");
}

#[test]
fn hosts() {
    let cases = [
        ("one", "GET / HTTP/1.1\r\nHost: a.b:80\r\n\r\n", Ok(Some("a.b:80"))),
        ("IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", Ok(Some("[::1]:80"))),
        ("none in 1.1", "GET / HTTP/1.1\r\n\r\n", Err(HeadError::Host)),
        ("none in 1.0", "GET / HTTP/1.0\r\n\r\n", Ok(None)),
        ("two", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Err(HeadError::Host)),
        ("two in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", Err(HeadError::Host)),
        ("absolute wins (§3.2.2)", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", Ok(Some("b"))),
    ];
    for (name, text, expected) in cases {
        let found = parse(text).map(|(_, _, host)| host);
        assert_eq!(found, expected.map(|host| host.map(str::to_owned)), "{name}");
    }
}

/// The Host field in both versions and the authority of an absolute target follow the same rule.
#[test]
fn what_is_a_host() {
    let cases = [
        ("a name", "a.b", true),
        ("a port", "a.b:80", true),
        ("the last port", "a:65535", true),
        ("an empty port (RFC 3986 §3.2.3)", "a:", true),
        ("zeros before the port", "a:0000080", true),
        ("any case, and a final dot", "A.Example.", true),
        ("an underscore", "my_host", true),
        ("encoded (RFC 3986 §3.2.2)", "a%2Db", true),
        ("IPv4", "127.0.0.1:80", true),
        ("IPv6", "[::1]:80", true),
        ("IPv6 without a port", "[2001:DB8::7]", true),
        ("IPv4 in IPv6", "[::ffff:192.0.2.1]", true),
        ("a port alone", ":80", false),
        ("a colon alone", ":", false),
        ("a port over 65,535", "a:65536", false),
        ("a port over 2^64", "a:18446744073709551696", false),
        ("a port with a sign", "a:+80", false),
        ("a port of letters", "a:x", false),
        ("two ports", "a:80:80", false),
        ("a port over 65,535 of IPv6", "[::1]:99999", false),
        ("IPv6 without brackets", "::1", false),
        ("IPv6 with a gap too many", "[ab..cd::1]", false),
        ("IPv6 with two gaps", "[1::2::3]", false),
        ("IPv6 that is too short", "[1:2]", false),
        ("IPv6 that is too long", "[1:2:3:4:5:6:7:8:9]", false),
        ("brackets around nothing", "[]", false),
        ("brackets around IPv4", "[127.0.0.1]", false),
        ("brackets around a name", "[a]", false),
        ("an open bracket", "[::1", false),
        ("a closed bracket", "::1]", false),
        ("something after the bracket", "[::1]a", false),
        ("a bracket in a name", "a[b]", false),
        ("a zone (RFC 6874)", "[fe80::1%25eth0]:80", true),
        ("a zone as people write it", "[fe80::1%eth0]", true),
        ("a zone of an address that is not link-local", "[2001:db8::1%25eth0]", false),
        ("an empty zone", "[fe80::1%]", false),
        ("a zone with a slash", "[fe80::1%25a/b]", false),
        ("a literal of the future", "[v1.a]", false),
        ("a percent sign alone", "a%", false),
        ("half an encoded byte", "a%2", false),
        ("a percent sign without digits", "a%zz", false),
        ("a multi-byte character after a percent sign", "a%é", false),
        ("not ASCII", "größe", false),
        ("user info", "u@a", false),
        ("user info with a password", "u:p@a", false),
        ("a backslash", "a\\b", false),
        ("quotes", "\"a\"", false),
        ("a list", "a, b", false),
        ("a space", "a b", false),
        ("a tab", "a\tb", false),
    ];
    for (name, host, is_fine) in cases {
        let expected = if is_fine { Ok(Some(host.to_owned())) } else { Err(HeadError::Host) };
        for version in ["1.1", "1.0"] {
            let field = parse(&format!("GET / HTTP/{version}\r\nHost: {host}\r\n\r\n"));
            assert_eq!(field.map(|(.., host)| host), expected, "{name}, HTTP/{version}");
        }
        let absolute = parse(&format!("GET http://{host}/ HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(absolute.ok().map(|(.., host)| host), expected.ok(), "{name}, absolute");
    }
    for (name, text) in [
        ("an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        ("an empty Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: \r\n\r\n"),
        ("an empty Host beside an absolute target", "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n"),
        ("a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        ("a scheme", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"),
        ("a query", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
        ("a fragment", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n"),
    ] {
        assert_eq!(parse(text), Err(HeadError::Host), "{name}");
    }
    for target in ["http:///", "http://", "http://?a"] {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(parse(&text), Err(HeadError::Target(TargetError::Form)), "no authority: {target}");
    }
}

#[test]
fn malformed_heads() {
    let many = format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(FIELD_LIMIT));
    let long = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(TARGET_LIMIT));
    let cases = [
        ("space before the colon (§5.1)", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", HeadError::FieldLine),
        ("folded (§5.2)", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", HeadError::FieldLine),
        ("NUL", "GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n", HeadError::FieldLine),
        ("no colon", "GET / HTTP/1.1\r\nHost h\r\n\r\n", HeadError::FieldLine),
        ("HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", HeadError::Version),
        ("HTTP/1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", HeadError::Version),
        ("no version", "GET / HTTP/x\r\n\r\n", HeadError::RequestLine),
        ("HTTP/0.9", "GET /\r\n\r\n", HeadError::RequestLine),
        ("small letters", "GET / http/1.1\r\n\r\n", HeadError::RequestLine),
        ("two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", HeadError::RequestLine),
        ("space in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", HeadError::RequestLine),
        ("too many fields", &many, HeadError::TooManyFields),
        ("too long a target", &long, HeadError::TargetTooLong),
        ("no target", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", HeadError::Target(TargetError::Form)),
    ];
    for (name, text, expected) in cases {
        assert_eq!(parse(text), Err(expected), "{name}");
    }
}

#[test]
fn expectations() {
    let cases = [
        ("none", "1.1", "", Expectation::None),
        ("100-continue", "1.1", "Expect: 100-Continue\r\n", Expectation::Continue),
        ("another", "1.1", "Expect: tea\r\n", Expectation::Other),
        ("a list", "1.1", "Expect: 100-continue, tea\r\n", Expectation::Other),
        ("two lines", "1.1", "Expect: 100-continue\r\nExpect: tea\r\n", Expectation::Other),
        ("the same twice", "1.1", "Expect: 100-continue\r\nExpect: 100-continue\r\n", Expectation::Continue),
        ("an empty list", "1.1", "Expect: ,\r\n", Expectation::None),
        ("HTTP/1.0 has none", "1.0", "Expect: 100-continue\r\n", Expectation::None),
    ];
    for (name, version, fields, expected) in cases {
        let bytes = format!("POST / HTTP/{version}\r\nHost: h\r\n{fields}\r\n");
        let mut space = FieldSpace::new();
        let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
        assert_eq!(head.expectation, expected, "{name}");
    }
}

#[test]
fn methods_have_case() {
    let cases = [
        ("GET", Ok(Method::Get)),
        ("get", Err(UnsupportedMethod::Unknown)),
        ("DELETE", Ok(Method::Delete)),
        ("PATCH", Ok(Method::Patch)),
        ("MKCOL", Ok(Method::Mkcol)),
        ("MOVE", Ok(Method::Move)),
        ("COPY", Ok(Method::Copy)),
        ("Copy", Err(UnsupportedMethod::Unknown)),
        ("LOCK", Ok(Method::Lock)),
        ("PROPFIND", Ok(Method::Propfind)),
        ("PROPPATCH", Ok(Method::Proppatch)),
        ("UNLOCK", Ok(Method::Unlock)),
        ("mkcol", Err(UnsupportedMethod::Unknown)),
        ("TRACE", Err(UnsupportedMethod::NotAllowed)),
        ("CONNECT", Err(UnsupportedMethod::Tunnel)),
        ("BREW", Err(UnsupportedMethod::Unknown)),
    ];
    for (name, expected) in cases {
        let found = parse(&format!("{name} / HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(found.map(|(method, ..)| method), Ok(expected), "{name}");
    }
}

#[test]
fn what_a_client_writes_is_read() {
    let mut bytes = Vec::new();
    write_head(&mut bytes, "PUT", "/a%20b", "h:8080", &[("Content-Length", "3")]);
    let text = String::from_utf8(bytes).expect("ASCII");
    assert_eq!(parse(&text), Ok((Ok(Method::Put), Framing::Sized(3), Some("h:8080".to_owned()))));
}
