//! The chunked coding (RFC 9112 §7.1).

use super::decoded::{Decoded, take};
use super::error::BodyError;
use crate::http::fields::is_token_byte;

/// The longest chunk-size line, extensions included, in bytes. Real clients send no extensions; an endless
/// line is an attempt to make the server read forever.
pub const CHUNK_LINE_LIMIT: usize = 1024;

/// The longest trailer section, in bytes: as for a small head. It is read and discarded.
pub const TRAILER_LIMIT: usize = 8 * 1024;

/// The states of the decoder of the chunked coding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dechunker {
    /// In a chunk-size line; `digits` of the size have been read.
    Size {
        size: u64,
        digits: u8,
        line: usize,
    },
    /// White space after the size: only an extension or the end of the line may follow.
    Padding {
        size: u64,
        line: usize,
    },
    /// After a semicolon: extensions, up to CR.
    Extension {
        size: u64,
        line: usize,
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
    pub(super) const START: Self = Self::Size { size: 0, digits: 0, line: 0 };

    /// Decodes the framing up to the next content, and that content. The flag is set when the body is complete.
    pub(super) fn decode(&mut self, input: &[u8]) -> Result<(Decoded, bool), BodyError> {
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

    /// Handles one byte of framing; `None` when it was the last.
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

    /// Handles a byte of the size: a digit, or what ends the digits.
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

    /// Handles a byte after the digits that does not end the line.
    fn padding(size: u64, line: usize, byte: u8) -> Result<Self, BodyError> {
        match byte {
            b';' => Ok(Self::Extension { size, line: line + 1 }),
            b' ' | b'\t' => Ok(Self::Padding { size, line: line + 1 }),
            _ => Err(BodyError::ChunkSize),
        }
    }
}

/// Whether this is a control character other than tab; no part of a line may have one.
fn is_control(byte: u8) -> bool {
    byte != b'\t' && byte.is_ascii_control()
}
