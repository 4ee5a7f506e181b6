//! Response heads (RFC 9112 §4): building one to send, and parsing one that was received.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::Arc;

use super::body::Framing;
use super::fields::{Fields, decimal};
use super::persistence::Persistence;
use super::request::{FIELD_LIMIT, HttpVersion};
use super::status::Status;

/// The largest response head that a client accepts, in bytes: some servers set long cookies.
pub const RESPONSE_HEAD_LIMIT: usize = 64 * 1024;

/// A response head to send: its status and field lines. The connection adds the field lines that every
/// response has (Date, Content-Length, Connection).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    status: Status,
    /// Shared, because every response with a cached file has the same head.
    lines: Arc<String>,
}

impl Head {
    /// The space in bytes that the field lines of a usual response need, so that they are allocated once.
    const USUAL_LINES: usize = 256;

    /// A head with this status and no field lines yet.
    pub fn new(status: Status) -> Self {
        Self { status, lines: Arc::new(String::with_capacity(Self::USUAL_LINES)) }
    }

    /// The same field lines with a different status.
    #[must_use]
    pub fn with_status(&self, status: Status) -> Self {
        Self { status, lines: Arc::clone(&self.lines) }
    }

    /// The status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// How many bytes [`Self::write`] writes.
    pub fn length(&self) -> usize {
        "HTTP/1.1 000 \r\n".len() + self.status.reason().len() + self.lines.len()
    }

    /// Whether both have the same status and share their lines in memory. This does not compare the lines.
    pub fn is_same(&self, other: &Self) -> bool {
        self.status == other.status && Arc::ptr_eq(&self.lines, &other.lines)
    }

    /// Adds a field line. No value can create a second line: control characters become spaces (RFC 9110 §5.5).
    #[must_use]
    pub fn field(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.add(name, value);
        self
    }

    /// Like [`Self::field`], in place.
    pub fn add(&mut self, name: &str, value: impl fmt::Display) {
        let lines = Arc::make_mut(&mut self.lines);
        let start = lines.len() + name.len() + 2;
        // Writing to a String cannot fail.
        let _ = write!(lines, "{name}: {value}");
        if lines[start..].bytes().any(|b| b.is_ascii_control()) {
            let clean = lines[start..].replace(|c: char| c.is_ascii_control(), " ");
            lines.truncate(start);
            lines.push_str(&clean);
        }
        lines.push_str("\r\n");
    }

    /// The value of the first field line with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut lines = self.lines.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(given, value)| given.eq_ignore_ascii_case(name).then_some(value))
    }

    /// Removes the field lines with this name.
    pub fn remove(&mut self, name: &str) {
        let is_other = |line: &&str| !line.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name));
        self.lines = Arc::new(self.lines.split_inclusive("\r\n").filter(is_other).collect());
    }

    /// Writes the status line and the field lines. The caller adds its own lines, and the empty line that ends the head.
    pub fn write(&self, out: &mut Vec<u8>) {
        let code = self.status.code();
        let [a, b, c] = [code / 100, code / 10 % 10, code % 10].map(|digit| b'0' + digit as u8);
        out.extend_from_slice(b"HTTP/1.1 ");
        out.extend_from_slice(&[a, b, c, b' ']);
        out.extend_from_slice(self.status.reason().as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.lines.as_bytes());
    }
}

/// A response head that was received, complete and valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The status.
    pub status: Status,
    /// How the end of the content is found.
    pub framing: Framing,
    /// Whether the connection can be used again.
    pub persistence: Persistence,
    /// The valid length in its fields, even if there is no content.
    length: Option<u64>,
    fields: Vec<(String, Vec<u8>)>,
}

/// Why a response cannot be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseError {
    /// It is not an HTTP/1 response.
    Malformed,
    /// Its head is longer than [`RESPONSE_HEAD_LIMIT`] or has too many field lines.
    TooLarge,
    /// Its length is ambiguous or invalid.
    Framing,
}

