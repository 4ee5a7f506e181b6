//! Where a received body ends (RFC 9112 §6 and §7).
//!
//! A [`BodyDecoder`] is given the bytes that have arrived and returns which of them are content. It never
//! buffers, so a body of any length costs the same few words of memory.

use std::fmt;
use std::ops::Range;

use super::fields::is_token_byte;

/// The longest chunk-size line, extensions included, in bytes. Nobody sends extensions; an endless line is an attempt to
/// make the server read forever.
pub const CHUNK_LINE_LIMIT: usize = 1024;

/// The longest trailer section, in bytes: as for a small head. It is read and discarded.
pub const TRAILER_LIMIT: usize = 8 * 1024;

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// `Content-Length`, in bytes; never 0, which is `Empty`.
    Sized(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// A response that ends with its connection.
    UntilClose,
}

impl Framing {
    /// A body of this length.
    pub fn sized(length: u64) -> Self {
        if length == 0 { Self::Empty } else { Self::Sized(length) }
    }
}

/// The result of one call of [`BodyDecoder::decode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that were consumed.
    pub used: usize,
    /// The range of content in the input; may be empty, and never ends after `used`.
    pub content: Range<usize>,
}

/// Finds the content in the bytes of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyDecoder(State);

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Sized(u64),
    Chunked(Dechunker),
    UntilClose,
    Done,
}

/// The chunked coding (RFC 9112 §7.1), as exact states.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Dechunker {
    /// In a chunk-size line; `digits` of the size have been read.
    Size {
        size: u64,
        digits: u8,
        line: usize,
    },
    /// White space behind the size: only an extension or the end of the line may follow.
    Padding {
        size: u64,
        line: usize,
    },
    /// Behind a semicolon: extensions, up to CR.
    Extension {
        size: u64,
        line: usize,
    },
    /// The LF that ends the chunk-size line.
    SizeLf {
        size: u64,
    },
    /// In the content of a chunk, so many bytes before its end.
    Data(u64),
    /// The CR behind a chunk's content, then its LF.
    DataCr,
    DataLf,
    /// At the start of a trailer line, in its name, behind its colon, or at its LF.
    TrailerStart {
        seen: usize,
    },
    TrailerName {
        seen: usize,
    },
    TrailerLine {
        seen: usize,
    },
    TrailerLf {
        seen: usize,
    },
    /// The LF of the empty line that ends it all.
    LastLf,
}

/// A body that breaks the chunked coding: nothing after it can be read as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// A chunk's size is no hexadecimal number, or over 2^60.
    ChunkSize,
    /// A chunk-size line is longer than [`CHUNK_LINE_LIMIT`] or has a control character.
    ChunkLine,
    /// A chunk does not end with CRLF where its size says.
    ChunkEnd,
    /// The trailer section is longer than [`TRAILER_LIMIT`] or is not made of field lines.
    Trailer,
}

impl BodyDecoder {
    /// For a body of this framing.
    pub fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Empty => State::Done,
            Framing::Sized(length) => State::Sized(length),
            Framing::Chunked => State::Chunked(Dechunker::START),
            Framing::UntilClose => State::UntilClose,
        })
    }

    /// Whether the body has been read to its end.
    pub fn is_done(&self) -> bool {
        self.0 == State::Done
    }

    /// Whether the other side's closing is the proper end of this body.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.0, State::UntilClose | State::Done)
    }

    /// Bytes still to come, where that is known.
    pub fn remaining(&self) -> Option<u64> {
        match self.0 {
            State::Sized(left) => Some(left),
            State::Done => Some(0),
            State::Chunked(_) | State::UntilClose => None,
        }
    }

    /// Finds the next stretch of content. Call it again with the rest of the input until all of it is used or the
    /// body is done; every call with a body that is not done and an input that is not empty uses at least a byte.
    pub fn decode(&mut self, input: &[u8]) -> Result<Decoded, BodyError> {
        match &mut self.0 {
            State::Done => Ok(Decoded { used: 0, content: 0..0 }),
            State::UntilClose => Ok(Decoded { used: input.len(), content: 0..input.len() }),
            State::Sized(left) => {
                let taken = take(left, input.len());
                if *left == 0 {
                    self.0 = State::Done;
                }
                Ok(Decoded { used: taken, content: 0..taken })
            }
            State::Chunked(chunks) => {
                let (decoded, done) = chunks.decode(input)?;
                if done {
                    self.0 = State::Done;
                }
                Ok(decoded)
            }
        }
    }
}

/// Takes what is there, at most what is left.
fn take(left: &mut u64, available: usize) -> usize {
    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
    *left -= taken as u64;
    taken
}

impl Dechunker {
    const START: Self = Self::Size { size: 0, digits: 0, line: 0 };

