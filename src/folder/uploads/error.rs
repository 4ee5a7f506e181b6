//! Why an upload cannot be begun or continued.

use std::{fmt, io};

use rustix::io::Errno;

use super::standing::{Completed, Standing};
use crate::folder::error::Error;

/// Why an upload cannot be begun or continued.
#[derive(Debug)]
pub enum UploadError {
    /// The folder rejects it, as it would any upload.
    Folder(Error),
    /// The upload has arrived completely, but the folder rejects it, and it was discarded.
    Refused(Error),
    /// The upload does not exist, or no longer exists.
    Unknown,
    /// It continues at a different offset from the one in the request.
    Mismatch(Standing),
    /// It is complete already.
    Complete(Box<Completed>),
    /// The announced lengths disagree with each other, or with what arrived.
    Inconsistent,
    /// A newer request continues it, or has discarded it.
    Superseded,
    /// Another server may be receiving it, and this one does not see its locks.
    Elsewhere,
    /// There are too many unfinished uploads.
    TooMany,
}

impl UploadError {
    /// Converts the error of opening the content of an upload.
    pub(super) fn of_content(error: Errno) -> Self {
        match error {
            // Another server that shares the folder has it open.
            Errno::WOULDBLOCK => Self::Superseded,
            Errno::NOENT => Self::Unknown,
            other => Error::from(other).into(),
        }
    }
}

impl From<Error> for UploadError {
    fn from(error: Error) -> Self {
        Self::Folder(error)
    }
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        Self::Folder(error.into())
    }
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) | Self::Refused(error) => error.fmt(f),
            Self::Unknown => f.write_str("there is no such upload, or it no longer exists (begin again)"),
            Self::Mismatch(standing) => {
                write!(f, "the upload continues at byte {} (send from there)", standing.offset)
            }
            Self::Complete(_) => f.write_str("the upload is complete already"),
            Self::Inconsistent => f.write_str("the announced lengths of the upload do not agree"),
            Self::Superseded => f.write_str("another request continues this upload"),
            Self::Elsewhere => f.write_str(
                "another server may be receiving this upload, and its locks are not seen here (begin again, or try later)",
            ),
            Self::TooMany => f.write_str("there are too many unfinished uploads (try again later)"),
        }
    }
}

impl std::error::Error for UploadError {}
