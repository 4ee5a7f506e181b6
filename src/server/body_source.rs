//! Content that is made while it is sent, so that nobody knows its length beforehand.
//!
//! Whoever makes it ([`BodySource`]) gives a chunk at a time, and is asked for the next one only once the last has left. So
//! it costs the memory of one chunk, whatever the length; and a reader that stalls is parked with its chunk, like any
//! other, and holds no thread. What is asked for may have to wait for the disk: it is asked in a worker's turn, as a
//! file is read, and never for longer than one chunk takes.
//!
//! How the client learns where it ends is [`BodyEncoder`]'s business: by chunks (RFC 9112 §7.1), or by the end of the
//! connection where HTTP/1.0 is spoken. Content that cannot be finished is broken off: the last chunk never comes.
//!
//! Knows no sockets, and nothing of what is made.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use crate::http::body::Framing;
use crate::http::range::Span;

/// Makes content.
pub trait BodySource: fmt::Debug + Send {
    /// Makes some more of it. This may wait for the disk, but for nobody else, and its work is bounded. An error means
    /// that the content cannot be finished; nothing is asked after it.
    fn next_chunk(&mut self) -> io::Result<NextChunk>;

    /// How many descriptors it keeps open, at most.
    fn descriptors(&self) -> u32;
}

/// What came of it.
#[derive(Debug)]
pub enum NextChunk {
    /// The content goes on with this.
    Chunk(Chunk),
    /// Work was done, but there is nothing to send yet.
    Nothing,
    /// It is whole.
    End,
}

/// A chunk of content: bytes, and a span of a file behind them. Never empty: an empty chunk would end the content.
#[derive(Debug)]
pub struct Chunk {
    bytes: Vec<u8>,
    span: Option<(Arc<File>, Span)>,
}

impl NextChunk {
    /// These bytes, which may be none.
    pub fn bytes(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::Nothing } else { Self::Chunk(Chunk { bytes, span: None }) }
    }

    /// These bytes, which may be none, and then this span of a file. The file has to be at least so long when it is
    /// sent: else the content is broken off.
    pub fn with_span(bytes: Vec<u8>, file: Arc<File>, span: Span) -> Self {
        Self::Chunk(Chunk { bytes, span: Some((file, span)) })
    }
}

impl Chunk {
    /// Its length in bytes.
    fn length(&self) -> u64 {
        self.bytes.len() as u64 + self.span.as_ref().map_or(0, |(_, span)| span.length())
    }
}

/// Content on its way to a client.
#[derive(Debug)]
pub struct BodyEncoder {
    source: Box<dyn BodySource>,
    coding: Coding,
}

/// How the chunks are put on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// As they are.
    Plain,
    /// As chunks. The line break that ends a chunk leaves with the head of the next, so that it is no packet of its own.
    Chunked {
        /// Whether this chunk is the first.
        is_first: bool,
    },
}

/// What is to be sent next.
#[derive(Debug)]
pub enum Encoded {
    /// This, and there may be more.
    Chunk(EncodedChunk),
    /// Nothing yet; others may have their turn.
    Nothing,
    /// These bytes, which may be none, and that was all.
    End(Vec<u8>),
}

/// A chunk as it stands on the wire.
#[derive(Debug)]
pub struct EncodedChunk {
    /// The coding's bytes, and the chunk's.
    pub bytes: Vec<u8>,
    /// So many of them are the coding's.
    pub overhead: usize,
    /// What follows of a file.
    pub span: Option<(Arc<File>, Span)>,
}

impl BodyEncoder {
    /// From this source, for a client that was told of this framing.
    pub fn new(source: Box<dyn BodySource>, framing: Framing) -> Self {
        let coding = match framing {
            Framing::Chunked => Coding::Chunked { is_first: true },
            _ => Coding::Plain,
        };
        Self { source, coding }
    }

    /// How many descriptors the source keeps open, at most.
    pub fn descriptors(&self) -> u32 {
        self.source.descriptors()
    }

    /// Has some more of it made.
    pub fn next(&mut self) -> io::Result<Encoded> {
        Ok(match self.source.next_chunk()? {
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

    /// What says that it is whole.
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

    /// Gives these chunks; an empty one is nothing yet.
    #[derive(Debug)]
    struct Script(Vec<&'static str>);

    impl BodySource for Script {
        fn next_chunk(&mut self) -> io::Result<NextChunk> {
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

    /// What goes over the wire, and how much of it is the coding's.
    fn sent(chunks: &[&'static str], framing: Framing) -> io::Result<(String, usize)> {
        let script = Script(chunks.iter().rev().copied().collect());
        let mut encoder = BodyEncoder::new(Box::new(script), framing);
        let (mut wire, mut overhead) = (Vec::new(), 0);
        loop {
            match encoder.next()? {
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
    fn chunks_as_they_stand_on_the_wire() {
        let long = "x".repeat(26).leak();
        let table: [(&str, &[&str], Framing, &str, usize); 6] = [
            ("chunks (§7.1)", &["abc", "de"], Framing::Chunked, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 15),
            ("a size in hexadecimal", &[long], Framing::Chunked, &format!("1a\r\n{long}\r\n0\r\n\r\n"), 11),
            ("no chunk is empty", &["", "a", ""], Framing::Chunked, "1\r\na\r\n0\r\n\r\n", 10),
            ("nothing at all", &[], Framing::Chunked, "0\r\n\r\n", 5),
            ("until the end of the connection", &["abc", "", "de"], Framing::UntilClose, "abcde", 0),
            ("nothing, until then", &[], Framing::UntilClose, "", 0),
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
    fn what_breaks_off_has_no_last_chunk() {
        assert!(sent(&["abc", "broken"], Framing::Chunked).is_err());
    }
}
