//! Writes thumbnails as JPEG.

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

use super::error::CannotDraw;
use super::limits::MOST_BYTES;

/// The qualities that are tried until the thumbnail is small enough. Few pictures need the second.
const QUALITIES: [u8; 4] = [80, 65, 45, 25];

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