impl Received {
    /// Parses a head at the start of `bytes`, and returns its length; `None` if it is not complete yet. If
    /// `to_head` is set, the request was HEAD, so the response has no content (RFC 9112 §6.3).
    pub fn parse(bytes: &[u8], to_head: bool) -> Result<Option<(Self, usize)>, ResponseError> {
        let mut lines = [httparse::EMPTY_HEADER; FIELD_LIMIT];
        let mut response = httparse::Response::new(&mut lines);
        let parsed = httparse::ParserConfig::default()
            .allow_obsolete_multiline_headers_in_responses(true)
            .parse_response(&mut response, bytes);
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) if bytes.len() < RESPONSE_HEAD_LIMIT => return Ok(None),
            Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
                return Err(ResponseError::TooLarge);
            }
            Err(_) => return Err(ResponseError::Malformed),
        };
        let (Some(code), Some(minor)) = (response.code, response.version) else {
            return Err(ResponseError::Malformed);
        };
        let status = Status::new(code).ok_or(ResponseError::Malformed)?;
        let version = if minor == 0 { HttpVersion::Http10 } else { HttpVersion::Http11 };
        let unfolded: Vec<_> = response.headers.iter().map(|line| unfold(line.value)).collect();
        let headers = response.headers.iter().zip(&unfolded);
        let headers: Vec<_> =
            headers.map(|(line, value)| httparse::Header { name: line.name, value }).collect();
        let fields = Fields::new(&headers);
        let framing = if to_head || status.has_no_content() { Framing::Empty } else { framing(fields)? };
        let persistence = Persistence::of_message(version, fields);
        let content_length = content_length(fields).ok().flatten();
        let fields = fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Some((Self { status, framing, persistence, length: content_length, fields }, length)))
    }

    /// The `Content-Length`, if it is valid; in a response to HEAD, the length that the content of a GET would have.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// The value of the first field line with this name, as text; bytes that are not UTF-8 are replaced.
    pub fn field(&self, name: &str) -> Option<String> {
        let (_, value) = self.fields.iter().find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(value).into_owned())
    }

    /// The values of all lines with this name, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(move |(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| &**value)
    }

    /// Whether the connection can be used for another request once the content has been read.
    pub fn keeps(&self) -> bool {
        self.persistence.keeps() && self.framing != Framing::UntilClose
    }
}

/// How the end of a response's content is found (RFC 9112 §6.3, rules 4 to 8).
fn framing(fields: Fields<'_, '_>) -> Result<Framing, ResponseError> {
    let is_sized = fields.get("Content-Length").is_some();
    if let Some(coding) = fields.get("Transfer-Encoding") {
        let is_clear = coding.eq_ignore_ascii_case(b"chunked") && !is_sized;
        return if is_clear { Ok(Framing::Chunked) } else { Err(ResponseError::Framing) };
    }
    Ok(content_length(fields)?.map_or(Framing::UntilClose, Framing::sized))
}

/// The `Content-Length`. A list of equal numbers counts as one, as some programs join the lines of a field (RFC 9110 §8.6).
fn content_length(fields: Fields<'_, '_>) -> Result<Option<u64>, ResponseError> {
    let mut lengths = fields.list("Content-Length");
    match lengths.next() {
        None if fields.get("Content-Length").is_some() => Err(ResponseError::Framing),
        None => Ok(None),
        Some(first) if lengths.all(|other| other == first) => {
            decimal(first).map(Some).ok_or(ResponseError::Framing)
        }
        Some(_) => Err(ResponseError::Framing),
    }
}

/// A value on one line: a line break, with the white space after it, becomes a space (RFC 9112 §5.2).
fn unfold(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\n') {
        return value.into();
    }
    let lines: Vec<_> = value.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).collect();
    lines.join(&b' ').into()
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not an HTTP/1 response",
            Self::TooLarge => "the head of the response is too long",
            Self::Framing => "the length of the response is ambiguous or invalid",
        })
    }
}

