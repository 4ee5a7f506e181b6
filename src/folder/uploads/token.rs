//! The name of an unfinished upload: whoever knows it may go on with it.

use std::fmt;

/// How many bytes of chance a token has: 128 bits, which nobody guesses.
pub const TOKEN_BYTES: usize = 16;

/// A token. It is made from bytes that nobody can foretell, and is written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadToken([u8; TOKEN_BYTES]);

impl UploadToken {
    /// Of bytes from the system's source of chance.
    pub fn new(chance: [u8; TOKEN_BYTES]) -> Self {
        Self(chance)
    }

    /// Reads one as it is written; nothing else is a token, no capitals, no shorter one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 2 * TOKEN_BYTES || !text.bytes().all(is_hex) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for UploadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// It gives a right, so it is not shown.
impl fmt::Debug for UploadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_written_in_one_way() {
        let token = UploadToken::new([0, 1, 0xab, 0xff, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let text = token.to_string();
        assert_eq!(text, "0001abff0405060708090a0b0c0d0e0f");
        assert_eq!(UploadToken::parse(&text), Some(token));
        for wrong in ["", "0001ABFF0405060708090a0b0c0d0e0f", &text[1..], "+001abff0405060708090a0b0c0d0e0f"]
        {
            assert_eq!(UploadToken::parse(wrong), None, "{wrong}");
        }
        assert_eq!(format!("{token:?}"), "UploadToken(..)");
    }
}
