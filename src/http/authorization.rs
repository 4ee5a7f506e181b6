//! A client's credentials: the `Authorization` field (RFC 9110 §11.4), with Basic (RFC 7617) or Bearer (RFC
//! 6750).

use std::fmt;
use std::str;

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

/// The credentials of a request. They are never printed, and decoded values are wiped from memory when they
/// are dropped.
#[derive(PartialEq, Eq)]
pub enum Credentials<'b> {
    /// A name and a password, unchecked: the name may be empty, and both may contain control characters.
    Basic {
        /// The text before the first colon.
        name: Zeroizing<String>,
        /// The bytes after it, as UTF-8.
        password: Zeroizing<Vec<u8>>,
    },
    /// A token, made of the characters of `token68`.
    Bearer(&'b str),
}

/// The field is malformed, or its scheme is neither Basic nor Bearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedCredentials;

impl<'b> Credentials<'b> {
    /// Parses the value of the field, without the white space around it: a scheme in any case, spaces, and `token68`.
    pub fn parse(value: &'b [u8]) -> Result<Self, MalformedCredentials> {
        let value = str::from_utf8(value).map_err(|_| MalformedCredentials)?;
        let (scheme, rest) = value.split_once(' ').ok_or(MalformedCredentials)?;
        let token = rest.trim_start_matches(' ');
        if !is_token68(token) {
            return Err(MalformedCredentials);
        }
        if scheme.eq_ignore_ascii_case("Basic") {
            basic(token)
        } else if scheme.eq_ignore_ascii_case("Bearer") {
            Ok(Self::Bearer(token))
        } else {
            Err(MalformedCredentials)
        }
    }
}

/// One or more characters, and then any number of `=`.
fn is_token68(text: &str) -> bool {
    let is_in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let text = text.trim_end_matches('=');
    !text.is_empty() && text.bytes().all(is_in_token)
}

/// `name:password` in padded base64. Text that is not UTF-8 is read as Latin-1, which older programs send.
fn basic(base64: &str) -> Result<Credentials<'static>, MalformedCredentials> {
    let mut space = Zeroizing::new(vec![0; base64.len() / 4 * 3]);
    let bytes = Base64::decode(base64, &mut space).map_err(|_| MalformedCredentials)?;
    let colon = bytes.iter().position(|byte| *byte == b':').ok_or(MalformedCredentials)?;
    let is_utf8 = str::from_utf8(bytes).is_ok();
    let text = |part: &[u8]| match str::from_utf8(part) {
        Ok(text) if is_utf8 => Zeroizing::new(text.to_owned()),
        _ => from_latin1(part),
    };
    let mut password = text(&bytes[colon + 1..]);
    let password = Zeroizing::new(std::mem::take(&mut *password).into_bytes());
    Ok(Credentials::Basic { name: text(&bytes[..colon]), password })
}

/// Each byte becomes the character with its number. The space is reserved first: a string that grows leaves
/// copies in memory.
fn from_latin1(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    text.extend(bytes.iter().map(|byte| char::from(*byte)));
    text
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(…)",
            Self::Bearer(_) => "Bearer(…)",
        })
    }
}

impl fmt::Display for MalformedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the Authorization field is malformed, or its scheme is neither Basic nor Bearer")
    }
}

impl std::error::Error for MalformedCredentials {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic() {
        // The base64 is from coreutils; the first two rows are from RFC 7617.
        let table: [(&str, &str, &[u8]); 13] = [
            ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin", b"open sesame"),
            ("Basic dGVzdDoxMjPCow==", "test", "123£".as_bytes()),
            ("basic dGVzdDoxMjPCow==", "test", "123£".as_bytes()),
            ("BASIC   dGVzdDoxMjPCow==", "test", "123£".as_bytes()),
            ("Basic dGVzdDoxMjOj", "test", "123£".as_bytes()),
            ("Basic Z3L232U6Z3L232U=", "größe", "größe".as_bytes()),
            // Only the password is not UTF-8.
            ("Basic w7Y6/w==", "Ã¶", "ÿ".as_bytes()),
            ("Basic YTpiOmM=", "a", b"b:c"),
            ("Basic Og==", "", b""),
            ("Basic OmE=", "", b"a"),
            ("Basic YTo=", "a", b""),
            ("Basic YTpiAGM=", "a", b"b\0c"),
            ("Basic YTpiDQpj", "a", b"b\r\nc"),
        ];
        for (value, name, password) in table {
            let expected = Credentials::Basic {
                name: Zeroizing::new(name.to_owned()),
                password: Zeroizing::new(password.to_vec()),
            };
            // `assert_eq!` would print nothing useful: `Debug` hides the content.
            assert!(Credentials::parse(value.as_bytes()) == Ok(expected), "{value}");
        }
    }

    #[test]
    fn bearer() {
        for (value, token) in
            [("Bearer wharf_abc", "wharf_abc"), ("bEARER   a", "a"), ("Bearer A-z0.9_~+/==", "A-z0.9_~+/==")]
        {
            assert!(Credentials::parse(value.as_bytes()) == Ok(Credentials::Bearer(token)), "{value}");
        }
    }

    #[test]
    fn malformed() {
        let table: [&[u8]; 36] = [
            b"",
            b" ",
            b"Basic",
            b"Basic ",
            b"Basic   ",
            b" Basic YTpi",
            b"Basic YTpi ",
            b"Basic\tYTpi",
            b"Basic \tYTpi",
            b"BasicYTpi",
            b"Basic: YTpi",
            b"Basic=YTpi",
            b"Basic YTpi YTpi",
            b"Basic YTpi,YTpi",
            b"Basic YTpi, Bearer a",
            b"Basic realm=\"a\"",
            // No colon: `ab`.
            b"Basic YWI=",
            // Missing padding, too much padding, or padding in the middle.
            b"Basic YTo",
            b"Basic YTo==",
            b"Basic YTpi=",
            b"Basic YTpi====",
            b"Basic YT=pi",
            b"Basic Og=",
            b"Basic =",
            // Nonzero bits after the last byte.
            b"Basic YTp=",
            b"Basic Oh==",
            // Characters of base64url, and characters that token68 has but base64 does not.
            b"Basic YTr_",
            b"Basic YTr-",
            b"Basic YT.i",
            b"Basic YTpi\xff",
            b"Bearer",
            b"Bearer ",
            b"Bearer a b",
            b"Bearer =",
            b"Bearer a=b",
            b"Digest YTpi",
        ];
        for value in table {
            let found = Credentials::parse(value);
            assert_eq!(found.err(), Some(MalformedCredentials), "{}", value.escape_ascii());
        }
    }

    #[test]
    fn nothing_is_printed() {
        for (value, expected) in [("Basic YTpi", "Ok(Basic(…))"), ("Bearer secret", "Ok(Bearer(…))")] {
            assert_eq!(format!("{:?}", Credentials::parse(value.as_bytes())), expected);
        }
    }
}
