//! What is wrong with a chunked body.

use std::fmt;

/// A body that violates the chunked coding. Nothing after it can be read as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// A chunk's size is not a hexadecimal number, or over 2^60.
    ChunkSize,
    /// A chunk-size line is longer than [`CHUNK_LINE_LIMIT`](super::CHUNK_LINE_LIMIT) or has a control character.
    ChunkLine,
    /// A chunk does not end with CRLF where its size says.
    ChunkEnd,
    /// The trailer section is longer than [`TRAILER_LIMIT`](super::TRAILER_LIMIT) or malformed.
    Trailer,
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
