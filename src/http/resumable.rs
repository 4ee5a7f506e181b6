//! Resumable uploads: the fields of draft-ietf-httpbis-resumable-upload-15.
//!
//! ```text
//! PUT /file                      Upload-Complete: ?1   ──► 104, Location: /.wharf/uploads/TOKEN, and the response at the end
//! HEAD /.wharf/uploads/TOKEN                           ──► 204, Upload-Offset: 25000000 (GET does the same)
//! PATCH /.wharf/uploads/TOKEN    Upload-Offset: 25000000, Upload-Complete: ?1
//! DELETE /.wharf/uploads/TOKEN
//! ```
//!
//! The fields are structured (`structured`): a field that has the wrong type, or occurs twice, counts as
//! absent. Section numbers below are the draft's.
//!
//! In responses to creation and append, `Upload-Complete: ?1` marks the response from the target, while an
//! error with `?0` concerns the upload (§4.1.2). A client that lost the target's response appends an empty
//! body to the complete upload, and gets that response again (§4.4.2).

use std::fmt;

use super::body::Framing;
use super::fields::Fields;
use super::request::{Head, HttpVersion};
use super::status::Status;
use super::structured::{self, BareItem, LARGEST_INTEGER};

/// The supported iteration of the draft ("Draft Version Identification"), used by revisions -12 to -15.
pub const INTEROP_VERSION: u64 = 9;

/// The field with the interop version.
pub const INTEROP: &str = "Upload-Draft-Interop-Version";

/// The field that says whether the content ends the upload (§4.1.2).
pub const COMPLETE: &str = "Upload-Complete";

/// The field with the offset of the content in the upload, or with the amount that has arrived (§4.1.1).
pub const OFFSET: &str = "Upload-Offset";

/// The field with the length of the whole upload (§4.1.3).
pub const LENGTH: &str = "Upload-Length";

/// The field with the server's limits (§4.1.4).
pub const LIMIT: &str = "Upload-Limit";

/// The media type of content that is appended (§6).
pub const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// The field that revisions -00 and -01 of the draft use instead of [`COMPLETE`], with the opposite value.
const INCOMPLETE: &str = "Upload-Incomplete";

/// The version field of tus 1, whose first request has no content.
const TUS: &str = "Tus-Resumable";

/// What a request announces about its content when it begins or continues an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced {
    /// Whether the content is the last.
    pub completes: bool,
    /// Its length in bytes, if announced.
    pub size: Option<u64>,
    /// The length of the whole upload, if announced.
    pub length: Option<u64>,
}

/// How the server handles the upload that a request starts (§4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadKind {
    /// A plain upload: the client cannot be given a URL for resuming.
    Plain,
    /// A resumable upload. If reading the content takes long, a 104 response gives the client its URL.
    ResumableWithInterim(Announced),
    /// A resumable upload; only the final response gives the client its URL.
    Resumable(Announced),
}

/// Why a request to save a file is refused: its content is only a part of the file, and the rest cannot be received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartError {
    /// It follows a different version of the draft.
    Version,
    /// It follows tus 1.
    Tus,
    /// Its content does not begin at the start of the file.
    Offset,
    /// Its content is not as long as the announced file.
    Length,
}

/// A request to append (§4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Append {
    /// The offset of its content.
    pub offset: u64,
    /// What it announces about its content.
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

/// A problem with an upload, as a problem type of RFC 9457 (§7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadProblem {
    /// The upload continues at a different offset than the request says.
    MismatchingOffset {
        /// The offset where it continues.
        expected: u64,
        /// The offset in the request.
        provided: u64,
    },
    /// The announced lengths do not agree.
    InconsistentLength,
}

