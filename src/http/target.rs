//! Request targets (RFC 9112 §3.2) and the percent-encoding of paths (RFC 3986 §2.1).
//!
//! A path is first split on `/`, and then each segment is decoded once. So `%2f` never becomes a separator,
//! and the path that was checked is the path that is opened. The folder decides whether a segment exists.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};

/// The longest target, in bytes; RFC 9110 §4.1 recommends at least 8,000.
pub const TARGET_LIMIT: usize = 8 * 1024;

/// The characters that must be encoded in a path: all but RFC 3986's `pchar` and the slash.
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The characters that must be encoded in a segment, including the slash.
const NOT_IN_SEGMENT: &AsciiSet = &NOT_IN_PATH.add(b'/');

/// The characters that are encoded in a target that a user typed: `%`, `?` and the like keep their meaning.
const NOT_TYPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The kinds of bytes that matter in a target, as bits: those that no target may have, `?`, and `%`.
const REFUSED: u8 = 1;
const QUESTION_MARK: u8 = 2;
const PERCENT_SIGN: u8 = 4;

/// The kind of each byte. A table, because every byte of every target is looked up.
const KINDS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            0..=b' ' | b'#' | b'\\' | 0x7f => REFUSED,
            b'?' => QUESTION_MARK,
            b'%' => PERCENT_SIGN,
            _ => 0,
        };
        byte += 1;
    }
    table
};

/// The kinds of bytes in a text. One pass finds all of them, so that most targets need no further search.
fn kinds_in(text: &str) -> u8 {
    text.bytes().fold(0, |kinds, byte| kinds | KINDS[usize::from(byte)])
}

/// A request target in one of its four forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'b> {
    /// `/path?query`, the form of nearly every request.
    Origin(PathAndQuery<'b>),
    /// `http://authority/path?query`: servers must accept it, though clients send it only to proxies.
    Absolute {
        /// `host:port`; it overrides the Host field (RFC 9112 §3.2.2).
        authority: &'b str,
        /// The rest.
        path: PathAndQuery<'b>,
    },
    /// `host:port`, for CONNECT.
    Authority(&'b str),
    /// `*`, for OPTIONS: the server as a whole.
    Asterisk,
}

/// A path, still encoded, and its query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathAndQuery<'b> {
    path: &'b str,
    query: Option<&'b str>,
    /// Whether the path, or the rest of its target, may have percent-encoded bytes.
    has_escapes: bool,
}

/// Why a target is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetError {
    /// It has none of the four forms.
    Form,
    /// It has a byte that must be percent-encoded: a control character, a backslash, `#`, or one that is not UTF-8.
    Byte,
    /// It has a `%` without two hexadecimal digits.
    Percent,
    /// It has `%2f` or `%00`, which no file name contains.
    Separator,
}

impl<'b> Target<'b> {
    /// Parses a target. UTF-8 beyond ASCII is accepted: some tools send paths as users type them.
    pub fn parse(text: &'b str) -> Result<Self, TargetError> {
        let kinds = kinds_in(text);
        if kinds & REFUSED != 0 {
            return Err(TargetError::Byte);
        }
        if text.starts_with('/') {
            return Ok(Self::Origin(PathAndQuery::split(text, kinds)));
        }
        if text == "*" {
            return Ok(Self::Asterisk);
        }
        if let Some(rest) = strip_scheme(text) {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            if authority.is_empty() || authority.contains('@') {
                return Err(TargetError::Form);
            }
            return Ok(Self::Absolute { authority, path: PathAndQuery::split(path, kinds) });
        }
        if is_authority(text) { Ok(Self::Authority(text)) } else { Err(TargetError::Form) }
    }

    /// The path and query, if this form has them.
    pub fn path(&self) -> Option<PathAndQuery<'b>> {
        match *self {
            Self::Origin(path) | Self::Absolute { path, .. } => Some(path),
            Self::Authority(_) | Self::Asterisk => None,
        }
    }
}

