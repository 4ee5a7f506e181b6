//! A user name, perhaps with a password, as a person types it: `NAME:PASSWORD`, or in an address.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::secret::SecretText;
use crate::client::address::{AddressError, Endpoint, LoginError};

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name of the user, without a colon.
    pub name: String,
    /// The password, if it is known.
    pub password: Option<SecretText>,
}

impl Login {
    /// Parses `NAME` or `NAME:PASSWORD`.
    pub fn parse(text: &str) -> Result<Self, LoginError> {
        let (name, password) = text.split_once(':').map_or((text, None), |(name, rest)| (name, Some(rest)));
        Self::of(name.to_owned(), password.map(|password| SecretText::new(password.to_owned())))
    }

    /// This user.
    pub(super) fn of(name: String, password: Option<SecretText>) -> Result<Self, LoginError> {
        let has_control = |text: &str| text.chars().any(char::is_control);
        if name.is_empty() {
            Err(LoginError::NoName)
        } else if name.contains(':') {
            Err(LoginError::Colon)
        } else if has_control(&name) || password.as_ref().is_some_and(|secret| has_control(secret.expose())) {
            Err(LoginError::Control)
        } else {
            Ok(Self { name, password })
        }
    }

    /// Takes the user name and the password out of an address, both percent-encoded; also returns the address without them.
    pub fn in_address(text: &str) -> Result<(Cow<'_, str>, Option<Self>), AddressError> {
        let Some((scheme, authority, path)) = split(text).filter(|(scheme, ..)| is_http(scheme)) else {
            return Ok((Cow::Borrowed(text), None));
        };
        let Some((user, host)) = authority.rsplit_once('@') else {
            // In `http://anna:pass/word@host`, the host seems to be `anna`.
            let is_cut = path.contains('@') && Endpoint::parse_authority(authority).is_err();
            return if is_cut {
                Err(AddressError::Login(LoginError::Delimiter))
            } else {
                Ok((Cow::Borrowed(text), None))
            };
        };
        let (name, password) = user.split_once(':').map_or((user, None), |(name, rest)| (name, Some(rest)));
        let password = password.map(decoded).transpose().map_err(AddressError::Login)?;
        let login = decoded(name).and_then(|name| Self::of(name, password.map(SecretText::new)));
        Ok((Cow::Owned(format!("{scheme}{host}{path}")), Some(login.map_err(AddressError::Login)?)))
    }
}

/// An address without what may be a user name and a password in it, for a message. It need not be valid.
pub fn without_login(text: &str) -> Cow<'_, str> {
    let Some((scheme, authority, path)) = split(text) else { return Cow::Borrowed(text) };
    match (authority.rsplit_once('@'), path.rsplit_once('@')) {
        (Some((_, host)), _) => Cow::Owned(format!("{scheme}{host}{path}")),
        (None, Some((_, host))) if Endpoint::parse_authority(authority).is_err() => {
            Cow::Owned(format!("{scheme}{host}"))
        }
        _ => Cow::Borrowed(text),
    }
}

/// The scheme with its slashes, the authority, and the rest of an address; `None` for a Unix socket.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    let is_scheme =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let (scheme, rest) = match text.find("://").filter(|end| is_scheme(&text[..*end])) {
        Some(end) => text.split_at(end + 3),
        None if text.starts_with("unix:") => return None,
        None => ("", text),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    Some((scheme, authority, path))
}

