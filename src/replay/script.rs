//! Scripts: one request per line. The whole script is parsed before the first request is sent.
//!
//! ```text
//! # the seed cases
//! GET server/testServer.txt
//! POST client/testClient.txt        -> 200
//! GET nothing.txt                   -> 404 <50ms
//! client_get index.html localhost (8080)
//! ```
//!
//! File names are relative to the script. The errors of all lines are printed at once, as `file:line: error`.

use std::fmt;
use std::path::{Path, PathBuf};

use super::expect::{ExpectError, Expectations};
use crate::client::address::{Endpoint, ServerAddress};
use crate::client::command::{self, Command, CommandError, GET_USAGE, SERIAL, SelectCommand, UploadCommand};
use crate::client::error::{ClientError, shown};
use crate::client::listing;
use crate::client::upload;
use crate::http::request::Method;
use crate::printable::Printable;

/// Separates a request from the expectations of its response.
const ARROW: &str = "->";

/// The requests of a script, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The name of its file, as given.
    pub name: String,
    /// Its requests.
    pub steps: Vec<ScriptStep>,
}

/// A request, and the expectations for its response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptStep {
    /// Its line, from 1.
    pub line: usize,
    /// Its name in results: `GET server/index.html`.
    pub name: String,
    /// The request.
    pub request: ScriptRequest,
    /// The expectations.
    pub expected: Expectations,
}

/// A request that is ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptRequest {
    /// Its method.
    pub method: Method,
    /// Its encoded target.
    pub target: String,
    /// The value of its Accept field, if it has one.
    pub accept: Option<&'static str>,
    /// The file that it sends.
    pub file: Option<PathBuf>,
    /// Its server.
    pub server: Endpoint,
}

/// Why a script is not sent.
#[derive(Debug)]
pub enum ScriptError {
    /// It cannot be read.
    Unreadable(ClientError),
    /// These lines are invalid; never empty.
    Lines(String, Vec<(usize, LineError)>),
}

/// Why a line is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineError {
    /// It is not UTF-8.
    Encoding,
    /// It is not a command.
    Command(CommandError),
    /// It is a command of the prompt that sends no request.
    NoRequest(String),
    /// An expectation after `->` is invalid.
    Expect(ExpectError),
    /// The file that it sends does not exist.
    Missing(String),
}

impl Script {
    /// Reads a script. Requests that name no server are sent to `address`.
    pub fn load(path: &Path, address: &ServerAddress) -> Result<Self, ScriptError> {
        let unreadable = |error| ScriptError::Unreadable(ClientError::Local("read", path.to_owned(), error));
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let (steps, mut wrong) = parse(&bytes, folder, address);
        wrong.extend(steps.iter().filter_map(missing_file));
        wrong.sort_by_key(|(line, _)| *line);
        if wrong.is_empty() {
            Ok(Self { name: shown(path), steps })
        } else {
            Err(ScriptError::Lines(shown(path), wrong))
        }
    }
}

/// Parses a script: all requests, and all invalid lines.
pub fn parse(
    bytes: &[u8],
    folder: &Path,
    address: &ServerAddress,
) -> (Vec<ScriptStep>, Vec<(usize, LineError)>) {
    let (mut steps, mut wrong) = (Vec::new(), Vec::new());
    // Some editors write a byte order mark.
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    for (at, line) in bytes.split(|&b| b == b'\n').enumerate() {
        match step(at + 1, line, folder, address) {
            Ok(step) => steps.extend(step),
            Err(error) => wrong.push((at + 1, error)),
        }
    }
    (steps, wrong)
}

/// Parses a line; `None` if it is empty or a comment.
fn step(
    line: usize,
    text: &[u8],
    folder: &Path,
    address: &ServerAddress,
) -> Result<Option<ScriptStep>, LineError> {
    let text = std::str::from_utf8(text).map_err(|_| LineError::Encoding)?;
    let words = command::split(text.strip_suffix('\r').unwrap_or(text)).map_err(LineError::Command)?;
    let (request, expected) = match words.iter().position(|word| word == ARROW) {
        None => (words.as_slice(), Ok(Expectations::default())),
        Some(arrow) => {
            let (request, expected) = words.split_at(arrow);
            (request, Expectations::parse(expected.get(1..).unwrap_or_default()))
        }
    };
    let Some(command) = Command::parse(request).map_err(LineError::Command)? else {
        return if words.is_empty() { Ok(None) } else { Err(LineError::NoRequest(ARROW.to_owned())) };
    };
    let verb = words.first().map_or("", String::as_str);
    let (name, request) = script_request(command, verb, folder, address)?;
    Ok(Some(ScriptStep { line, name, request, expected: expected.map_err(LineError::Expect)? }))
}

