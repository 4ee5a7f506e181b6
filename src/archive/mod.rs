//! tar and zip archives as bytes, written from front to back.
//!
//! The caller tells an [`Archive`] what comes next (a directory, a file, some of its content) and takes the resulting bytes
//! with [`Archive::take`] at any time, so only untaken bytes are buffered. A zip must store each name until its end, where
//! the central directory is written; [`zip::ENTRIES_LIMIT`] bounds that. A tar stores nothing.
//!
//! This module knows no files, no sockets and no clock, and imports none of its siblings. Names are bytes with `/` as the
//! separator; whether a name may be shown is decided elsewhere.

pub mod tar;
pub mod zip;

use std::time::SystemTime;
use std::{fmt, io};

use self::tar::Tar;
use self::zip::Zip;

/// The mode of every directory in an archive. The folder's own modes are not revealed.
const DIRECTORY_MODE: u32 = 0o755;

/// The mode of every file in an archive.
const FILE_MODE: u32 = 0o644;

/// The kinds of archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// POSIX's tar with pax headers (POSIX.1-2017, `pax`).
    Tar,
    /// Zip (PKWARE's APPNOTE 6.3), its files stored as they are.
    Zip,
}

/// An archive that is being written.
#[derive(Debug)]
pub enum Archive {
    /// A tar.
    Tar(Tar),
    /// A zip.
    Zip(Box<Zip>),
}

/// Why an entry cannot be added to an archive.
#[derive(Debug)]
pub enum Error {
    /// This entry is rejected; the archive continues without it.
    Refused(String),
    /// The archive has the maximum number of entries.
    Full,
    /// The archive cannot be written.
    Io(io::Error),
}

impl Format {
    /// What a file's name ends with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::Zip => "zip",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Tar => "application/x-tar",
            Self::Zip => "application/zip",
        }
    }
}

impl Archive {
    /// An empty one.
    pub fn new(format: Format) -> Self {
        match format {
            Format::Tar => Self::Tar(Tar::default()),
            Format::Zip => Self::Zip(Box::default()),
        }
    }

    /// Adds a directory. Its name has no slash at the end.
    pub fn directory(&mut self, name: &[u8], modified: SystemTime) -> Result<(), Error> {
        match self {
            Self::Tar(tar) => Ok(tar.directory(name, modified)?),
            Self::Zip(zip) => zip.directory(name, modified),
        }
    }

    /// Begins a file. Exactly `len` bytes of content have to follow, and then its end.
    pub fn file(&mut self, name: &[u8], len: u64, modified: SystemTime) -> Result<(), Error> {
        match self {
            Self::Tar(tar) => Ok(tar.file(name, len, modified)?),
            Self::Zip(zip) => zip.file(name, len, modified),
        }
    }

    /// Adds content to the current file.
    pub fn content(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Tar(tar) => tar.content(bytes),
            Self::Zip(zip) => zip.content(bytes)?,
        }
        Ok(())
    }

    /// Whether content may stand between what was taken and what comes, without ever having been seen here: a zip
    /// counts a checksum, a tar does not.
    pub fn lets_content_pass(&self) -> bool {
        matches!(self, Self::Tar(_))
    }

    /// Ends the file that was begun, whose content was so long.
    pub fn end_file(&mut self, len: u64) {
        match self {
            Self::Tar(tar) => tar.pad(len),
            // The next entry, or the end, does it.
            Self::Zip(_) => {}
        }
    }

    /// How many bytes could be taken.
    pub fn made(&self) -> usize {
        match self {
            Self::Tar(tar) => tar.made(),
            Self::Zip(zip) => zip.made(),
        }
    }

    /// The bytes that were made since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        match self {
            Self::Tar(tar) => tar.take(),
            Self::Zip(zip) => zip.take(),
        }
    }

    /// Ends it; these are its last bytes.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Tar(tar) => Ok(tar.finish()?),
            Self::Zip(zip) => zip.finish(),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Full => write!(f, "a zip holds {} entries at most (a tar any number)", zip::ENTRIES_LIMIT),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => error,
            other => Self::other(other),
        }
    }
}
