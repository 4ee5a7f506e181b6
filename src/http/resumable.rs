//! Resumable uploads: the fields of draft-ietf-httpbis-resumable-upload-15.
//!
//! ```text
//! PUT /file                      Upload-Complete: ?1   ──► 104, Location: /.wharf/uploads/TOKEN, and the response at the end
//! HEAD /.wharf/uploads/TOKEN                           ──► 204, Upload-Offset: 25000000
//! PATCH /.wharf/uploads/TOKEN    Upload-Offset: 25000000, Upload-Complete: ?1
//! DELETE /.wharf/uploads/TOKEN
//! ```
//!
//! The fields are structured (RFC 9651): one that has another type, or occurs twice, counts as absent. Section numbers
//! below are the draft's.

use std::fmt;

use super::body::Framing;
use super::fields::{Fields, decimal};
use super::request::{Head, HttpVersion};
use super::status::Status;

/// The supported iteration of the draft ("Draft Version Identification"): that of revisions -12 to -15.
pub const INTEROP_VERSION: u64 = 9;

/// The field with it.
pub const INTEROP: &str = "Upload-Draft-Interop-Version";

/// Whether the content ends the upload (§4.1.2).
pub const COMPLETE: &str = "Upload-Complete";

/// The offset of the content in the upload, or how much of it has arrived (§4.1.1).
pub const OFFSET: &str = "Upload-Offset";

/// The length of the whole upload (§4.1.3).
pub const LENGTH: &str = "Upload-Length";

/// The limits of the server (§4.1.4).
pub const LIMIT: &str = "Upload-Limit";

/// The media type of content that is appended (§6).
pub const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// The maximum number of digits of an Integer (RFC 9651 §3.3.1).
const INTEGER_DIGITS: usize = 15;

/// What a request that begins or continues an upload announces about its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// Whether the content is the last.
    pub completes: bool,
    /// Its length in bytes, if it is announced.
    pub size: Option<u64>,
    /// The length of the whole upload, if it is announced.
    pub length: Option<u64>,
}

/// How the server handles the upload that a request starts (§4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadKind {
    /// A plain upload: there is no way to send the client a URL to resume it at.
    Plain,
    /// A resumable upload. If reading the content takes long, a 104 response gives the client its URL.
    ResumableWithInterim(Announced),
    /// A resumable upload; only the final response gives the client its URL.
    Resumable(Announced),
}

/// A request to append (§4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Append {
    /// The offset of its content.
    pub offset: u64,
    /// What it announces about it.
    pub announced: Announced,
}

/// Why a request cannot append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendError {
    /// Its content is not [`PARTIAL_UPLOAD`].
    MediaType,
    /// It has no offset.
    NoOffset,
    /// It does not say whether its content is the last.
    NoComplete,
}

/// A problem of an upload as a type of RFC 9457 (§7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadProblem {
    /// It continues at another offset than the request says.
    MismatchingOffset {
        /// The offset where it continues.
        expected: u64,
        /// The offset of the request.
        provided: u64,
    },
    /// It is complete already.
    Completed,
    /// The announced lengths do not agree.
    InconsistentLength,
}

/// The limits of the server, as the value of [`LIMIT`].
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

/// Parses a Boolean item; parameters are ignored.
pub fn parse_boolean(value: &[u8]) -> Option<bool> {
    match bare_item(value) {
        b"?1" => Some(true),
        b"?0" => Some(false),
        _ => None,
    }
}

/// Parses a non-negative Integer item; parameters are ignored.
pub fn parse_integer(value: &[u8]) -> Option<u64> {
    let digits = bare_item(value);
    if digits.len() <= INTEGER_DIGITS { decimal(digits) } else { None }
}

/// An item without its parameters.
fn bare_item(value: &[u8]) -> &[u8] {
    value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

/// The value of a field that occurs once.
fn single<'b>(fields: Fields<'_, 'b>, name: &str) -> Option<&'b [u8]> {
    let mut lines = fields.all(name);
    lines.next().filter(|_| lines.next().is_none())
}

/// Whether a client supports the same draft.
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

impl UploadKind {
    /// The handling of a request to save a file. An interim response needs HTTP/1.1 and a client that supports the draft.
    /// Without it, a client that sends everything at once gains nothing from a resumable upload; one that sends pieces gets
    /// the URL with the final response.
    pub fn of(head: &Head<'_, '_>) -> Self {
        let hears = head.version == HttpVersion::Http11 && knows_the_draft(head.fields);
        match Announced::of(head) {
            Some(announced) if hears => Self::ResumableWithInterim(announced),
            Some(announced) if !announced.completes => Self::Resumable(announced),
            _ => Self::Plain,
        }
    }
}

impl Append {
    /// Parses a PATCH to an upload.
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
    /// The status of the response (RFC 5789 §2.2).
    pub fn status(self) -> Status {
        match self {
            Self::MediaType => Status::UNSUPPORTED_MEDIA_TYPE,
            Self::NoOffset | Self::NoComplete => Status::BAD_REQUEST,
        }
    }
}

impl UploadProblem {
    /// The status of the response.
    pub fn status(self) -> Status {
        match self {
            Self::MismatchingOffset { .. } => Status::CONFLICT,
            Self::Completed | Self::InconsistentLength => Status::BAD_REQUEST,
        }
    }

    /// The problem as JSON, to be sent as `application/problem+json`.
    pub fn to_json(self) -> String {
        let (name, title) = match self {
            Self::MismatchingOffset { .. } => {
                ("mismatching-upload-offset", "the upload continues at another offset")
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
            Self::MediaType => write!(f, "content that is appended to an upload must be {PARTIAL_UPLOAD}"),
            Self::NoOffset => write!(f, "content that is appended needs {OFFSET}, its offset in the upload"),
            Self::NoComplete => {
                write!(f, "content that is appended needs {COMPLETE}: ?1 for the last piece, otherwise ?0")
            }
        }
    }
}

impl std::error::Error for AppendError {}

#[cfg(test)]
mod tests;
