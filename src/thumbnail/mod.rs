//! Thumbnails of pictures: small JPEGs, made from the bytes of a picture.
//!
//! ```text
//! JPEG ── EXIF preview, if it is large enough ──┐
//!      ── large: one pixel for each block ──────┼── shrink ── rotate ── encode
//! all others: decode ───────────────────────────┘
//! ```
//!
//! A large JPEG is never decoded as a whole. Its format has the average of each 8x8 block as a number of its own, and these
//! numbers are a picture of an eighth of the size (`jpeg::averages`). That takes a quarter of the time and a fiftieth of the
//! memory. Everything else is decoded by the crate `image`, within limits that are checked before memory is allocated.
//!
//! A thumbnail has no metadata: no place where a photo was taken, and no preview of what was cut off.
//!
//! This module knows nothing about files, clients or clocks.

mod encode;
mod error;
mod exif;
mod jpeg;
mod limits;
mod picture;
mod shrink;
mod source;
mod webp;

use std::io::{Read, Seek};

pub use self::error::CannotDraw;
pub use self::limits::MOST_BYTES;
use self::source::PictureSource;

/// The media type of every thumbnail. JPEG rather than WebP: `image` encodes only lossless WebP, in which a photo is five
/// times as large.
pub const MEDIA_TYPE: &str = "image/jpeg";

/// Makes the thumbnail of a picture. It gives up at the next read once `is_over` says so.
pub fn draw<R: Read + Seek>(picture: R, is_over: &dyn Fn() -> bool) -> Result<Vec<u8>, CannotDraw> {
    let mut source = PictureSource::new(picture, is_over);
    let drawn = picture::decode(&mut source);
    // The decoders replace the errors of the source by their own.
    let (picture, orientation) = source.failure().map_or(drawn, Err)?;
    encode::encode(&shrink::shrink(picture, orientation))
}

#[cfg(test)]
mod tests;
