//! Why a change to the records failed.

use std::fmt;

use super::refused::Refused;
use super::store::RecordsError;

/// Why a change was not made.
#[derive(Debug)]
pub enum ChangeError {
    /// It is not allowed.
    Refused(Refused),
    /// The file could not be read or written.
    Store(RecordsError),
}

impl From<Refused> for ChangeError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<RecordsError> for ChangeError {
    fn from(error: RecordsError) -> Self {
        Self::Store(error)
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChangeError {}
