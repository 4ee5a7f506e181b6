//! Why a secret is not valid.

use std::fmt;

/// Why a record cannot be used. A response must not reveal which of these reasons applies to a session or token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// There is no such record.
    Unknown,
    /// It was revoked.
    Revoked,
    /// It has expired.
    Expired,
    /// The link has been used the maximum number of times.
    UsedUp,
    /// The records cannot be read at the moment, so no record is valid.
    Unavailable,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "it does not exist",
            Self::Revoked => "it was revoked",
            Self::Expired => "it has expired",
            Self::UsedUp => "it has been used the maximum number of times",
            Self::Unavailable => "the records cannot be read",
        })
    }
}

impl std::error::Error for Unusable {}