/// Whether this is `host:port` (RFC 9112 §3.2.3); the port is required.
fn is_authority(text: &str) -> bool {
    let port = text.rsplit_once(':').map_or("", |(_, port)| port);
    !text.contains(['/', '?', '@']) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// The rest after `http://` or `https://`; schemes are case-insensitive (RFC 9110 §4.2.3).
fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    (scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")).then_some(rest)
}

impl<'b> PathAndQuery<'b> {
    /// Splits at the first `?`; an empty path is `/` (RFC 9110 §4.2.3). The target has only bytes of these kinds.
    fn split(text: &'b str, kinds: u8) -> Self {
        let halves = if kinds & QUESTION_MARK == 0 { None } else { text.split_once('?') };
        let (path, query) = halves.map_or((text, None), |(path, query)| (path, Some(query)));
        let path = if path.is_empty() { "/" } else { path };
        Self { path, query, has_escapes: kinds & PERCENT_SIGN != 0 }
    }

    /// The path below this directory. It is empty for the directory itself without its final slash, and `None` for a
    /// path elsewhere. Segments are compared after decoding, and empty ones are ignored, as in proxies and the folder.
    pub fn below(&self, directory: &str) -> Option<Self> {
        let mut path = self.path;
        for name in directory.split('/').filter(|name| !name.is_empty()) {
            let from = path.trim_start_matches('/');
            let (segment, rest) = from.split_at(from.find('/').unwrap_or(from.len()));
            let is_same = decode_segment(segment.as_bytes()).ok()? == decode_segment(name.as_bytes()).ok()?;
            path = is_same.then_some(rest)?;
        }
        Some(Self { path, ..*self })
    }

    /// The relative path from here to the root, without a final slash: `.` from `/a`, `../..` from `/a/b/c`.
    /// Links that begin with it work wherever a proxy places the root.
    pub fn to_root(&self) -> String {
        let depth = self.path.matches('/').count().saturating_sub(1);
        if depth == 0 { ".".to_owned() } else { vec![".."; depth].join("/") }
    }

    /// The path as it was sent, still encoded, with its leading slash.
    pub fn raw(&self) -> &'b str {
        self.path
    }

    /// The query as it was sent, without `?`.
    pub fn query(&self) -> Option<&'b str> {
        self.query
    }

    /// Whether the path ends with a slash, as a directory's does.
    pub fn ends_with_slash(&self) -> bool {
        self.path.ends_with('/')
    }

    /// The value of this query parameter, still encoded; empty for a parameter without `=`.
    pub fn parameter(&self, name: &str) -> Option<&'b str> {
        self.query?.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }

    /// The segments between the slashes, each decoded, including empty ones.
    pub fn segments(&self) -> impl Iterator<Item = Result<Cow<'b, [u8]>, TargetError>> + use<'b> {
        let has_escapes = self.has_escapes;
        let decode = move |segment| if has_escapes { decode_segment(segment) } else { Ok(segment.into()) };
        self.encoded_segments().map(decode)
    }

    /// Like [`Self::segments`], but as the names under which a client saves them: a segment that would decode
    /// to several names stays encoded.
    pub fn names(&self) -> impl Iterator<Item = Result<Cow<'b, [u8]>, TargetError>> + use<'b> {
        self.encoded_segments().map(|segment| match decode_segment(segment) {
            Err(TargetError::Separator) => Ok(segment.into()),
            decoded => decoded,
        })
    }

    fn encoded_segments(&self) -> impl Iterator<Item = &'b [u8]> + use<'b> {
        self.path.as_bytes().get(1..).unwrap_or_default().split(|&byte| byte == b'/')
    }
}

/// Decodes one segment, once.
fn decode_segment(segment: &[u8]) -> Result<Cow<'_, [u8]>, TargetError> {
    if segment.iter().all(|&byte| byte != b'%') {
        return Ok(Cow::Borrowed(segment));
    }
    let escapes = segment.split(|&byte| byte == b'%').skip(1);
    for rest in escapes {
        match rest {
            [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {}
            _ => return Err(TargetError::Percent),
        }
    }
    let decoded: Cow<'_, [u8]> = percent_decode(segment).into();
    if decoded.iter().any(|&b| b == b'/' || b == 0) { Err(TargetError::Separator) } else { Ok(decoded) }
}

/// A path, encoded for a target; its slashes are kept.
pub fn encode_path(path: &[u8]) -> String {
    percent_encode(path, NOT_IN_PATH).to_string()
}

/// The parts of a segment, encoded for a target.
pub fn encoded_parts(segment: &[u8]) -> impl Iterator<Item = &str> {
    percent_encode(segment, NOT_IN_SEGMENT)
}

/// One segment, encoded for a target.
pub fn encode_segment(segment: &[u8]) -> String {
    percent_encode(segment, NOT_IN_SEGMENT).to_string()
}

/// A target from text that a user typed: with a `/` before it, and encoded where necessary. `%XX` and `?`
/// keep their meaning in a URL.
pub fn from_typed(text: &str) -> String {
    let text = text.trim_start_matches('/');
    let mut target = String::from("/");
    for (at, piece) in text.split('%').enumerate() {
        if at > 0 {
            let is_escape =
                matches!(piece.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
            target.push_str(if is_escape { "%" } else { "%25" });
        }
        target.extend(percent_encode(piece.as_bytes(), NOT_TYPED));
    }
    target
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "the target is not a path, URL, authority or *",
            Self::Byte => "the target has a character that must be percent-encoded",
            Self::Percent => "the target has a % without two hexadecimal digits",
            Self::Separator => "the target has an encoded slash or NUL, which no file name has",
        })
    }
}

