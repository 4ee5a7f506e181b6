//! The names of members.
//!
//! A name that a member has chosen is 1 to 32 ASCII letters, digits, `-`, `_` and `.`, with at least one
//! letter or digit. Names are ASCII because they identify members. Beyond ASCII, letters that look alike (`a`
//! and Cyrillic `а`), letters without width, and case rules that differ by language would let one member
//! impersonate another. Messages may use any script. `.` and `..` are not names: the terminal client saves
//! downloads in a folder named after its user.
//!
//! A user with an account has the account's name, which may have any letters: the operator of the server has
//! chosen it.
//!
//! Names are compared in their [`folded`] form: `Ann` and `ann` are one name, shown as its member spelled it.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::folding::folded;
use crate::printable::Printable;

/// The longest name, in bytes: it fits in a column of a terminal and holds a first and a last name.
pub const MAX_NAME: usize = 32;

/// Names that a reader could take for the program itself.
pub const RESERVED: [&str; 5] = ["server", "wharf", "system", "admin", "root"];

/// A checked name, compared and hashed in its [`folded`] form.
#[derive(Debug, Clone, Eq)]
pub struct Name {
    shown: Box<str>,
    folded: Box<str>,
}

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// It is longer than [`MAX_NAME`]; this is its length in bytes.
    TooLong(usize),
    /// It has a character that names may not have.
    Character(char),
    /// It has neither a letter nor a digit.
    OnlyPunctuation,
    /// It is one of [`RESERVED`], in any case.
    Reserved,
}

impl Name {
    /// Checks a name as a client sent it; nothing is trimmed or corrected.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > MAX_NAME {
            return Err(NameError::TooLong(text.len()));
        }
        if let Some(invalid) = text.chars().find(|&c| !is_allowed(c)) {
            return Err(NameError::Character(invalid));
        }
        if !text.chars().any(|c| c.is_ascii_alphanumeric()) {
            return Err(NameError::OnlyPunctuation);
        }
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(text)) {
            return Err(NameError::Reserved);
        }
        Ok(Self::with(text))
    }

    /// The name of a user with an account. It fails only for a name without any visible character.
    pub fn of_user(text: &str) -> Result<Self, NameError> {
        Some(Self::with(text)).filter(|name| !name.folded.is_empty()).ok_or(NameError::Empty)
    }

    fn with(text: &str) -> Self {
        Self { shown: text.into(), folded: folded(text).into() }
    }

    /// The name as its member spelled it. It is untrusted text, because a user's name may have any character.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form in which the name is compared.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

/// The folded form.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.folded
    }
}

/// The name for a log or a message, without characters that affect a terminal.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable::text(&self.shown).fmt(f)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the name is empty (give one of 1 to {MAX_NAME} characters)"),
            Self::TooLong(len) => write!(f, "the name is {len} bytes long ({MAX_NAME} at most)"),
            Self::Character(c) => {
                write!(
                    f,
                    "a name cannot contain {} (use letters a-z, digits, '-', '_' and '.')",
                    c.escape_unicode()
                )
            }
            Self::OnlyPunctuation => write!(f, "a name needs a letter or a digit"),
            Self::Reserved => write!(f, "that name is reserved (choose another)"),
        }
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_checked() {
        let longest = "n".repeat(MAX_NAME);
        let too_long = "n".repeat(MAX_NAME + 1);
        let rows: [(&str, &str, Result<(), NameError>); 24] = [
            ("plain", "ann", Ok(())),
            ("all kinds", "Ann-B_c.9", Ok(())),
            ("one letter", "a", Ok(())),
            ("one digit", "7", Ok(())),
            ("leading dot", ".ann", Ok(())),
            ("longest", &longest, Ok(())),
            ("holds a reserved word", "server2", Ok(())),
            ("empty", "", Err(NameError::Empty)),
            ("too long", &too_long, Err(NameError::TooLong(33))),
            ("inner space", "ann b", Err(NameError::Character(' '))),
            ("outer space", " ann", Err(NameError::Character(' '))),
            ("newline", "ann\n", Err(NameError::Character('\n'))),
            ("NUL", "ann\0", Err(NameError::Character('\0'))),
            ("escape", "\u{1b}[2J", Err(NameError::Character('\u{1b}'))),
            ("slash", "a/b", Err(NameError::Character('/'))),
            ("markup", "<b>", Err(NameError::Character('<'))),
            ("Cyrillic look-alike", "\u{430}nn", Err(NameError::Character('\u{430}'))),
            ("bidi override", "a\u{202e}b", Err(NameError::Character('\u{202e}'))),
            ("accent", "zoé", Err(NameError::Character('é'))),
            ("dot", ".", Err(NameError::OnlyPunctuation)),
            ("parent", "..", Err(NameError::OnlyPunctuation)),
            ("dashes", "--", Err(NameError::OnlyPunctuation)),
            ("reserved", "server", Err(NameError::Reserved)),
            ("reserved, other case", "SerVer", Err(NameError::Reserved)),
        ];
        for (case, text, expected) in rows {
            assert_eq!(Name::new(text).map(|_| ()), expected, "{case}");
        }
    }

    #[test]
    fn every_reserved_name_is_rejected() {
        for name in RESERVED {
            assert_eq!(Name::new(&name.to_uppercase()), Err(NameError::Reserved), "{name}");
        }
    }

    #[test]
    fn names_compare_without_case_and_keep_their_spelling() {
        let (upper, lower) = (Name::new("Ann").unwrap(), Name::new("aNN").unwrap());
        assert_eq!(upper, lower);
        assert!(HashSet::from([upper.clone()]).contains(&lower));
        assert_ne!(upper, Name::new("Anna").unwrap());
        assert_eq!(upper.to_string(), "Ann");
    }

    #[test]
    fn an_error_escapes_control_characters() {
        assert!(NameError::Character('\u{1b}').to_string().contains(r"\u{1b}"));
    }

    #[cfg(feature = "accounts")]
    #[test]
    fn names_of_users_are_compared_as_they_look() {
        let rows = [
            ("anna", "ANNA", true),
            ("anna", "ａｎｎａ", true),
            ("anna", "an\u{200b}na", true),
            ("anna", "anna\u{fe0f}", true),
            ("anna", "\u{202e}anna", true),
            ("fiona", "ﬁona", true),
            ("zoé", "ZOE\u{301}", true),
            ("straße", "STRASSE", true),
            ("straße", "STRAẞE", true),
            ("ς", "Σ", true),
            ("K", "\u{212a}", true),
            ("anna", "аnna", false),
            ("anna", "anne", false),
            ("zoé", "zoe", false),
        ];
        for (one, other, same) in rows {
            let [one, other] = [one, other].map(|text| Name::of_user(text).unwrap());
            assert_eq!(one == other, same, "{one} {other}");
        }
        assert_eq!(Name::of_user("\u{200b}\u{3164}"), Err(NameError::Empty));
        assert_eq!(Name::of_user("a\u{202e}b").unwrap().to_string(), "a\\u{202e}b");
        // The ranges in which letters have case or compatible forms.
        let cased =
            ['\0'..='\u{33ff}', '\u{a000}'..='\u{abff}', '\u{f900}'..='\u{118ff}', '\u{1d400}'..='\u{1f1ff}'];
        for c in cased.into_iter().flatten() {
            let once = folded(c.encode_utf8(&mut [0; 4]));
            assert_eq!(folded(&once), once, "{c:?}");
            for other in [c.to_lowercase().collect::<String>(), c.to_uppercase().collect()] {
                assert_eq!(folded(&other), once, "{c:?}");
            }
        }
    }
}
