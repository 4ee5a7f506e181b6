//! Where a received body ends (RFC 9112 §6 and §7).
//!
//! A [`BodyDecoder`] takes the bytes that have arrived and returns which of them are content. It never
//! buffers, so a body of any length takes the same few words of memory.

mod chunked;
mod decoded;
mod decoder;
mod error;
mod extension;
mod framing;

pub use chunked::{CHUNK_LINE_LIMIT, TRAILER_LIMIT};
pub use decoded::Decoded;
pub use decoder::BodyDecoder;
pub use error::BodyError;
pub use framing::Framing;

#[cfg(test)]
mod tests;
