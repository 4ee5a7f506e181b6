//! Why an entry cannot be added to an archive.

use std::fmt;

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
}

impl fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(why) => f.write_str(why),
            Self::Full { limit } => write!(f, "a zip has at most {limit} entries (a tar has no limit)"),
        }
    }
}

impl std::error::Error for ArchiveError {}
