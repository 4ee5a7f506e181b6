//! A record as a line of the file.
//!
//! ```text
//! session 3f8k2m9q user=anna version=… secret=… created=2026-11-29T21:51:03Z expires=2026-12-29T21:51:03Z used=2026-11-29T21:51:03Z
//! link 7dm0qe2x user=anna version=… secret=… created=… expires=… path=/in%20box rights=list,read uses=5 password=$argon2id$…
//! ```
//!
//! Each record has only one form, with its fields in a fixed order: a parsed line is printed again, and must
//! be the same.

use std::fmt;
use std::iter::Peekable;
use std::str::{FromStr, Split};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use super::record::{Purpose, Record, RecordEnd, RecordNotes, RecordScope};
use super::secret::SecretDigest;
use super::version::UserVersion;
use crate::path::SharePath;

/// The characters that are encoded in a path: all but letters, digits, `-`, `.`, `_`, `~` and `/`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The value of `uses` for a link that can be used any number of times.
const UNLIMITED: &str = "unlimited";

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordLineError {
    /// It is not UTF-8.
    NotUtf8,
    /// It does not begin with the kind of a record.
    UnknownKind,
    /// This field is missing or out of order.
    Missing(&'static str),
    /// The value of this field is invalid.
    Wrong(&'static str),
    /// It is not in the form in which wharf writes it.
    Form,
}

impl Record {
    /// Parses a line.
    pub(super) fn parse(text: &str) -> Result<Self, RecordLineError> {
        let mut fields = Fields(text.split(' ').peekable());
        let kind = fields.0.next().unwrap_or_default();
        let record = Self {
            id: fields.0.next().and_then(|id| id.parse().ok()).ok_or(RecordLineError::Wrong("id"))?,
            user: fields.parse("user")?,
            version: fields.read("version", UserVersion::parse)?,
            digest: fields.read("secret", SecretDigest::parse)?,
            created: fields.parse("created")?,
            expires: fields.parse("expires")?,
            end: fields.end()?,
            purpose: fields.purpose(kind)?,
            notes: RecordNotes::default(),
        };
        if RecordLine(&record).to_string() == text { Ok(record) } else { Err(RecordLineError::Form) }
    }
}

/// The rest of a line.
struct Fields<'t>(Peekable<Split<'t, char>>);

impl<'t> Fields<'t> {
    fn purpose(&mut self, kind: &str) -> Result<Purpose, RecordLineError> {
        Ok(match kind {
            "session" => Purpose::Session { last_used: self.parse("used")? },
            "visit" => {
                Purpose::Visit { link: self.parse("link")?, scope: self.scope()?, is_drop: self.flag("drop") }
            }
            "token" => Purpose::Token { name: self.parse("name")?, scope: self.scope()? },
            "link" => Purpose::Link {
                scope: self.scope()?,
                uses_left: self.read("uses", |text| match text {
                    UNLIMITED => Some(None),
                    number => number.parse().ok().map(Some),
                })?,
                is_drop: self.flag("drop"),
                password: self.optional("password", |text| text.parse().ok())?,
            },
            _ => return Err(RecordLineError::UnknownKind),
        })
    }

    fn scope(&mut self) -> Result<RecordScope, RecordLineError> {
        Ok(RecordScope { path: self.read("path", path)?, rights: self.parse("rights")? })
    }

    fn end(&mut self) -> Result<Option<RecordEnd>, RecordLineError> {
        let end = |is_revoked| move |text: &str| Some(RecordEnd { at: text.parse().ok()?, is_revoked });
        match self.optional("revoked", end(true))? {
            None => self.optional("expired", end(false)),
            end => Ok(end),
        }
    }

    fn parse<T: FromStr>(&mut self, key: &'static str) -> Result<T, RecordLineError> {
        self.read(key, |text| text.parse().ok())
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, RecordLineError> {
        self.optional(key, parse)?.ok_or(RecordLineError::Missing(key))
    }

    /// The value of the next field, if it has this key.
    fn optional<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, RecordLineError> {
        let value = |field: &'t str| field.strip_prefix(key)?.strip_prefix('=');
        let Some(value) = self.0.peek().copied().and_then(value) else { return Ok(None) };
        self.0.next();
        parse(value).map(Some).ok_or(RecordLineError::Wrong(key))
    }

    fn flag(&mut self, key: &str) -> bool {
        self.0.next_if(|field| *field == key).is_some()
    }
}

fn path(text: &str) -> Option<SharePath> {
    let bytes: Vec<u8> = percent_decode_str(text.strip_prefix('/')?).collect();
    SharePath::parse(&bytes).ok()
}

/// A record as a line. This is a separate type, because the hashes in it must not get into a log.
pub(super) struct RecordLine<'r>(pub(super) &'r Record);

impl fmt::Display for RecordLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record { id, user, version, digest, created, expires, end, purpose, notes: _ } = self.0;
        let kind = match purpose {
            Purpose::Session { .. } => "session",
            Purpose::Visit { .. } => "visit",
            Purpose::Token { .. } => "token",
            Purpose::Link { .. } => "link",
        };
        write!(f, "{kind} {id} user={user} version={version} secret={digest}")?;
        write!(f, " created={created} expires={expires}")?;
        if let Some(RecordEnd { at, is_revoked }) = end {
            write!(f, " {}={at}", if *is_revoked { "revoked" } else { "expired" })?;
        }
        write_purpose(purpose, f)
    }
}

fn write_purpose(purpose: &Purpose, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match purpose {
        Purpose::Session { last_used } => write!(f, " used={last_used}"),
        Purpose::Visit { link, scope, is_drop } => {
            write!(f, " link={link}")?;
            write_scope(scope, f)?;
            write_drop(*is_drop, f)
        }
        Purpose::Token { name, scope } => {
            write!(f, " name={name}")?;
            write_scope(scope, f)
        }
        Purpose::Link { scope, uses_left, is_drop, password } => {
            write_scope(scope, f)?;
            match uses_left {
                Some(uses) => write!(f, " uses={uses}")?,
                None => write!(f, " uses={UNLIMITED}")?,
            }
            write_drop(*is_drop, f)?;
            password.as_ref().map_or(Ok(()), |hash| write!(f, " password={}", hash.as_str()))
        }
    }
}

fn write_scope(scope: &RecordScope, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let path = percent_encode(scope.path.as_bytes(), ENCODED);
    write!(f, " path=/{path} rights={}", scope.rights.list())
}

fn write_drop(is_drop: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if is_drop { f.write_str(" drop") } else { Ok(()) }
}

impl fmt::Display for RecordLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("it is not UTF-8"),
            Self::UnknownKind => f.write_str("a record must begin with session, visit, token or link"),
            Self::Missing(field) => write!(f, "{field}= is missing or not at its place"),
            Self::Wrong(field) => write!(f, "the value of {field} is wrong"),
            Self::Form => f.write_str("it is not as wharf writes it"),
        }
    }
}

impl std::error::Error for RecordLineError {}
