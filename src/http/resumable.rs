//! Resumable uploads: what the fields of draft-ietf-httpbis-resumable-upload-15 say, and how they are written.
//!
//! ```text
//! PUT /file                      Upload-Complete: ?1   ──► 104, Location: /.wharf/uploads/TOKEN, and the answer at the end
//! HEAD /.wharf/uploads/TOKEN                           ──► 204, Upload-Offset: 25000000
//! PATCH /.wharf/uploads/TOKEN    Upload-Offset: 25000000, Upload-Complete: ?1
//! DELETE /.wharf/uploads/TOKEN
//! ```
//!
//! The fields are structured (RFC 9651): one that is not of its type, or stands there twice, counts as absent. Section
//! numbers below are the draft's.

use std::fmt;

use super::body::Framing;
use super::fields::Fields;
use super::request::{Head, Version, decimal};
use super::status::Status;

/// The iteration of the draft that is spoken here ("Draft Version Identification"): that of revisions -12 to -15.
pub const INTEROP_VERSION: u64 = 9;

/// The field with it.
pub const INTEROP: &str = "Upload-Draft-Interop-Version";

/// Whether the content ends the upload (§4.1.2).
pub const COMPLETE: &str = "Upload-Complete";

/// Where in the upload the content stands, or how much of it has arrived (§4.1.1).
pub const OFFSET: &str = "Upload-Offset";

/// How long the whole is (§4.1.3).
pub const LENGTH: &str = "Upload-Length";

/// What the server takes (§4.1.4).
pub const LIMIT: &str = "Upload-Limit";

/// The media type of content that is appended (§6).
pub const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// The most digits of an Integer (RFC 9651 §3.3.1).
const INTEGER_DIGITS: usize = 15;

/// What a request that begins or continues an upload says of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// Whether the content is the last.
    pub completes: bool,
    /// Its length in bytes, if it is told.
    pub size: Option<u64>,
    /// The length of the whole, if it is told.
    pub length: Option<u64>,
}

/// What may be done about a request that announces an upload (§4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It is an upload like any other: nobody could be told where it can be gone on with.
    Plain,
    /// It can be gone on with, and the client hears so before its content is read (104).
    Told(Announced),
    /// It can be gone on with, and the client hears so in the answer.
    Quiet(Announced),
}

/// A request to append (§4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Append {
    /// Where its content stands.
    pub offset: u64,
    /// What it says of it.
    pub announced: Announced,
}

/// Why a request cannot append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    /// Its content is not [`PARTIAL_UPLOAD`].
    MediaType,
    /// It does not say where its content stands.
    NoOffset,
    /// It does not say whether its content is the last.
    NoComplete,
}

/// A problem of an upload as a type of RFC 9457 (§7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It goes on at another offset than the request says.
    MismatchingOffset {
        /// Where it goes on.
        expected: u64,
        /// What the request says.
        provided: u64,
    },
    /// It is complete already.
    Completed,
    /// The lengths that were told do not agree.
    InconsistentLength,
}

/// What the server takes, as the value of [`LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest upload, in bytes.
    pub max_size: Option<u64>,
    /// For how many seconds an upload is kept.
    pub max_age: u64,
}

/// A Boolean (RFC 9651 §3.3.6), as it is written.
pub fn boolean(value: bool) -> &'static str {
    if value { "?1" } else { "?0" }
}

/// Reads a Boolean item; parameters are passed over.
pub fn parse_boolean(value: &[u8]) -> Option<bool> {
    match bare_item(value) {
        b"?1" => Some(true),
        b"?0" => Some(false),
        _ => None,
    }
}

/// Reads an Integer item that is not negative; parameters are passed over.
pub fn parse_integer(value: &[u8]) -> Option<u64> {
    let digits = bare_item(value);
    if digits.len() <= INTEGER_DIGITS { decimal(digits) } else { None }
}

