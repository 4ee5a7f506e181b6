//! The `Authorization` field: a user name and a password (Basic, RFC 7617), or a token (Bearer, RFC 6750).

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use super::secret::SecretText;
use crate::http::status::Status;

/// The alphabet of base64 (RFC 4648 §4).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value that the client sends to one server with each request, and whether the server accepted it.
#[derive(Debug)]
pub struct Authorization {
    value: SecretText,
    kind: CredentialKind,
    /// A [`Verdict`].
    verdict: AtomicU8,
}

/// What a client identifies itself with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A user name and a password.
    Password,
    /// A token.
    Token,
}

/// The first response to the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Verdict {
    /// There was no response yet.
    Open,
    /// The server accepted them: it did not respond with 401. If it does so later, only the requested path is refused.
    Accepted,
    /// The server responded with 401.
    Refused,
}

/// The text is no token (RFC 6750 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAToken;

impl Authorization {
    /// A user name and a password, in UTF-8.
    pub fn basic(name: &str, password: &SecretText) -> Self {
        let pair = SecretText::new(format!("{name}:{}", password.expose()));
        Self::of(format!("Basic {}", base64(pair.expose().as_bytes())), CredentialKind::Password)
    }

    /// A token.
    pub fn bearer(token: &SecretText) -> Result<Self, NotAToken> {
        let body = token.expose().trim_end_matches('=');
        let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if body.is_empty() || !body.bytes().all(is_of_token) {
            return Err(NotAToken);
        }
        Ok(Self::of(format!("Bearer {}", token.expose()), CredentialKind::Token))
    }

    fn of(value: String, kind: CredentialKind) -> Self {
        Self { value: SecretText::new(value), kind, verdict: AtomicU8::new(Verdict::Open as u8) }
    }

    /// What it consists of.
    pub fn kind(&self) -> CredentialKind {
        self.kind
    }

    /// The value of the field.
    pub(in crate::client) fn value(&self) -> &str {
        self.value.expose()
    }

    /// Notes the status of a response to a request with these credentials.
    pub(in crate::client) fn note(&self, status: Status) {
        let verdict = if status == Status::UNAUTHORIZED { Verdict::Refused } else { Verdict::Accepted };
        // Only the first response counts.
        let _ = self.verdict.compare_exchange(
            Verdict::Open as u8,
            verdict as u8,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Whether the server has refused the credentials: sending them again would only count as another guess.
    pub(in crate::client) fn is_refused(&self) -> bool {
        self.verdict.load(Ordering::Relaxed) == Verdict::Refused as u8
    }
}

impl fmt::Display for NotAToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token consists of letters, digits and - . _ ~ + / =")
    }
}

impl std::error::Error for NotAToken {}

/// Encodes bytes in base64, with padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let all = chunk.iter().chain(&[0, 0]).take(3).fold(0, |all, byte| all << 8 | usize::from(*byte));
        for (place, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = if place <= chunk.len() { ALPHABET.get(all >> shift & 63).copied() } else { None };
            text.push(char::from(digit.unwrap_or(b'=')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_specification() {
        // RFC 4648 §10.
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("\u{fb}\u{ff}~", "w7vDv34="),
        ];
        for (text, expected) in table {
            assert_eq!(base64(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn the_value_of_the_field() {
        // RFC 7617 §2 and §2.1.
        let basic = |name, password: &str| Authorization::basic(name, &SecretText::new(password.to_owned()));
        assert_eq!(basic("Aladdin", "open sesame").value(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(basic("test", "123\u{a3}").value(), "Basic dGVzdDoxMjPCow==");
        assert_eq!(basic("a", "").value(), "Basic YTo=");
        assert!(!format!("{:?}", basic("test", "1")).contains("dGVz"));
    }

    #[test]
    fn tokens() {
        let bearer = |text: &str| Authorization::bearer(&SecretText::new(text.to_owned()));
        for text in ["a", "wharf_aZ09-._~+/", "a=="] {
            assert_eq!(bearer(text).expect(text).value(), format!("Bearer {text}"));
        }
        for text in ["", "=", "a b", "a=b", "a\r\nb", "größe", "a,b"] {
            assert_eq!(bearer(text).map(|_| ()), Err(NotAToken), "{text:?}");
        }
    }

    #[test]
    fn only_the_first_response_decides() {
        let table = [
            (vec![], false),
            (vec![Status::UNAUTHORIZED], true),
            (vec![Status::UNAUTHORIZED, Status::OK], true),
            (vec![Status::OK, Status::UNAUTHORIZED], false),
            (vec![Status::FORBIDDEN, Status::UNAUTHORIZED], false),
        ];
        for (statuses, expected) in table {
            let authorization = Authorization::basic("a", &SecretText::new("b".to_owned()));
            for status in &statuses {
                authorization.note(*status);
            }
            assert_eq!(authorization.is_refused(), expected, "{statuses:?}");
        }
    }
}
