//! The fields of COPY and MOVE (RFC 4918 §10): where a request leads, and what happens to an existing entry there.
//!
//! Pure functions. The server decides whether the host of a destination is its own, and which path of the folder the
//! destination names.

use std::fmt;

use super::fields::Fields;
use super::request::split_port;
use super::target::{PathAndQuery, Target, TargetError};

/// Where a COPY or MOVE leads (RFC 4918 §10.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destination<'b> {
    /// `host:port`, if it is a URI. Its scheme is ignored, because it may differ behind a proxy.
    pub authority: Option<&'b str>,
    /// Its path, encoded. It has no query.
    pub path: PathAndQuery<'b>,
}

/// Why there is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DestinationError {
    /// The field is missing.
    Missing,
    /// There are several.
    Repeated,
    /// It has a fragment, which would name a part of a file.
    Fragment,
    /// It has a query: a `?` in a name has to be encoded.
    Query,
    /// It has a user name before its host (RFC 9110 §4.2.4).
    UserInfo,
    /// It is neither a path nor a URI of `http` or `https`.
    Malformed(TargetError),
}

/// Whether an existing entry with the destination's name is replaced (RFC 4918 §10.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// It is replaced. This is also the meaning of a request without the field.
    Allowed,
    /// The request fails.
    Forbidden,
}

/// How much of a directory a request applies to (RFC 4918 §10.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The directory itself.
    Zero,
    /// The directory and its entries.
    One,
    /// Everything below it.
    Infinity,
}

/// A field with a value that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldError {
    name: &'static str,
    expected: &'static str,
}

impl<'b> Destination<'b> {
    /// The destination of a request with these fields.
    pub fn of(fields: Fields<'_, 'b>) -> Result<Self, DestinationError> {
        let mut values = fields.all("Destination");
        match (values.next(), values.next()) {
            (None, _) => Err(DestinationError::Missing),
            (Some(value), None) => Self::parse(value),
            (Some(_), Some(_)) => Err(DestinationError::Repeated),
        }
    }

    /// Parses the value of a field, or another path or URI of the server.
    pub fn parse(value: &'b [u8]) -> Result<Self, DestinationError> {
        let text = std::str::from_utf8(value).map_err(|_| DestinationError::Malformed(TargetError::Byte))?;
        if text.contains('#') {
            return Err(DestinationError::Fragment);
        }
        if has_user_info(text) {
            return Err(DestinationError::UserInfo);
        }
        let (authority, path) = match Target::parse(text).map_err(DestinationError::Malformed)? {
            Target::Origin(path) => (None, path),
            Target::Absolute { authority, path } => (Some(authority), path),
            Target::Authority(_) | Target::Asterisk => {
                return Err(DestinationError::Malformed(TargetError::Form));
            }
        };
        if path.query().is_some() { Err(DestinationError::Query) } else { Ok(Self { authority, path }) }
    }
}

/// Whether the authority of a URI of `http` or `https` has a user name.
fn has_user_info(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) && authority.contains('@')
}

/// The port of an authority, or `None` if it is a default port, which URLs leave out.
pub fn unusual_port(authority: &str) -> Option<&str> {
    let (_, port) = split_port(authority);
    (!matches!(port, "" | "80" | "443")).then_some(port)
}

impl Overwrite {
    /// What a request with these fields asks for.
    pub fn of(fields: Fields<'_, '_>) -> Result<Self, FieldError> {
        match single(fields, "Overwrite", "T or F")? {
            None => Ok(Self::Allowed),
            Some(value) if value.eq_ignore_ascii_case(b"T") => Ok(Self::Allowed),
            Some(value) if value.eq_ignore_ascii_case(b"F") => Ok(Self::Forbidden),
            Some(_) => Err(FieldError { name: "Overwrite", expected: "T or F" }),
        }
    }
}

impl Depth {
    /// The depth that these fields request. Without the field, it is infinity, as for DELETE, COPY and MOVE.
    pub fn of(fields: Fields<'_, '_>) -> Result<Self, FieldError> {
        const EXPECTED: &str = "0, 1 or infinity";
        match single(fields, "Depth", EXPECTED)? {
            None => Ok(Self::Infinity),
            Some(b"0") => Ok(Self::Zero),
            Some(b"1") => Ok(Self::One),
            Some(value) if value.eq_ignore_ascii_case(b"infinity") => Ok(Self::Infinity),
            Some(_) => Err(FieldError { name: "Depth", expected: EXPECTED }),
        }
    }
}

/// The value of a field that may occur once.
fn single<'b>(
    fields: Fields<'_, 'b>,
    name: &'static str,
    expected: &'static str,
) -> Result<Option<&'b [u8]>, FieldError> {
    let mut values = fields.all(name);
    let first = values.next();
    if values.next().is_some() { Err(FieldError { name, expected }) } else { Ok(first) }
}

impl fmt::Display for DestinationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("the request needs Destination: the new path"),
            Self::Repeated => f.write_str("the request has several Destinations (send one)"),
            Self::Fragment => f.write_str("the Destination has a fragment (encode # as %23)"),
            Self::Query => f.write_str("the Destination has a query (encode ? as %3F)"),
            Self::UserInfo => f.write_str("the Destination has a user name before its host (leave it out)"),
            Self::Malformed(TargetError::Form) => {
                f.write_str("the Destination is neither a path nor a URL of http or https")
            }
            Self::Malformed(error) => write!(f, "invalid Destination: {error}"),
        }
    }
}