    /// Goes through the framing up to the first stretch of content, and over that. The flag says that the body is done.
    fn decode(&mut self, input: &[u8]) -> Result<(Decoded, bool), BodyError> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            if let Self::Data(left) = self {
                let taken = take(left, input.len() - at);
                if *left == 0 {
                    *self = Self::DataCr;
                }
                return Ok((Decoded { used: at + taken, content: at..at + taken }, false));
            }
            at += 1;
            match self.step(byte)? {
                Some(next) => *self = next,
                None => return Ok((Decoded { used: at, content: at..at }, true)),
            }
        }
        Ok((Decoded { used: at, content: at..at }, false))
    }

    /// One byte of framing; `None` when it was the last.
    fn step(&self, byte: u8) -> Result<Option<Self>, BodyError> {
        Ok(Some(match *self {
            Self::Size { size, digits, line } => Self::size(size, digits, line, byte)?,
            Self::Extension { size, .. } | Self::Padding { size, .. } if byte == b'\r' => {
                Self::SizeLf { size }
            }
            Self::Extension { line, .. } | Self::Padding { line, .. } if line >= CHUNK_LINE_LIMIT => {
                return Err(BodyError::ChunkLine);
            }
            Self::Padding { size, line } => Self::padding(size, line, byte)?,
            Self::Extension { .. } if is_control(byte) => return Err(BodyError::ChunkLine),
            Self::Extension { size, line } => Self::Extension { size, line: line + 1 },
            Self::SizeLf { size: 0 } if byte == b'\n' => Self::TrailerStart { seen: 0 },
            Self::SizeLf { size } if byte == b'\n' => Self::Data(size),
            Self::SizeLf { .. } => return Err(BodyError::ChunkLine),
            Self::DataCr if byte == b'\r' => Self::DataLf,
            Self::DataLf if byte == b'\n' => Self::START,
            Self::Data(_) | Self::DataCr | Self::DataLf => return Err(BodyError::ChunkEnd),
            Self::TrailerStart { .. } if byte == b'\r' => Self::LastLf,
            Self::TrailerStart { seen } | Self::TrailerName { seen }
                if seen < TRAILER_LIMIT && is_token_byte(byte) =>
            {
                Self::TrailerName { seen: seen + 1 }
            }
            Self::TrailerName { seen } if byte == b':' => Self::TrailerLine { seen: seen + 1 },
            Self::TrailerLine { seen } if byte == b'\r' => Self::TrailerLf { seen },
            Self::TrailerLine { seen } if seen < TRAILER_LIMIT && !is_control(byte) => {
                Self::TrailerLine { seen: seen + 1 }
            }
            Self::TrailerLf { seen } if byte == b'\n' => Self::TrailerStart { seen: seen + 2 },
            Self::LastLf if byte == b'\n' => return Ok(None),
            Self::TrailerStart { .. }
            | Self::TrailerName { .. }
            | Self::TrailerLine { .. }
            | Self::TrailerLf { .. }
            | Self::LastLf => return Err(BodyError::Trailer),
        }))
    }

    /// A byte of the size: a digit, or what ends the digits.
    fn size(size: u64, digits: u8, line: usize, byte: u8) -> Result<Self, BodyError> {
        /// 15 digits: 2^60 bytes, beyond any file; one more could overflow when lengths are added.
        const MOST_DIGITS: u8 = 15;
        match (byte as char).to_digit(16) {
            Some(_) if digits == MOST_DIGITS => Err(BodyError::ChunkSize),
            Some(digit) => {
                Ok(Self::Size { size: size * 16 + u64::from(digit), digits: digits + 1, line: line + 1 })
            }
            None if digits == 0 => Err(BodyError::ChunkSize),
            None if byte == b'\r' => Ok(Self::SizeLf { size }),
            None => Self::padding(size, line, byte),
        }
    }

    /// A byte behind the digits that does not end the line.
    fn padding(size: u64, line: usize, byte: u8) -> Result<Self, BodyError> {
        match byte {
            b';' => Ok(Self::Extension { size, line: line + 1 }),
            b' ' | b'\t' => Ok(Self::Padding { size, line: line + 1 }),
            _ => Err(BodyError::ChunkSize),
        }
    }
}

/// A control character other than the tab, which no part of a line may hold.
fn is_control(byte: u8) -> bool {
    byte != b'\t' && byte.is_ascii_control()
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChunkSize => "a chunk's size is not a hexadecimal number",
            Self::ChunkLine => "a chunk's size line is too long or malformed",
            Self::ChunkEnd => "a chunk is longer or shorter than its size says",
            Self::Trailer => "the trailer section is too long or malformed",
        })
    }
}

