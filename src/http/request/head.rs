//! Parses the head of a request.

use std::mem::MaybeUninit;

use super::error::{FIELD_LIMIT, HeadError};
use super::expectation::Expectation;
use super::host::is_host;
use super::method::{Method, UnsupportedMethod};
use super::version::HttpVersion;
use crate::http::body::Framing;
use crate::http::fields::{Fields, decimal};
use crate::http::target::{TARGET_LIMIT, Target};

/// A whole and valid request head.
#[derive(Debug, Clone, Copy)]
pub struct Head<'h, 'b> {
    /// The method.
    pub method: Result<Method, UnsupportedMethod>,
    /// The target.
    pub target: Target<'b>,
    /// The version.
    pub version: HttpVersion,
    /// The field lines.
    pub fields: Fields<'h, 'b>,
    /// How the end of the body is found.
    pub framing: Framing,
    /// The requested host: from an absolute target, or else from the Host field. HTTP/1.0 may have none.
    pub host: Option<&'b str>,
    /// Whether the client waits for `100 Continue`.
    pub expectation: Expectation,
}

/// Space for the field lines of a head. The caller provides it, so that parsing a head allocates nothing.
pub struct FieldSpace<'b>([MaybeUninit<httparse::Header<'b>>; FIELD_LIMIT]);

impl FieldSpace<'_> {
    /// Empty space.
    pub fn new() -> Self {
        Self([const { MaybeUninit::uninit() }; FIELD_LIMIT])
    }
}

impl Default for FieldSpace<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'h, 'b> Head<'h, 'b> {
    /// Parses a head whose end has been found.
    pub fn parse(bytes: &'b [u8], space: &'h mut FieldSpace<'b>) -> Result<Self, HeadError> {
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(bytes, &mut space.0) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            // The parser found the end elsewhere than `head_end` did, so the two read different requests.
            Ok(_) => return Err(HeadError::RequestLine),
            Err(error) => return Err(HeadError::of_parser(error, bytes)),
        }
        let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
        else {
            return Err(HeadError::RequestLine);
        };
        if target.len() > TARGET_LIMIT {
            return Err(HeadError::TargetTooLong);
        }
        let version = if minor == 0 { HttpVersion::Http10 } else { HttpVersion::Http11 };
        let fields = Fields::new(request.headers);
        let target = Target::parse(target).map_err(HeadError::Target)?;
        Ok(Self {
            method: Method::parse(method),
            target,
            version,
            fields,
            framing: framing(version, fields)?,
            host: host(version, fields, target)?,
            expectation: Expectation::of(version, fields),
        })
    }
}

/// How the end of the body is found (RFC 9112 §6.3). Anything that two parsers could read differently is
/// rejected (§11.2).
fn framing(version: HttpVersion, fields: Fields<'_, '_>) -> Result<Framing, HeadError> {
    let mut lengths = fields.all("Content-Length");
    let mut codings = fields.all("Transfer-Encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::Empty),
        (Some(length), None) if lengths.next().is_none() => {
            decimal(length).map(Framing::sized).ok_or(HeadError::ContentLength)
        }
        (Some(_), None) => Err(HeadError::ContentLength),
        (None, Some(coding)) if version == HttpVersion::Http11 && codings.next().is_none() => {
            if coding.eq_ignore_ascii_case(b"chunked") {
                Ok(Framing::Chunked)
            } else {
                Err(HeadError::of_coding(coding))
            }
        }
        (_, Some(_)) => Err(HeadError::TransferEncoding),
    }
}

/// The requested host (RFC 9112 §3.2): HTTP/1.1 needs exactly one Host field; an absolute target overrides
/// it.
fn host<'b>(
    version: HttpVersion,
    fields: Fields<'_, 'b>,
    target: Target<'b>,
) -> Result<Option<&'b str>, HeadError> {
    let mut hosts = fields.all("Host");
    let given = match (hosts.next(), hosts.next()) {
        (Some(host), None) => {
            Some(std::str::from_utf8(host).ok().filter(|host| is_host(host)).ok_or(HeadError::Host)?)
        }
        (None, None) if version == HttpVersion::Http10 => None,
        _ => return Err(HeadError::Host),
    };
    match target {
        Target::Absolute { authority, .. } if is_host(authority) => Ok(Some(authority)),
        Target::Absolute { .. } => Err(HeadError::Host),
        _ => Ok(given),
    }
}
