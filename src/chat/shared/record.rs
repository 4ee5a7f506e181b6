//! What the store keeps about a member: the name, the account if there is one, and the hashes of its tokens.

use sha2::{Digest as _, Sha256};

use crate::chat::name::{MAX_NAME, Name};
use crate::chat::token::MemberToken;

/// The longest name of an account, in bytes (`accounts/name.rs`).
pub(super) const MAX_ACCOUNT: usize = 255;

/// Separates the name and the account. No name has it.
const SEPARATOR: char = '\0';

/// A member's record, which each server can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// The name in the room.
    pub name: Name,
    /// The name of the member's account; `None` without an account.
    pub account: Option<String>,
}

/// The hash of a token. The store has no tokens, so a copy of its data does not let anybody act as a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl MemberRecord {
    /// Parses what [`MemberRecord::to_text`] writes; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if let Some((name, account)) = text.split_once(SEPARATOR) {
            let account = Some(account).filter(|account| account.len() <= MAX_ACCOUNT)?.to_owned();
            return Some(Self { name: parse_name(name)?, account: Some(account) });
        }
        let name = Some(text).filter(|name| name.len() <= MAX_NAME)?;
        Some(Self { name: Name::new(name).ok()?, account: None })
    }

    /// The record as the store keeps it.
    pub fn to_text(&self) -> String {
        let name = self.name.as_str();
        self.account.as_ref().map_or_else(|| name.to_owned(), |account| format!("{name}{SEPARATOR}{account}"))
    }
}

impl TokenHash {
    /// The hash of a token. The token is random, so one round is enough.
    pub fn of(token: &MemberToken) -> Self {
        Self(Sha256::digest(token.expose()).into())
    }

    /// Parses what [`TokenHash::to_text`] writes; `None` for anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii() && text.len() == 64)?;
        let byte = |index: usize| u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok();
        let bytes: Vec<u8> = (0..32).map(byte).collect::<Option<_>>()?;
        Some(Self(bytes.try_into().ok()?)).filter(|hash| hash.to_text() == text)
    }

    /// The hash as the store keeps it.
    pub fn to_text(self) -> String {
        let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
    }
}

/// The name of a member, who may be a user with an account.
pub(super) fn parse_name(text: &str) -> Option<Name> {
    Some(text).filter(|text| text.len() <= MAX_ACCOUNT).and_then(|text| Name::of_user(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_back() {
        let name = Name::new("ann").expect("a name");
        for account in [None, Some("Ann M\u{fc}ller".to_owned()), Some(String::new())] {
            let record = MemberRecord { name: name.clone(), account };
            assert_eq!(MemberRecord::parse(record.to_text().as_bytes()), Some(record));
        }
    }

    #[test]
    fn a_hash_is_read_back() {
        let token = MemberToken::parse("2a-30313233343536373839616263646566").expect("a token");
        let hash = TokenHash::of(&token);
        assert_eq!(TokenHash::parse(hash.to_text().as_bytes()), Some(hash));
        let signed = "+1".repeat(32);
        for text in ["", "00", &signed, &hash.to_text().to_uppercase()] {
            assert_eq!(TokenHash::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn foreign_data_is_not_a_record() {
        let long = "x".repeat(300);
        for text in [b"" as &[u8], b"\xff", b"\0", b"\0ann", b"a b", b"server", long.as_bytes()] {
            assert_eq!(MemberRecord::parse(text), None, "{}", text.escape_ascii());
        }
    }
}
