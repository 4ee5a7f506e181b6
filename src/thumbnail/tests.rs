//! Pictures of all kinds, and files that only look like pictures.

mod bad;
mod jpegs;
mod previews;

use std::io::Cursor;

use image::{DynamicImage, GenericImageView as _, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

use super::limits::{EDGE, MOST_BYTES};
use super::{CannotDraw, draw};

const BASELINE: &[u8] = include_bytes!("tests/baseline.jpg");
const PROGRESSIVE: &[u8] = include_bytes!("tests/progressive.jpg");
const RESTARTS: &[u8] = include_bytes!("tests/restarts.jpg");
const GREY: &[u8] = include_bytes!("tests/grey.jpg");
const RGB: &[u8] = include_bytes!("tests/rgb.jpg");
const CMYK: &[u8] = include_bytes!("tests/cmyk.jpg");
const LOSSY: &[u8] = include_bytes!("tests/lossy.webp");
/// Red on the left, transparent on the right.
const ALPHA: &[u8] = include_bytes!("tests/lossless-alpha.webp");
/// Red, then green.
const ANIMATED: &[u8] = include_bytes!("tests/animated.gif");

const RED: [u8; 3] = [200, 20, 20];
const BLUE: [u8; 3] = [20, 20, 200];

/// The thumbnail of these bytes.
fn drawn(bytes: &[u8]) -> Result<RgbImage, CannotDraw> {
    let thumbnail = draw(Cursor::new(bytes), &|| false)?;
    assert!(thumbnail.len() <= MOST_BYTES, "{} bytes", thumbnail.len());
    Ok(image::load_from_memory_with_format(&thumbnail, ImageFormat::Jpeg).expect("a JPEG").into_rgb8())
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::default();
    picture.write_to(&mut bytes, format).expect("encoded");
    bytes.into_inner()
}

fn plain(width: u32, height: u32, colour: [u8; 3]) -> DynamicImage {
    RgbImage::from_pixel(width, height, Rgb(colour)).into()
}

/// Pixels of all colours.
fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    RgbImage::from_fn(width, height, |_, _| Rgb([next(), next(), next()])).into()
}

/// Whether a colour is this one, as far as JPEG keeps it.
fn is_near(pixel: Rgb<u8>, colour: [u8; 3]) -> bool {
    pixel.0.iter().zip(colour).all(|(one, other)| one.abs_diff(other) <= 16)
}

#[test]
fn every_format_is_drawn() {
    let gradient = image::load_from_memory(BASELINE).expect("a picture");
    let table = [
        ("baseline JPEG", BASELINE.to_vec()),
        ("progressive JPEG", PROGRESSIVE.to_vec()),
        ("JPEG with restarts", RESTARTS.to_vec()),
        ("grey JPEG", GREY.to_vec()),
        ("RGB JPEG", RGB.to_vec()),
        ("CMYK JPEG", CMYK.to_vec()),
        ("lossy WebP", LOSSY.to_vec()),
        ("lossless WebP", encoded(&gradient, ImageFormat::WebP)),
        ("PNG", encoded(&gradient, ImageFormat::Png)),
        ("PNG with 16 bits", encoded(&gradient.to_rgb16().into(), ImageFormat::Png)),
        ("PNG with 16 bits and alpha", encoded(&gradient.to_rgba16().into(), ImageFormat::Png)),
        ("grey PNG with alpha", encoded(&gradient.to_luma_alpha8().into(), ImageFormat::Png)),
        ("GIF", encoded(&gradient, ImageFormat::Gif)),
    ];
    for (name, bytes) in table {
        let thumbnail = drawn(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(thumbnail.dimensions(), (96, 64), "{name}: not enlarged");
        // Brighter towards the right and the bottom, in every one of these.
        let brightness =
            |x, y| thumbnail.get_pixel(x, y).0.iter().map(|value| u32::from(*value)).sum::<u32>();
        assert!(brightness(4, 4) + 100 < brightness(90, 60), "{name}");
    }
}

#[test]
fn large_pictures_are_shrunk() {
    let table = [
        ((4000, 30), ImageFormat::Png, (EDGE, 2)),
        ((1, 5000), ImageFormat::Png, (1, EDGE)),
        ((400, 300), ImageFormat::Gif, (EDGE, 240)),
        ((1300, 650), ImageFormat::WebP, (EDGE, 160)),
        ((300, 600), ImageFormat::Jpeg, (160, EDGE)),
        ((3200, 2400), ImageFormat::Jpeg, (EDGE, 240)),
        ((20, 2600), ImageFormat::Jpeg, (3, EDGE)),
    ];
    for ((width, height), format, expected) in table {
        let bytes = encoded(&plain(width, height, RED), format);
        let thumbnail = drawn(&bytes).unwrap_or_else(|error| panic!("{width}x{height}: {error}"));
        assert_eq!(thumbnail.dimensions(), expected, "{format:?} of {width}x{height}");
        assert!(is_near(*thumbnail.get_pixel(expected.0 / 2, expected.1 / 2), RED), "{format:?}");
    }
}

#[test]
fn noise_is_small_too() {
    // `drawn` checks the size.
    assert_eq!(drawn(&encoded(&noise(320, 320), ImageFormat::Png)).expect("drawn").dimensions(), (320, 320));
}

#[test]
fn the_first_frame_is_shown() {
    let thumbnail = drawn(ANIMATED).expect("drawn");
    assert_eq!(thumbnail.dimensions(), (40, 20));
    assert!(is_near(*thumbnail.get_pixel(20, 10), [200, 30, 30]));
}

#[test]
fn transparent_pixels_show_the_background() {
    let grey = [0xdc; 3];
    let half = |x, _| if x < 48 { Rgba([200, 0, 0, 255]) } else { Rgba([0, 255, 0, 0]) };
    let eight_bits = DynamicImage::from(RgbaImage::from_fn(96, 64, half));
    let table = [
        ("WebP", ALPHA.to_vec()),
        ("PNG", encoded(&eight_bits, ImageFormat::Png)),
        ("PNG with 16 bits", encoded(&eight_bits.to_rgba16().into(), ImageFormat::Png)),
        ("GIF", encoded(&eight_bits, ImageFormat::Gif)),
    ];
    for (name, bytes) in table {
        let thumbnail = drawn(&bytes).expect(name);
        assert!(is_near(*thumbnail.get_pixel(10, 30), [200, 0, 0]), "{name}");
        assert!(is_near(*thumbnail.get_pixel(85, 30), grey), "{name}: {:?}", thumbnail.get_pixel(85, 30));
    }
    let large = RgbaImage::from_pixel(2000, 1000, Rgba([0, 255, 0, 0]));
    let thumbnail = drawn(&encoded(&large.into(), ImageFormat::Png)).expect("drawn");
    assert!(thumbnail.pixels().all(|pixel| is_near(*pixel, grey)), "hidden colours do not spread");
}
