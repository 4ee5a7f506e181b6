//! EXIF: orientation and preview.

use super::*;

/// EXIF metadata with an orientation and a preview, written in one byte order.
pub(super) struct ExifWriter {
    pub is_big_endian: bool,
    pub orientation: u16,
    pub preview: Vec<u8>,
    /// What is added to the offset and to the length of the preview.
    pub lies: (u32, u32),
}

impl ExifWriter {
    pub(super) fn new(orientation: u16, preview: Vec<u8>) -> Self {
        Self { is_big_endian: true, orientation, preview, lies: (0, 0) }
    }

    /// The JPEG with a segment that has this metadata.
    pub(super) fn insert_into(&self, jpeg: &[u8]) -> Vec<u8> {
        let exif = [b"Exif\0\0".as_slice(), &self.tiff()].concat();
        let length = u16::try_from(exif.len() + 2).expect("fits into a segment");
        [&[0xff, 0xd8, 0xff, 0xe1][..], &length.to_be_bytes(), &exif, &jpeg[2..]].concat()
    }

    fn tiff(&self) -> Vec<u8> {
        let order: &[u8] = if self.is_big_endian { b"MM\0*" } else { b"II*\0" };
        // Two directories, at 8 and at 26; the preview is behind them.
        let start = 26 + 2 + 2 * 12 + 4;
        let length = self.preview.len() as u32;
        let mut tiff = [order, &self.u32(8), &self.u16(1)].concat();
        tiff.extend([self.u16(0x0112), self.u16(3), self.u32(1)].concat());
        tiff.extend([self.u16(self.orientation), self.u16(0)].concat());
        tiff.extend([self.u32(26), self.u16(2)].concat());
        for (tag, value) in [(0x0201, start + self.lies.0), (0x0202, length.wrapping_add(self.lies.1))] {
            tiff.extend([self.u16(tag), self.u16(4), self.u32(1), self.u32(value)].concat());
        }
        tiff.extend(self.u32(0));
        tiff.extend(&self.preview);
        tiff
    }

    fn u16(&self, number: u16) -> Vec<u8> {
        if self.is_big_endian { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
    }

    fn u32(&self, number: u32) -> Vec<u8> {
        if self.is_big_endian { number.to_be_bytes().to_vec() } else { number.to_le_bytes().to_vec() }
    }
}

#[test]
fn pictures_are_turned() {
    let [red, green, blue, white] = [[200, 0, 0], [0, 200, 0], [0, 0, 200], [250; 3]];
    let quarters = |width: u32, height: u32| {
        DynamicImage::from(RgbImage::from_fn(width, height, |x, y| {
            Rgb(match (x < width / 2, y < height / 2) {
                (true, true) => red,
                (false, true) => green,
                (true, false) => blue,
                (false, false) => white,
            })
        }))
    };
    let table = [
        (0, [red, green, blue, white]),
        (1, [red, green, blue, white]),
        (2, [green, red, white, blue]),
        (3, [white, blue, green, red]),
        (4, [blue, white, red, green]),
        (5, [red, blue, green, white]),
        (6, [blue, red, white, green]),
        (7, [white, green, blue, red]),
        (8, [green, white, red, blue]),
        (9, [red, green, blue, white]),
    ];
    for (orientation, colours) in table {
        for (is_big_endian, (width, height)) in [(true, (96, 48)), (false, (3000, 1504))] {
            let writer = ExifWriter { is_big_endian, ..ExifWriter::new(orientation, Vec::new()) };
            let bytes = writer.insert_into(&encoded(&quarters(width, height), ImageFormat::Jpeg));
            let thumbnail = drawn(&bytes).expect("drawn");
            let (width, height) = thumbnail.dimensions();
            assert_eq!(width < height, (5..=8).contains(&orientation), "{orientation}: {width}x{height}");
            let (right, bottom) = (width * 3 / 4, height * 3 / 4);
            let places = [(width / 4, height / 4), (right, height / 4), (width / 4, bottom), (right, bottom)];
            for ((x, y), colour) in places.into_iter().zip(colours) {
                assert!(is_near(*thumbnail.get_pixel(x, y), colour), "{orientation}: {x},{y}");
            }
        }
    }
}

#[test]
fn a_good_preview_is_used() {
    let preview = |width, height| encoded(&plain(width, height, BLUE), ImageFormat::Jpeg);
    let writer = |preview| ExifWriter::new(1, preview);
    let good = preview(400, 300);
    let mut lying = good.clone();
    let frame = lying.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    lying[frame + 5..frame + 9].fill(0xff);
    let table = [
        ("good", writer(good.clone()), true),
        ("good, in the other byte order", ExifWriter { is_big_endian: false, ..writer(good.clone()) }, true),
        ("just large enough", writer(preview(320, 240)), true),
        ("too small", writer(preview(160, 120)), false),
        ("another shape", writer(preview(400, 400)), false),
        ("larger than the picture", writer(preview(1000, 750)), false),
        ("none", writer(Vec::new()), false),
        ("no JPEG", writer(vec![7; 5000]), false),
        ("cut", writer(good[..good.len() / 2].to_vec()), false),
        ("65535x65535, it says", writer(lying), false),
        ("too far", ExifWriter { lies: (100_000, 0), ..writer(good.clone()) }, false),
        ("far beyond all", ExifWriter { lies: (u32::MAX - 100, 0), ..writer(good.clone()) }, false),
        ("too long", ExifWriter { lies: (0, 1), ..writer(good.clone()) }, false),
        ("far too long", ExifWriter { lies: (0, u32::MAX / 2), ..writer(good.clone()) }, false),
        ("beside its start", ExifWriter { lies: (1, u32::MAX), ..writer(good) }, false),
    ];
    let picture = encoded(&plain(800, 600, RED), ImageFormat::Jpeg);
    for (name, writer, is_used) in table {
        let thumbnail = drawn(&writer.insert_into(&picture)).expect(name);
        let pixel = *thumbnail.get_pixel(100, 100);
        assert!(is_near(pixel, if is_used { BLUE } else { RED }), "{name}: {pixel:?}");
        assert_eq!(thumbnail.dimensions(), (320, 240), "{name}");
    }
}

#[test]
fn metadata_that_is_cut_or_changed_is_ignored() {
    let picture = encoded(&plain(800, 600, RED), ImageFormat::Jpeg);
    let whole = ExifWriter::new(6, Vec::new()).insert_into(&picture);
    let end = whole.len() - picture.len();
    for at in 6..end {
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = whole.clone();
            changed[at] = value;
            let drawn = drawn(&changed).expect("only metadata was changed");
            assert!(matches!(drawn.dimensions(), (320, 240) | (240, 320)), "{at}");
        }
    }
}

#[test]
fn a_thumbnail_has_no_metadata() {
    let writer = ExifWriter::new(1, encoded(&plain(400, 300, BLUE), ImageFormat::Jpeg));
    let picture = writer.insert_into(&encoded(&plain(800, 600, RED), ImageFormat::Jpeg));
    let thumbnail = draw(Cursor::new(picture), &|| false).expect("drawn");
    assert!(!thumbnail.windows(4).any(|window| window == b"Exif"));
}
