//! The names of users and groups.

use std::fmt;
use std::str::FromStr;

/// The longest name, in bytes: an email address in a certificate may have 254.
pub const NAME_LIMIT: usize = 255;

/// Names that stand for everybody and for all users in rules.
const RESERVED: [&str; 2] = ["everyone", "users"];

/// The name of a user. Names are compared by bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

/// The name of a group, without the `%` that rules put before it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName(String);

/// Why a text is not a valid name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountNameError {
    /// It is empty.
    Empty,
    /// It has more than [`NAME_LIMIT`] bytes.
    TooLong,
    /// Rules use it to mean many users.
    Reserved,
    /// It has this character, which is not allowed.
    Character(char),
}

impl UserName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GroupName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks a name. The characters that end a name in the file, in the `Authorization` header or in rules are
/// not allowed.
fn check(text: &str) -> Result<(), AccountNameError> {
    let is_wrong = |c: &char| matches!(c, '%' | ':' | ',' | '/' | '=') || c.is_whitespace() || c.is_control();
    if text.is_empty() {
        Err(AccountNameError::Empty)
    } else if text.len() > NAME_LIMIT {
        Err(AccountNameError::TooLong)
    } else if RESERVED.contains(&text) {
        Err(AccountNameError::Reserved)
    } else if let Some(wrong) =
        text.chars().find(is_wrong).or_else(|| text.chars().next().filter(|c| *c == '#'))
    {
        Err(AccountNameError::Character(wrong))
    } else {
        Ok(())
    }
}

impl FromStr for UserName {
    type Err = AccountNameError;

    fn from_str(text: &str) -> Result<Self, AccountNameError> {
        check(text).map(|()| Self(text.to_owned()))
    }
}

impl FromStr for GroupName {
    type Err = AccountNameError;

    fn from_str(text: &str) -> Result<Self, AccountNameError> {
        check(text).map(|()| Self(text.to_owned()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AccountNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name must not be empty"),
            Self::TooLong => write!(f, "a name has at most {NAME_LIMIT} bytes"),
            Self::Reserved => f.write_str("`everyone` and `users` stand for many users and cannot be names"),
            Self::Character('#') => f.write_str("a name must not begin with `#`"),
            Self::Character(c) => write!(f, "a name must not contain {c:?}"),
        }
    }
}

impl std::error::Error for AccountNameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "x".repeat(NAME_LIMIT + 1);
        let table = [
            ("anna", Ok(())),
            ("Anna.Müller", Ok(())),
            ("anna@example.org", Ok(())),
            ("a#b", Ok(())),
            ("Everyone", Ok(())),
            (&long[1..], Ok(())),
            (&long, Err(AccountNameError::TooLong)),
            ("", Err(AccountNameError::Empty)),
            ("everyone", Err(AccountNameError::Reserved)),
            ("users", Err(AccountNameError::Reserved)),
            ("%staff", Err(AccountNameError::Character('%'))),
            ("a:b", Err(AccountNameError::Character(':'))),
            ("a,b", Err(AccountNameError::Character(','))),
            ("a/b", Err(AccountNameError::Character('/'))),
            ("a=b", Err(AccountNameError::Character('='))),
            ("a b", Err(AccountNameError::Character(' '))),
            ("a\u{a0}b", Err(AccountNameError::Character('\u{a0}'))),
            ("a\0", Err(AccountNameError::Character('\0'))),
            ("a\u{85}", Err(AccountNameError::Character('\u{85}'))),
            ("#a", Err(AccountNameError::Character('#'))),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<UserName>().map(|_| ()), expected, "{text:?} as a user");
            assert_eq!(text.parse::<GroupName>().map(|_| ()), expected, "{text:?} as a group");
        }
    }
}
