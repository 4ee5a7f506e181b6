//! The averages of blocks, beside those of the decoded picture.

use super::*;
use crate::thumbnail::jpeg::{Headers, averages};

fn of_blocks(bytes: &[u8]) -> Result<DynamicImage, CannotDraw> {
    averages(Headers::read(bytes)?)
}

/// The averages of the decoded picture.
fn expected(bytes: &[u8]) -> RgbImage {
    let picture = image::load_from_memory(bytes).expect("a picture").into_rgb8();
    let (width, height) = picture.dimensions();
    RgbImage::from_fn(width.div_ceil(8), height.div_ceil(8), |x, y| {
        let block = picture.view(8 * x, 8 * y, 8.min(width - 8 * x), 8.min(height - 8 * y));
        let mean = |place: usize| {
            let sum: u32 = block.pixels().map(|(_, _, pixel)| u32::from(pixel.0[place])).sum();
            (sum / (block.width() * block.height())) as u8
        };
        Rgb([mean(0), mean(1), mean(2)])
    })
}

#[test]
fn averages_are_those_of_the_pixels() {
    let large = encoded(&noise(1003, 517).blur(6.0), ImageFormat::Jpeg);
    let table = [
        ("baseline, chroma in quarters", BASELINE),
        ("progressive", PROGRESSIVE),
        ("with restarts, chroma in halves", RESTARTS),
        ("grey", GREY),
        ("RGB", RGB),
        ("blocks that are not whole", &large),
    ];
    for (name, bytes) in table {
        let (found, expected) = (of_blocks(bytes).expect(name).into_rgb8(), expected(bytes));
        assert_eq!(found.dimensions(), expected.dimensions(), "{name}");
        let [found, expected] = [found, expected].map(|picture| DynamicImage::from(picture).into_luma8());
        let worst = found.iter().zip(expected.iter()).map(|(one, other)| one.abs_diff(*other)).max();
        // Blocks of colours may have four times the size, and those at the edge have pixels outside the picture.
        assert!(worst <= Some(12), "{name}: {worst:?}");
        let sum: u32 =
            found.iter().zip(expected.iter()).map(|(one, other)| u32::from(one.abs_diff(*other))).sum();
        assert!(sum < 4 * found.len() as u32, "{name}: {sum} of {}", found.len());
    }
}

#[test]
fn every_cut_is_noticed() {
    // Half a progressive JPEG has all averages.
    for bytes in [BASELINE, RESTARTS, GREY, &PROGRESSIVE[..PROGRESSIVE.len() / 3]] {
        let end = bytes.len();
        for cut in [2, 20, end / 4, end / 2] {
            let error = of_blocks(&bytes[..cut]).expect_err("cut");
            assert_eq!(error, CannotDraw::Broken, "{cut} of {end}");
        }
    }
}

#[test]
fn changed_bytes_never_panic() {
    for bytes in [BASELINE, PROGRESSIVE, RESTARTS] {
        for at in (2..bytes.len()).step_by(5) {
            let mut changed = bytes.to_vec();
            changed[at] = [0, 1, 0x7f, 0xff][at % 4];
            // A larger size needs more memory, and no other code.
            if Headers::read(&changed[..]).is_ok_and(|headers| headers.dimensions() <= (96, 64)) {
                let _ = of_blocks(&changed);
            }
        }
    }
}

#[test]
fn other_jpegs_have_no_averages() {
    assert!(!Headers::read(CMYK).expect("read").has_averages(), "four colours");
    let mut arithmetic = BASELINE.to_vec();
    let frame = arithmetic.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    arithmetic[frame + 1] = 0xc9;
    assert!(!Headers::read(&arithmetic[..]).expect("read").has_averages(), "arithmetic coding");
    arithmetic[frame + 1] = 0xc1;
    arithmetic[frame + 4] = 12;
    assert!(!Headers::read(&arithmetic[..]).expect("read").has_averages(), "12 bits");
}
