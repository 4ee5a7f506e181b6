//! Why a change to the records is refused.

use std::fmt;

use super::limits::{FILE_LIMIT, LINKS_PER_GIVER, RECORDS, TOKENS_PER_USER};
use super::token_name::TokenName;
use super::unusable::Unusable;

/// Why a change is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A limit is reached.
    Limit(RecordLimit),
    /// The user already has a token with this name.
    NameTaken(TokenName),
    /// The link cannot be used, or the new record would already have expired.
    Unusable(Unusable),
}

/// The limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordLimit {
    /// Tokens of one user.
    Tokens,
    /// Links of one user.
    Links,
    /// Records of all users.
    All,
    /// The bytes of the file.
    Size,
}

impl From<Unusable> for Refused {
    fn from(reason: Unusable) -> Self {
        Self::Unusable(reason)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(limit) => limit.fmt(f),
            Self::NameTaken(name) => write!(f, "there is a token {name} already (remove it first)"),
            Self::Unusable(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for RecordLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tokens => write!(f, "a user has at most {TOKENS_PER_USER} tokens (remove one first)"),
            Self::Links => write!(f, "a user has at most {LINKS_PER_GIVER} links (revoke one first)"),
            Self::Size => write!(
                f,
                "all sessions, tokens and links take at most {FILE_LIMIT} bytes (revoke some first)"
            ),
            Self::All => {
                write!(f, "there are at most {RECORDS} sessions, tokens and links (revoke some first)")
            }
        }
    }
}

impl std::error::Error for Refused {}