/// The request for a command, and its name. `verb` is the first word of the line.
fn script_request(
    command: Command,
    verb: &str,
    folder: &Path,
    address: &ServerAddress,
) -> Result<(String, ScriptRequest), LineError> {
    let (name, request) = match command {
        Command::Get(path, server) => {
            let address = server.map_or_else(|| address.clone(), ServerAddress::root);
            (format!("GET {path}"), ScriptRequest::of(Method::Get, address.target(&path), address.server))
        }
        Command::Send(UploadCommand { method, file, path, server }) => {
            let address = server.map_or_else(|| address.clone(), ServerAddress::root);
            let target = upload::target(&address, &file, path.as_deref());
            let request = ScriptRequest {
                file: Some(folder.join(&file)),
                ..ScriptRequest::of(method, target, address.server)
            };
            (format!("{} {file}", method.name()), request)
        }
        Command::List(dir) => {
            let target = listing::target(&address.target(&dir));
            let request = ScriptRequest::of(Method::Get, target, address.server.clone());
            (
                format!("LIST {dir}").trim_end().to_owned(),
                ScriptRequest { accept: Some("application/json"), ..request },
            )
        }
        Command::Select(SelectCommand { words, .. }) => {
            let more = words.into_iter().nth(1).unwrap_or_else(|| SERIAL.to_owned());
            return Err(LineError::Command(CommandError::TooMany(GET_USAGE, more)));
        }
        Command::GetAs(..) => {
            return Err(LineError::Command(CommandError::TooMany(GET_USAGE, "as".to_owned())));
        }
        Command::ChangeDirectory(_)
        | Command::PrintDirectory
        | Command::Change(_)
        | Command::Help
        | Command::Shutdown
        | Command::Quit => return Err(LineError::NoRequest(verb.to_owned())),
    };
    Ok((name, request))
}

impl ScriptRequest {
    fn of(method: Method, target: String, server: Endpoint) -> Self {
        Self { method, target, accept: None, file: None, server }
    }
}

/// The error for a step whose file does not exist.
fn missing_file(step: &ScriptStep) -> Option<(usize, LineError)> {
    let path = step.request.file.as_deref().filter(|path| !path.is_file())?;
    Some((step.line, LineError::Missing(shown(path))))
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str("the line is not UTF-8"),
            Self::Command(CommandError::Unknown(verb)) => {
                let verb = Printable::text(verb);
                write!(
                    f,
                    "\"{verb}\" is not a request (GET path, POST file [path], PUT file [path], LIST [dir])"
                )
            }
            Self::Command(error) => error.fmt(f),
            Self::NoRequest(word) => write!(f, "\"{word}\" sends no request"),
            Self::Expect(error) => error.fmt(f),
            Self::Missing(path) => write!(f, "File {path} not found."),
        }
    }
}

/// A line for each error.
impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => error.fmt(f),
            Self::Lines(name, wrong) => {
                let name = Printable::text(name);
                for (at, (line, error)) in wrong.iter().enumerate() {
                    let end = if at == 0 { "" } else { "\n" };
                    write!(f, "{end}{name}:{line}: {error}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ScriptError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<ScriptStep>, Vec<(usize, LineError)>) {
        parse(text.as_bytes(), Path::new("dir"), &ServerAddress::default())
    }

    #[test]
    fn lines_become_requests() {
        let cases = [
            ("GET a b", "'a b' stands in quotes", "GET 'a b'", Method::Get, "/a%20b", None),
            ("CRLF", "a line from Windows", "GET a\r", Method::Get, "/a", None),
            ("BOM", "a byte order mark", "\u{feff}GET a", Method::Get, "/a", None),
            ("POST", "its own path", "POST c/a.txt", Method::Post, "/c/a.txt", Some("dir/c/a.txt")),
            ("POST elsewhere", "another path", "POST a b", Method::Post, "/b", Some("dir/a")),
            ("POST into", "a directory", "POST c/a b/", Method::Post, "/b/a", Some("dir/c/a")),
            ("LIST", "a listing", "LIST a", Method::Get, "/a/?list", None),
        ];
        for (name, why, text, method, target, file) in cases {
            let (steps, wrong) = read(text);
            assert_eq!((steps.len(), wrong), (1, Vec::new()), "{name}: {why}");
            let request = &steps[0].request;
            assert_eq!((request.method, request.target.as_str()), (method, target), "{name}");
            assert_eq!(request.file.as_deref(), file.map(Path::new), "{name}");
        }
    }

    #[test]
    fn lines_are_counted_and_empty_ones_skipped() {
        let (steps, wrong) = read("# first\r\n\r\nGET a -> 404\n\t\nclient_get b h (81)");
        assert!(wrong.is_empty());
        let found: Vec<_> = steps.iter().map(|step| (step.line, step.name.as_str())).collect();
        assert_eq!(found, [(3, "GET a"), (5, "GET b")]);
        assert_eq!(steps[1].request.server.to_string(), "h:81");
        assert_ne!(steps[0].expected, Expectations::default());
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let (steps, wrong) = read("FETCH a\nGET a\nGET\nGET a -> maybe\nexit\n-> 200\nGET 'a\nGET a ->");
        assert_eq!(steps.len(), 1);
        let lines: Vec<String> = wrong.iter().map(|(line, error)| format!("{line}: {error}")).collect();
        let expected = [
            "1: \"FETCH\" is not a request (GET path, POST file [path], PUT file [path], LIST [dir])",
            "3: GET needs a path",
            "4: \"maybe\" is not an expectation (404, sha256=HEX, bytes=N, type=text/html, <50ms)",
            "5: \"exit\" sends no request",
            "6: \"->\" sends no request",
            "7: unclosed quote",
            "8: nothing follows ->",
        ];
        assert_eq!(lines, expected);
        let (_, wrong) = parse(b"GET \xff", Path::new(""), &ServerAddress::default());
        assert_eq!(wrong, [(1, LineError::Encoding)]);
    }

    #[test]
    fn a_missing_file_is_reported_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("s.txt");
        std::fs::write(&path, "GET a\nPOST nothing.txt\n").expect("written");
        let error = Script::load(&path, &ServerAddress::default()).expect_err("a file is missing");
        let (path, file) = (path.display(), folder.path().join("nothing.txt"));
        assert_eq!(error.to_string(), format!("{path}:2: File {} not found.", file.display()));
    }
}
