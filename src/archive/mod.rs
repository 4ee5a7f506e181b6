//! tar and zip archives as bytes, written from front to back.
//!
//! The caller adds entries to an [`Archive`] (a directory, a file, some of its content) and takes the resulting bytes
//! with [`Archive::take`] at any time, so only untaken bytes are buffered. A zip must store each name until its end, where
//! the central directory is written; [`zip::ENTRIES_LIMIT`] bounds that. A tar stores nothing.
//!
//! This module knows no files, no sockets and no clock, and imports none of its siblings. Names are bytes with `/` as the
//! separator; the caller decides which names may be shown.

mod error;
mod format;
mod mode;
pub mod tar;
pub mod zip;

use std::time::SystemTime;

pub use self::error::ArchiveError;
pub use self::format::Format;
use self::tar::Tar;
use self::zip::Zip;

/// An archive that is being written.
#[derive(Debug)]
pub enum Archive {
    /// A tar.
    Tar(Tar),
    /// A zip.
    Zip(Box<Zip>),
}

impl Archive {
    /// An empty archive.
    pub fn new(format: Format) -> Self {
        match format {
            Format::Tar => Self::Tar(Tar::default()),
            Format::Zip => Self::Zip(Box::default()),
        }
    }

    /// Adds a directory. Its name has no trailing slash.
    pub fn directory(&mut self, name: &[u8], modified: SystemTime) -> Result<(), ArchiveError> {
        match self {
            Self::Tar(tar) => Ok(tar.directory(name, modified)?),
            Self::Zip(zip) => zip.directory(name, modified),
        }
    }

    /// Begins a file. Exactly `len` bytes of content must follow, then [`Self::end_file`].
    pub fn file(&mut self, name: &[u8], len: u64, modified: SystemTime) -> Result<(), ArchiveError> {
        match self {
            Self::Tar(tar) => Ok(tar.file(name, len, modified)?),
            Self::Zip(zip) => zip.file(name, len, modified),
        }
    }

    /// Adds content to the current file.
    pub fn content(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        match self {
            Self::Tar(tar) => tar.content(bytes),
            Self::Zip(zip) => zip.content(bytes)?,
        }
        Ok(())
    }

    /// Whether the caller may send content itself, between the bytes of two calls of [`Self::take`], without passing it
    /// here: a zip needs its checksum, a tar does not.
    pub fn lets_content_pass(&self) -> bool {
        matches!(self, Self::Tar(_))
    }

    /// Ends the current file, which has `len` bytes.
    pub fn end_file(&mut self, len: u64) {
        match self {
            Self::Tar(tar) => tar.pad(len),
            // The next entry, or the end of the archive, ends it.
            Self::Zip(_) => {}
        }
    }

    /// How many bytes are ready to be taken.
    pub fn made(&self) -> usize {
        match self {
            Self::Tar(tar) => tar.made(),
            Self::Zip(zip) => zip.made(),
        }
    }

    /// Takes the bytes that are ready.
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Tar(tar) => tar.take(),
            Self::Zip(zip) => zip.take(),
        }
    }

    /// Ends the archive and returns its last bytes.
    pub fn finish(self) -> Result<Vec<u8>, ArchiveError> {
        match self {
            Self::Tar(tar) => Ok(tar.finish()?),
            Self::Zip(zip) => zip.finish(),
        }
    }
}
