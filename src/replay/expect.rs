//! Checks a response against the expectations of its line.
//!
//! Expectations follow `->`: a status (`404`), `sha256=HEX` and `bytes=N` for the content, `type=text/html`,
//! and `<50ms` for the time. If no status is given, any status below 400 is expected.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::format::Time;
use crate::http::status::Status;
use crate::printable::Printable;

/// The length of a SHA-256, in bytes.
pub const DIGEST: usize = 32;

/// The expectations of one response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    status: Option<Status>,
    sha256: Option<[u8; DIGEST]>,
    bytes: Option<u64>,
    media_type: Option<String>,
    within: Option<Duration>,
}

/// The properties of a response that are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseSummary {
    /// Its status.
    pub status: Status,
    /// The length of its content, in bytes.
    pub bytes: u64,
    /// Its Content-Type.
    pub media_type: Option<String>,
    /// The SHA-256 of its content, if it was computed.
    pub sha256: Option<[u8; DIGEST]>,
    /// The time until its last byte.
    pub took: Duration,
}

/// Why an expectation is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectError {
    /// Nothing follows `->`.
    Nothing,
    /// The expectation is unknown.
    Unknown(String),
    /// The expectation is repeated.
    Twice(String),
}

impl Expectations {
    /// Parses the words after `->`.
    pub fn parse(words: &[String]) -> Result<Self, ExpectError> {
        let mut all = Self::default();
        for word in words {
            all.add(word).map_err(|problem| match problem {
                Problem::Unknown => ExpectError::Unknown(word.clone()),
                Problem::Twice => ExpectError::Twice(word.clone()),
            })?;
        }
        if words.is_empty() { Err(ExpectError::Nothing) } else { Ok(all) }
    }

    fn add(&mut self, word: &str) -> Result<(), Problem> {
        if let Some(time) = word.strip_prefix('<') {
            return set(&mut self.within, parse_time(time));
        }
        match word.split_once('=') {
            None => set(&mut self.status, parse_status(word)),
            Some(("sha256", hex)) => set(&mut self.sha256, parse_digest(hex)),
            Some(("bytes", count)) => set(&mut self.bytes, parse_number(count)),
            Some(("type", kind)) => {
                set(&mut self.media_type, kind.contains('/').then(|| kind.to_ascii_lowercase()))
            }
            Some(_) => Err(Problem::Unknown),
        }
    }

    /// Whether the content must be hashed.
    pub fn wants_digest(&self) -> bool {
        self.sha256.is_some()
    }

    /// The expectations that are not met, as text; empty if the response is as expected.
    pub fn check(&self, response: &ResponseSummary) -> Vec<String> {
        let mut failures = Vec::new();
        let got = response.status;
        match self.status {
            Some(status) if status != got => failures.push(format!("expected {}, got {got}", status.code())),
            None if got.is_error() => failures.push(format!("got {got}")),
            _ => {}
        }
        if let Some(bytes) = self.bytes.filter(|bytes| *bytes != response.bytes) {
            failures.push(format!("expected {bytes} bytes, got {}", response.bytes));
        }
        if let Some(kind) = self.media_type.as_deref().filter(|kind| !response.is_of_type(kind)) {
            let got = response.media_type.as_deref().unwrap_or("none");
            failures.push(format!("expected type {}, got {}", Printable::text(kind), Printable::text(got)));
        }
        if let Some((expected, got)) =
            self.sha256.zip(response.sha256).filter(|(expected, got)| expected != got)
        {
            failures.push(format!("expected sha256 {}, got {}", Hex(&expected), Hex(&got)));
        }
        if let Some(within) = self.within.filter(|within| *within <= response.took) {
            failures.push(format!("expected less than {}, took {}", Time(within), Time(response.took)));
        }
        failures
    }
}

impl ResponseSummary {
    /// Whether the response has this media type. Parameters are compared only if they are expected (RFC 9110
    /// §8.3.1).
    fn is_of_type(&self, kind: &str) -> bool {
        let Some(got) = self.media_type.as_deref() else { return false };
        let plain = |text: &str| text.replace([' ', '\t'], "").to_ascii_lowercase();
        let got = if kind.contains(';') { got } else { got.split(';').next().unwrap_or(got) };
        plain(got) == plain(kind)
    }
}

/// Why a word is invalid.
enum Problem {
    Unknown,
    Twice,
}

/// Sets an expectation once.
fn set<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), Problem> {
    let value = value.ok_or(Problem::Unknown)?;
    if place.replace(value).is_some() { Err(Problem::Twice) } else { Ok(()) }
}

