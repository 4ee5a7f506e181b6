//! An entry of a zip, and its headers as bytes. Numbers are little-endian (APPNOTE 4.4).

use super::blocks;
use super::time::Times;
use crate::archive::mode;

/// A number from this value on is stored in a zip64 field, and its usual field has this value (APPNOTE 4.4.1.4).
const ZIP64: u64 = u32::MAX as u64;

/// The versions that a reader needs: for stored entries, for deflated ones, for zip64 (APPNOTE 4.4.3).
const STORED: u16 = 10;
const DEFLATED: u16 = 20;
const WITH_ZIP64: u16 = 45;

/// The system that created the archive, and the version of the format: Unix, with zip64.
const MADE_BY: u16 = (3 << 8) | WITH_ZIP64;

/// Flags (APPNOTE 4.4.4): a data descriptor follows; the name is UTF-8.
const DESCRIPTOR_FOLLOWS: u16 = 1 << 3;
const IS_UTF8: u16 = 1 << 11;

/// The extra fields for zip64 numbers (APPNOTE 4.5.3), and for Unix times ("UT").
const ZIP64_FIELD: u16 = 1;
const TIME_FIELD: u16 = 0x5455;

/// A directory or a file.
#[derive(Debug)]
pub(super) struct Entry {
    /// The name of a directory ends with a slash.
    pub(super) name: Box<[u8]>,
    pub(super) times: Times,
    /// The length of the content, not encoded, in bytes.
    pub(super) length: u64,
    pub(super) coding: Coding,
    /// Where its local header begins.
    pub(super) local: u64,
    /// Where its central header begins.
    pub(super) central: u64,
}

/// How the content of an entry is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Unchanged.
    Stored,
    /// The content is in stored [`blocks`] of DEFLATE, and a data descriptor follows it.
    Blocks,
}

