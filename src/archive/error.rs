//! Why an entry cannot be added to an archive.

use std::{fmt, io};

/// Why an entry cannot be added to an archive.
#[derive(Debug)]
pub enum ArchiveError {
    /// This entry is rejected; the archive continues without it.
    Refused(String),
    /// The archive has the maximum number of entries.
    Full {
        /// The maximum.
        limit: usize,
    },
    /// The archive cannot be written.
    Io(io::Error),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Full { limit } => write!(f, "a zip holds {limit} entries at most (a tar any number)"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ArchiveError {}

impl From<ArchiveError> for io::Error {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Io(error) => error,
            other => Self::other(other),
        }
    }
}