fn is_http(scheme: &str) -> bool {
    ["", "http://", "https://"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

fn decoded(text: &str) -> Result<String, LoginError> {
    let is_escape =
        |rest: &[u8]| matches!(rest, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if text.split('%').skip(1).any(|rest| !is_escape(rest.as_bytes())) {
        return Err(LoginError::Percent);
    }
    percent_decode_str(text).decode_utf8().map(Cow::into_owned).map_err(|_| LoginError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name and the password, for a comparison.
    fn shown(login: &Login) -> (&str, Option<&str>) {
        (&login.name, login.password.as_ref().map(SecretText::expose))
    }

    #[test]
    fn names_and_passwords_of_the_flag() {
        let table = [
            ("anna", Ok(("anna", None))),
            ("anna:", Ok(("anna", Some("")))),
            ("anna:a:b@c %41", Ok(("anna", Some("a:b@c %41")))),
            ("größe:pässword", Ok(("größe", Some("pässword")))),
            ("a@b.example", Ok(("a@b.example", None))),
            ("", Err(LoginError::NoName)),
            (":secret", Err(LoginError::NoName)),
            ("anna\n", Err(LoginError::Control)),
            ("anna:a\0b", Err(LoginError::Control)),
            ("anna:a\u{85}b", Err(LoginError::Control)),
        ];
        for (text, expected) in table {
            assert_eq!(Login::parse(text).as_ref().map(shown), expected.as_ref().map(|it| *it), "{text:?}");
        }
    }

    #[test]
    fn names_and_passwords_in_addresses() {
        let anna = ("anna", None);
        let table = [
            ("h:81", "h:81", None),
            ("http://h/a@b?c@d", "http://h/a@b?c@d", None),
            ("unix:@abstract", "unix:@abstract", None),
            ("unix:/a:b@c!/d", "unix:/a:b@c!/d", None),
            ("tftp://anna@h/", "tftp://anna@h/", None),
            ("anna@h", "h", Some(anna)),
            ("anna@h:81/a@b", "h:81/a@b", Some(anna)),
            ("HTTP://anna@h/a", "HTTP://h/a", Some(anna)),
            ("https://anna@[::1]:81/", "https://[::1]:81/", Some(anna)),
            ("https://anna@h?a", "https://h?a", Some(anna)),
            ("https://anna:@h", "https://h", Some(("anna", Some("")))),
            ("https://anna:a:b@h", "https://h", Some(("anna", Some("a:b")))),
            ("https://anna:a%40b%2Fc%25@h", "https://h", Some(("anna", Some("a@b/c%")))),
            ("https://anna:a@b@h", "https://h", Some(("anna", Some("a@b")))),
            ("https://gr%C3%B6%C3%9Fe:%20@h", "https://h", Some(("größe", Some(" ")))),
            ("https://a%40b.example@h", "https://h", Some(("a@b.example", None))),
        ];
        for (text, bare, login) in table {
            let (found, found_login) = Login::in_address(text).expect(text);
            assert_eq!((&*found, found_login.as_ref().map(shown)), (bare, login), "{text}");
            assert_eq!(
                without_login(text),
                if text.starts_with("tftp") { "tftp://h/" } else { bare },
                "{text}"
            );
        }
    }

    #[test]
    fn wrong_names_and_passwords_in_addresses() {
        let table = [
            ("@h", LoginError::NoName, "h"),
            ("http://:secret@h/", LoginError::NoName, "http://h/"),
            ("http://a%3Ab@h/", LoginError::Colon, "http://h/"),
            ("http://anna:a%0Ab@h/", LoginError::Control, "http://h/"),
            ("http://anna:50%@h/", LoginError::Percent, "http://h/"),
            ("http://anna:%zz@h/", LoginError::Percent, "http://h/"),
            ("http://anna:%ff@h/", LoginError::Encoding, "http://h/"),
            ("http://anna:pass/word@h/x", LoginError::Delimiter, "http://h/x"),
            ("anna:pass#word@h", LoginError::Delimiter, "h"),
            ("anna:?@h", LoginError::Delimiter, "h"),
            ("anna:a://b@h", LoginError::Delimiter, "h"),
        ];
        for (text, expected, bare) in table {
            let error = Login::in_address(text).expect_err(text);
            assert_eq!(error, AddressError::Login(expected), "{text}");
            assert_eq!(without_login(text), bare, "{text}");
            assert!(
                !["anna", "secret", "word"]
                    .iter()
                    .any(|part| error.to_string().contains(&format!("\"{part}")))
            );
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let login = Login::parse("anna:secret").expect("valid");
        assert_eq!(format!("{login:?}"), "Login { name: \"anna\", password: Some(…) }");
    }
}
