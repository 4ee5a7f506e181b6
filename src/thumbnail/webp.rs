//! Checks a WebP (RFC 9649) before it is decoded, because its decoder allocates what chunks claim, and looks at the size of
//! a frame only after it has decoded it.

use super::error::CannotDraw;
use super::limits::MOST_DECODED;

/// A width and a height, in pixels.
type Size = (u32, u32);

/// The length of the header of the file, and of a chunk.
const FILE_HEADER: usize = 12;
const CHUNK_HEADER: usize = 8;

/// The fields of a frame of an animation before its chunks (§2.7.1.1).
const FRAME_HEADER: usize = 16;

/// How many pictures with four bytes for each pixel the decoder keeps for an animation: the canvas, a frame and the result.
const KEPT_FOR_ANIMATION: u64 = 3 * 4;

/// Fails if a chunk ends beyond the file, or a frame is larger than the picture, or an animation too large.
pub(super) fn check(bytes: &[u8]) -> Result<(), CannotDraw> {
    let chunks = bytes.get(FILE_HEADER..).ok_or(CannotDraw::Broken)?;
    let mut canvas = None;
    each(chunks, |name, content| match name {
        b"VP8X" => {
            canvas = Some((one_more(content, 4)?, one_more(content, 7)?));
            Ok(())
        }
        b"ANMF" => {
            let frame = (one_more(content, 6)?, one_more(content, 9)?);
            let (width, height) = canvas.ok_or(CannotDraw::Broken)?;
            if u64::from(width) * u64::from(height) * KEPT_FOR_ANIMATION > MOST_DECODED {
                return Err(CannotDraw::TooLarge);
            }
            fits(frame, canvas)?;
            let inner = content.get(FRAME_HEADER..).ok_or(CannotDraw::Broken)?;
            each(inner, |name, content| fits(size(name, content)?, Some(frame)))
        }
        name => fits(size(name, content)?, canvas),
    })
}

/// Calls `look` with the name and the content of each chunk.
fn each<'b>(
    mut rest: &'b [u8],
    mut look: impl FnMut(&[u8], &'b [u8]) -> Result<(), CannotDraw>,
) -> Result<(), CannotDraw> {
    while let Some((header, after)) = rest.split_at_checked(CHUNK_HEADER) {
        let (name, length) = header.split_at(4);
        let length = number(length, 0, 4)? as usize;
        let content = after.get(..length).ok_or(CannotDraw::Broken)?;
        look(name, content)?;
        // A chunk with an odd length is followed by a byte that does not count.
        rest = after.get(length + length % 2..).unwrap_or_default();
    }
    Ok(())
}

/// The size in the data of a picture; zero for other chunks.
fn size(name: &[u8], content: &[u8]) -> Result<Size, CannotDraw> {
    const SIDE: u32 = 0x3fff;
    match name {
        b"VP8 " => Ok((number(content, 6, 2)? & SIDE, number(content, 8, 2)? & SIDE)),
        b"VP8L" => {
            let bits = number(content, 1, 4)?;
            Ok(((bits & SIDE) + 1, (bits >> 14 & SIDE) + 1))
        }
        _ => Ok((0, 0)),
    }
}

/// Whether a frame fits into what surrounds it.
fn fits((width, height): Size, around: Option<Size>) -> Result<(), CannotDraw> {
    let is_larger = around.is_some_and(|around| width > around.0 || height > around.1);
    if is_larger { Err(CannotDraw::Broken) } else { Ok(()) }
}

/// A field of three bytes that is stored as one less than its value.
fn one_more(content: &[u8], at: usize) -> Result<u32, CannotDraw> {
    Ok(number(content, at, 3)? + 1)
}

/// A number of so many bytes at this place, the lowest byte first.
fn number(content: &[u8], at: usize, length: usize) -> Result<u32, CannotDraw> {
    let bytes = content.get(at..at + length).ok_or(CannotDraw::Broken)?;
    Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(name: &str, content: &[u8]) -> Vec<u8> {
        let mut chunk =
            [name.as_bytes(), &u32::try_from(content.len()).expect("small").to_le_bytes(), content].concat();
        chunk.resize(chunk.len().next_multiple_of(2), 0);
        chunk
    }

    fn file(chunks: &[Vec<u8>]) -> Vec<u8> {
        [b"RIFF\0\0\0\0WEBP".as_slice(), &chunks.concat()].concat()
    }

    fn canvas(width: u32, height: u32) -> Vec<u8> {
        let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
        chunk("VP8X", &[vec![2, 0, 0, 0], side(width), side(height)].concat())
    }

    fn lossy(width: u16, height: u16) -> Vec<u8> {
        chunk(
            "VP8 ",
            &[vec![0, 0, 0, 0x9d, 1, 0x2a], width.to_le_bytes().to_vec(), height.to_le_bytes().to_vec()]
                .concat(),
        )
    }

    fn lossless(width: u32, height: u32) -> Vec<u8> {
        let bits = (width - 1) | (height - 1) << 14;
        chunk("VP8L", &[vec![0x2f], bits.to_le_bytes().to_vec()].concat())
    }

    fn frame(width: u32, height: u32, inner: &[u8]) -> Vec<u8> {
        let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
        let fields = [vec![0; 6], side(width), side(height), vec![0; 4]].concat();
        chunk("ANMF", &[fields, inner.to_vec()].concat())
    }

    #[test]
    fn sizes_that_lie_are_found_before_anything_is_decoded() {
        let mut beyond = file(&[lossy(8, 8)]);
        beyond.extend(b"EXIF\xff\xff\xff\xff");
        let table = [
            ("a simple picture", file(&[lossy(320, 200)]), Ok(())),
            ("one without loss", file(&[lossless(320, 200)]), Ok(())),
            ("with a canvas", file(&[canvas(320, 200), chunk("ICCP", b"odd"), lossy(320, 200)]), Ok(())),
            ("an animation", file(&[canvas(32, 20), frame(16, 20, &lossless(16, 20))]), Ok(())),
            ("a chunk beyond the file", beyond, Err(CannotDraw::Broken)),
            ("a larger picture", file(&[canvas(320, 320), lossy(16383, 16383)]), Err(CannotDraw::Broken)),
            ("a larger one without loss", file(&[canvas(9, 9), lossless(16384, 9)]), Err(CannotDraw::Broken)),
            ("a larger frame", file(&[canvas(9, 9), frame(10, 9, &lossy(1, 1))]), Err(CannotDraw::Broken)),
            (
                "more than its frame",
                file(&[canvas(9, 9), frame(8, 8, &lossy(9, 9))]),
                Err(CannotDraw::Broken),
            ),
            ("a frame alone", file(&[frame(8, 8, &lossy(8, 8))]), Err(CannotDraw::Broken)),
            (
                "a large animation",
                file(&[canvas(9000, 9000), frame(8, 8, &lossy(8, 8))]),
                Err(CannotDraw::TooLarge),
            ),
            ("cut in its header", file(&[chunk("VP8 ", b"cut")]), Err(CannotDraw::Broken)),
            ("no chunk", b"RIFF\0\0\0\0WEB".to_vec(), Err(CannotDraw::Broken)),
        ];
        for (name, bytes, expected) in table {
            assert_eq!(check(&bytes), expected, "{name}");
        }
    }
}
