//! The token of an unfinished upload: any client that knows it may continue the upload.

use std::fmt;

/// The number of random bytes in a token: 128 bits cannot be guessed.
const TOKEN_BYTES: usize = 16;

/// A token, made from unpredictable bytes and written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadToken([u8; TOKEN_BYTES]);

impl UploadToken {
    /// Takes bytes from the system's source of randomness.
    pub fn new(random: [u8; TOKEN_BYTES]) -> Self {
        Self(random)
    }

    /// Parses a token in exactly the form that `Display` writes; capitals and other lengths are rejected.
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

/// Hides the token, because it grants access to the upload.
impl fmt::Debug for UploadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_one_written_form() {
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
