//! Users that do not identify themselves. A trusted proxy names the user of a request in a header field. The kernel
//! names the user of a program at a Unix-domain socket. Such requests need no further credentials.

use std::fmt;
use std::str::FromStr;

use crate::server::login_names::LoginNames;

/// Header fields to which clients or wharf itself already give a meaning.
const TAKEN: [&str; 9] = [
    "authorization",
    "cookie",
    "connection",
    "content-length",
    "content-type",
    "forwarded",
    "host",
    "origin",
    "transfer-encoding",
];

/// What may name the user of a request: by default, nothing.
#[derive(Debug, Default)]
pub struct AmbientUsers {
    /// The field in which trusted proxies name the user.
    pub header: Option<UserHeader>,
    /// The login names of programs at Unix-domain sockets, if these count as users.
    pub login_names: Option<LoginNames>,
}

/// The name of a field in which a trusted proxy names the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserHeader(String);

impl UserHeader {
    /// The name of the field.
    pub(super) fn name(&self) -> &str {
        &self.0
    }
}

/// A token (RFC 9110 §5.1) that has no other meaning.
impl FromStr for UserHeader {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_token) {
            return Err(format!("{text:?} cannot be the name of a header field (such as Remote-User)"));
        }
        let lower = text.to_ascii_lowercase();
        if TAKEN.contains(&&*lower) || lower.starts_with("x-forwarded-for") || lower.starts_with("sec-") {
            return Err(format!("{text} has another meaning (name a field that only the proxy sets)"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for UserHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields() {
        let table = [
            ("Remote-User", true),
            ("X-Forwarded-User", true),
            ("X-Forwarded-Preferred-Username", true),
            ("remote_user", true),
            ("", false),
            ("Remote User", false),
            ("Remote-User:", false),
            ("Nom-d\u{e9}", false),
            ("COOKIE", false),
            ("Authorization", false),
            ("X-Forwarded-For", false),
            ("Sec-Fetch-Site", false),
        ];
        for (name, is_one) in table {
            assert_eq!(name.parse::<UserHeader>().is_ok(), is_one, "{name:?}");
        }
    }
}