/// The limits of a server, as the value of [`LIMIT`]. Sizes are in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest upload.
    pub max_size: Option<u64>,
    /// The smallest upload.
    pub min_size: Option<u64>,
    /// The largest content of a request.
    pub max_append_size: Option<u64>,
    /// The smallest content of a request that does not complete the upload.
    pub min_append_size: Option<u64>,
    /// How long an upload is kept, in seconds.
    pub max_age: Option<u64>,
}

/// A Boolean (RFC 9651 §3.3.6), as it is written.
pub fn boolean(value: bool) -> &'static str {
    if value { "?1" } else { "?0" }
}

/// Parses a Boolean item; parameters are ignored.
pub fn parse_boolean(value: &[u8]) -> Option<bool> {
    match structured::item(value) {
        Some(BareItem::Boolean(value)) => Some(value),
        _ => None,
    }
}

/// Parses a non-negative Integer item; parameters are ignored.
pub fn parse_integer(value: &[u8]) -> Option<u64> {
    match structured::item(value) {
        Some(BareItem::Integer(value)) => u64::try_from(value).ok(),
        _ => None,
    }
}

/// The value of a field, if it occurs exactly once.
fn single<'b>(fields: Fields<'_, 'b>, name: &str) -> Option<&'b [u8]> {
    let mut lines = fields.all(name);
    lines.next().filter(|_| lines.next().is_none())
}

/// The version of the draft that a client states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientVersion {
    /// None, as with a client of the final standard.
    Unstated,
    /// The supported iteration.
    Supported,
    /// A different iteration, or a malformed one.
    Other,
}

impl ClientVersion {
    fn of(fields: Fields<'_, '_>) -> Self {
        if fields.get(INTEROP).is_none() {
            Self::Unstated
        } else if single(fields, INTEROP).and_then(parse_integer) == Some(INTEROP_VERSION) {
            Self::Supported
        } else {
            Self::Other
        }
    }
}

impl Announced {
    fn of(head: &Head<'_, '_>) -> Option<Self> {
        let completes = single(head.fields, COMPLETE).and_then(parse_boolean)?;
        Some(Self { completes, size: content_size(head), length: announced_length(head) })
    }
}

/// The size of the content, if the head states it.
fn content_size(head: &Head<'_, '_>) -> Option<u64> {
    match head.framing {
        Framing::Sized(size) => Some(size),
        Framing::Empty => Some(0),
        Framing::Chunked | Framing::UntilClose => None,
    }
}

/// The length of the whole file, if the head states it.
pub fn announced_length(head: &Head<'_, '_>) -> Option<u64> {
    single(head.fields, LENGTH).and_then(parse_integer)
}

impl UploadKind {
    /// How to handle a request to save a file. An interim response needs HTTP/1.1 and a client that supports the draft.
    /// Without an interim response, a client that sends everything at once gains nothing from a resumable upload. A
    /// client that sends pieces gets the URL with the final response.
    ///
    /// A client with a different version gets a plain upload. This fails if the content is only a part of the file: it
    /// must not be saved as the whole file.
    pub fn of(head: &Head<'_, '_>) -> Result<Self, PartError> {
        let (fields, announced) = (head.fields, Announced::of(head));
        let version = ClientVersion::of(fields);
        if fields.get(TUS).is_some() {
            return Err(PartError::Tus);
        }
        if single(fields, OFFSET).and_then(parse_integer).is_some_and(|offset| offset > 0) {
            return Err(PartError::Offset);
        }
        let is_part = announced.is_some_and(|announced| !announced.completes);
        let is_old_part = single(fields, INCOMPLETE).and_then(parse_boolean) == Some(true);
        if is_part && version == ClientVersion::Other || is_old_part {
            return Err(PartError::Version);
        }
        let hears = head.version == HttpVersion::Http11 && version == ClientVersion::Supported;
        match announced {
            Some(announced) if hears => return Ok(Self::ResumableWithInterim(announced)),
            Some(announced) if !announced.completes => return Ok(Self::Resumable(announced)),
            _ => {}
        }
        match (content_size(head), announced_length(head)) {
            (Some(size), Some(length)) if size != length => Err(PartError::Length),
            _ => Ok(Self::Plain),
        }
    }
}

