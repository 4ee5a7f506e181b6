//! Makes a picture small, opaque and upright.

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use super::limits::EDGE;

/// What shows through transparent pixels: a light grey, on which both black and white drawings are visible.
const BACKGROUND: u8 = 0xdc;

/// The picture in the size of a thumbnail. Small pictures keep their size.
pub(super) fn shrink(mut picture: DynamicImage, orientation: Orientation) -> RgbImage {
    if picture.color().has_alpha() {
        flatten(&mut picture);
    }
    let (width, height) = size(picture.width(), picture.height());
    // A large picture is averaged coarsely first, because the filter is slow.
    if picture.width().max(picture.height()) > 4 * EDGE {
        picture = picture.thumbnail(2 * EDGE, 2 * EDGE);
    }
    let mut small = DynamicImage::from(picture.into_rgb8());
    if (small.width(), small.height()) != (width, height) {
        small = small.resize_exact(width, height, FilterType::Triangle);
    }
    small.apply_orientation(orientation);
    small.into_rgb8()
}

/// The size of the thumbnail of a picture of this size.
fn size(width: u32, height: u32) -> (u32, u32) {
    let longer = width.max(height);
    let (edge, half) = (u64::from(EDGE), u64::from(longer / 2));
    let shrunk = |side: u32| ((u64::from(side) * edge + half) / u64::from(longer)) as u32;
    if longer > EDGE { (shrunk(width).max(1), shrunk(height).max(1)) } else { (width, height) }
}

/// Puts the picture on the background. This comes first: transparent pixels may have any colour, which would otherwise
/// spread to their neighbours.
fn flatten(picture: &mut DynamicImage) {
    match picture {
        DynamicImage::ImageLumaA8(picture) => picture.pixels_mut().for_each(|pixel| blend(&mut pixel.0)),
        DynamicImage::ImageRgba8(picture) => picture.pixels_mut().for_each(|pixel| blend(&mut pixel.0)),
        other => {
            let mut eight_bits = other.to_rgba8();
            eight_bits.pixels_mut().for_each(|pixel| blend(&mut pixel.0));
            *other = eight_bits.into();
        }
    }
}

/// Makes a pixel opaque; its last value is its opacity.
fn blend(pixel: &mut [u8]) {
    let Some((alpha, colours)) = pixel.split_last_mut() else { return };
    let (front, back) = (u16::from(*alpha), u16::from(255 - *alpha));
    for colour in colours {
        let sum = u16::from(*colour) * front + u16::from(BACKGROUND) * back;
        *colour = u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX);
    }
    *alpha = 255;
}
