//! Decodes a picture as far as a thumbnail needs it.

use std::io::{BufRead, BufReader, Cursor, Read, Seek};

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::error::CannotDraw;
use super::exif::Exif;
use super::jpeg::{self, Headers};
use super::limits::{EDGE, MOST_DECODED, MOST_LOADED, MOST_WHOLE};
use super::source::PictureSource;
use super::webp;

/// How many bytes decide which format a file has.
const MAGIC: u64 = 16;

/// The end of a JPEG. It is nowhere else in one, because compressed data has a zero after each 0xff.
const END_OF_JPEG: [u8; 2] = [0xff, 0xd9];

/// How much the shape of a preview may differ from that of its picture. Cameras add bars to previews, or cut them.
const SHAPES_DIFFER: f64 = 0.02;

/// The picture, perhaps smaller than it is, and how it has to be turned.
pub(super) fn decode<R: Read + Seek>(
    source: &mut PictureSource<'_, R>,
) -> Result<(DynamicImage, Orientation), CannotDraw> {
    let mut magic = Vec::new();
    source.by_ref().take(MAGIC).read_to_end(&mut magic).map_err(|_| CannotDraw::Broken)?;
    rewind(source)?;
    match image::guess_format(&magic) {
        Ok(ImageFormat::Jpeg) => of_jpeg(source),
        // This decoder keeps the compressed picture in memory.
        Ok(format @ ImageFormat::WebP) => {
            let bytes = loaded(source)?;
            webp::check(&bytes)?;
            whole(Cursor::new(bytes), format)
        }
        Ok(format @ (ImageFormat::Png | ImageFormat::Gif)) => whole(BufReader::new(source), format),
        _ => Err(CannotDraw::NotPicture),
    }
}

/// Decodes a whole picture; of several in one file, the first.
fn whole<R: BufRead + Seek>(
    reader: R,
    format: ImageFormat,
) -> Result<(DynamicImage, Orientation), CannotDraw> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MOST_DECODED);
    let mut reader = ImageReader::with_format(reader, format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    if decoder.total_bytes() > MOST_DECODED {
        return Err(CannotDraw::TooLarge);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok((DynamicImage::from_decoder(decoder)?, orientation))
}

/// Decodes what costs least: the preview, the averages of blocks, or the whole picture.
fn of_jpeg<R: Read + Seek>(
    source: &mut PictureSource<'_, R>,
) -> Result<(DynamicImage, Orientation), CannotDraw> {
    let mut headers = Headers::read(&mut *source)?;
    let exif = std::mem::take(&mut headers.exif);
    let exif = Exif::parse(&exif);
    let orientation = exif.map_or(Orientation::NoTransforms, |exif| exif.orientation());
    let (width, height) = headers.dimensions();
    if let Some(preview) = exif.and_then(|exif| preview(exif.preview()?, width, height)) {
        return Ok((preview, orientation));
    }
    if width.max(height) >= 8 * EDGE && headers.has_averages() {
        return Ok((jpeg::averages(headers)?, orientation));
    }
    if u64::from(width) * u64::from(height) > MOST_WHOLE {
        return Err(CannotDraw::TooLarge);
    }
    let start = headers.length;
    rewind(source)?;
    Ok((whole_jpeg(&loaded(source)?, start)?, orientation))
}

/// The whole file, for decoders that need it in memory.
fn loaded<R: Read>(source: &mut PictureSource<'_, R>) -> Result<Vec<u8>, CannotDraw> {
    let mut bytes = Vec::new();
    source.by_ref().take(MOST_LOADED + 1).read_to_end(&mut bytes).map_err(|_| CannotDraw::Broken)?;
    if bytes.len() as u64 > MOST_LOADED { Err(CannotDraw::TooLarge) } else { Ok(bytes) }
}

/// Decodes a whole JPEG whose scans begin at this byte. Its decoder fills up what is missing, so the end is checked first.
fn whole_jpeg(bytes: &[u8], start: u64) -> Result<DynamicImage, CannotDraw> {
    let scans = bytes.get(usize::try_from(start).unwrap_or(usize::MAX)..).unwrap_or_default();
    if !scans.windows(END_OF_JPEG.len()).any(|window| window == END_OF_JPEG) {
        return Err(CannotDraw::Broken);
    }
    Ok(whole(Cursor::new(bytes), ImageFormat::Jpeg)?.0)
}

/// The preview of a picture of this size, if it shows all of the picture, and is large enough.
fn preview(bytes: &[u8], width: u32, height: u32) -> Option<DynamicImage> {
    let headers = Headers::read(bytes).ok()?;
    let (own_width, own_height) = headers.dimensions();
    let shape = |width, height| f64::from(width) / f64::from(height);
    let ratio = shape(own_width, own_height) / shape(width, height);
    let is_large = own_width.max(own_height) >= EDGE && own_width <= width && own_height <= height;
    let is_small = u64::from(own_width) * u64::from(own_height) <= MOST_WHOLE;
    if !is_large || !is_small || (ratio - 1.0).abs() > SHAPES_DIFFER {
        return None;
    }
    whole_jpeg(bytes, headers.length).ok()
}

fn rewind<R: Seek>(source: &mut PictureSource<'_, R>) -> Result<(), CannotDraw> {
    source.rewind().map_err(|_| CannotDraw::Broken)
}
