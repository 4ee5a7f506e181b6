//! What a response's head means for a download, before any content is read.
//!
//! ```text
//! requested the rest of a version ── 206, that rest of that version ──> resumes
//!                                 ── 200 ──> starts again (RFC 9110 §13.1.5: the file has changed)
//!                                 ── 206 of another version, 416 ──> is requested again
//! requested the whole file ── 200 ──> starts
//! ```
//!
//! Everything else is an error: a file is never joined from ambiguous responses. The whole file is then requested once
//! more.

use std::ops::Range;
use std::time::SystemTime;

use super::part::Version;
use crate::client::error::ClientError;
use crate::http::body::Framing;
use crate::http::date::Date;
use crate::http::range::content_range::ContentRange;
use crate::http::response::Received;
use crate::http::status::Status;
use crate::http::validators::{EntityTag, STRONG_DATE_AGE};

/// What a response contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseCheck {
    /// The rest of the file.
    Rest,
    /// The whole file.
    Whole,
    /// The file has changed or the range does not exist: the whole file must be requested.
    Stale,
    /// An error.
    Refused,
}

/// Checks a head. `asked` is the requested version, and the first requested byte.
pub(super) fn check(head: &Received, asked: Option<(&Version, u64)>) -> Result<ResponseCheck, ClientError> {
    check_range(head, asked.map(|(version, offset)| (version, offset..version.length)))
}

/// Like [`check`], if these bytes were requested.
pub(super) fn check_range(
    head: &Received,
    asked: Option<(&Version, Range<u64>)>,
) -> Result<ResponseCheck, ClientError> {
    match (head.status, asked) {
        (Status::PARTIAL_CONTENT, Some((version, bytes))) => check_part(head, version, &bytes),
        (Status::PARTIAL_CONTENT, None) => Err(ClientError::WrongRange),
        (Status::RANGE_NOT_SATISFIABLE, Some(_)) => Ok(ResponseCheck::Stale),
        (status, _) if status.is_success() => Ok(ResponseCheck::Whole),
        _ => Ok(ResponseCheck::Refused),
    }
}

/// A 206 must name its version where the RFC requires that, and be the requested range (RFC 9110 §15.3.7).
fn check_part(head: &Received, version: &Version, bytes: &Range<u64>) -> Result<ResponseCheck, ClientError> {
    let is_tag = EntityTag::parse(version.validator.as_bytes()).is_some();
    let said = head.field(if is_tag { "ETag" } else { "Last-Modified" });
    match said {
        Some(said) if said != version.validator => return Ok(ResponseCheck::Stale),
        // A response to If-Range may omit the date, but not the entity tag.
        None if is_tag => return Ok(ResponseCheck::Stale),
        _ => {}
    }
    let range = head.field("Content-Range").and_then(|value| ContentRange::parse(value.as_bytes()));
    let Some(ContentRange::Part { span, complete }) = range else { return Err(ClientError::WrongRange) };
    let is_asked = span.start() == bytes.start && span.end() == bytes.end;
    let fits = match head.framing {
        Framing::Sized(length) => length == span.length(),
        Framing::Empty => false,
        Framing::Chunked | Framing::UntilClose => true,
    };
    let is_whole = complete.is_none_or(|complete| complete == version.length);
    if is_asked && fits && is_whole { Ok(ResponseCheck::Rest) } else { Err(ClientError::WrongRange) }
}

/// The version of a 200, if it has what resuming needs: a strong validator and a length.
pub(super) fn version(head: &Received, from: &str) -> Option<Version> {
    let Framing::Sized(length) = head.framing else { return None };
    Some(Version { from: from.to_owned(), validator: strong_validator(head)?, length })
}

/// Like [`version`], for a response to HEAD, which has no content.
pub(super) fn version_told(head: &Received, from: &str) -> Option<Version> {
    let length = head.content_length()?;
    Some(Version { from: from.to_owned(), validator: strong_validator(head)?, length })
}

/// A strong entity tag, or else a strong date (RFC 9110 §8.8.2.2, §13.1.5).
fn strong_validator(head: &Received) -> Option<String> {
    if let Some(tag) = head.field("ETag") {
        return EntityTag::parse(tag.as_bytes()).is_some_and(|tag| !tag.is_weak()).then_some(tag);
    }
    let modified = head.field("Last-Modified")?;
    let (date, now) = (Date::parse(modified.as_bytes())?, Date::parse(head.field("Date")?.as_bytes())?);
    (now.since(date) >= STRONG_DATE_AGE).then_some(modified)
}