impl std::error::Error for BodyError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// All content of an input given in pieces of this size, and how much of it was used; the body must be done.
    fn decode(framing: Framing, input: &[u8], piece: usize) -> Result<(Vec<u8>, usize), BodyError> {
        let (mut decoder, mut content, mut used) = (BodyDecoder::new(framing), Vec::new(), 0);
        for part in input.chunks(piece) {
            let mut at = 0;
            while at < part.len() && !decoder.is_done() {
                let found = decoder.decode(&part[at..])?;
                assert!(found.used > 0, "no progress");
                content.extend_from_slice(&part[at..][found.content]);
                at += found.used;
            }
            used += at;
        }
        assert!(decoder.is_done(), "not done after {input:?}");
        Ok((content, used))
    }

    #[test]
    fn whole_bodies_however_they_arrive() {
        let cases: [(&str, Framing, &[u8], &[u8], usize); 7] = [
            ("empty", Framing::Empty, b"GET", b"", 0),
            ("sized", Framing::sized(3), b"abcGET", b"abc", 3),
            ("one chunk", Framing::Chunked, b"3\r\nabc\r\n0\r\n\r\nGET", b"abc", 13),
            (
                "several, odd sizes",
                Framing::Chunked,
                b"1\r\na\r\n0A\r\n0123456789\r\n000\r\n\r\n",
                b"a0123456789",
                29,
            ),
            ("extensions (§7.1.1)", Framing::Chunked, b"1;a=\"b\";c\r\nx\r\n0 ;z\r\n\r\n", b"x", 22),
            ("trailers (§7.1.2)", Framing::Chunked, b"1\r\nx\r\n0\r\nA: b\r\nC:\t\xff\r\n\r\n", b"x", 23),
            ("CR LF as content", Framing::Chunked, b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n", 12),
        ];
        for (name, framing, input, content, used) in cases {
            for piece in 1..=input.len() {
                let found = decode(framing, input, piece);
                assert_eq!(found, Ok((content.to_vec(), used)), "{name}, {piece} at a time");
            }
        }
    }

    #[test]
    fn bodies_that_break_the_coding() {
        let long = format!("1;{}\r\n", "x".repeat(CHUNK_LINE_LIMIT + 1));
        let trailers = format!("0\r\n{}", "A: b\r\n".repeat(TRAILER_LIMIT));
        let cases: [(&str, &[u8], BodyError); 21] = [
            ("no size", b"\r\nabc", BodyError::ChunkSize),
            ("sign", b"+3\r\nabc\r\n", BodyError::ChunkSize),
            ("0x", b"0x3\r\nabc\r\n", BodyError::ChunkSize),
            ("space before the size", b" 3\r\nabc\r\n", BodyError::ChunkSize),
            ("16 digits", b"0000000000000003\r\n", BodyError::ChunkSize),
            ("size ended by bare LF", b"3\nabc\r\n", BodyError::ChunkSize),
            ("bare CR", b"3\rabc\r\n", BodyError::ChunkLine),
            ("LF in an extension", b"3;a\nabc\r\n", BodyError::ChunkLine),
            ("endless extension", long.as_bytes(), BodyError::ChunkLine),
            ("too much content", b"3\r\nabcd\r\n", BodyError::ChunkEnd),
            ("content ended by bare LF", b"3\r\nabc\n0\r\n\r\n", BodyError::ChunkEnd),
            ("two sizes", b"3 3\r\nabc\r\n", BodyError::ChunkSize),
            ("a word behind the size", b"3 x\r\nabc\r\n", BodyError::ChunkSize),
            ("trailer that is no field line", b"0\r\n: x\r\n\r\n", BodyError::Trailer),
            ("trailer without a colon", b"0\r\nabc\r\n\r\n", BodyError::Trailer),
            ("white space before its colon (§5.1)", b"0\r\nA : b\r\n\r\n", BodyError::Trailer),
            ("folded trailer (§5.2)", b"0\r\nA: b\r\n c\r\n\r\n", BodyError::Trailer),
            ("a request as a trailer", b"0\r\nGET / HTTP/1.1\r\n\r\n", BodyError::Trailer),
            ("another chunk as a trailer", b"0\r\n3\r\nabc\r\n0\r\n\r\n", BodyError::Trailer),
            ("trailer ended by bare LF", b"0\r\nA: b\n\r\n", BodyError::Trailer),
            ("endless trailers", trailers.as_bytes(), BodyError::Trailer),
        ];
        for (name, input, expected) in cases {
            for piece in [1, input.len()] {
                assert_eq!(
                    decode(Framing::Chunked, input, piece),
                    Err(expected),
                    "{name}, {piece} at a time"
                );
            }
        }
    }

    #[test]
    fn until_close_takes_everything_and_is_never_done() {
        let mut decoder = BodyDecoder::new(Framing::UntilClose);
        assert_eq!(decoder.decode(b"abc"), Ok(Decoded { used: 3, content: 0..3 }));
        assert!(!decoder.is_done());
        assert!(decoder.ends_with_connection());
        assert!(!BodyDecoder::new(Framing::sized(1)).ends_with_connection());
    }
}