fn parse_status(text: &str) -> Option<Status> {
    let code = (text.len() == 3).then(|| parse_number(text)).flatten()?;
    Status::new(u16::try_from(code).ok()?)
}

/// A number without a sign.
fn parse_number(text: &str) -> Option<u64> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// `50ms`, `1.5s`.
fn parse_time(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s')?, 1.0),
    };
    if number.bytes().any(|b| !b.is_ascii_digit() && b != b'.') {
        return None;
    }
    let seconds = number.parse::<f64>().ok()? * unit;
    Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero())
}

fn parse_digest(hex: &str) -> Option<[u8; DIGEST]> {
    let nibbles: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let bytes: Vec<u8> = nibbles.filter(|all| all.len() == 2 * DIGEST)?.chunks(2).map(join).collect();
    bytes.try_into().ok()
}

/// Two hexadecimal digits as one byte.
fn join(pair: &[u8]) -> u8 {
    pair.iter().fold(0, |byte, nibble| byte << 4 | nibble)
}

/// Bytes in hexadecimal.
struct Hex<'b>(&'b [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for ExpectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, what) = match self {
            Self::Nothing => return f.write_str("nothing follows ->"),
            Self::Unknown(word) => {
                (word, "is not an expectation (404, sha256=HEX, bytes=N, type=text/html, <50ms)")
            }
            Self::Twice(word) => (word, "repeats an expectation"),
        };
        f.write_char('"')?;
        write!(f, "{}\" {what}", Printable::text(word))
    }
}

impl std::error::Error for ExpectError {}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn parse(text: &str) -> Result<Expectations, ExpectError> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Expectations::parse(&words)
    }

    fn response() -> ResponseSummary {
        ResponseSummary {
            status: Status::OK,
            bytes: 12,
            media_type: Some("Text/HTML; charset=utf-8".to_owned()),
            sha256: Some([0; DIGEST]),
            took: Duration::from_millis(50),
        }
    }

    #[test]
    fn responses_are_checked() {
        let sha = format!("sha256={EMPTY}");
        let zeros = format!("sha256={}", "0".repeat(64));
        let wrong_sha = format!("expected sha256 {EMPTY}, got {}", "0".repeat(64));
        let cases: [(&str, &str, &[&str]); 13] = [
            ("status", "200", &[]),
            ("another status", "404", &["expected 404, got 200 OK"]),
            ("length", "bytes=12", &[]),
            ("another length", "bytes=13", &["expected 13 bytes, got 12"]),
            ("type", "type=text/html", &[]),
            ("type with its parameter", "type=text/html;charset=UTF-8", &[]),
            ("another type", "type=text/plain", &["expected type text/plain, got Text/HTML; charset=utf-8"]),
            ("digest", &zeros, &[]),
            ("another digest", &sha, &[&wrong_sha]),
            ("in time", "<51ms", &[]),
            ("not before its time", "<50ms", &["expected less than 50.0 ms, took 50.0 ms"]),
            ("seconds", "<0.06s", &[]),
            ("several", "404 bytes=1", &["expected 404, got 200 OK", "expected 1 bytes, got 12"]),
        ];
        for (name, text, failures) in cases {
            assert_eq!(parse(text).expect(name).check(&response()), failures, "{name}");
        }
    }

    #[test]
    fn without_an_expected_status_an_error_fails() {
        let missing = ResponseSummary { status: Status::NOT_FOUND, ..response() };
        assert_eq!(Expectations::default().check(&missing), ["got 404 Not Found"]);
        assert_eq!(parse("<1s").expect("valid").check(&missing), ["got 404 Not Found"]);
        assert!(parse("404").expect("valid").check(&missing).is_empty());
        assert!(
            Expectations::default()
                .check(&ResponseSummary { status: Status::NOT_MODIFIED, ..response() })
                .is_empty()
        );
    }

    #[test]
    fn invalid_expectations() {
        assert_eq!(parse(""), Err(ExpectError::Nothing));
        for word in [
            "20",
            "2000",
            "+20",
            "0200",
            "<50",
            "<-1ms",
            "<ms",
            "<0ms",
            "<1e9s",
            "sha256=ab",
            "bytes=-1",
            "bytes=",
            "type=html",
            "size=3",
            "ok",
            "<nans",
        ] {
            assert_eq!(parse(word), Err(ExpectError::Unknown(word.to_owned())), "{word}");
        }
        assert_eq!(parse("200 404"), Err(ExpectError::Twice("404".to_owned())));
    }
}