/// A buffer of bytes to write.
#[derive(Debug, Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn u16s<const N: usize>(mut self, numbers: [u16; N]) -> Self {
        for number in numbers {
            self.0.extend_from_slice(&number.to_le_bytes());
        }
        self
    }

    fn u32s<const N: usize>(mut self, numbers: [u32; N]) -> Self {
        for number in numbers {
            self.0.extend_from_slice(&number.to_le_bytes());
        }
        self
    }

    fn u64s(mut self, numbers: &[u64]) -> Self {
        for number in numbers {
            self.0.extend_from_slice(&number.to_le_bytes());
        }
        self
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// A number as 32 bits, or the value that refers to a zip64 field.
fn or_mark(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Entry {
    fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }

    fn mode(&self) -> u32 {
        if self.is_directory() { mode::DIRECTORY } else { mode::FILE }
    }

    /// The length of the encoded content.
    pub(super) fn encoded_length(&self) -> u64 {
        match self.coding {
            Coding::Stored => self.length,
            Coding::Blocks => blocks::encoded_length(self.length),
        }
    }

    /// The header before the content (APPNOTE 4.3.7).
    pub(super) fn local_header(&self, checksum: u32) -> Vec<u8> {
        let (checksum, lengths, zip64): (_, _, &[u64]) = match self.coding {
            Coding::Stored => (checksum, [self.length as u32; 2], &[]),
            // The descriptor holds the numbers. The field says that the descriptor's lengths have 64 bits.
            Coding::Blocks if self.is_long() => (0, [u32::MAX; 2], &[0, 0]),
            Coding::Blocks => (0, [0; 2], &[]),
        };
        let extra = self.extra(zip64);
        self.common(Bytes::default().u32s([0x0403_4b50]), checksum, lengths, extra.len())
            .bytes(&self.name)
            .bytes(&extra)
            .0
    }

    /// The data descriptor (APPNOTE 4.3.9): the checksum and the lengths, if they follow the content.
    pub(super) fn descriptor(&self, checksum: u32) -> Vec<u8> {
        let bytes = Bytes::default().u32s([0x0807_4b50, checksum]);
        let lengths = [self.encoded_length(), self.length];
        match self.coding {
            Coding::Stored => Vec::new(),
            Coding::Blocks if self.is_long() => bytes.u64s(&lengths).0,
            Coding::Blocks => bytes.u32s(lengths.map(|length| length as u32)).0,
        }
    }

    /// The header in the central directory (APPNOTE 4.3.12).
    pub(super) fn central_header(&self, checksum: u32) -> Vec<u8> {
        let lengths = [self.encoded_length(), self.length];
        // Only the numbers that do not fit in 32 bits, in this order.
        let long: Vec<u64> =
            [lengths[1], lengths[0], self.local].into_iter().filter(|&number| number >= ZIP64).collect();
        let extra = self.extra(&long);
        let is_directory = u32::from(self.is_directory());
        let file_type = if self.is_directory() { 0o040_000 } else { 0o100_000 };
        // The Unix mode, and the MS-DOS attribute for directories.
        let attributes = ((file_type | self.mode()) << 16) | (is_directory << 4);
        let start = Bytes::default().u32s([0x0201_4b50]).u16s([MADE_BY]);
        self.common(start, checksum, lengths.map(or_mark), extra.len())
            .u16s([0; 3])
            .u32s([attributes, or_mark(self.local)])
            .bytes(&self.name)
            .bytes(&extra)
            .0
    }

    /// Whether its lengths need 64 bits.
    fn is_long(&self) -> bool {
        self.encoded_length() >= ZIP64
    }

    /// The fields that both headers share, up to the length of the extra fields.
    fn common(&self, bytes: Bytes, checksum: u32, lengths: [u32; 2], extra: usize) -> Bytes {
        let (version, flags, method) = match self.coding {
            Coding::Stored => (STORED, IS_UTF8, 0),
            Coding::Blocks => (DEFLATED, IS_UTF8 | DESCRIPTOR_FOLLOWS, 8),
        };
        let version = if self.is_long() || self.local >= ZIP64 { WITH_ZIP64 } else { version };
        let (time, date) = self.times.dos;
        bytes
            .u16s([version, flags, method, time, date])
            .u32s([checksum, lengths[0], lengths[1]])
            .u16s([self.name.len() as u16, extra as u16])
    }

    /// The extra fields: these numbers, and the Unix time.
    fn extra(&self, zip64: &[u64]) -> Vec<u8> {
        let mut bytes = Bytes::default();
        if !zip64.is_empty() {
            bytes = bytes.u16s([ZIP64_FIELD, 8 * zip64.len() as u16]).u64s(zip64);
        }
        if let Some(seconds) = self.times.unix {
            // The flag for the modification time, and that time.
            bytes = bytes.u16s([TIME_FIELD, 5]).bytes(&[1]).bytes(&seconds.to_le_bytes());
        }
        bytes.0
    }
}

/// The records at the end of the archive (APPNOTE 4.3.14 to 4.3.16), for this many entries and a central directory in
/// this span.
pub(super) fn end(entries: usize, start: u64, end: u64) -> Vec<u8> {
    let (count, length) = (entries as u64, end - start);
    let mut bytes = Bytes::default();
    if count >= u64::from(u16::MAX) || length >= ZIP64 || start >= ZIP64 {
        bytes = bytes
            // The length of what follows in this record.
            .u32s([0x0606_4b50])
            .u64s(&[44])
            .u16s([MADE_BY, WITH_ZIP64])
            .u32s([0, 0])
            .u64s(&[count, count, length, start])
            // The locator, which contains the offset of the zip64 record.
            .u32s([0x0706_4b50, 0])
            .u64s(&[end])
            .u32s([1]);
    }
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    bytes.u32s([0x0605_4b50]).u16s([0, 0, count, count]).u32s([or_mark(length), or_mark(start)]).u16s([0]).0
}