impl std::error::Error for ResponseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_make_a_second_line() {
        let mut out = Vec::new();
        Head::new(Status::OK).field("A", "x\r\nSet-Cookie: y").field("B", 7).write(&mut out);
        assert_eq!(out, b"HTTP/1.1 200 OK\r\nA: x  Set-Cookie: y\r\nB: 7\r\n");
    }

    #[test]
    fn where_the_content_ends() {
        let cases = [
            ("sized", "200 OK", "Content-Length: 5", false, Ok(Framing::Sized(5))),
            (
                "doubled, the same (RFC 9110 §8.6)",
                "200 OK",
                "Content-Length: 5\r\nContent-Length: 5",
                false,
                Ok(Framing::Sized(5)),
            ),
            (
                "doubled, not the same",
                "200 OK",
                "Content-Length: 5\r\nContent-Length: 6",
                false,
                Err(ResponseError::Framing),
            ),
            ("a list, the same", "200 OK", "Content-Length: 5, 5", false, Ok(Framing::Sized(5))),
            ("a list, not the same", "200 OK", "Content-Length: 5, 6", false, Err(ResponseError::Framing)),
            (
                "an empty line, which is an empty member",
                "200 OK",
                "Content-Length:\r\nContent-Length: 5",
                false,
                Ok(Framing::Sized(5)),
            ),
            ("an empty list", "200 OK", "Content-Length: ,", false, Err(ResponseError::Framing)),
            ("no number", "200 OK", "Content-Length: +5", false, Err(ResponseError::Framing)),
            ("chunked", "200 OK", "Transfer-Encoding: Chunked", false, Ok(Framing::Chunked)),
            (
                "both (§6.3, rule 3)",
                "200 OK",
                "Transfer-Encoding: chunked\r\nContent-Length: 5",
                false,
                Err(ResponseError::Framing),
            ),
            ("neither (rule 8)", "200 OK", "A: b", false, Ok(Framing::UntilClose)),
            ("to HEAD (rule 1)", "200 OK", "Content-Length: 5", true, Ok(Framing::Empty)),
            ("304 (rule 1)", "304 Not Modified", "Content-Length: 5", false, Ok(Framing::Empty)),
        ];
        for (name, status, fields, to_head, expected) in cases {
            let bytes = format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\nrest");
            let found = Received::parse(bytes.as_bytes(), to_head).map(|whole| whole.expect("whole"));
            assert_eq!(found.as_ref().map(|(head, _)| head.framing).map_err(|e| *e), expected, "{name}");
            if let Ok((_, length)) = found {
                assert_eq!(&bytes[length..], "rest", "{name}");
            }
        }
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n";
        let (head, _) = Received::parse(bytes, true).expect("valid").expect("whole");
        assert_eq!(head.content_length(), Some(5), "to HEAD, of the content that is not there");
    }

    #[test]
    fn folded_fields_are_unfolded() {
        let table = [
            ("A: b\r\n c", "b c"),
            ("A: b \r\n\t  c\r\n d", "b c d"),
            ("A:\r\n b", "b"),
            ("A: b\n c", "b c"),
        ];
        for (line, value) in table {
            let bytes = format!("HTTP/1.1 200 OK\r\n{line}\r\nContent-Length: 1\r\n\r\nx");
            for end in 0..bytes.len() - 1 {
                assert_eq!(Received::parse(&bytes.as_bytes()[..end], false), Ok(None), "{line}: {end} bytes");
            }
            let (head, length) = Received::parse(bytes.as_bytes(), false).expect(line).expect("whole");
            assert_eq!(
                head.field("A").map(|found| found.trim().to_owned()).as_deref(),
                Some(value),
                "{line}"
            );
            assert_eq!((head.framing, length), (Framing::Sized(1), bytes.len() - 1), "{line}");
        }
    }

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: \"x\"\r\n\r\n";
        for end in 0..bytes.len() {
            assert_eq!(Received::parse(&bytes[..end], false), Ok(None), "{end} bytes");
        }
        let (head, _) = Received::parse(bytes, false).expect("valid").expect("whole");
        assert_eq!(head.field("etag").as_deref(), Some("\"x\""));
        assert!(head.keeps());
        assert_eq!(Received::parse(b"SSH-2.0-x\r\n", false), Err(ResponseError::Malformed));
    }
}
