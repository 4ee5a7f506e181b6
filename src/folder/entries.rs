//! The entries of a directory.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;

use rustix::fs::{self, AtFlags, FileType};

use crate::path::SharePath;

/// The entries of an open directory, in the order of the disk, without `.` and `..`.
#[derive(Debug)]
pub(super) struct Entries {
    handle: OwnedFd,
    dir: fs::Dir,
    first: Option<fs::DirEntry>,
    /// The real path of the directory, if known and different from the path that it was opened by.
    real: Option<SharePath>,
}

impl Entries {
    /// Reads the entries of this directory.
    pub(super) fn of(handle: OwnedFd) -> io::Result<Self> {
        let mut dir = fs::Dir::read_from(&handle)?;
        // A stale handle fails only at the first read.
        let first = dir.read().transpose()?;
        Ok(Self { handle, dir, first, real: None })
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
    pub(super) fn kind(&self, entry: &fs::DirEntry) -> FileType {
        match entry.file_type() {
            FileType::Unknown => fs::statat(&self.handle, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| FileType::from_raw_mode(stat.st_mode)),
            known => known,
        }
    }
}

impl Iterator for Entries {
    type Item = io::Result<fs::DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.first.take().map_or_else(|| self.dir.read(), |first| Some(Ok(first)))? {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                other => return Some(other.map_err(io::Error::from)),
            }
        }
    }
}

/// An entry's name.
pub(super) fn name_of(entry: &fs::DirEntry) -> OsString {
    OsString::from_vec(entry.file_name().to_bytes().to_vec())
}
