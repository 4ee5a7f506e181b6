//! Request heads (RFC 9112 §3 to §6): reading one, and writing one.
//!
//! A [`Head`] exists only when it is whole and valid: its framing is known, its host is there, its target is one. So
//! what can be asked of a head can be answered, and what is ambiguous (RFC 9112 §11.2) has been refused before
//! anybody saw it. A head is parsed once, when its end has been found (`head_end`).

use std::fmt;
use std::mem::MaybeUninit;
use std::net::Ipv6Addr;

use super::body::Framing;
use super::fields::{Fields, is_token_byte};
use super::status::Status;
use super::target::{TARGET_LIMIT, Target, TargetError};

/// The largest head, in bytes, from its first byte to its empty line. What browsers send is below 4 KB.
pub const HEAD_LIMIT: usize = 16 * 1024;

/// The most field lines of a head. Browsers send about twenty.
pub const FIELD_LIMIT: usize = 100;

/// The two versions that are spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// `HTTP/1.0`: closes unless it asks to be kept, and has no chunks.
    Http10,
    /// `HTTP/1.1`.
    Http11,
}

/// A method (RFC 9110 §9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The content.
    Get,
    /// What GET would answer, without content.
    Head,
    /// Content to be saved.
    Post,
    /// Content to be saved under the target.
    Put,
    /// Content to be applied to the target: appended to an upload.
    Patch,
    /// The target is to go: an upload is.
    Delete,
    /// What can be done with the target.
    Options,
    /// A method that is known and that no target here takes (405).
    NotAllowed,
    /// One that nobody has heard of (501).
    Unknown,
}

impl Method {
    /// Whether the method asks for no change (RFC 9110 §9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}

/// A whole and valid request head.
#[derive(Debug, Clone, Copy)]
pub struct Head<'h, 'b> {
    /// What is to be done.
    pub method: Method,
    /// With what.
    pub target: Target<'b>,
    /// In which version.
    pub version: HttpVersion,
    /// The field lines.
    pub fields: Fields<'h, 'b>,
    /// Where the body ends.
    pub framing: Framing,
    /// The host that is asked: of an absolute target, else of the Host field; HTTP/1.0 may do without.
    pub host: Option<&'b str>,
    /// Whether the client waits for `100 Continue`, or for what else.
    pub expectation: Expectation,
}

/// What the Expect field says (RFC 9110 §10.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// Nothing.
    None,
    /// The client sends its body after `100 Continue`.
    Continue,
    /// Something that cannot be met (417).
    Other,
}

/// A head that is refused. After any of these, nothing on the connection can be read as a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadError {
    /// It is longer than [`HEAD_LIMIT`].
    TooLarge,
    /// It has more than [`FIELD_LIMIT`] field lines.
    TooManyFields,
    /// Its target is longer than [`TARGET_LIMIT`].
    TargetTooLong,
    /// A line that ends with LF alone, or a CR without LF.
    LineEnd,
    /// Its first line is not `METHOD TARGET HTTP/1.1`.
    RequestLine,
    /// Another version than HTTP/1.0 and 1.1.
    Version,
    /// A field line that is none: white space before the colon, a folded line, a control character.
    FieldLine,
    /// No Host in HTTP/1.1, more than one, or one that is not `host[:port]`.
    Host,
    /// A target that is none.
    Target(TargetError),
    /// A Content-Length that is no number, or more than one.
    ContentLength,
    /// Content-Length together with Transfer-Encoding, or a Transfer-Encoding where it cannot be.
    TransferEncoding,
    /// A transfer coding other than `chunked`.
    UnknownCoding,
}

/// Room for the field lines of a head while it is looked at. It lives beside the bytes, so that reading a head
/// allocates nothing.
pub struct FieldSpace<'b>([MaybeUninit<httparse::Header<'b>>; FIELD_LIMIT]);

