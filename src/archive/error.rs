//! Why an entry cannot be added to an archive.

use std::{fmt, io};

/// Why an entry cannot be added to an archive.
#[derive(Debug)]
pub enum Error {
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

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Full { limit } => write!(f, "a zip holds {limit} entries at most (a tar any number)"),
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
