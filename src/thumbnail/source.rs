//! The bytes of a picture, up to a limit and a deadline.

use std::io::{self, Read, Seek, SeekFrom};

use super::error::CannotDraw;
use super::limits::MOST_READ;

/// Reads a picture; fails after [`MOST_READ`] bytes, and once the time is over.
pub(super) struct PictureSource<'a, R> {
    picture: R,
    left: u64,
    is_over: &'a dyn Fn() -> bool,
    failure: Option<CannotDraw>,
}

impl<'a, R> PictureSource<'a, R> {
    pub(super) fn new(picture: R, is_over: &'a dyn Fn() -> bool) -> Self {
        Self { picture, left: MOST_READ, is_over, failure: None }
    }

    /// Why reading failed, if it did.
    pub(super) fn failure(&self) -> Option<CannotDraw> {
        self.failure
    }

    fn fail(&mut self, why: CannotDraw) -> io::Error {
        self.failure = Some(why);
        io::Error::other(why)
    }
}

impl<R: Read> Read for PictureSource<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if (self.is_over)() {
            return Err(self.fail(CannotDraw::TooSlow));
        }
        let length = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if length == 0 && !buffer.is_empty() {
            return Err(self.fail(CannotDraw::TooLarge));
        }
        match self.picture.read(&mut buffer[..length]) {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.fail(CannotDraw::Unreadable(error.kind()))),
        }
    }
}

impl<R: Seek> Seek for PictureSource<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.picture.seek(to)
    }
}
