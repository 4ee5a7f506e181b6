//! The entries of a directory.

use std::ffi::{OsStr, OsString};
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{self, AtFlags, FileType, RawDir};
use rustix::io::Errno;

use crate::path::SharePath;

/// How many bytes the kernel may return at first. Most directories are small, and some are only opened.
const FIRST: usize = 2 * 1024;

/// How many bytes it may return after that: about 400 entries.
const BUFFER: usize = 16 * 1024;

/// The entries of an open directory, in the order of the disk, without `.` and `..`.
#[derive(Debug)]
pub(super) struct Entries {
    handle: OwnedFd,
    names: Names,
    /// The real path of the directory, if known and different from the path that it was opened by.
    real: Option<SharePath>,
}

/// A name in a directory.
#[derive(Debug)]
pub(super) struct RawEntry {
    pub(super) name: OsString,
    /// Its type; see [`Entries::kind`].
    reported: FileType,
}

/// Names that were read together. The memory is used again for the next ones, so a name takes no allocation.
#[derive(Debug, Default)]
struct Names {
    buffer: Vec<u8>,
    bytes: Vec<u8>,
    /// The end of each name, and its type.
    ends: Vec<(usize, FileType)>,
    /// How many of them have been returned, and where the next begins.
    taken: usize,
    at: usize,
    /// Whether reading has failed. Then there are no more names: callers may skip errors.
    has_failed: bool,
}

impl Entries {
    /// Reads the entries of this directory, whose handle nobody else uses.
    pub(super) fn of(handle: OwnedFd) -> io::Result<Self> {
        let mut names = Names::default();
        // A stale handle fails only at the first read.
        names.read(&handle, FIRST)?;
        Ok(Self { handle, names, real: None })
    }

    /// The same entries; the directory has this real path, if it is known and different.
    pub(super) fn lying_at(self, real: Option<SharePath>) -> Self {
        Self { real, ..self }
    }

    /// The directory itself.
    pub(super) fn into_handle(self) -> OwnedFd {
        self.handle
    }

    /// The directory itself.
    pub(super) fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// The real path of the directory, if known and different.
    pub(super) fn real(&self) -> Option<&SharePath> {
        self.real.as_ref()
    }

    /// The type of an entry. Some file systems do not report it; then this calls `stat`.
    pub(super) fn kind(&self, entry: &RawEntry) -> FileType {
        kind(&self.handle, &entry.name, entry.reported)
    }

    /// The next name, and its type. Unlike the iterator, it allocates no memory.
    #[cfg(feature = "dav")]
    pub(super) fn next_name(&mut self) -> Option<io::Result<(&OsStr, FileType)>> {
        Some(self.advance()?.map(|(place, reported)| {
            let name = self.names.at(place);
            (name, kind(&self.handle, name, reported))
        }))
    }

    /// The place of the next name, and its type.
    fn advance(&mut self) -> Option<io::Result<(Range<usize>, FileType)>> {
        loop {
            if let Some(found) = self.names.advance() {
                return Some(Ok(found));
            }
            match self.names.read(&self.handle, BUFFER) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl Iterator for Entries {
    type Item = io::Result<RawEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.advance()?;
        Some(found.map(|(place, reported)| RawEntry { name: self.names.at(place).to_owned(), reported }))
    }
}

impl Names {
    /// Reads the next names, all of which were returned before. False at the end of the directory.
    fn read(&mut self, handle: &OwnedFd, size: usize) -> io::Result<bool> {
        let Self { buffer, bytes, ends, taken, at, has_failed } = self;
        (*taken, *at) = (0, 0);
        bytes.clear();
        ends.clear();
        if *has_failed {
            return Ok(false);
        }
        buffer.reserve(size);
        let mut dir = RawDir::new(handle, buffer.spare_capacity_mut());
        let mut has_more = false;
        while let Some(entry) = dir.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::INTR) => continue,
                // The directory itself was removed.
                Err(Errno::NOENT) => break,
                Err(error) => {
                    *has_failed = true;
                    return Err(error.into());
                }
            };
            has_more = true;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                bytes.extend_from_slice(entry.file_name().to_bytes());
                ends.push((bytes.len(), entry.file_type()));
            }
            if dir.is_buffer_empty() {
                break;
            }
        }
        Ok(has_more)
    }

    fn advance(&mut self) -> Option<(Range<usize>, FileType)> {
        let &(end, kind) = self.ends.get(self.taken)?;
        let start = std::mem::replace(&mut self.at, end);
        self.taken += 1;
        Some((start..end, kind))
    }

    fn at(&self, place: Range<usize>) -> &OsStr {
        OsStr::from_bytes(self.bytes.get(place).unwrap_or_default())
    }
}

fn kind(dir: &OwnedFd, name: &OsStr, reported: FileType) -> FileType {
    match reported {
        FileType::Unknown => fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
        known => known,
    }
}
