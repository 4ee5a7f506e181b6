//! The secret of a record: 256 random bits. Only its SHA-256 is stored.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::hint::black_box;
use std::io;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::hex;
use super::random;

/// The beginning of each token. It lets people, and scanners for leaked secrets, recognise a token.
pub const TOKEN_PREFIX: &str = "wharf_";

/// The characters of base64url (RFC 4648 §5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The number of bytes, and of the characters in their written form, without padding.
const BYTES: usize = 32;
const CHARACTERS: usize = 43;

/// What a secret is used for. A secret that is used for anything else is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretUse {
    /// In a cookie: the session of a user or of the holder of a link.
    Session,
    /// In the `Authorization` header.
    Token,
    /// In the path of a link.
    Link,
}

/// The secret of a record. It is wiped from memory when it is dropped, and never printed.
pub struct RecordSecret {
    is_for: SecretUse,
    bytes: Zeroizing<[u8; BYTES]>,
}

/// The SHA-256 of a secret. It is compared in constant time.
#[derive(Clone, Copy)]
pub(super) struct SecretDigest([u8; 32]);

impl RecordSecret {
    /// A new secret.
    pub(super) fn random(is_for: SecretUse) -> io::Result<Self> {
        let mut bytes = Zeroizing::new([0; BYTES]);
        random::fill(&mut *bytes)?;
        Ok(Self { is_for, bytes })
    }

    /// Parses a secret that a client sent; `None` unless it is exactly in the form that
    /// [`RecordSecret::text`] writes.
    pub fn parse(is_for: SecretUse, text: &[u8]) -> Option<Self> {
        let text = match is_for {
            SecretUse::Token => text.strip_prefix(TOKEN_PREFIX.as_bytes())?,
            SecretUse::Session | SecretUse::Link => text,
        };
        decode(text).map(|bytes| Self { is_for, bytes })
    }

    /// The secret as it is sent: base64url without padding, after [`TOKEN_PREFIX`] for a token. The text is
    /// wiped when it is dropped.
    pub fn text(&self) -> Zeroizing<String> {
        let prefix = if self.is_for == SecretUse::Token { TOKEN_PREFIX } else { "" };
        // The string must not grow: that would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(prefix.len() + CHARACTERS));
        text.push_str(prefix);
        for three in self.bytes.chunks(3) {
            let bits =
                three.iter().enumerate().fold(0, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
            let sextets = [18, 12, 6, 0].map(|shift| (bits >> shift) as usize % ALPHABET.len());
            text.extend(sextets.iter().take(three.len() + 1).map(|sextet| char::from(ALPHABET[*sextet])));
        }
        text
    }

    /// How it is used.
    pub fn is_for(&self) -> SecretUse {
        self.is_for
    }

    /// The digest that is stored instead of the secret.
    pub(super) fn digest(&self) -> SecretDigest {
        SecretDigest(Sha256::digest(*self.bytes).into())
    }
}

/// Decodes base64url of exactly 32 bytes. The two spare bits must be zero, so each secret has only one form.
fn decode(text: &[u8]) -> Option<Zeroizing<[u8; BYTES]>> {
    if text.len() != CHARACTERS {
        return None;
    }
    let mut bytes = Zeroizing::new([0; BYTES]);
    let (mut bits, mut count, mut filled) = (0_u32, 0, 0);
    for character in text {
        let sextet = ALPHABET.iter().position(|known| known == character)?;
        bits = bits << 6 | sextet as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            *bytes.get_mut(filled)? = (bits >> count) as u8;
            filled += 1;
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(bytes)
}

impl SecretDigest {
    /// Parses the displayed form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        hex::parse(text).map(Self)
    }
}

impl PartialEq for SecretDigest {
    fn eq(&self, other: &Self) -> bool {
        // All bytes are compared; `black_box` keeps the compiler from ending the loop early.
        self.0.iter().zip(&other.0).fold(0, |differ, (one, other)| black_box(differ | (one ^ other))) == 0
    }
}

impl Eq for SecretDigest {}

impl Hash for SecretDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl fmt::Display for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest(…)")
    }
}

impl fmt::Debug for RecordSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USES: [SecretUse; 3] = [SecretUse::Session, SecretUse::Token, SecretUse::Link];

    #[test]
    fn secrets_are_written_as_base64url() {
        let secret = |byte| RecordSecret { is_for: SecretUse::Token, bytes: Zeroizing::new([byte; BYTES]) };
        assert_eq!(*secret(0).text(), format!("wharf_{}", "A".repeat(43)));
        assert_eq!(*secret(0xff).text(), format!("wharf_{}8", "_".repeat(42)));
        assert_eq!(*secret(0xfb).text(), "wharf_-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
        assert_eq!(format!("{:?} {:?}", secret(1), secret(1).digest()), "RecordSecret(…) SecretDigest(…)");
    }

    #[test]
    fn new_secrets_differ_and_come_back() {
        for is_for in USES {
            let new = || RecordSecret::random(is_for).expect("random bytes");
            let (one, other) = (new(), new());
            assert!(one.digest() != other.digest());
            let back = RecordSecret::parse(is_for, one.text().as_bytes()).expect("a secret");
            assert!(back.digest() == one.digest() && back.is_for() == is_for);
            assert_eq!(SecretDigest::parse(&one.digest().to_string()), Some(one.digest()));
        }
    }

    #[test]
    fn only_the_exact_form_is_parsed() {
        let text = "A".repeat(43);
        let table = [
            (String::new(), false),
            (text.clone(), true),
            (format!("wharf_{text}"), false),
            (text[1..].to_owned(), false),
            (format!("{text}A"), false),
            (format!("{text}="), false),
            (format!("{}=", &text[1..]), false),
            (format!("{} ", &text[1..]), false),
            (format!("{}+", &text[1..]), false),
            (format!("{}/", &text[1..]), false),
            (format!("{}B", &text[1..]), false),
            (format!("{}E", &text[1..]), true),
        ];
        for (text, expected) in table {
            let parse = |is_for, text: &str| RecordSecret::parse(is_for, text.as_bytes()).is_some();
            assert_eq!(parse(SecretUse::Session, &text), expected, "{text}");
            assert_eq!(parse(SecretUse::Link, &text), expected, "{text}");
            assert_eq!(parse(SecretUse::Token, &format!("wharf_{text}")), expected, "{text}");
        }
        assert!(RecordSecret::parse(SecretUse::Token, text.as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn whatever_is_parsed_has_one_form(text in prop::collection::vec(any::<u8>(), 40..46)) {
            let read = RecordSecret::parse(SecretUse::Link, &text);
            prop_assert!(read.is_none_or(|secret| secret.text().as_bytes() == text));
        }

        #[test]
        fn one_changed_bit_is_another_secret(bytes: [u8; BYTES], bit in 0..CHARACTERS * 8) {
            let secret = RecordSecret { is_for: SecretUse::Session, bytes: Zeroizing::new(bytes) };
            let mut text = secret.text().as_bytes().to_vec();
            text[bit / 8] ^= 1 << (bit % 8);
            let read = RecordSecret::parse(SecretUse::Session, &text);
            prop_assert!(read.is_none_or(|read| read.digest() != secret.digest()));
        }
    }
}
