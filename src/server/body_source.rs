//! Content that is produced while it is sent, so that its length is unknown.
//!
//! A [`BodySource`] produces one chunk at a time, and the next one only after the last has been sent. So it needs
//! memory for one chunk, whatever the length; and a reader that stalls is parked with its chunk, without a thread.
//! Producing a chunk may block on the disk: it happens in a worker's turn, like reading a file, and never takes
//! longer than one chunk.
//!
//! [`BodyEncoder`] marks the end: with chunked coding (RFC 9112 §7.1), or with the end of the connection for
//! HTTP/1.0. Content that cannot be completed is aborted: its last chunk is never sent.
//!
//! This module knows nothing about sockets or about what is produced.

use std::fmt;
use std::io;

use crate::blocking::Blocking;
use crate::http::body::Framing;
use crate::http::range::Span;
use crate::server::jobs::deferred::{Deferred, OpenedFile};

pub(super) trait BodySource: fmt::Debug + Send {
    /// Produces more content. It may block on the disk, but on nothing else, and does a bounded amount of work. After
    /// an error the content cannot be completed; do not call it again.
    fn next_chunk(&mut self, disk: Blocking<'_>) -> io::Result<NextChunk>;

    /// How many descriptors it keeps open at most.
    fn descriptors(&self) -> u32;
}

/// The result of [`BodySource::next_chunk`].
#[derive(Debug)]
pub(super) enum NextChunk {
    /// The content continues with this.
    Chunk(Chunk),
    /// Work was done, but there is nothing to send yet.
    Nothing,
    /// The content is complete.
    End,
}

/// A chunk of content: bytes, then a span of a file. Never empty: an empty chunk would end the content.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    span: Option<(OpenedFile, Span)>,
}

impl NextChunk {
    /// These bytes, which may be empty.
    pub(super) fn bytes(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::Nothing } else { Self::Chunk(Chunk { bytes, span: None }) }
    }

    /// These bytes, which may be empty, then this span of a file. If the file is shorter when it is sent, the content
    /// is aborted.
    #[cfg_attr(not(feature = "archive"), allow(dead_code, reason = "only archives send spans"))]
    pub(super) fn with_span(bytes: Vec<u8>, file: OpenedFile, span: Span) -> Self {
        Self::Chunk(Chunk { bytes, span: Some((file, span)) })
    }
}

impl Chunk {
    /// Its length in bytes.
    fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.span.as_ref().map_or(0, |(_, span)| span.length())
    }
}

/// Content that is being sent to a client.
#[derive(Debug)]
pub(super) struct BodyEncoder {
    source: Deferred<Box<dyn BodySource>>,
    coding: Coding,
}

/// The encoding of the chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// As they are.
    Plain,
    /// Chunked coding. The line break that ends a chunk is sent with the head of the next, to save a packet.
    Chunked { is_first: bool },
}

/// What to send next.
#[derive(Debug)]
pub(super) enum Encoded {
    /// This, and there may be more.
    Chunk(EncodedChunk),
    /// Nothing yet; other connections may have their turn.
    Nothing,
    /// These bytes, which may be empty, and no more.
    End(Vec<u8>),
}

/// An encoded chunk.
#[derive(Debug)]
pub(super) struct EncodedChunk {
    /// The bytes of the coding and of the chunk.
    pub bytes: Vec<u8>,
    /// How many of them belong to the coding.
    pub overhead: usize,
    /// The span of a file that follows.
    pub span: Option<(OpenedFile, Span)>,
}

impl BodyEncoder {
    /// Encodes this source with this framing.
    pub(super) fn new(source: Deferred<Box<dyn BodySource>>, framing: Framing) -> Self {
        let coding = match framing {
            Framing::Chunked => Coding::Chunked { is_first: true },
            _ => Coding::Plain,
        };
        Self { source, coding }
    }

    /// How many descriptors the source keeps open at most.
    pub(super) fn descriptors(&self) -> u32 {
        self.source.descriptors()
    }

    /// Drops the source.
    pub(super) fn close(self, disk: Blocking<'_>) {
        self.source.close(disk);
    }

