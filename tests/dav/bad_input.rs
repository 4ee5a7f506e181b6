//! Bodies and fields that are wrong, or hostile.

use super::{lock, named, propfind, serve};

#[test]
pub fn bodies_that_are_refused() {
    let wharf = serve(&[]);
    wharf.write("a", "a");
    let laughs = "<!DOCTYPE a [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;\">]><propfind xmlns=\"DAV:\"><prop>&b;</prop></propfind>";
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    let wide = named(&"<x/>".repeat(2000));
    for (method, body, code) in [
        ("PROPFIND", "<", 400),
        ("PROPFIND", "text", 400),
        ("PROPFIND", "<propfind/>", 400),
        ("PROPFIND", laughs, 400),
        ("PROPFIND", &deep, 400),
        ("PROPFIND", &wide, 400),
        ("PROPFIND", &named("<p:x/>"), 400),
        ("PROPFIND", &named("<D:future/><x xmlns=\"urn:unknown\"/>"), 207),
        ("PROPPATCH", "", 400),
        ("PROPPATCH", &named(""), 400),
        ("LOCK", &named(""), 400),
        ("LOCK", "<lockinfo xmlns=\"DAV:\"><lockscope><exclusive/></lockscope></lockinfo>", 400),
    ] {
        let answer = wharf.ask(method, "/a", "Depth: 0\r\n", body.as_bytes());
        assert_eq!(answer.code(), code, "{method} {body}: {}", answer.text());
    }
}

#[test]
pub fn large_bodies_are_refused_before_they_arrive() {
    let wharf = serve(&[]);
    for method in ["PROPFIND", "PROPPATCH", "LOCK"] {
        let mut wire = wharf.connect();
        wire.begin_to_ask(method, "/", Some(100_000_000));
        assert_eq!(wire.read_answer(false).code(), if method == "PROPFIND" { 403 } else { 413 }, "{method}");
        let mut wire = wharf.connect();
        wire.send(
            format!("{method} / HTTP/1.1\r\nHost: h\r\nDepth: 0\r\nContent-Length: 100000000\r\n\r\n")
                .replace("Host: h", &format!("Host: {}", wharf.address())),
        );
        assert_eq!(wire.read_answer(false).code(), 413, "{method}");
    }
}

#[test]
pub fn utf_16_is_read() {
    let wharf = serve(&[]);
    let body = named("<D:resourcetype/>").replace("version=\"1.0\"", "version=\"1.0\" encoding=\"utf-16\"");
    let bytes: Vec<u8> =
        std::iter::once(0xfeff).chain(body.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let answer = wharf.ask("PROPFIND", "/", "Depth: 0\r\n", &bytes);
    assert_eq!(answer.code(), 207, "{}", answer.text());
    assert!(answer.text().contains("<D:collection/>"));
}

#[test]
pub fn depths_that_a_method_lacks() {
    let wharf = serve(&[]);
    wharf.write("a", "a");
    for fields in ["", "Depth: infinity\r\n"] {
        let answer = wharf.ask("PROPFIND", "/", fields, b"");
        assert_eq!(answer.code(), 403);
        assert!(answer.text().contains("<D:propfind-finite-depth/>"), "{}", answer.text());
    }
    assert_eq!(propfind(&mut wharf.connect(), "/", "2", "").code(), 400);
    assert_eq!(lock(&mut wharf.connect(), "/a", "Depth: 1\r\n").code(), 400);
    for fields in ["", "Lock-Token: urn:uuid:0\r\n", "Lock-Token: <\r\n"] {
        assert_eq!(wharf.ask("UNLOCK", "/a", fields, b"").code(), 400, "{fields}");
    }
}

#[test]
pub fn a_body_that_is_shorter_than_expected_replaces_nothing() {
    let wharf = serve(&[]);
    wharf.write("a", "old");
    for (expected, code) in [("5", 204), ("6", 400), ("4", 400), ("many", 204)] {
        let mut wire = wharf.connect();
        let host = wharf.address();
        wire.send(format!(
            "PUT /a HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\nX-Expected-Entity-Length: {expected}\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n"
        ));
        assert_eq!(wire.read_answer(false).code(), code, "{expected}");
        let content: &[u8] = if code == 204 { b"hello" } else { b"old" };
        assert_eq!(wharf.read("a"), content, "{expected}");
        wharf.write("a", "old");
    }
}
