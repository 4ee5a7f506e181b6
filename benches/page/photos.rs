//! Photos of about 5 MB, as cameras make them: 12 megapixels, with noise.

use std::fs;
use std::path::Path;
use std::thread;

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

use super::common::Result;

/// The size of a photo.
const WIDTH: u32 = 4000;
const HEIGHT: u32 = 3000;

/// The quality that most cameras use.
const QUALITY: u8 = 90;

/// How much a pixel differs from its neighbours, so that a photo has 5 MB.
const NOISE: f32 = 46.0;

/// How many different photos are made; the others are copies of these.
const DIFFERENT: u32 = 8;

/// Whether photos have a preview that is large enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preview {
    With,
    Without,
}

/// Fills a directory with photos; returns their mean length in bytes.
pub fn fill(directory: &Path, count: u32, preview: Preview) -> Result<u64> {
    fs::create_dir_all(directory)?;
    let different = DIFFERENT.min(count);
    let made: Vec<Vec<u8>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..different).map(|seed| scope.spawn(move || photo(seed, preview))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| "a thread panicked")?)
            .collect::<Result<_>>()
    })?;
    let mut sum = 0;
    for number in 0..count {
        let photo = &made[(number % different) as usize];
        fs::write(directory.join(format!("{number:04}.jpg")), photo)?;
        sum += photo.len() as u64;
    }
    Ok(sum / u64::from(count))
}

/// A photo: large shapes, and noise.
fn photo(seed: u32, preview: Preview) -> Result<Vec<u8>> {
    let picture = scene(WIDTH, HEIGHT, seed);
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&picture)?;
    if preview == Preview::Without {
        return Ok(jpeg);
    }
    let mut small = Vec::new();
    JpegEncoder::new_with_quality(&mut small, QUALITY - 20).encode_image(&scene(400, 300, seed))?;
    with_preview(&jpeg, &small)
}

fn scene(width: u32, height: u32, seed: u32) -> RgbImage {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    RgbImage::from_fn(width, height, |x, y| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let noise = ((state & 0xff) as f32 / 255.0 - 0.5) * NOISE;
        let (x, y) = (x as f32 / width as f32 * 6.3, y as f32 / height as f32 * 6.3 + seed as f32);
        let light = 128.0 + 80.0 * x.sin() * y.cos();
        Rgb([light + noise, light * 0.8 + noise, 200.0 - light * 0.5 + noise].map(|value| value as u8))
    })
}

/// The JPEG with a preview in its EXIF metadata.
fn with_preview(jpeg: &[u8], preview: &[u8]) -> Result<Vec<u8>> {
    let mut exif = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\x0e\0\x02".to_vec();
    for (tag, value) in [(0x0201u16, 44u32), (0x0202, u32::try_from(preview.len())?)] {
        exif.extend([&tag.to_be_bytes()[..], &[0, 4, 0, 0, 0, 1], &value.to_be_bytes()].concat());
    }
    exif.extend([0; 4]);
    exif.extend(preview);
    let length = u16::try_from(exif.len() + 2)?.to_be_bytes();
    Ok([&[0xff, 0xd8, 0xff, 0xe1][..], &length, &exif, &jpeg[2..]].concat())
}
