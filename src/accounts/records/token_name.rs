//! The name of a token.

use std::fmt;
use std::str::FromStr;

use crate::printable::Printable;

/// The longest name, in bytes.
pub const TOKEN_NAME_LIMIT: usize = 64;

/// The name that a user gives a token, such as `backup`. Names are compared by bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenName(String);

/// Why a text is not a valid token name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongTokenName {
    /// It is empty.
    Empty,
    /// It has more than [`TOKEN_NAME_LIMIT`] bytes.
    TooLong,
    /// It has this character, which is not allowed.
    Character(char),
}

impl TokenName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenName {
    type Err = WrongTokenName;

    /// A name has no space, which would end it in the file, no slash, which would end it in a URL, and no
    /// invisible character.
    fn from_str(text: &str) -> Result<Self, WrongTokenName> {
        let is_wrong = |c: &char| {
            let is_plain = Printable::text(c.encode_utf8(&mut [0; 4])).is_plain();
            c.is_whitespace() || *c == '/' || !is_plain
        };
        if text.is_empty() {
            Err(WrongTokenName::Empty)
        } else if text.len() > TOKEN_NAME_LIMIT {
            Err(WrongTokenName::TooLong)
        } else if let Some(wrong) = text.chars().find(is_wrong) {
            Err(WrongTokenName::Character(wrong))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for WrongTokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name of a token must not be empty"),
            Self::TooLong => write!(f, "the name of a token has at most {TOKEN_NAME_LIMIT} bytes"),
            Self::Character(c) => write!(f, "the name of a token must not contain {c:?}"),
        }
    }
}

impl std::error::Error for WrongTokenName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "x".repeat(TOKEN_NAME_LIMIT + 1);
        let table = [
            ("backup", Ok(())),
            ("größe=1", Ok(())),
            (&long[1..], Ok(())),
            (&long, Err(WrongTokenName::TooLong)),
            ("", Err(WrongTokenName::Empty)),
            ("a b", Err(WrongTokenName::Character(' '))),
            ("a/b", Err(WrongTokenName::Character('/'))),
            ("a\\b", Err(WrongTokenName::Character('\\'))),
            ("a\nb", Err(WrongTokenName::Character('\n'))),
            ("a\u{200b}", Err(WrongTokenName::Character('\u{200b}'))),
            ("a\u{a0}", Err(WrongTokenName::Character('\u{a0}'))),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<TokenName>().map(|_| ()), expected, "{text:?}");
        }
    }
}
