//! Request heads: the end of a head does not depend on how it arrives, and its contents agree with a simple
//! parser.

use wharf::http::body::Framing;
use wharf::http::head_end::EndFinder;
use wharf::http::request::{FieldSpace, HEAD_LIMIT, Head, HeadError, HttpVersion, write_head};

/// The first byte determines where the others are cut.
pub(crate) fn check(data: &[u8]) {
    let (data, cut) = super::cut(data);
    let ends = super::pieces(data, cut).map(|pieces| end(&pieces));
    assert_eq!(ends[0], ends[1], "cut at {cut}");
    assert_eq!(ends[0], ends[2], "byte by byte");
    let Ok(Some(length)) = ends[0] else { return };
    assert!(length <= HEAD_LIMIT);
    let bytes = &data[..length];
    if let Ok(head) = Head::parse(bytes, &mut FieldSpace::new()) {
        reads_plainly(&head, bytes);
        comes_back(&head);
    }
}

/// The end of a head that arrives in these pieces.
fn end(pieces: &[&[u8]]) -> Result<Option<usize>, HeadError> {
    let (mut finder, mut bytes) = (EndFinder::default(), Vec::new());
    for piece in pieces {
        bytes.extend_from_slice(piece);
        let found = finder.find(&bytes)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// A simple parser: lines end with CRLF; three words, then names and values up to the empty line.
fn reads_plainly(head: &Head<'_, '_>, bytes: &[u8]) {
    let text = bytes.trim_ascii_start().strip_suffix(b"\r\n\r\n").expect("an empty line at the end");
    let mut lines = split(text, b"\r\n").into_iter();
    let words = split(lines.next().expect("a request line"), b" ");
    let [method, _target, version] = words.try_into().expect("three words");
    assert!(super::is_token(method));
    assert_eq!(version, if head.version == HttpVersion::Http10 { b"HTTP/1.0" } else { b"HTTP/1.1" });
    let fields: Vec<_> = lines.map(field).collect();
    let read: Vec<_> = head.fields.iter().map(|(name, value)| (name.as_bytes(), value)).collect();
    assert_eq!(read, fields);
    let all = |name: &[u8]| -> Vec<&[u8]> {
        fields.iter().filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| *value).collect()
    };
    match (all(b"content-length").as_slice(), all(b"transfer-encoding").as_slice()) {
        ([], []) => assert_eq!(head.framing, Framing::Empty),
        ([length], []) => {
            let length = std::str::from_utf8(length).expect("digits").parse().expect("a number");
            assert_eq!(head.framing, Framing::sized(length));
        }
        ([], [coding]) => {
            assert!(coding.eq_ignore_ascii_case(b"chunked") && head.version == HttpVersion::Http11);
            assert_eq!(head.framing, Framing::Chunked);
        }
        both => panic!("{both:?} was accepted as {:?}", head.framing),
    }
    assert!(all(b"host").len() == 1 || (all(b"host").is_empty() && head.version == HttpVersion::Http10));
}

fn field(line: &[u8]) -> (&[u8], &[u8]) {
    let colon = line.iter().position(|&byte| byte == b':').expect("a colon");
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    assert!(super::is_token(name));
    assert!(value.iter().all(|&byte| byte == b'\t' || !byte.is_ascii_control()));
    (name, value)
}

/// If a client writes a request with this target and host, it is parsed back to the same target and host.
fn comes_back(head: &Head<'_, '_>) {
    let (Some(target), Some(host)) = (head.target.path(), head.host) else { return };
    let target = target.query().map_or(target.raw().to_owned(), |query| format!("{}?{query}", target.raw()));
    let mut bytes = Vec::new();
    write_head(&mut bytes, "GET", &target, host, &[]);
    assert_eq!(end(&[&bytes]), Ok(Some(bytes.len())));
    let mut space = FieldSpace::new();
    let again = Head::parse(&bytes, &mut space).expect("the client's own");
    assert_eq!((again.target.path(), again.host), (head.target.path(), head.host));
}

fn split<'b>(bytes: &'b [u8], at: &[u8]) -> Vec<&'b [u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(found) = rest.windows(at.len()).position(|window| window == at) {
        parts.push(&rest[..found]);
        rest = &rest[found + at.len()..];
    }
    parts.push(rest);
    parts
}
