//! The two things that matter here from the metadata of a photo (EXIF 2.3, a TIFF within the JPEG): which side is up, and the
//! preview that the camera has added.
//!
//! All offsets come from the file. Each is checked against the length of the metadata, at most 64 KB.

use image::metadata::Orientation;

/// How the segment begins.
const PREFIX: &[u8] = b"Exif\0\0";

/// The length of an entry of a directory, in bytes.
const ENTRY: usize = 12;

const ORIENTATION: u16 = 0x0112;
const PREVIEW_OFFSET: u16 = 0x0201;
const PREVIEW_LENGTH: u16 = 0x0202;

/// The types of numbers: 16 and 32 bits.
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// Whether a segment has EXIF metadata.
pub(super) fn is_exif(segment: &[u8]) -> bool {
    segment.starts_with(PREFIX)
}

/// The metadata of a photo.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exif<'a> {
    tiff: &'a [u8],
    is_big_endian: bool,
}

/// A list of entries.
#[derive(Debug, Clone, Copy)]
struct Directory {
    /// The offset of its first entry.
    start: usize,
    entries: usize,
}

impl<'a> Exif<'a> {
    /// The metadata in a segment.
    pub(super) fn parse(segment: &'a [u8]) -> Option<Self> {
        let tiff = segment.strip_prefix(PREFIX)?;
        let is_big_endian = match tiff.get(..4)? {
            b"MM\0*" => true,
            b"II*\0" => false,
            _ => return None,
        };
        Some(Self { tiff, is_big_endian })
    }

    /// How the picture has to be turned.
    pub(super) fn orientation(&self) -> Orientation {
        let number = self.first().and_then(|directory| self.number(directory, ORIENTATION));
        let number = number.and_then(|number| u8::try_from(number).ok());
        number.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
    }

    /// The bytes of the preview, which should be a JPEG.
    pub(super) fn preview(&self) -> Option<&'a [u8]> {
        let first = self.first()?;
        let second = self.directory(self.u32(first.start + first.entries * ENTRY)?)?;
        let start = usize::try_from(self.number(second, PREVIEW_OFFSET)?).ok()?;
        let length = usize::try_from(self.number(second, PREVIEW_LENGTH)?).ok()?;
        self.tiff.get(start..)?.get(..length)
    }

    fn first(&self) -> Option<Directory> {
        self.directory(self.u32(4)?)
    }

    fn directory(&self, offset: u32) -> Option<Directory> {
        let offset = usize::try_from(offset).ok()?;
        Some(Directory { start: offset.checked_add(2)?, entries: usize::from(self.u16(offset)?) })
    }

    /// The number with this tag.
    fn number(&self, directory: Directory, tag: u16) -> Option<u32> {
        let entries = self.tiff.get(directory.start..)?.chunks_exact(ENTRY).take(directory.entries);
        let place = entries.enumerate().find(|(_, entry)| self.read(entry) == Some(tag))?.0;
        let at = directory.start + place * ENTRY;
        match self.u16(at + 2)? {
            SHORT => self.u16(at + 8).map(u32::from),
            LONG => self.u32(at + 8),
            _ => None,
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.read(self.tiff.get(at..)?)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.tiff.get(at..)?.first_chunk()?;
        Some(if self.is_big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    /// The 16 bits at the start.
    fn read(&self, bytes: &[u8]) -> Option<u16> {
        let bytes = *bytes.first_chunk()?;
        Some(if self.is_big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }
}
