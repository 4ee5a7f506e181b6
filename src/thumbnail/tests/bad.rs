//! Bombs, lies, fragments, and files that cannot be read.

use std::io::{self, Read, Seek, SeekFrom};

use super::*;

/// The JPEG with another size in its header.
fn resized(jpeg: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut bytes = jpeg.to_vec();
    let is_frame = |pair: &[u8]| matches!(pair, [0xff, 0xc0 | 0xc2]);
    let frame = bytes.windows(2).position(is_frame).expect("a frame");
    bytes[frame + 5..frame + 9].copy_from_slice(&[height.to_be_bytes(), width.to_be_bytes()].concat());
    bytes
}

/// A PNG with another size in its header, and the right checksum.
fn resized_png(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png.to_vec();
    bytes[16..24].copy_from_slice(&[width.to_be_bytes(), height.to_be_bytes()].concat());
    let mut checksum = u32::MAX;
    for byte in &bytes[12..29] {
        checksum ^= u32::from(*byte);
        for _ in 0..8 {
            checksum = (checksum >> 1) ^ (0xedb8_8320 & (checksum & 1).wrapping_neg());
        }
    }
    bytes[29..33].copy_from_slice(&(!checksum).to_be_bytes());
    bytes
}

/// A GIF with another size in its header.
fn resized_gif(gif: &[u8], width: u16, height: u16) -> Vec<u8> {
    let mut bytes = gif.to_vec();
    bytes[6..10].copy_from_slice(&[width.to_le_bytes(), height.to_le_bytes()].concat());
    bytes
}

/// A WebP whose header says that it is as large as possible.
fn large_webp() -> Vec<u8> {
    let mut bytes = b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0".to_vec();
    bytes.extend([0xfe, 0xff, 0, 0xfe, 0xff, 0]);
    bytes
}

#[test]
fn pictures_without_a_thumbnail() {
    let png = encoded(&plain(96, 64, RED), ImageFormat::Png);
    let (too_large, broken) = (&[CannotDraw::TooLarge][..], &[CannotDraw::Broken][..]);
    let (none, either) = (&[CannotDraw::NotPicture][..], &[CannotDraw::TooLarge, CannotDraw::Broken][..]);
    let long = encoded(&plain(2600, 40, RED), ImageFormat::Jpeg);
    let table: Vec<(&str, Vec<u8>, &[CannotDraw])> = vec![
        ("nothing", Vec::new(), none),
        ("text", b"Dear reader, this is no picture at all.\n".to_vec(), none),
        ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), none),
        ("only the start of a JPEG", BASELINE[..3].to_vec(), broken),
        ("only the start of a PNG", png[..8].to_vec(), broken),
        ("a PNG bomb", resized_png(&png, 50_000, 50_000), too_large),
        ("a wide PNG bomb", resized_png(&png, 0x7fff_ffff, 1), either),
        ("a PNG without width", resized_png(&png, 0, 64), broken),
        ("a PNG that is larger, it says", resized_png(&png, 960, 640), broken),
        ("a JPEG bomb", resized(BASELINE, 65_535, 65_535), too_large),
        ("a progressive JPEG bomb", resized(PROGRESSIVE, 65_535, 65_535), too_large),
        ("a CMYK bomb", resized(CMYK, 10_000, 10_000), too_large),
        ("a JPEG that is larger, it says", resized(BASELINE, 16_000, 16_000), broken),
        ("a progressive JPEG that is larger", resized(PROGRESSIVE, 16_000, 16_000), broken),
        ("a JPEG without width", resized(BASELINE, 0, 64), broken),
        ("a JPEG without height", resized(BASELINE, 96, 0), none),
        ("half a large JPEG", long[..long.len() / 2].to_vec(), broken),
        ("half a JPEG", BASELINE[..BASELINE.len() / 2].to_vec(), broken),
        ("half a progressive JPEG", PROGRESSIVE[..PROGRESSIVE.len() / 2].to_vec(), broken),
        ("half a PNG", png[..png.len() / 2].to_vec(), broken),
        ("half a WebP", LOSSY[..LOSSY.len() / 2].to_vec(), broken),
        ("half a GIF", ANIMATED[..30].to_vec(), broken),
        ("a GIF bomb", resized_gif(ANIMATED, 65_535, 65_535), too_large),
        ("a WebP bomb", large_webp(), either),
    ];
    for (name, bytes, expected) in table {
        match drawn(&bytes) {
            Err(error) => assert!(expected.contains(&error), "{name}: {error:?}"),
            Ok(picture) => panic!("{name}: {:?}", picture.dimensions()),
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    let png = encoded(&plain(20, 10, RED), ImageFormat::Png);
    for bytes in [&png, ANIMATED, LOSSY, ALPHA] {
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = bytes.to_vec();
                changed[at] = value;
                let _ = draw(Cursor::new(changed), &|| false);
            }
        }
    }
}

/// A picture that is followed by zeros, or by an error.
struct Followed<'a> {
    start: Cursor<&'a [u8]>,
    error: Option<io::ErrorKind>,
    read: u64,
}

impl Read for Followed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match (self.start.read(buffer)?, self.error) {
            (0, Some(error)) => return Err(error.into()),
            (0, None) => {
                buffer.fill(0);
                buffer.len()
            }
            (count, _) => count,
        };
        self.read += count as u64;
        Ok(count)
    }
}

impl Seek for Followed<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.start.seek(to)
    }
}

#[test]
fn reading_ends() {
    let followed = |error| Followed { start: Cursor::new(&BASELINE[..200]), error, read: 0 };
    let mut endless = followed(None);
    assert_eq!(draw(&mut endless, &|| false), Err(CannotDraw::TooLarge));
    assert!(endless.read <= crate::thumbnail::limits::MOST_READ, "{} bytes", endless.read);
    assert_eq!(draw(followed(None), &|| true), Err(CannotDraw::TooSlow));
    let kind = io::ErrorKind::TimedOut;
    assert_eq!(draw(followed(Some(kind)), &|| false), Err(CannotDraw::Unreadable(kind)));
    let calls = std::cell::Cell::new(0);
    let is_over = || {
        calls.set(calls.get() + 1);
        calls.get() > 10
    };
    assert_eq!(draw(followed(None), &is_over), Err(CannotDraw::TooSlow), "in the middle");
}
