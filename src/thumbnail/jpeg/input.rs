//! The bytes of a JPEG, through a buffer.

use std::io::{ErrorKind, Read};

use crate::thumbnail::error::CannotDraw;

/// How many bytes are read at once.
const BUFFER: usize = 32 * 1024;

/// Reads from a picture.
pub(super) struct JpegInput<R> {
    picture: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// How many bytes were read before those in the buffer.
    before: u64,
}

impl<R: Read> JpegInput<R> {
    pub(super) fn new(picture: R) -> Self {
        Self { picture, buffer: vec![0; BUFFER].into(), start: 0, end: 0, before: 0 }
    }

    /// How many bytes were taken.
    pub(super) fn position(&self) -> u64 {
        self.before + self.start as u64
    }

    /// The next byte; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u8> {
        if self.start == self.end {
            self.fill();
        }
        let byte = *self.buffer[..self.end].get(self.start)?;
        self.start += 1;
        Some(byte)
    }

    /// The next bytes up to a 0xff, as far as they are in the buffer. Empty at a 0xff, and at the end.
    pub(super) fn plain(&mut self, most: usize) -> &[u8] {
        if self.start == self.end {
            self.fill();
        }
        let bytes = &self.buffer[self.start..self.end];
        let bytes = &bytes[..bytes.len().min(most)];
        let length = bytes.iter().position(|byte| *byte == 0xff).unwrap_or(bytes.len());
        &bytes[..length]
    }

    /// What follows the next 0xff; `None` at the end. There may be several of them before a marker.
    pub(super) fn after_ff(&mut self) -> Option<u8> {
        while self.next()? != 0xff {}
        loop {
            match self.next()? {
                0xff => {}
                byte => return Some(byte),
            }
        }
    }

    /// Takes this many bytes from the buffer.
    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    pub(super) fn byte(&mut self) -> Result<u8, CannotDraw> {
        self.next().ok_or(CannotDraw::Broken)
    }

    pub(super) fn u16(&mut self) -> Result<u16, CannotDraw> {
        Ok(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// The content of a segment, whose length comes first.
    pub(super) fn segment(&mut self) -> Result<Vec<u8>, CannotDraw> {
        let length = self.u16()?.checked_sub(2).ok_or(CannotDraw::Broken)?;
        (0..length).map(|_| self.byte()).collect()
    }

    /// The next marker (T.81, B.1.1.2), but not one that restarts a scan. What is before it is skipped.
    pub(super) fn marker(&mut self) -> Result<u8, CannotDraw> {
        loop {
            let skipped = self.plain(usize::MAX).len();
            self.consume(skipped);
            if skipped == 0 {
                match self.after_ff().ok_or(CannotDraw::Broken)? {
                    0 | 0xd0..=0xd7 => {}
                    marker => return Ok(marker),
                }
            }
        }
    }

    fn fill(&mut self) {
        self.before += self.end as u64;
        (self.start, self.end) = (0, 0);
        loop {
            match self.picture.read(&mut self.buffer) {
                Ok(count) => self.end = count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // The source knows why; here, the picture ends.
                Err(_) => {}
            }
            return;
        }
    }
}
