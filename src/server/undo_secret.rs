//! The secret of a client without an account. It gives the client access to its own entries of the trash.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::server::random;

/// The prefix of such an owner's name.
const OWNER: &str = "undo ";

/// 256 random bits, which only the client keeps, in a cookie. The trash has their SHA-256.
#[derive(Clone)]
pub(super) struct UndoSecret([u8; 32]);

impl UndoSecret {
    /// A new secret.
    pub(super) fn random() -> Self {
        let mut secret = [0; 32];
        for half in secret.chunks_exact_mut(16) {
            half.copy_from_slice(&random::bytes());
        }
        Self(secret)
    }

    /// Parses a secret that a client has sent. Only the exact form of [`UndoSecret::text`] is accepted.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut secret = [0; 32];
        if text.len() != 2 * secret.len() {
            return None;
        }
        for (byte, pair) in secret.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(secret))
    }

    /// The form in which it is sent: hexadecimal digits.
    pub(super) fn text(&self) -> String {
        hex(&self.0)
    }

    /// The name of the client as an owner in the trash. The secret cannot be derived from it.
    pub(super) fn owner(&self) -> String {
        format!("{OWNER}{}", hex(&Sha256::digest(self.0)))
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |digit: u8| char::from_digit(u32::from(digit), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl fmt::Debug for UndoSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UndoSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_written_is_parsed_back() {
        let (secret, other) = (UndoSecret::random(), UndoSecret::random());
        let parsed = UndoSecret::parse(secret.text().as_bytes()).expect("hexadecimal digits");
        assert_eq!(parsed.owner(), secret.owner());
        assert_ne!(secret.owner(), other.owner());
        assert!(!secret.owner().contains(&secret.text()) && !format!("{secret:?}").contains(&secret.text()));
    }

    #[test]
    fn nothing_else_is_a_secret() {
        let text = "0123456789abcdef".repeat(4);
        assert!(UndoSecret::parse(text.as_bytes()).is_some());
        for wrong in [text.to_uppercase(), text[1..].to_owned(), text.clone() + "0", text.replace('f', "g")] {
            assert!(UndoSecret::parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
        assert!(UndoSecret::parse(b"").is_none());
    }
}
