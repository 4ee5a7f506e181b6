//! The disk space that all uploads together must leave free.
//!
//! Checked before each write, because a body may have no length and other programs fill the same disk. Bytes that are being
//! written count as written, so parallel uploads cannot each use the remaining space.
//!
//! A file system that learns late how much space a file takes (NFS, compression) may end up with a little
//! less free space.

use super::{Error, root};
use cap_std::fs::Dir;
use std::sync::atomic::{AtomicU64, Ordering};

/// Space that must stay free, in bytes; 0 disables the checks of single writes.
pub(super) struct Reserve {
    bytes: u64,
    /// Bytes that are being written at this moment.
    in_flight: AtomicU64,
}

/// Bytes that are being written. Drop this when they are written: from then on, the file system counts them.
pub(super) struct InFlight<'r> {
    reserve: &'r Reserve,
    bytes: u64,
}

impl Reserve {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, in_flight: AtomicU64::new(0) }
    }

    /// Fails if a file of this size does not fit; one of unknown size counts as empty.
    pub(super) fn admit(&self, size: Option<u64>, dir: &Dir) -> Result<(), Error> {
        if self.bytes == 0 && size.is_none() {
            return Ok(());
        }
        self.leave_room(size.unwrap_or(0), dir)
    }

    /// Begins to write this many bytes. Fails if that would leave too little space.
    pub(super) fn begin(&self, bytes: u64, dir: &Dir) -> Result<InFlight<'_>, Error> {
        let in_flight = InFlight { reserve: self, bytes };
        if self.bytes > 0 {
            let all = self.in_flight.fetch_add(bytes, Ordering::SeqCst).saturating_add(bytes);
            self.leave_room(all, dir)?;
        }
        Ok(in_flight)
    }

    /// How much more space a file of this size needs than there is.
    pub(super) fn shortage(&self, size: u64, dir: &Dir) -> Result<u64, Error> {
        Ok(size.saturating_add(self.bytes).saturating_sub(root::space(dir)?))
    }

    fn leave_room(&self, bytes: u64, dir: &Dir) -> Result<(), Error> {
        let fits = bytes.saturating_add(self.bytes) <= root::space(dir)?;
        if fits { Ok(()) } else { Err(Error::NoSpace) }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if self.reserve.bytes > 0 {
            self.reserve.in_flight.fetch_sub(self.bytes, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    /// A folder and its free space. Others write to the same disk, so these tests keep away from the limit.
    fn folder() -> (tempfile::TempDir, Dir, u64) {
        let place = tempfile::tempdir().expect("a folder");
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).expect("a folder");
        let free = root::space(&dir).expect("its free space");
        (place, dir, free)
    }

    #[test]
    fn files_that_do_not_fit_are_rejected() {
        let (_place, dir, free) = folder();
        let table = [
            ("no reserve", 0, Some(free / 2), true),
            ("more than there is", 0, Some(u64::MAX), false),
            ("no reserve, no size", 0, None, true),
            ("enough is left", free / 4, Some(free / 4), true),
            ("not enough is left", free / 4 * 3, Some(free / 2), false),
            ("less is free already", u64::MAX, None, false),
        ];
        for (name, bytes, size, fits) in table {
            assert_eq!(Reserve::new(bytes).admit(size, &dir).is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn bytes_that_are_being_written_count() {
        let (_place, dir, free) = folder();
        let reserve = Reserve::new(free / 2);
        let third = free / 3;
        let first = reserve.begin(third, &dir).expect("there is room for one");
        assert!(matches!(reserve.begin(third, &dir), Err(Error::NoSpace)), "two do not fit");
        assert!(
            matches!(reserve.begin(third, &dir), Err(Error::NoSpace)),
            "not after one was rejected either"
        );
        drop(first);
        assert!(reserve.begin(third, &dir).is_ok(), "one fits again");
    }
}
