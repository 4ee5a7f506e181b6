//! Why a text is not a rule.

use std::fmt;

use super::right::Rights;
use crate::path::PathError;

/// Why a text is not a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// It has no `=`.
    Form,
    /// This cannot be a subject.
    Subject(String),
    /// This is neither a right nor a preset.
    Right(String),
    /// `none` is combined with rights.
    NoneAndMore,
    /// The path cannot be one in the folder.
    Path(PathError),
    /// `@PATH` stands behind `from`.
    PathAfterFrom,
    /// A right that applies to the whole server is given for a path.
    NotByPath,
    /// The text after `from` is not a network, for this reason.
    From(String),
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str(
                "a rule is SUBJECT=RIGHTS, SUBJECT=RIGHTS@PATH, or one of them with \" from CIDR\"",
            ),
            Self::Subject(text) => {
                write!(f, "{text:?} cannot be a subject (use everyone, users, a name or %group)")
            }
            Self::Right(text) => {
                let names = Rights::names().collect::<Vec<_>>().join(", ");
                write!(f, "unknown right {text:?} (use {names} or none)")
            }
            Self::NoneAndMore => f.write_str("none stands alone (give the others in a rule of their own)"),
            Self::Path(error) => error.fmt(f),
            Self::PathAfterFrom => f.write_str("@PATH comes before \"from\" (SUBJECT=RIGHTS@PATH from CIDR)"),
            Self::NotByPath => f.write_str("chat and admin hold for the whole server (leave out @PATH)"),
            Self::From(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RuleError {}