    /// Produces more content.
    pub(super) fn next(&mut self, disk: Blocking<'_>) -> io::Result<Encoded> {
        Ok(match self.source.next_chunk(disk)? {
            NextChunk::Chunk(chunk) => Encoded::Chunk(self.coding.code(chunk)),
            NextChunk::Nothing => Encoded::Nothing,
            NextChunk::End => Encoded::End(self.coding.end()),
        })
    }
}

impl Coding {
    fn code(&mut self, chunk: Chunk) -> EncodedChunk {
        let mut bytes = match self {
            Self::Plain => Vec::new(),
            Self::Chunked { is_first } => {
                let line_break = if std::mem::take(is_first) { "" } else { "\r\n" };
                format!("{line_break}{:x}\r\n", chunk.length()).into_bytes()
            }
        };
        let overhead = bytes.len();
        let Chunk { bytes: content, span } = chunk;
        if overhead == 0 {
            bytes = content;
        } else {
            bytes.extend_from_slice(&content);
        }
        EncodedChunk { bytes, overhead, span }
    }

    /// The bytes that mark the end.
    fn end(self) -> Vec<u8> {
        match self {
            Self::Plain => Vec::new(),
            Self::Chunked { is_first: true } => b"0\r\n\r\n".to_vec(),
            Self::Chunked { is_first: false } => b"\r\n0\r\n\r\n".to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::BodyDecoder;
    use crate::server::jobs::Chores;

    /// Produces these chunks; an empty string stands for nothing yet.
    #[derive(Debug)]
    struct Script(Vec<&'static str>);

    impl BodySource for Script {
        fn next_chunk(&mut self, _: Blocking<'_>) -> io::Result<NextChunk> {
            match self.0.pop() {
                Some("broken") => Err(io::ErrorKind::UnexpectedEof.into()),
                Some(bytes) => Ok(NextChunk::bytes(bytes.into())),
                None => Ok(NextChunk::End),
            }
        }

        fn descriptors(&self) -> u32 {
            0
        }
    }

    /// The bytes sent, and how many of them belong to the coding.
    fn sent(chunks: &[&'static str], framing: Framing) -> io::Result<(String, usize)> {
        let script = Script(chunks.iter().rev().copied().collect());
        let source: Box<dyn BodySource> = Box::new(script);
        let mut encoder = BodyEncoder::new(Deferred::new(source, &Chores::new().0), framing);
        let (mut wire, mut overhead) = (Vec::new(), 0);
        loop {
            match encoder.next(Blocking::own_thread())? {
                Encoded::Chunk(chunk) => {
                    wire.extend(chunk.bytes);
                    overhead += chunk.overhead;
                }
                Encoded::Nothing => {}
                Encoded::End(bytes) => {
                    overhead += bytes.len();
                    wire.extend(bytes);
                    return Ok((String::from_utf8(wire).expect("ASCII"), overhead));
                }
            }
        }
    }

    #[test]
    fn chunks_are_encoded() {
        let long = "x".repeat(26).leak();
        let table: [(&str, &[&str], Framing, &str, usize); 6] = [
            ("chunks (§7.1)", &["abc", "de"], Framing::Chunked, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 15),
            ("a size in hexadecimal", &[long], Framing::Chunked, &format!("1a\r\n{long}\r\n0\r\n\r\n"), 11),
            ("no chunk is empty", &["", "a", ""], Framing::Chunked, "1\r\na\r\n0\r\n\r\n", 10),
            ("empty content", &[], Framing::Chunked, "0\r\n\r\n", 5),
            ("until the end of the connection", &["abc", "", "de"], Framing::UntilClose, "abcde", 0),
            ("empty content, until the end of the connection", &[], Framing::UntilClose, "", 0),
        ];
        for (name, chunks, framing, wire, overhead) in table {
            assert_eq!(sent(chunks, framing).expect("whole"), (wire.to_owned(), overhead), "{name}");
            let mut decoder = BodyDecoder::new(framing);
            let (mut rest, mut content) = (wire.as_bytes(), Vec::new());
            while !rest.is_empty() {
                let found = decoder.decode(rest).expect("valid");
                content.extend_from_slice(&rest[found.content]);
                rest = &rest[found.used..];
            }
            assert_eq!(content, chunks.concat().as_bytes(), "{name}");
        }
    }

    #[test]
    fn aborted_content_has_no_last_chunk() {
        assert!(sent(&["abc", "broken"], Framing::Chunked).is_err());
    }
}
