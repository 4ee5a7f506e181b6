//! Why a request head is rejected.

use std::fmt;

use crate::http::fields::is_token_byte;
use crate::http::status::Status;
use crate::http::target::{TARGET_LIMIT, TargetError};

/// The largest head, in bytes, from its first byte to its empty line. Browsers send less than 4 KB.
pub const HEAD_LIMIT: usize = 16 * 1024;

/// The maximum number of field lines in a head. Browsers send about twenty.
pub const FIELD_LIMIT: usize = 100;

/// Why a head is rejected. After any of these, nothing on the connection can be read as a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// It is longer than [`HEAD_LIMIT`].
    TooLarge,
    /// It has more than [`FIELD_LIMIT`] field lines.
    TooManyFields,
    /// Its target is longer than [`TARGET_LIMIT`].
    TargetTooLong,
    /// A line ends with LF alone, or has a CR without LF.
    LineEnd,
    /// Its first line is not `METHOD TARGET HTTP/1.1`.
    RequestLine,
    /// Its version is neither HTTP/1.0 nor 1.1.
    Version,
    /// A field line is malformed: white space before the colon, a folded line, a control character.
    FieldLine,
    /// HTTP/1.1 without a Host, more than one, or one that is not `host[:port]`.
    Host,
    /// Its target is malformed.
    Target(TargetError),
    /// Its Content-Length is not a number, or there is more than one.
    ContentLength,
    /// Content-Length together with Transfer-Encoding, or a Transfer-Encoding that is not allowed.
    TransferEncoding,
    /// A transfer coding other than `chunked`.
    UnknownCoding,
}

impl HeadError {
    /// Converts an error of the parser.
    pub(super) fn of_parser(error: httparse::Error, bytes: &[u8]) -> Self {
        match error {
            httparse::Error::HeaderName | httparse::Error::HeaderValue | httparse::Error::NewLine => {
                Self::FieldLine
            }
            httparse::Error::TooManyHeaders => Self::TooManyFields,
            httparse::Error::Version if names_a_version(bytes) => Self::Version,
            _ => Self::RequestLine,
        }
    }

    /// The error for a coding other than `chunked`. A valid list without `chunked`, or with `chunked` only at
    /// the end, is an unknown coding. With any other, the end of the body cannot be found (RFC 9112 §6.3).
    pub(super) fn of_coding(coding: &[u8]) -> Self {
        let is_chunked = |coding: &&[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
        let mut before = coding.split(|&b| b == b',').rev().skip(1);
        let is_list =
            coding.iter().all(|&b| is_token_byte(b) || b", \t;=\"".contains(&b)) && !coding.is_empty();
        if is_list && !before.any(|coding| is_chunked(&coding)) {
            Self::UnknownCoding
        } else {
            Self::TransferEncoding
        }
    }

    /// The status of the response (RFC 9110 §15.5 and §15.6, RFC 6585 §5).
    pub fn status(self) -> Status {
        match self {
            Self::TooLarge | Self::TooManyFields => Status::HEAD_TOO_LARGE,
            Self::TargetTooLong => Status::URI_TOO_LONG,
            Self::Version => Status::VERSION_NOT_SUPPORTED,
            Self::UnknownCoding => Status::NOT_IMPLEMENTED,
            _ => Status::BAD_REQUEST,
        }
    }
}

/// Whether the request line is complete and its version has the form `HTTP/d.d` (RFC 9112 §2.3).
fn names_a_version(bytes: &[u8]) -> bool {
    let line = bytes.trim_ascii_start().split(|&b| b == b'\r').next().unwrap_or_default();
    let mut words = line.split(|&b| b == b' ').skip(2);
    match (words.next(), words.next()) {
        (Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor]), None) => {
            major.is_ascii_digit() && minor.is_ascii_digit()
        }
        _ => false,
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the request's head is longer than {HEAD_LIMIT} bytes"),
            Self::TooManyFields => write!(f, "the request has more than {FIELD_LIMIT} field lines"),
            Self::TargetTooLong => write!(f, "the request's target is longer than {TARGET_LIMIT} bytes"),
            Self::LineEnd => f.write_str("a line of the request does not end with CRLF"),
            Self::RequestLine => f.write_str("the first line is not a request line"),
            Self::Version => f.write_str("only HTTP/1.0 and HTTP/1.1 are supported"),
            Self::FieldLine => f.write_str("a field line is malformed"),
            Self::Host => f.write_str("the request needs exactly one Host, of the form host or host:port"),
            Self::Target(error) => error.fmt(f),
            Self::ContentLength => f.write_str("Content-Length is not a single number"),
            Self::TransferEncoding => f.write_str("Transfer-Encoding is not allowed here"),
            Self::UnknownCoding => f.write_str("the only supported transfer coding is chunked"),
        }
    }
}

impl std::error::Error for HeadError {}
