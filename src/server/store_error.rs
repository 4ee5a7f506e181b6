//! Why the store that servers share did not do what it was asked for.

use std::fmt;

/// Why a request to the store failed. The text is for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "shared"), allow(dead_code, reason = "there is no store"))]
pub(super) enum StoreError {
    /// It cannot be reached, so nothing was done.
    Unavailable(String),
    /// It has refused the request, so nothing was done.
    Refused(String),
    /// It did not answer, or it lost its replica: what was asked for may or may not have been done.
    Unconfirmed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(why) => write!(f, "the store is unavailable: {why}"),
            Self::Refused(why) => write!(f, "the store refuses: {why}"),
            Self::Unconfirmed(why) => write!(f, "the store does not confirm: {why}"),
        }
    }
}
