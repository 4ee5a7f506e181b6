//! Why a change to the records failed.

use std::fmt;

use super::cluster::ClusterError;
use super::refused::Refused;
use super::store::RecordsError;
use super::unusable::Unusable;

/// Why a change was not made.
#[derive(Debug)]
pub enum ChangeError {
    /// It is not allowed.
    Refused(Refused),
    /// The file could not be read or written.
    Store(RecordsError),
    /// The store that several servers share did not make it, or did not confirm it.
    Cluster(ClusterError),
}

impl From<Refused> for ChangeError {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Unusable> for ChangeError {
    fn from(reason: Unusable) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<RecordsError> for ChangeError {
    fn from(error: RecordsError) -> Self {
        Self::Store(error)
    }
}

impl From<ClusterError> for ChangeError {
    fn from(error: ClusterError) -> Self {
        Self::Cluster(error)
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Cluster(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChangeError {}
