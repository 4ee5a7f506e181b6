//! Writes thumbnails as JPEG.

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use super::error::CannotDraw;
use super::limits::MOST_BYTES;

/// The qualities that are tried until the thumbnail is small enough. Few pictures need the second, and only noise the last.
const QUALITIES: [u8; 5] = [80, 60, 35, 15, 5];

/// The picture as a JPEG of at most [`MOST_BYTES`], if the lowest quality achieves that.
pub(super) fn encode(picture: &RgbImage) -> Result<Vec<u8>, CannotDraw> {
    let mut bytes = Vec::new();
    for quality in QUALITIES {
        bytes.clear();
        JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(picture)?;
        if bytes.len() <= MOST_BYTES {
            break;
        }
    }
    Ok(bytes)
}
