//! The chunked coding (RFC 9112 §7.1).

use super::decoded::{Decoded, take};
use super::error::BodyError;
use super::extension::Extension;
use crate::http::fields::is_token_byte;

/// The longest chunk-size line, extensions included, in bytes. Real clients send no extensions; an endless
/// line is an attempt to make the server read forever.
pub const CHUNK_LINE_LIMIT: usize = 1024;

/// The longest trailer section, in bytes: the size of a small head. Trailers are read and discarded.
pub const TRAILER_LIMIT: usize = 8 * 1024;

/// The decoder of the chunked coding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dechunker {
    state: State,
    extensions: Extensions,
}

/// How much of the grammar of chunk extensions is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extensions {
    /// All of it, for requests: anything that another parser might read differently is rejected.
    Checked,
    /// Only the end of the line, for responses: some servers pad the size with spaces.
    Skipped,
}

/// Where in the coding the decoder is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// In a chunk-size line; `digits` of the size have been read, without leading zeros.
    Size {
        size: u64,
        digits: u8,
        line: usize,
    },
    /// After the size: in an extension, or in white space.
    Extension {
        size: u64,
        line: usize,
        at: Extension,
    },
    /// The LF that ends the chunk-size line.
    SizeLf {
        size: u64,
    },
    /// In the content of a chunk, this many bytes before its end.
    Data(u64),
    /// The CR after a chunk's content, then its LF.
    DataCr,
    DataLf,
    /// At the start of a trailer line, in its name, after its colon, or at its LF.
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
    /// The LF of the empty line that ends the body.
    LastLf,
}

impl Dechunker {
    pub(super) const fn new(extensions: Extensions) -> Self {
        Self { state: State::START, extensions }
    }

    /// Decodes the framing up to the next content, and that content. The flag is set when the body is complete.
    pub(super) fn decode(&mut self, input: &[u8]) -> Result<(Decoded, bool), BodyError> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            if let State::Data(left) = &mut self.state {
                let taken = take(left, input.len() - at);
                if *left == 0 {
                    self.state = State::DataCr;
                }
                return Ok((Decoded { used: at + taken, content: at..at + taken }, false));
            }
            at += 1;
            match self.state.step(byte, self.extensions)? {
                Some(next) => self.state = next,
                None => return Ok((Decoded { used: at, content: at..at }, true)),
            }
        }
        Ok((Decoded { used: at, content: at..at }, false))
    }
}

impl State {
    const START: Self = Self::Size { size: 0, digits: 0, line: 0 };

    /// Handles one byte of framing; `None` when it was the last.
    fn step(&self, byte: u8, extensions: Extensions) -> Result<Option<Self>, BodyError> {
        Ok(Some(match *self {
            Self::Size { size, digits, line } => Self::size(size, digits, line, byte)?,
            Self::Extension { size, at, .. }
                if byte == b'\r' && (at.may_end() || extensions == Extensions::Skipped) =>
            {
                Self::SizeLf { size }
            }
            Self::Extension { line, .. } if line >= CHUNK_LINE_LIMIT || is_control(byte) => {
                return Err(BodyError::ChunkLine);
            }
            Self::Extension { size, line, at } => {
                let next = at.step(byte);
                let next = if extensions == Extensions::Skipped { next.or(Some(at)) } else { next };
                Self::Extension { size, line: line + 1, at: next.ok_or(BodyError::ChunkLine)? }
            }
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

    /// Handles a byte of the size: a digit, or the byte that ends the digits.
    fn size(size: u64, digits: u8, line: usize, byte: u8) -> Result<Self, BodyError> {
        /// 15 digits: 2^60 bytes, beyond any file; one more could overflow when lengths are added.
        const MOST_DIGITS: u8 = 15;
        match (byte as char).to_digit(16) {
            Some(_) if digits == MOST_DIGITS => Err(BodyError::ChunkSize),
            Some(_) if line >= CHUNK_LINE_LIMIT => Err(BodyError::ChunkLine),
            Some(digit) => {
                let size = size * 16 + u64::from(digit);
                Ok(Self::Size { size, digits: digits + u8::from(size > 0), line: line + 1 })
            }
            None if line == 0 => Err(BodyError::ChunkSize),
            None if byte == b'\r' => Ok(Self::SizeLf { size }),
            None => match Extension::Before.step(byte) {
                Some(at) => Ok(Self::Extension { size, line: line + 1, at }),
                None => Err(BodyError::ChunkSize),
            },
        }
    }
}

/// Whether this is a control character other than tab, which no part of a line may have.
fn is_control(byte: u8) -> bool {
    byte != b'\t' && byte.is_ascii_control()
}
