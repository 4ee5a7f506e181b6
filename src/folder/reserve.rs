//! The disk space that all uploads together must leave free.
//!
//! Checked before each write, because a body may have no length and other programs fill the same disk. Bytes that are being
//! written count as written, so parallel uploads cannot each use the remaining space.
//!
//! A file system that learns late how much space a file takes (NFS, compression) may end up with a little less.

use super::{Error, root};
use cap_std::fs::Dir;
use std::sync::atomic::{AtomicU64, Ordering};

/// Space that must stay free, in bytes; with none, nothing is asked.
pub(super) struct Reserve {
    bytes: u64,
    /// Bytes that are being written at this moment.
    in_flight: AtomicU64,
}

/// Bytes that are being written. Dropped, they have been, and the file system knows of them.
pub(super) struct InFlight<'r> {
    reserve: &'r Reserve,
    bytes: u64,
}

impl Reserve {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, in_flight: AtomicU64::new(0) }
    }

    /// Refuses a file of this size that would not fit; one whose size is not known counts as empty.
    pub(super) fn admit(&self, size: Option<u64>, dir: &Dir) -> Result<(), Error> {
        if self.bytes == 0 && size.is_none() {
            return Ok(());
        }
        self.leave_room(size.unwrap_or(0), dir)
    }

    /// Begins to write so many bytes, unless that would leave too little.
    pub(super) fn begin(&self, bytes: u64, dir: &Dir) -> Result<InFlight<'_>, Error> {
        let in_flight = InFlight { reserve: self, bytes };
        if self.bytes > 0 {
            let all = self.in_flight.fetch_add(bytes, Ordering::SeqCst).saturating_add(bytes);
            self.leave_room(all, dir)?;
        }
        Ok(in_flight)
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

    /// What is free there now. Others write to the same disk, so these tests stay clear of the edge.
    fn folder() -> (tempfile::TempDir, Dir, u64) {
        let place = tempfile::tempdir().expect("a folder");
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).expect("a folder");
        let free = root::space(&dir).expect("told");
        (place, dir, free)
    }

    #[test]
    fn what_would_take_from_it_is_refused() {
        let (_place, dir, free) = folder();
        let table = [
            ("nothing kept back", 0, Some(free / 2), true),
            ("more than there is", 0, Some(u64::MAX), false),
            ("nothing kept back, no size", 0, None, true),
            ("it leaves enough", free / 4, Some(free / 4), true),
            ("it does not", free / 4 * 3, Some(free / 2), false),
            ("less than that is free already", u64::MAX, None, false),
        ];
        for (name, bytes, size, fits) in table {
            assert_eq!(Reserve::new(bytes).admit(size, &dir).is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn what_is_being_written_counts() {
        let (_place, dir, free) = folder();
        let reserve = Reserve::new(free / 2);
        let third = free / 3;
        let first = reserve.begin(third, &dir).expect("there is room for one");
        assert!(matches!(reserve.begin(third, &dir), Err(Error::NoSpace)), "not for two");
        assert!(matches!(reserve.begin(third, &dir), Err(Error::NoSpace)), "nor after one was refused");
        drop(first);
        assert!(reserve.begin(third, &dir).is_ok(), "and again for one");
    }
}
