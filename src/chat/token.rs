//! Tokens: how a client proves that it is a member.
//!
//! A token is the member's number and a secret, as `NUMBER-SECRET` in hexadecimal (characters that need no escape in a
//! header). The number finds the member, and the secret is the proof. So a lookup compares only one secret, and the
//! comparison takes the same time wherever the first wrong byte is.
//!
//! The room has no source of randomness: the caller gets the secret's bytes from the system.

use std::fmt;
use std::hint::black_box;

use super::person::MemberId;

/// The length of a secret, in bytes: 128 bits cannot be guessed over a network.
pub const SECRET_LEN: usize = 16;

/// The secret half of a token. Its `Debug` does not show it, and it has no `==`: see [`Secret::matches`].
#[derive(Clone)]
pub struct Secret([u8; SECRET_LEN]);

/// What a client sends with each request. Its `Debug` hides the secret; only [`MemberToken::expose`] shows it.
#[derive(Debug, Clone)]
pub struct MemberToken {
    member: MemberId,
    secret: Secret,
}

impl Secret {
    /// Takes bytes from the system's source of randomness.
    pub fn new(bytes: [u8; SECRET_LEN]) -> Self {
        Self(bytes)
    }

    /// Whether both secrets are equal, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        // All bytes are compared; `black_box` keeps the compiler from ending the loop early.
        let difference = self.0.iter().zip(&other.0).fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
        difference == 0
    }
}

impl MemberToken {
    /// A token of this member.
    pub fn new(member: MemberId, secret: Secret) -> Self {
        Self { member, secret }
    }

    /// The same secret, for this member.
    #[must_use]
    pub fn of_member(self, member: MemberId) -> Self {
        Self { member, ..self }
    }

    /// Parses a token as a client sent it.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, secret) = text.split_once('-')?;
        let member = MemberId(u64::from_str_radix(number, 16).ok()?);
        // Rust's parser also accepts a shorter number, and a sign.
        let is_whole =
            secret.len() == 2 * SECRET_LEN && secret.bytes().all(|digit| digit.is_ascii_hexdigit());
        let secret = u128::from_str_radix(secret, 16).ok().filter(|_| is_whole)?;
        Some(Self::new(member, Secret(secret.to_be_bytes())))
    }

    /// The token in plain text: for its owner, never for a log.
    pub fn expose(&self) -> String {
        format!("{:x}-{:032x}", self.member.0, u128::from_be_bytes(self.secret.0))
    }

    /// The member that it belongs to.
    pub fn member(&self) -> MemberId {
        self.member
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exposed_token_is_read_back() {
        let token = MemberToken::new(MemberId(0x2a), Secret::new(*b"0123456789abcdef"));
        assert_eq!(token.expose(), "2a-30313233343536373839616263646566");
        let again = MemberToken::parse(&token.expose()).unwrap();
        assert_eq!(again.member(), MemberId(0x2a));
        assert!(again.secret().matches(token.secret()));
    }

    #[test]
    fn malformed_tokens_are_rejected() {
        let rows = [
            ("empty", ""),
            ("no dash", "30313233343536373839616263646566"),
            ("no number", "-30313233343536373839616263646566"),
            ("short secret", "1-3031"),
            ("half a byte", "1-303132333435363738396162636465661"),
            ("long secret", "1-3031323334353637383961626364656600"),
            ("not hexadecimal", "1-g0313233343536373839616263646566"),
            ("signed digits", "1-+0313233343536373839616263646566"),
            ("empty secret", "1-"),
            ("number too big", "10000000000000000-30313233343536373839616263646566"),
            ("not ASCII", "1-é0313233343536373839616263646566"),
        ];
        for (case, text) in rows {
            assert!(MemberToken::parse(text).is_none(), "{case}");
        }
    }

    #[test]
    fn a_secret_that_differs_anywhere_does_not_match() {
        let secret = Secret::new([0xa5; SECRET_LEN]);
        assert!(secret.matches(&secret.clone()));
        for place in 0..SECRET_LEN {
            for bit in 0..8 {
                let mut other = [0xa5; SECRET_LEN];
                other[place] ^= 1 << bit;
                assert!(!secret.matches(&Secret::new(other)), "byte {place}, bit {bit}");
            }
        }
    }

    #[test]
    fn debug_hides_the_secret() {
        let token = MemberToken::new(MemberId(1), Secret::new([0xab; SECRET_LEN]));
        let shown = format!("{token:?} {token:#?}");
        assert!(shown.contains("hidden"));
        assert!(!shown.contains("171") && !shown.to_lowercase().contains("ab, ") && !shown.contains("abab"));
    }
}
