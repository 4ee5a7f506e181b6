//! Chunk extensions (RFC 9112 §7.1.1): `;name`, `;name=value`, `;name="a value"`, with white space between the parts. They
//! are read and discarded.

use crate::http::fields::is_token_byte;

/// Where in the extensions a byte is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    /// After the size, or after a whole extension and white space: a semicolon.
    Before,
    /// After a semicolon: a name.
    Start,
    /// In a name.
    Name,
    /// After a name and white space: `=` or a semicolon.
    AfterName,
    /// After `=`: a value.
    Value,
    /// In a value that is a token.
    Token,
    /// In a quoted value; `Escaped` is after a backslash in it.
    Quoted,
    Escaped,
    /// After a quoted value.
    AfterQuoted,
}

impl Extension {
    /// Whether the line may end here.
    pub(super) fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Token | Self::AfterQuoted)
    }

    /// Handles a byte, which is not a control character other than tab; `None` if it is not allowed here.
    pub(super) fn step(self, byte: u8) -> Option<Self> {
        let is_space = byte == b' ' || byte == b'\t';
        match (self, byte) {
            (Self::Before | Self::AfterName | Self::Name | Self::Token | Self::AfterQuoted, b';') => {
                Some(Self::Start)
            }
            (Self::Name | Self::AfterName, b'=') => Some(Self::Value),
            (Self::Quoted, b'"') => Some(Self::AfterQuoted),
            (Self::Quoted, b'\\') => Some(Self::Escaped),
            (Self::Value, b'"') | (Self::Quoted | Self::Escaped, _) => Some(Self::Quoted),
            (Self::Before | Self::Start | Self::AfterName | Self::Value, _) if is_space => Some(self),
            (Self::Name, _) if is_space => Some(Self::AfterName),
            (Self::Token | Self::AfterQuoted, _) if is_space => Some(Self::Before),
            (Self::Start | Self::Name, _) if is_token_byte(byte) => Some(Self::Name),
            (Self::Value | Self::Token, _) if is_token_byte(byte) => Some(Self::Token),
            _ => None,
        }
    }
}
