//! Searches below a directory of a server, and passes on what is found as it arrives.

use std::io::{self, Write};

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;

use super::error::ClientError;
use super::error_response;
use super::listing::RemoteEntryKind;
use super::request::HttpRequest;
use super::response::PourError;
use super::session::Session;
use crate::http::request::Method;

/// The requested media type.
const JSON: &str = "application/json";

/// The longest line of a response, in bytes: a path of the maximum length, encoded, and twice as text.
const LONGEST_LINE: usize = 64 * 1024;

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FoundPath {
    /// Its path relative to the directory that is searched, as text.
    pub path: String,
    /// The path as a relative link.
    pub href: String,
    /// Its kind.
    pub kind: RemoteEntryKind,
    /// The length of a file, in bytes.
    pub size: Option<u64>,
    /// The time of its last change, in RFC 3339 format.
    pub modified: Option<String>,
}

/// How a search ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SearchEnd {
    /// Whether everything was found.
    pub complete: bool,
    /// Why not: a word of the server.
    pub cut: Option<String>,
}

/// Why a search failed.
#[derive(Debug)]
pub enum FindError {
    /// The request failed, or its response.
    Request(ClientError),
    /// The response is not that of a search.
    NoSearch,
    /// What was found could not be passed on.
    Output(io::Error),
}

/// The first line of a response.
#[derive(Deserialize)]
struct FirstLine {
    /// Only the response to a search has it.
    #[serde(rename = "query")]
    _query: String,
}

/// Reads a response line by line.
struct Lines<'v> {
    /// The beginning of the next line.
    rest: Vec<u8>,
    has_begun: bool,
    end: Option<SearchEnd>,
    visit: &'v mut dyn FnMut(&FoundPath) -> io::Result<()>,
    /// Whether a line was not what a search has.
    is_other: bool,
}

/// Searches the directory at `directory`, an encoded path, and everything below it.
pub fn find(
    session: &mut Session,
    directory: &str,
    pattern: &str,
    visit: &mut dyn FnMut(&FoundPath) -> io::Result<()>,
) -> Result<SearchEnd, FindError> {
    let target = target(directory, pattern);
    let fields = [("Accept", JSON)];
    let request = HttpRequest { method: Method::Get, target: &target, fields: &fields, content: None };
    let response = session.send(&request)?;
    if !response.head.status.is_success() {
        return Err(error_response::read(response).into());
    }
    if response.head.field("Content-Type").is_some_and(|kind| !kind.starts_with(JSON)) {
        return Err(FindError::NoSearch);
    }
    let mut lines = Lines { rest: Vec::new(), has_begun: false, end: None, visit, is_other: false };
    match response.body.pour(&mut lines) {
        Ok(_) => lines.end.ok_or(FindError::NoSearch),
        Err(PourError::Source(error)) => Err(error.into()),
        Err(PourError::Sink(_)) if lines.is_other => Err(FindError::NoSearch),
        Err(PourError::Sink(error)) => Err(FindError::Output(error)),
    }
}

/// The target of a search; the directory may lack its final slash.
fn target(directory: &str, pattern: &str) -> String {
    let slash = if directory.ends_with('/') { "" } else { "/" };
    format!("{directory}{slash}?q={}", utf8_percent_encode(pattern, NON_ALPHANUMERIC))
}

impl FoundPath {
    /// The bytes of its path. That of a directory ends with a slash.
    pub fn bytes(&self) -> Vec<u8> {
        percent_decode_str(self.href.strip_prefix("./").unwrap_or(&self.href)).collect()
    }

    /// Whether it is a path below the directory. Other programs may get the path, so a server must not choose any other.
    fn is_below(&self) -> bool {
        let bytes = self.bytes();
        let path = bytes.strip_suffix(b"/").unwrap_or(&bytes);
        let mut names = path.split(|&byte| byte == b'/');
        !bytes.contains(&0) && names.all(|name| !matches!(name, b"" | b"." | b".."))
    }
}

