//! What is wrong with a multipart body.

use std::fmt;

use super::limits::{PART_HEAD_LIMIT, PARTS_LIMIT};

/// A body that is not a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultipartError {
    /// The part, counted from 1; 0 means before the first.
    pub part: usize,
    /// What is wrong.
    pub problem: MultipartProblem,
}

/// What is wrong with a multipart body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MultipartProblem {
    /// A boundary is followed by something other than CRLF or `--`.
    Delimiter,
    /// A part head is longer than [`PART_HEAD_LIMIT`].
    HeadTooLarge,
    /// A part head is malformed, has too many field lines, or has a field twice.
    Head,
    /// A part has no `Content-Disposition: form-data` with one name.
    Disposition,
    /// A part's content is encoded.
    TransferEncoding,
    /// There are more parts than [`PARTS_LIMIT`].
    TooManyParts,
    /// The body ends before its closing delimiter.
    Truncated,
}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => write!(f, "multipart body: {}", self.problem),
            part => write!(f, "multipart body, part {part}: {}", self.problem),
        }
    }
}

impl fmt::Display for MultipartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delimiter => f.write_str("a boundary must be followed by a line break or by --"),
            Self::HeadTooLarge => write!(f, "the part's head is longer than {PART_HEAD_LIMIT} bytes"),
            Self::Head => f.write_str("the part's head is malformed"),
            Self::Disposition => f.write_str("the part needs a Content-Disposition: form-data; name=\"…\""),
            Self::TransferEncoding => f.write_str("the part's content is encoded; send it unencoded"),
            Self::TooManyParts => {
                write!(f, "there are more than {PARTS_LIMIT} parts; send them in several requests")
            }
            Self::Truncated => f.write_str("the body ends before its closing boundary"),
        }
    }
}

impl std::error::Error for MultipartError {}