/// When the file was last modified, if the response contains it.
pub(super) fn modified(head: &Received) -> Option<SystemTime> {
    Date::parse(head.field("Last-Modified")?.as_bytes()).map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, fields: &str) -> Received {
        let bytes = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
        Received::parse(bytes.as_bytes(), false).expect("valid").expect("whole").0
    }

    const DATED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn of(validator: &str) -> Version {
        Version { from: String::new(), validator: validator.to_owned(), length: 10 }
    }

    #[test]
    fn responses_to_a_range() {
        let rest = "Content-Length: 6\r\nContent-Range: bytes 4-9/10\r\n";
        let tagged = |fields: &str| format!("ETag: \"1\"\r\n{fields}");
        let cases = [
            ("the rest", 206, tagged(rest), Some(ResponseCheck::Rest)),
            ("of unknown length", 206, tagged(&rest.replace("/10", "/*")), Some(ResponseCheck::Rest)),
            (
                "chunked",
                206,
                tagged("Transfer-Encoding: chunked\r\nContent-Range: bytes 4-9/10\r\n"),
                Some(ResponseCheck::Rest),
            ),
            ("of another version", 206, format!("ETag: \"2\"\r\n{rest}"), Some(ResponseCheck::Stale)),
            ("without a version", 206, rest.to_owned(), Some(ResponseCheck::Stale)),
            ("of another length", 206, tagged(&rest.replace("/10", "/11")), None),
            ("another range", 206, tagged("Content-Length: 6\r\nContent-Range: bytes 3-8/10\r\n"), None),
            (
                "less than requested",
                206,
                tagged("Content-Length: 5\r\nContent-Range: bytes 4-8/10\r\n"),
                None,
            ),
            (
                "a length that is not the range's",
                206,
                tagged("Content-Length: 7\r\nContent-Range: bytes 4-9/10\r\n"),
                None,
            ),
            ("no range", 206, tagged("Content-Length: 6\r\n"), None),
            (
                "several (§15.3.7.2)",
                206,
                tagged("Content-Length: 6\r\nContent-Type: multipart/byteranges; boundary=x\r\n"),
                None,
            ),
            ("the whole", 200, tagged("Content-Length: 10\r\n"), Some(ResponseCheck::Whole)),
            ("none of it exists", 416, "Content-Range: bytes */3\r\n".to_owned(), Some(ResponseCheck::Stale)),
            ("an error", 503, String::new(), Some(ResponseCheck::Refused)),
        ];
        for (name, status, fields, expected) in cases {
            assert_eq!(check(&head(status, &fields), Some((&of("\"1\""), 4))).ok(), expected, "{name}");
        }
        let dated = of(DATED);
        let checked = |fields: &str| check(&head(206, fields), Some((&dated, 4))).ok();
        assert_eq!(checked(rest), Some(ResponseCheck::Rest), "a date need not be repeated");
        let other = DATED.replace("1994", "1995");
        assert_eq!(checked(&format!("Last-Modified: {other}\r\n{rest}")), Some(ResponseCheck::Stale));
    }

    #[test]
    fn responses_without_a_range() {
        let rest = "Content-Length: 6\r\nContent-Range: bytes 4-9/10\r\nETag: \"1\"\r\n";
        assert!(check(&head(206, rest), None).is_err());
        assert_eq!(check(&head(404, ""), None).ok(), Some(ResponseCheck::Refused));
        assert_eq!(check(&head(200, ""), None).ok(), Some(ResponseCheck::Whole));
    }

    #[test]
    fn versions_that_can_be_resumed() {
        let dated = format!("Last-Modified: {DATED}\r\n");
        let later = |seconds: &str| format!("{dated}Date: {}\r\n", DATED.replace("37", seconds));
        let cases = [
            ("a strong tag", "ETag: \"1\"\r\n".to_owned(), Some("\"1\"")),
            (
                "a weak tag, also beside a date (RFC 9110 §13.1.5)",
                format!("ETag: W/\"1\"\r\n{}", later("50")),
                None,
            ),
            ("a date that has aged (§8.8.2.2)", later("38"), Some(DATED)),
            ("a weak date", later("37"), None),
            ("a date without the server's Date", dated.clone(), None),
            ("nothing", String::new(), None),
        ];
        for (name, fields, expected) in cases {
            let sized = head(200, &format!("Content-Length: 7\r\n{fields}"));
            let found = version(&sized, "x").map(|version| version.validator);
            assert_eq!(found.as_deref(), expected, "{name}");
            assert_eq!(version(&head(200, &fields), "x"), None, "{name}, of unknown length");
        }
    }
}