impl Lines<'_> {
    /// Takes a line without its line break.
    fn take(&mut self, line: &[u8]) -> io::Result<()> {
        let other = || io::Error::from(io::ErrorKind::InvalidData);
        if !self.has_begun {
            serde_json::from_slice::<FirstLine>(&[line, b"]}"].concat()).map_err(|_| other())?;
            self.has_begun = true;
        } else if line.starts_with(b"]") {
            let end = [b"{\"entries\":[", line].concat();
            self.end = Some(serde_json::from_slice(&end).map_err(|_| other())?);
        } else {
            let found = serde_json::from_slice(line.strip_prefix(b",").unwrap_or(line));
            let found: FoundPath = found.map_err(|_| other())?;
            return if found.is_below() { (self.visit)(&found) } else { Err(other()) };
        }
        Ok(())
    }
}

impl Write for Lines<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            self.rest.extend_from_slice(piece);
            let Some(line) = self.rest.strip_suffix(b"\n") else { continue };
            let line = line.to_vec();
            self.rest.clear();
            self.take(&line).inspect_err(|error| {
                self.is_other = error.kind() == io::ErrorKind::InvalidData;
            })?;
        }
        if self.rest.len() > LONGEST_LINE {
            self.is_other = true;
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<ClientError> for FindError {
    fn from(error: ClientError) -> Self {
        Self::Request(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths and the end in a response that arrives in pieces of this length.
    fn read(response: &str, length: usize) -> Option<(Vec<Vec<u8>>, SearchEnd)> {
        let mut paths = Vec::new();
        let mut visit = |found: &FoundPath| {
            paths.push(found.bytes());
            Ok(())
        };
        let mut lines =
            Lines { rest: Vec::new(), has_begun: false, end: None, visit: &mut visit, is_other: false };
        for piece in response.as_bytes().chunks(length) {
            if lines.write_all(piece).is_err() {
                assert!(lines.is_other);
                return None;
            }
        }
        let end = lines.end?;
        Some((paths, end))
    }

    #[test]
    fn entries_are_passed_on_line_by_line() {
        let response = "{\"path\":\"/\",\"query\":\"x\",\"entries\":[\n\
            {\"name\":\"a\",\"path\":\"a\\n\",\"href\":\"./a%0A%FF\",\"kind\":\"file\",\"size\":1}\n\
            ,{\"name\":\"b\",\"path\":\"b\",\"href\":\"./b/\",\"kind\":\"directory\"}\n\
            ],\"count\":2,\"complete\":false,\"cut\":\"time\"}\n";
        for length in [1, 7, 1000] {
            let (paths, end) = read(response, length).expect("a search");
            assert_eq!(paths, [b"a\n\xff".to_vec(), b"b/".to_vec()]);
            assert_eq!(end, SearchEnd { complete: false, cut: Some("time".to_owned()) });
        }
        assert_eq!(read(&response[..response.len() - 1], 7), None, "the end is missing");
    }

    #[test]
    fn other_responses_are_refused() {
        let listing = "{\"path\":\"/\",\"id\":\"x\",\"entries\":[]}\n";
        let long = "x".repeat(LONGEST_LINE + 1);
        for response in [listing, "<html>\n", "[]\n", &long, ""] {
            assert_eq!(read(response, 100), None, "{response}");
        }
    }

    #[test]
    fn a_path_elsewhere_is_refused() {
        let response = |href: &str| {
            format!(
                "{{\"query\":\"x\",\"entries\":[\n{{\"path\":\"a\",\"href\":\"{href}\",\"kind\":\"file\"}}\n],\"complete\":true}}\n"
            )
        };
        assert!(read(&response("./a/b"), 100).is_some());
        for href in ["../a", "/a", "a/%2e%2e/b", "a//b", "a/./b", "", "./", "a%00b", "%2fa"] {
            assert_eq!(read(&response(href), 100), None, "{href}");
        }
    }

    #[test]
    fn the_target_of_a_search() {
        assert_eq!(target("/a", "*.txt"), "/a/?q=%2A%2Etxt");
        assert_eq!(target("/", "a b/ä&%"), "/?q=a%20b%2F%C3%A4%26%25");
    }
}