/// An item without its parameters.
fn bare_item(value: &[u8]) -> &[u8] {
    value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

/// The value of a field that stands there once.
fn single<'b>(fields: Fields<'_, 'b>, name: &str) -> Option<&'b [u8]> {
    let mut lines = fields.all(name);
    lines.next().filter(|_| lines.next().is_none())
}

/// Whether a client knows the draft that is spoken here.
fn knows_the_draft(fields: Fields<'_, '_>) -> bool {
    single(fields, INTEROP).and_then(parse_integer) == Some(INTEROP_VERSION)
}

impl Announced {
    fn of(head: &Head<'_, '_>) -> Option<Self> {
        let completes = single(head.fields, COMPLETE).and_then(parse_boolean)?;
        let size = match head.framing {
            Framing::Sized(size) => Some(size),
            Framing::Empty => Some(0),
            Framing::Chunked | Framing::UntilClose => None,
        };
        Some(Self { completes, size, length: single(head.fields, LENGTH).and_then(parse_integer) })
    }
}

impl Wish {
    /// Of a request for something that can be saved. An interim answer needs HTTP/1.1, and a client that knows the
    /// draft. One that sends all at once and cannot be told gains nothing from it; one that does not is told at the end.
    pub fn of(head: &Head<'_, '_>) -> Self {
        let hears = head.version == Version::Http11 && knows_the_draft(head.fields);
        match Announced::of(head) {
            Some(announced) if hears => Self::Told(announced),
            Some(announced) if !announced.completes => Self::Quiet(announced),
            _ => Self::Plain,
        }
    }
}

impl Append {
    /// Of a PATCH to an upload.
    pub fn of(head: &Head<'_, '_>) -> Result<Self, AppendError> {
        let media_type = head.fields.get("Content-Type").map(bare_item).unwrap_or_default();
        if !media_type.eq_ignore_ascii_case(PARTIAL_UPLOAD.as_bytes()) {
            return Err(AppendError::MediaType);
        }
        let offset = single(head.fields, OFFSET).and_then(parse_integer).ok_or(AppendError::NoOffset)?;
        let announced = Announced::of(head).ok_or(AppendError::NoComplete)?;
        Ok(Self { offset, announced })
    }
}

impl AppendError {
    /// The status that tells the client (RFC 5789 §2.2).
    pub fn status(self) -> Status {
        match self {
            Self::MediaType => Status::UNSUPPORTED_MEDIA_TYPE,
            Self::NoOffset | Self::NoComplete => Status::BAD_REQUEST,
        }
    }
}

impl Problem {
    /// The status that it goes with.
    pub fn status(self) -> Status {
        match self {
            Self::MismatchingOffset { .. } => Status::CONFLICT,
            Self::Completed | Self::InconsistentLength => Status::BAD_REQUEST,
        }
    }

    /// It as JSON, to be sent as `application/problem+json`.
    pub fn to_json(self) -> String {
        let (name, title) = match self {
            Self::MismatchingOffset { .. } => {
                ("mismatching-upload-offset", "the upload goes on at another offset")
            }
            Self::Completed => ("completed-upload", "the upload is complete already"),
            Self::InconsistentLength => {
                ("inconsistent-upload-length", "the lengths of the upload do not agree")
            }
        };
        let members = match self {
            Self::MismatchingOffset { expected, provided } => {
                format!(",\"expected-offset\":{expected},\"provided-offset\":{provided}")
            }
            _ => String::new(),
        };
        let registry = "https://iana.org/assignments/http-problem-types";
        format!("{{\"type\":\"{registry}#{name}\",\"title\":\"{title}\"{members}}}\n")
    }
}

/// `max-size=1000, max-age=86400`.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.max_size {
            write!(f, "max-size={size}, ")?;
        }
        write!(f, "max-age={}", self.max_age)
    }
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediaType => write!(f, "what is appended to an upload is {PARTIAL_UPLOAD}"),
            Self::NoOffset => write!(f, "what is appended needs {OFFSET}, where it stands in the upload"),
            Self::NoComplete => {
                write!(f, "what is appended needs {COMPLETE}: ?1 for the last of it, else ?0")
            }
        }
    }
}