impl std::error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> PathAndQuery<'_> {
        PathAndQuery::split(text, kinds_in(text))
    }

    #[test]
    fn the_four_forms() {
        let parts = |path, query| PathAndQuery { path, query, has_escapes: false };
        let origin = |path, query| Ok(Target::Origin(parts(path, query)));
        let absolute = |authority, path| Ok(Target::Absolute { authority, path: parts(path, None) });
        let cases = [
            ("origin (§3.2.1)", "/a/b", origin("/a/b", None)),
            ("query", "/a?b?c", origin("/a", Some("b?c"))),
            ("two slashes are a path, not a host", "//host/x", origin("//host/x", None)),
            ("UTF-8 as it is", "/größe", origin("/größe", None)),
            ("absolute (§3.2.2)", "http://h:1/x", absolute("h:1", "/x")),
            ("absolute, no path", "HTTP://h", absolute("h", "/")),
            ("with user info (RFC 9110 §4.2.4)", "http://u@h/", Err(TargetError::Form)),
            ("no authority", "http:///x", Err(TargetError::Form)),
            ("authority (§3.2.3)", "h:443", Ok(Target::Authority("h:443"))),
            ("an authority has a port", "h:", Err(TargetError::Form)),
            ("a scheme is not a host", "javascript:alert", Err(TargetError::Form)),
            ("asterisk (§3.2.4)", "*", Ok(Target::Asterisk)),
            ("no slash", "a/b", Err(TargetError::Form)),
            ("another scheme", "ftp://h/x", Err(TargetError::Form)),
            ("empty", "", Err(TargetError::Form)),
            ("a fragment is never sent", "/a#b", Err(TargetError::Byte)),
            ("backslash", "/a\\b", Err(TargetError::Byte)),
            ("control", "/a\tb", Err(TargetError::Byte)),
        ];
        for (name, text, expected) in cases {
            assert_eq!(Target::parse(text), expected, "{name}");
        }
    }

    #[test]
    fn segments_are_split_before_they_are_decoded() {
        let cases: [(&str, Result<Vec<&[u8]>, TargetError>); 10] = [
            ("/", Ok(vec![b""])),
            ("/a/b/", Ok(vec![b"a", b"b", b""])),
            ("//a", Ok(vec![b"", b"a"])),
            ("/%41%20b", Ok(vec![b"A b"])),
            ("/%ff%5c%0a", Ok(vec![b"\xff\\\n"])),
            ("/%2e%2e/x", Ok(vec![b"..", b"x"])),
            ("/%252f", Ok(vec![b"%2f"])),
            ("/a%2fb", Err(TargetError::Separator)),
            ("/a%00b", Err(TargetError::Separator)),
            ("/a%4", Err(TargetError::Percent)),
        ];
        for (text, expected) in cases {
            let path = split(text);
            let found: Result<Vec<_>, _> = path.segments().collect();
            let expected = expected.map(|list| list.into_iter().map(Cow::Borrowed).collect());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_name_with_an_encoded_slash_stays_encoded() {
        let path = split("/a%20b/c%2Fd/%00");
        let names: Result<Vec<_>, _> = path.names().collect();
        let expected: [&[u8]; 3] = [b"a b", b"c%2Fd", b"%00"];
        assert_eq!(names, Ok(expected.map(Cow::Borrowed).to_vec()));
        assert_eq!(split("/a%4").names().next(), Some(Err(TargetError::Percent)));
    }

    #[test]
    fn the_way_to_the_root_is_relative() {
        for (path, way) in
            [("/", "."), ("/a", "."), ("/a/", ".."), ("/a/b/c?d/e", "../.."), ("/a//", "../..")]
        {
            assert_eq!(split(path).to_root(), way, "{path}");
        }
    }

    #[test]
    fn parameters() {
        let path = split("/?list&sort=name&x=");
        assert_eq!(path.parameter("list"), Some(""));
        assert_eq!(path.parameter("sort"), Some("name"));
        assert_eq!(path.parameter("lis"), None);
        assert_eq!(split("/").parameter("list"), None);
    }

    #[test]
    fn what_is_typed_becomes_a_target() {
        let cases = [
            ("server/testServer.txt", "/server/testServer.txt"),
            ("/a b", "/a%20b"),
            ("//a", "/a"),
            ("100%", "/100%25"),
            ("a%20b?list", "/a%20b?list"),
            ("größe", "/gr%C3%B6%C3%9Fe"),
            ("", "/"),
        ];
        for (typed, target) in cases {
            assert_eq!(from_typed(typed), target);
        }
    }

    #[test]
    fn an_encoded_path_decodes_to_itself() {
        let every_byte: Vec<u8> = (1..=255).filter(|&b| b != b'/').collect();
        let encoded = format!("/{}", encode_segment(&every_byte));
        let Ok(Target::Origin(path)) = Target::parse(&encoded) else { panic!("no target: {encoded}") };
        let segments: Result<Vec<_>, _> = path.segments().collect();
        assert_eq!(segments, Ok(vec![Cow::Owned(every_byte)]));
    }
}
