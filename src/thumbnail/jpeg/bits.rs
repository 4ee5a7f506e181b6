//! The bits of a scan (T.81, F.2.2.5).

use std::io::Read;

use super::details::{self, BLOCK, DetailTable};
use super::huffman::{CodeTable, LONGEST};
use super::input::JpegInput;
use crate::thumbnail::error::CannotDraw;

/// How many bits are always available: more than a group of codes, or a code with its number, has.
const ENOUGH: u32 = 32;

/// How many bytes are prepared at once.
const PREPARED: usize = 16 * 1024;

/// Reads bits up to the next marker.
pub(super) struct Bits<'a, R> {
    input: &'a mut JpegInput<R>,
    /// Bytes without the zeros that follow each 0xff.
    bytes: Vec<u8>,
    start: usize,
    /// The next bits, from the top.
    next: u64,
    count: u32,
    /// How many of these bits, at the end, are not in the picture.
    made_up: u32,
    /// The marker that ends the bits, once it was read.
    marker: Option<u8>,
}

impl<'a, R: Read> Bits<'a, R> {
    pub(super) fn new(input: &'a mut JpegInput<R>) -> Self {
        let bytes = Vec::with_capacity(PREPARED);
        Self { input, bytes, start: 0, next: 0, count: 0, made_up: 0, marker: None }
    }

    /// Reads the difference of an average.
    #[inline]
    pub(super) fn difference(&mut self, table: &CodeTable) -> Result<i32, CannotDraw> {
        self.fill();
        let meaning = table.find(self.first(LONGEST) as u32).ok_or(CannotDraw::Broken)?;
        self.drop(u32::from(meaning.length));
        let length = u32::from(meaning.number);
        if length == 0 {
            return Ok(0);
        }
        let number = (self.first(length) as u32).cast_signed();
        self.drop(length);
        // Numbers whose first bit is 0 are negative (T.81, F.2.2.1).
        Ok(if number < 1 << (length - 1) { number - (1 << length) + 1 } else { number })
    }

    /// Reads over the other coefficients of a block.
    #[inline]
    pub(super) fn skip_details(&mut self, table: &DetailTable) -> Result<(), CannotDraw> {
        let mut place = 1;
        loop {
            self.fill();
            let group = table.group(self.first(details::LOOKED_UP));
            let after = place + u32::from(group.step);
            // At the end of the block, a group may contain codes of the next one.
            if group.length > 0 && after < BLOCK {
                self.drop(u32::from(group.length));
                if group.ends {
                    return Ok(());
                }
                place = after;
                continue;
            }
            let code = table.single(self.first(LONGEST) as u32).ok_or(CannotDraw::Broken)?;
            self.drop(u32::from(code.length) + u32::from(code.number));
            place += u32::from(code.step);
            if code.step == 0 || place >= BLOCK {
                return Ok(());
            }
        }
    }

    /// Whether more bits were read than the picture has.
    #[inline]
    pub(super) fn is_beyond_end(&self) -> bool {
        self.made_up > self.count
    }

    /// Continues after a marker that restarts the scan. Returns whether there is one.
    pub(super) fn restart(&mut self) -> bool {
        (self.next, self.count, self.made_up) = (0, 0, 0);
        // Bytes that nobody has read are before the marker too.
        while self.marker.is_none() && self.prepare() {}
        (self.bytes, self.start) = (std::mem::take(&mut self.bytes), 0);
        self.bytes.clear();
        self.marker.take_if(|marker| matches!(marker, 0xd0..=0xd7)).is_some()
    }

    /// The marker that ends the scan, if it was read.
    pub(super) fn into_marker(self) -> Option<u8> {
        self.marker
    }

    /// The first bits.
    #[inline]
    fn first(&self, count: u32) -> usize {
        (self.next >> (64 - count)) as usize
    }

    #[inline]
    fn drop(&mut self, count: u32) {
        self.next <<= count;
        self.count = self.count.saturating_sub(count);
    }

    #[inline]
    fn fill(&mut self) {
        if self.count >= ENOUGH {
            return;
        }
        if let Some(bytes) = self.bytes[self.start..].first_chunk::<8>() {
            let missing = (64 - self.count) / 8;
            // The bits beyond those that are counted are right, and are added again later.
            self.next |= u64::from_be_bytes(*bytes) >> self.count;
            self.count += 8 * missing;
            self.start += missing as usize;
        } else {
            self.fill_slowly();
        }
    }

    #[cold]
    fn fill_slowly(&mut self) {
        while self.count <= 56 {
            if self.start == self.bytes.len() {
                self.prepare();
            }
            let byte = self.bytes.get(self.start);
            match byte {
                Some(_) => self.start += 1,
                None => self.made_up += 8,
            }
            self.next |= u64::from(byte.copied().unwrap_or(0)) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Replaces the prepared bytes by the next ones. Returns whether there are any.
    fn prepare(&mut self) -> bool {
        self.bytes.clear();
        self.start = 0;
        while self.marker.is_none() && self.bytes.len() < PREPARED {
            let plain = self.input.plain(PREPARED - self.bytes.len());
            self.bytes.extend_from_slice(plain);
            let count = plain.len();
            self.input.consume(count);
            if count == 0 {
                match self.input.after_ff() {
                    Some(0) => self.bytes.push(0xff),
                    Some(marker) => self.marker = Some(marker),
                    None => break,
                }
            }
        }
        !self.bytes.is_empty()
    }
}