impl std::error::Error for AppendError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::FieldSpace;

    /// What a function says of the head with these lines.
    fn of<T>(version: &str, lines: &str, ask: impl FnOnce(&Head<'_, '_>) -> T) -> T {
        let bytes = format!("PUT /a {version}\r\nHost: h\r\n{lines}\r\n");
        let mut space = FieldSpace::new();
        ask(&Head::parse(bytes.as_bytes(), &mut space).expect("valid"))
    }

    #[test]
    fn values_are_of_their_type_or_absent() {
        let booleans = [
            ("?1", Some(true)),
            ("?0", Some(false)),
            ("?1;a=b", Some(true)),
            ("1", None),
            ("?2", None),
            ("", None),
        ];
        for (value, expected) in booleans {
            assert_eq!(parse_boolean(value.as_bytes()), expected, "{value:?}");
        }
        let integers = [
            ("0", Some(0)),
            ("25000000", Some(25_000_000)),
            ("999999999999999", Some(999_999_999_999_999)),
            ("7 ;x", Some(7)),
            ("1000000000000000", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("\"1\"", None),
            ("", None),
        ];
        for (value, expected) in integers {
            assert_eq!(parse_integer(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn what_an_announcement_leads_to() {
        let all = Announced { completes: true, size: Some(5), length: None };
        let part = Announced { completes: false, size: Some(5), length: Some(9) };
        let cases = [
            ("nothing", "HTTP/1.1", "Content-Length: 5\r\n", Wish::Plain),
            (
                "all at once",
                "HTTP/1.1",
                "Content-Length: 5\r\nUpload-Complete: ?1\r\nUpload-Draft-Interop-Version: 9\r\n",
                Wish::Told(all),
            ),
            (
                "no interim answers in 1.0",
                "HTTP/1.0",
                "Content-Length: 5\r\nUpload-Complete: ?1\r\nUpload-Draft-Interop-Version: 9\r\n",
                Wish::Plain,
            ),
            (
                "another draft",
                "HTTP/1.1",
                "Content-Length: 5\r\nUpload-Complete: ?1\r\nUpload-Draft-Interop-Version: 8\r\n",
                Wish::Plain,
            ),
            ("no draft", "HTTP/1.1", "Content-Length: 5\r\nUpload-Complete: ?1\r\n", Wish::Plain),
            (
                "in pieces, no draft",
                "HTTP/1.1",
                "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Length: 9\r\n",
                Wish::Quiet(part),
            ),
            (
                "in pieces, told",
                "HTTP/1.1",
                "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Length: 9\r\nUpload-Draft-Interop-Version: 9\r\n",
                Wish::Told(part),
            ),
            (
                "in pieces, in 1.0",
                "HTTP/1.0",
                "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Length: 9\r\nUpload-Draft-Interop-Version: 9\r\n",
                Wish::Quiet(part),
            ),
            (
                "twice",
                "HTTP/1.1",
                "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Complete: ?0\r\n",
                Wish::Plain,
            ),
            ("no Boolean", "HTTP/1.1", "Content-Length: 5\r\nUpload-Complete: no\r\n", Wish::Plain),
            (
                "no length",
                "HTTP/1.1",
                "Content-Length: 5\r\nUpload-Complete: ?0\r\nUpload-Length: -9\r\n",
                Wish::Quiet(Announced { length: None, ..part }),
            ),
            (
                "no content",
                "HTTP/1.1",
                "Upload-Complete: ?0\r\n",
                Wish::Quiet(Announced { completes: false, size: Some(0), length: None }),
            ),
            (
                "chunked",
                "HTTP/1.1",
                "Transfer-Encoding: chunked\r\nUpload-Complete: ?0\r\n",
                Wish::Quiet(Announced { completes: false, size: None, length: None }),
            ),
        ];
        for (name, version, lines, expected) in cases {
            assert_eq!(of(version, lines, Wish::of), expected, "{name}");
        }
    }

    #[test]
    fn what_appending_needs() {
        let good = "Content-Length: 3\r\nContent-Type: Application/Partial-Upload; x=y\r\nUpload-Offset: 5\r\nUpload-Complete: ?0\r\n";
        let announced = Announced { completes: false, size: Some(3), length: None };
        assert_eq!(of("HTTP/1.1", good, Append::of), Ok(Append { offset: 5, announced }));
        let cases = [
            ("Content-Type: Application/Partial-Upload", "Content-Type: text/plain", AppendError::MediaType),
            ("Upload-Offset: 5\r\n", "", AppendError::NoOffset),
            ("Upload-Offset: 5\r\n", "Upload-Offset: 5\r\nUpload-Offset: 5\r\n", AppendError::NoOffset),
            ("Upload-Offset: 5", "Upload-Offset: -5", AppendError::NoOffset),
            ("Upload-Complete: ?0\r\n", "", AppendError::NoComplete),
        ];
        for (part, instead, expected) in cases {
            assert_eq!(
                of("HTTP/1.1", &good.replace(part, instead), Append::of),
                Err(expected),
                "{instead:?} for {part:?}"
            );
        }
        assert_eq!(
            of("HTTP/1.1", "Upload-Offset: 5\r\n", Append::of),
            Err(AppendError::MediaType),
            "no type"
        );
    }

    #[test]
    fn how_it_is_written() {
        assert_eq!((boolean(true), boolean(false)), ("?1", "?0"));
        assert_eq!(Limits { max_size: Some(10), max_age: 60 }.to_string(), "max-size=10, max-age=60");
        assert_eq!(Limits { max_size: None, max_age: 60 }.to_string(), "max-age=60");
        let problem = Problem::MismatchingOffset { expected: 3, provided: 5 };
        let json: serde_json::Value = serde_json::from_str(&problem.to_json()).expect("JSON");
        assert_eq!((json["expected-offset"].as_u64(), json["provided-offset"].as_u64()), (Some(3), Some(5)));
        for problem in [problem, Problem::Completed, Problem::InconsistentLength] {
            let json: serde_json::Value = serde_json::from_str(&problem.to_json()).expect("JSON");
            let name = json["type"].as_str().expect("a type");
            assert!(name.starts_with("https://iana.org/assignments/http-problem-types#"), "{name}");
        }
    }
}