impl FieldSpace<'_> {
    /// Empty room.
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
    /// Reads a head whose end has been found.
    pub fn parse(bytes: &'b [u8], space: &'h mut FieldSpace<'b>) -> Result<Self, HeadError> {
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(bytes, &mut space.0) {
            Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
            // It would end elsewhere than where its end was found: two readers, two requests.
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

/// Where the body ends (RFC 9112 §6.3). Anything that two readers could read in two ways is refused (§11.2).
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

/// `1*DIGIT` as a number that fits; nothing else, no sign, no list.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The host that is asked (RFC 9112 §3.2): exactly one in HTTP/1.1, and an absolute target's stands over it.
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

/// Whether this is `uri-host [ ":" port ]` (RFC 9110 §7.2) with a host in it. RFC 9112 §3.2 allows an empty Host for a
/// target without an authority; every target here has one.
pub fn is_host(text: &str) -> bool {
    let (name, port) = split_port(text);
    let is_port =
        port.bytes().all(|b| b.is_ascii_digit()) && (port.is_empty() || port.parse::<u16>().is_ok());
    let is_name = match name.strip_prefix('[') {
        // A zone means something to the client's machine only, and is not sent (RFC 6874 §3). No other literal exists yet.
        Some(rest) => rest.strip_suffix(']').is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok()),
        None => is_reg_name(name),
    };
    is_name && is_port
}

/// Whether this is a `reg-name` (RFC 3986 §3.2.2) that is not empty; an IPv4 address is one, too.
fn is_reg_name(name: &str) -> bool {
    let mut parts = name.split('%');
    let is_plain =
        |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&b));
    let is_encoded = |part: &str| part.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    !name.is_empty()
        && parts.next().is_some_and(is_plain)
        && parts.all(|part| is_encoded(part) && is_plain(part))
}

/// The name and the port of `host:port`; the port is empty where there is none.
pub fn split_port(host: &str) -> (&str, &str) {
    match host.rfind(':') {
        Some(colon) if !host[colon..].contains(']') => (&host[..colon], &host[colon + 1..]),
        _ => (host, ""),
    }
}

impl Method {
    /// The method of this name; names have case (RFC 9110 §9.1).
    fn parse(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "OPTIONS" => Self::Options,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "TRACE" | "CONNECT" | "PROPFIND" | "PROPPATCH" | "MKCOL" | "COPY" | "MOVE" | "LOCK"
            | "UNLOCK" => Self::NotAllowed,
            _ => Self::Unknown,
        }
    }
}

impl Expectation {
    /// HTTP/1.0 has no Expect; its field is passed over. The field is a list, on one line or several: all that is in it
    /// is expected (RFC 9110 §10.1.1, §5.3).
    fn of(version: HttpVersion, fields: Fields<'_, '_>) -> Self {
        let mut expected = fields.list("Expect").map(|member| member.eq_ignore_ascii_case(b"100-continue"));
        match expected.next() {
            Some(is_continue) if version == HttpVersion::Http11 => {
                if is_continue && expected.all(|is_continue| is_continue) {
                    Self::Continue
                } else {
                    Self::Other
                }
            }
            _ => Self::None,
        }
    }
}

impl HeadError {
    /// What the parser found, in our words.
    fn of_parser(error: httparse::Error, bytes: &[u8]) -> Self {
        match error {
            httparse::Error::HeaderName | httparse::Error::HeaderValue | httparse::Error::NewLine => {
                Self::FieldLine
            }
            httparse::Error::TooManyHeaders => Self::TooManyFields,
            httparse::Error::Version if names_a_version(bytes) => Self::Version,
            _ => Self::RequestLine,
        }
    }

    /// A coding other than `chunked`: unknown where it is a proper list that ends with `chunked` or has none, else malformed.
    fn of_coding(coding: &[u8]) -> Self {
        let chunked =
            coding.split(|&b| b == b',').filter(|c| c.trim_ascii().eq_ignore_ascii_case(b"chunked")).count();
        let is_list =
            coding.iter().all(|&b| is_token_byte(b) || b", \t;=\"".contains(&b)) && !coding.is_empty();
        if is_list && chunked <= 1 { Self::UnknownCoding } else { Self::TransferEncoding }
    }

    /// The status that tells the client (RFC 9110 §15.5 and §15.6, RFC 6585 §5).
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

/// Whether the request line is whole but for its version, which has the form `HTTP/d.d` (RFC 9112 §2.3).
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
            Self::Version => f.write_str("only HTTP/1.0 and HTTP/1.1 are spoken here"),
            Self::FieldLine => f.write_str("a field line is malformed"),
            Self::Host => f.write_str("the request needs exactly one Host, of the form host or host:port"),
            Self::Target(error) => error.fmt(f),
            Self::ContentLength => f.write_str("Content-Length is not one number"),
            Self::TransferEncoding => f.write_str("Transfer-Encoding cannot stand here"),
            Self::UnknownCoding => f.write_str("the only transfer coding known here is chunked"),
        }
    }
}

impl std::error::Error for HeadError {}

/// Writes the head of a request that a client sends; the target must be encoded already.
pub fn write_head(out: &mut Vec<u8>, method: &str, target: &str, host: &str, fields: &[(&str, &str)]) {
    let mut line = |parts: [&str; 4]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    line([method, " ", target, " HTTP/1.1\r\n"]);
    line(["Host: ", host, "\r\n", ""]);
    for (name, value) in fields {
        line([name, ": ", value, "\r\n"]);
    }
    line(["\r\n", "", "", ""]);
}

#[cfg(test)]
mod tests;
