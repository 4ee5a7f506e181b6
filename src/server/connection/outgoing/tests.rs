use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::http::body::BodyDecoder;
use crate::http::range::Span;
use crate::server::connection::tests::{state, transport};
use crate::server::jobs::Chores;

/// Produces these parts; an empty one stands for nothing yet.
#[derive(Debug)]
struct Script {
    parts: Vec<&'static str>,
    length: Option<u64>,
}

impl ContentSource for Script {
    fn length(&self) -> Option<u64> {
        self.length
    }

    fn next(&mut self, _: Blocking<'_>) -> io::Result<Produced> {
        match self.parts.pop() {
            Some("broken") => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(bytes) => Ok(Produced::bytes(bytes.into())),
            None => Ok(Produced::End),
        }
    }

    fn descriptors(&self) -> u32 {
        0
    }
}

fn script(parts: &[&'static str], length: Option<u64>) -> Content {
    let script = Script { parts: parts.iter().rev().copied().collect(), length };
    Chunk::source(script, &Chores::new().0).into()
}

/// The bytes that arrive after the head `"head "`, and how many of them are content.
fn sent(content: Content, framing: Framing) -> io::Result<(String, u64)> {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let (mut transport, mut client) = transport();
    let mut outgoing = Outgoing::new(b"head ".to_vec(), content, framing);
    let (mut disk, mut share) = (Disk::OwnThread, u64::MAX);
    while outgoing.proceed(&mut transport, &mut share, &mut disk, &state)? != Progress::Done {}
    drop(transport);
    let mut arrived = String::new();
    io::Read::read_to_string(&mut client, &mut arrived).expect("the end");
    Ok((arrived.strip_prefix("head ").expect("the head").to_owned(), outgoing.content_sent()))
}

#[test]
fn content_of_unknown_length_is_encoded() {
    let long = "x".repeat(26).leak();
    let table: [(&str, &[&str], Framing, &str); 6] = [
        ("chunks (§7.1)", &["abc", "de"], Framing::Chunked, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
        ("a size in hexadecimal", &[long], Framing::Chunked, &format!("1a\r\n{long}\r\n0\r\n\r\n")),
        ("no chunk is empty", &["", "a", ""], Framing::Chunked, "1\r\na\r\n0\r\n\r\n"),
        ("empty content", &[], Framing::Chunked, "0\r\n\r\n"),
        ("until the end of the connection", &["abc", "", "de"], Framing::UntilClose, "abcde"),
        ("empty content, until the end of the connection", &[], Framing::UntilClose, ""),
    ];
    for (name, parts, framing, wire) in table {
        let content = parts.concat();
        let found = sent(script(parts, None), framing).expect("whole");
        assert_eq!(found, (wire.to_owned(), content.len() as u64), "{name}");
        let mut decoder = BodyDecoder::new(framing);
        let (mut rest, mut received) = (wire.as_bytes(), Vec::new());
        while !rest.is_empty() {
            let found = decoder.decode(rest).expect("valid");
            received.extend_from_slice(&rest[found.content]);
            rest = &rest[found.used..];
        }
        assert_eq!(received, content.as_bytes(), "{name}");
    }
}

#[test]
fn aborted_content_has_no_last_chunk() {
    assert!(sent(script(&["abc", "broken"], None), Framing::Chunked).is_err());
}

#[test]
fn bytes_files_and_sources_share_a_chunk_where_they_can() {
    let file = Arc::new(Deferred::new(tempfile::tempfile().expect("a file"), &Chores::new().0));
    file.write_all_at(b"0123456789", 0).expect("written");
    let span = |start, length| {
        let span = Span::new(start, length, 10).expect("within");
        Chunk::File(FileSpan::new(Arc::clone(&file), span))
    };
    let content = || {
        let mut content = Content::from(b"bytes ".to_vec());
        content.push(span(0, 3));
        content.push(span(7, 2));
        content.push(Chunk::from(b" and ".to_vec()));
        content.push(Chunk::from(Vec::new()));
        content
    };
    let table = [
        (Framing::Sized(16), "bytes 01278 and ".to_owned()),
        (Framing::UntilClose, "bytes 01278 and ".to_owned()),
        (Framing::Chunked, "9\r\nbytes 012\r\n2\r\n78\r\n5\r\n and \r\n0\r\n\r\n".to_owned()),
    ];
    for (framing, wire) in table {
        assert_eq!(sent(content(), framing).expect("whole"), (wire, 16), "{framing:?}");
    }
    let mut mixed = content();
    mixed.push(Chunk::source(Script { parts: vec!["c", "ab"], length: None }, &Chores::new().0));
    mixed.push(span(9, 1));
    let wire = "9\r\nbytes 012\r\n2\r\n78\r\n5\r\n and \r\n2\r\nab\r\n1\r\nc\r\n1\r\n9\r\n0\r\n\r\n";
    assert_eq!(sent(mixed, Framing::Chunked).expect("whole"), (wire.to_owned(), 20));
}

#[test]
fn content_of_another_length_than_was_sent_is_aborted() {
    let table = [(2, true), (3, false), (4, true)];
    for (length, is_broken) in table {
        let content = script(&["ab", "c"], Some(length));
        let framing = content.framing(crate::http::request::HttpVersion::Http11);
        assert_eq!(framing, Framing::Sized(length));
        assert_eq!(sent(content, framing).is_err(), is_broken, "{length} bytes are promised");
    }
    let file = Arc::new(Deferred::new(tempfile::tempfile().expect("a file"), &Chores::new().0));
    let span = Span::new(0, 3, 3).expect("within");
    let truncated = Content::from(Chunk::File(FileSpan::new(file, span)));
    assert!(sent(truncated, Framing::Sized(3)).is_err(), "the file is shorter");
}

#[test]
fn a_thread_that_may_not_wait_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path(), Duration::from_secs(60));
    let (mut transport, mut client) = transport();
    let mut outgoing = Outgoing::new(b"head ".to_vec(), script(&["abc"], None), Framing::Chunked);
    let mut go = |disk: &mut Disk, mut share: u64| {
        outgoing.proceed(&mut transport, &mut share, disk, &state).expect("it goes")
    };
    assert_eq!(go(&mut Disk::Never, 2), Progress::TurnIsOver);
    assert_eq!(go(&mut Disk::Never, u64::MAX), Progress::NeedsDisk);
    assert_eq!(go(&mut Disk::Never, 0), Progress::TurnIsOver);
    assert_eq!(go(&mut Disk::OwnThread, u64::MAX), Progress::Done);
    drop(transport);
    let mut arrived = String::new();
    io::Read::read_to_string(&mut client, &mut arrived).expect("the end");
    assert_eq!(arrived, "head 3\r\nabc\r\n0\r\n\r\n");
}