impl std::error::Error for DestinationError {}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} must be {}", self.name, self.expected)
    }
}

impl std::error::Error for FieldError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines<'b>(fields: &[(&'b str, &'b [u8])]) -> Vec<httparse::Header<'b>> {
        fields.iter().map(|&(name, value)| httparse::Header { name, value }).collect()
    }

    #[test]
    fn destinations() {
        use DestinationError::{Fragment, Malformed, Query, UserInfo};
        let table: [(&[u8], Result<(Option<&str>, &str), DestinationError>); 27] = [
            (b"/a/b", Ok((None, "/a/b"))),
            (b"/", Ok((None, "/"))),
            (b"/a%2525", Ok((None, "/a%2525"))),
            (b"/a%20b/", Ok((None, "/a%20b/"))),
            ("/größe".as_bytes(), Ok((None, "/größe"))),
            (b"//h/a", Ok((None, "//h/a"))),
            (b"/../a", Ok((None, "/../a"))),
            (b"http://h/a", Ok((Some("h"), "/a"))),
            (b"HTTPS://h:8443/a", Ok((Some("h:8443"), "/a"))),
            (b"http://[::1]:80/a", Ok((Some("[::1]:80"), "/a"))),
            (b"http://h", Ok((Some("h"), "/"))),
            (b"/a#b", Err(Fragment)),
            (b"http://h/a#", Err(Fragment)),
            (b"/a?b", Err(Query)),
            (b"http://h?b", Err(Query)),
            (b"", Err(Malformed(TargetError::Form))),
            (b"a/b", Err(Malformed(TargetError::Form))),
            (b"*", Err(Malformed(TargetError::Form))),
            (b"h:80", Err(Malformed(TargetError::Form))),
            (b"ftp://h/a", Err(Malformed(TargetError::Form))),
            (b"http:///a", Err(Malformed(TargetError::Form))),
            (b"http://u@h/a", Err(UserInfo)),
            (b"HTTPS://u:p@h", Err(UserInfo)),
            (b"http://h/u@h", Ok((Some("h"), "/u@h"))),
            (b"/http://u@h", Ok((None, "/http://u@h"))),
            (b"/a b", Err(Malformed(TargetError::Byte))),
            (b"/\xff", Err(Malformed(TargetError::Byte))),
        ];
        for (value, expected) in table {
            let lines = lines(&[("destination", value)]);
            let found = Destination::of(Fields::new(&lines));
            let found = found.map(|found| (found.authority, found.path.raw()));
            assert_eq!(found, expected, "{}", String::from_utf8_lossy(value));
        }
        assert_eq!(Destination::of(Fields::new(&[])), Err(DestinationError::Missing));
        let twice = lines(&[("Destination", b"/a"), ("Destination", b"/a")]);
        assert_eq!(Destination::of(Fields::new(&twice)), Err(DestinationError::Repeated));
    }

    #[test]
    fn overwrite_and_depth() {
        use Overwrite::{Allowed, Forbidden};
        let overwrite: [(&[&[u8]], Option<Overwrite>); 8] = [
            (&[], Some(Allowed)),
            (&[b"T"], Some(Allowed)),
            (&[b"t"], Some(Allowed)),
            (&[b"F"], Some(Forbidden)),
            (&[b"f"], Some(Forbidden)),
            (&[b""], None),
            (&[b"false"], None),
            (&[b"T", b"T"], None),
        ];
        for (values, expected) in overwrite {
            let fields: Vec<_> = values.iter().map(|value| ("Overwrite", *value)).collect();
            assert_eq!(Overwrite::of(Fields::new(&lines(&fields))).ok(), expected, "{values:?}");
        }
        let depth: [(&[&[u8]], Option<Depth>); 9] = [
            (&[], Some(Depth::Infinity)),
            (&[b"infinity"], Some(Depth::Infinity)),
            (&[b"Infinity"], Some(Depth::Infinity)),
            (&[b"0"], Some(Depth::Zero)),
            (&[b"1"], Some(Depth::One)),
            (&[b"2"], None),
            (&[b"00"], None),
            (&[b"1,noroot"], None),
            (&[b"0", b"0"], None),
        ];
        for (values, expected) in depth {
            let fields: Vec<_> = values.iter().map(|value| ("Depth", *value)).collect();
            assert_eq!(Depth::of(Fields::new(&lines(&fields))).ok(), expected, "{values:?}");
        }
        let error = Depth::of(Fields::new(&lines(&[("Depth", b"x")]))).expect_err("no depth");
        assert_eq!(error.to_string(), "Depth must be 0, 1 or infinity");
    }

    #[test]
    fn ports() {
        for (authority, port) in [
            ("h", None),
            ("h:", None),
            ("h:80", None),
            ("h:443", None),
            ("h:8080", Some("8080")),
            ("[::1]", None),
            ("[::1]:8080", Some("8080")),
        ] {
            assert_eq!(unusual_port(authority), port, "{authority}");
        }
    }
}