impl Append {
    /// Parses a PATCH request to an upload.
    pub fn of(head: &Head<'_, '_>) -> Result<Self, AppendError> {
        let mut types = head.fields.all("Content-Type");
        if !(types.next().is_some_and(is_partial_upload) && types.all(is_partial_upload)) {
            return Err(AppendError::MediaType);
        }
        let offset = single(head.fields, OFFSET).and_then(parse_integer).ok_or(AppendError::NoOffset)?;
        let announced = Announced::of(head).ok_or(AppendError::NoComplete)?;
        Ok(Self { offset, announced })
    }
}

/// Whether this is [`PARTIAL_UPLOAD`], with any parameters.
fn is_partial_upload(media_type: &[u8]) -> bool {
    let essence = media_type.split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(PARTIAL_UPLOAD.as_bytes())
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
            Self::InconsistentLength => Status::BAD_REQUEST,
        }
    }

    /// The problem as JSON, to be sent as `application/problem+json`.
    pub fn to_json(self) -> String {
        let (name, title) = match self {
            Self::MismatchingOffset { .. } => {
                ("mismatching-upload-offset", "the upload continues at another offset")
            }
            Self::InconsistentLength => {
                ("inconsistent-upload-length", "the lengths of the upload do not agree")
            }
        };
        let members = match self {
            Self::MismatchingOffset { expected, provided } => {
                format!(",\"expected-offset\":{expected},\"provided-offset\":{provided}")
            }
            Self::InconsistentLength => String::new(),
        };
        let registry = "https://iana.org/assignments/http-problem-types";
        format!("{{\"type\":\"{registry}#{name}\",\"title\":\"{title}\"{members}}}\n")
    }
}

impl Limits {
    fn members(&mut self) -> [(&'static str, &mut Option<u64>); 5] {
        [
            ("max-size", &mut self.max_size),
            ("min-size", &mut self.min_size),
            ("max-append-size", &mut self.max_append_size),
            ("min-append-size", &mut self.min_append_size),
            ("max-age", &mut self.max_age),
        ]
    }

    /// Parses the lines of the field (§4.1.4). Unknown members are ignored. If a known member has the wrong
    /// type, the whole field is ignored.
    pub fn parse<'v>(lines: impl Iterator<Item = &'v [u8]>) -> Option<Self> {
        let value = lines.collect::<Vec<_>>().join(&b", "[..]);
        let found = structured::dictionary(&value)?;
        let mut limits = Self::default();
        for (name, limit) in limits.members() {
            *limit = match found.iter().find(|(key, _)| *key == name) {
                None => None,
                Some((_, BareItem::Integer(value))) => Some(u64::try_from(*value).ok()?),
                Some(_) => return None,
            };
        }
        Some(limits)
    }
}

/// `max-size=1000, max-age=86400`. A limit that is too large for an Integer is left out: no upload reaches
/// it.
impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, limit) in { *self }.members() {
            if let Some(limit) = limit.filter(|limit| *limit <= LARGEST_INTEGER) {
                write!(f, "{separator}{name}={limit}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

impl fmt::Display for PartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version => write!(
                f,
                "a part of a file cannot be saved: this server has {INTEROP} {INTEROP_VERSION} only (send the whole file in one request)"
            ),
            Self::Tus => f.write_str(
                "tus 1 is not supported (send the whole file in one request, or follow draft-ietf-httpbis-resumable-upload)",
            ),
            Self::Offset => write!(
                f,
                "{OFFSET} does not belong here: a part of a file cannot be saved (append it to an upload with PATCH)"
            ),
            Self::Length => write!(
                f,
                "the content is not as long as {LENGTH} says (send the whole file in one request)"
            ),
        }
    }
}

impl std::error::Error for PartError {}

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
