//! Why the text of a search is refused.

use std::fmt;

/// The longest text of a search, in bytes: as long as the longest name.
pub const LONGEST_TEXT: usize = 255;

/// Why the text of a search is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// It is empty.
    Empty,
    /// It is longer than [`LONGEST_TEXT`].
    TooLong,
    /// A `[` has no `]`, or nothing is between them.
    Class,
    /// A range of characters ends before it begins.
    Range,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no text to search for"),
            Self::TooLong => write!(f, "the text to search for is longer than {LONGEST_TEXT} bytes"),
            Self::Class => {
                f.write_str("the pattern has a \"[\" without its \"]\" (write [[] for the character)")
            }
            Self::Range => f.write_str("a range in the pattern ends before it begins, as in [z-a]"),
        }
    }
}

impl std::error::Error for PatternError {}
