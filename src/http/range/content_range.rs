//! `Content-Range`: which bytes a body contains (RFC 9110 §14.4).

use std::fmt;

use super::span::Span;

/// The value of a `Content-Range` field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentRange {
    /// `bytes first-last/complete`: the content is this part of the whole.
    Part {
        /// The part.
        span: Span,
        /// The length of the whole, in bytes; `None` if the sender does not know it (`*`).
        complete: Option<u64>,
    },
    /// `bytes */complete`, in a 416: none of the requested bytes exist.
    Unsatisfied {
        /// The length of the whole, in bytes.
        complete: u64,
    },
}

/// The value for a part of a representation of `len` bytes.
pub fn content_range(span: Span, len: u64) -> ContentRange {
    ContentRange::Part { span, complete: Some(len) }
}

/// The value in a 416 response, for a representation of `len` bytes.
pub fn unsatisfied(len: u64) -> ContentRange {
    ContentRange::Unsatisfied { complete: len }
}

impl ContentRange {
    /// Parses a value; `None` if it has a different unit, is malformed, or names an impossible part. Such a
    /// response must not be combined with others (§14.4), so parsing is strict except for the unit's case.
    pub fn parse(value: &[u8]) -> Option<Self> {
        const UNIT: &str = "bytes ";
        let (unit, rest) = std::str::from_utf8(value).ok()?.split_at_checked(UNIT.len())?;
        if !unit.eq_ignore_ascii_case(UNIT) {
            return None;
        }
        let (part, complete) = rest.split_once('/')?;
        match (part, complete) {
            ("*", complete) => Some(Self::Unsatisfied { complete: number(complete)? }),
            (part, "*") => Some(Self::Part { span: span(part, u64::MAX)?, complete: None }),
            (part, complete) => {
                let complete = number(complete)?;
                Some(Self::Part { span: span(part, complete)?, complete: Some(complete) })
            }
        }
    }
}

/// `first-last`, within `len`.
fn span(part: &str, len: u64) -> Option<Span> {
    let (first, last) = part.split_once('-')?;
    let (first, last) = (number(first)?, number(last)?);
    let length = last.checked_sub(first)?.checked_add(1)?;
    Span::new(first, length, len)
}

/// A decimal number made only of digits, if it fits in 64 bits.
fn number(digits: &str) -> Option<u64> {
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Part { span, complete: Some(complete) } => {
                write!(f, "bytes {}-{}/{complete}", span.start(), span.last())
            }
            Self::Part { span, complete: None } => write!(f, "bytes {}-{}/*", span.start(), span.last()),
            Self::Unsatisfied { complete } => write!(f, "bytes */{complete}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_parsed() {
        let part = |start, length, complete| {
            Some(ContentRange::Part {
                span: Span::new(start, length, u64::MAX).expect("not empty"),
                complete,
            })
        };
        let cases: [(&str, &[u8], Option<ContentRange>); 22] = [
            ("a part", b"bytes 42-1233/1234", part(42, 1192, Some(1234))),
            ("of unknown length", b"bytes 42-1233/*", part(42, 1192, None)),
            ("all", b"bytes 0-0/1", part(0, 1, Some(1))),
            ("unit in capitals", b"Bytes 0-0/1", part(0, 1, Some(1))),
            ("unsatisfied", b"bytes */47022", Some(unsatisfied(47022))),
            ("unsatisfied, empty", b"bytes */0", Some(unsatisfied(0))),
            ("nothing known", b"bytes */*", None),
            ("last before first", b"bytes 5-4/10", None),
            ("last at the length", b"bytes 0-10/10", None),
            ("of an empty one", b"bytes 0-0/0", None),
            ("another unit", b"lines 0-1/2", None),
            ("an equals sign", b"bytes=0-1/2", None),
            ("two spaces", b"bytes  0-1/2", None),
            ("space at the end", b"bytes 0-1/2 ", None),
            ("no length", b"bytes 0-1", None),
            ("no last", b"bytes 0-/2", None),
            ("no first", b"bytes -1/2", None),
            ("a sign", b"bytes +0-1/2", None),
            ("too large for 64 bits", b"bytes 0-1/18446744073709551616", None),
            ("last at the limit", b"bytes 0-18446744073709551615/*", None),
            ("not text", b"bytes \xff-1/2", None),
            ("nothing", b"", None),
        ];
        for (name, value, expected) in cases {
            assert_eq!(ContentRange::parse(value), expected, "{name} (§14.4)");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(start: u64, length: u64, len: u64, known: bool) {
            let value = match Span::new(start, length, len) {
                Some(span) => ContentRange::Part { span, complete: known.then_some(len) },
                None => unsatisfied(len),
            };
            prop_assert_eq!(ContentRange::parse(value.to_string().as_bytes()), Some(value));
        }
    }
}
