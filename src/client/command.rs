//! The commands of the client: one grammar for `wharf client` and for request scripts.
//!
//! A line is split as a shell splits it: quotes and backslashes hold a name with spaces together, `#` begins
//! a comment. Verbs have no case. The spelling of older scripts, `client_get path [host [port]]`, is
//! understood too.

use std::fmt;

use super::address::{AddressError, DEFAULT_PORT, Endpoint, parse_port};
use super::request::HttpMethod;
use crate::printable::Printable;

/// The answer to a command that nobody knows.
pub const KNOWN: &str = "I know: GET, POST, LIST, exit, quit, help";

/// How one download is written.
pub const GET_USAGE: &str = "GET path";

/// What stands before downloads that are to go one after the other.
pub const SERIAL: &str = "--serial";

/// What stands before downloads of which listed names may begin with a dot.
pub const HIDDEN: &str = "--hidden";

/// Every verb that completion offers.
pub const VERBS: [&str; 7] = ["GET", "POST", "PUT", "LIST", "exit", "quit", "help"];

/// The answer to `help`.
pub const HELP: &str = "\
GET path           download a file
get 1 3-5 *.txt    several at once: by the numbers of the last list, by pattern, by name
get --serial …     the same, one after the other over this connection
get --hidden …     the same, with names that begin with a dot
POST file [path]   upload a file; PUT does too
LIST [dir]         what is there
exit               ask the server to leave, then leave
quit               leave (Ctrl-D and Ctrl-C do too)
help, ?            this
A name with spaces stands in quotes.";

/// What one line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Download this path.
    Get(String, Option<Endpoint>),
    /// Download what these select.
    Select(SelectCommand),
    /// Upload a file.
    Send(UploadCommand),
    /// List this directory.
    List(String),
    /// Say what the commands are.
    Help,
    /// Ask the server to leave, and leave.
    Exit,
    /// Leave.
    Quit,
}

/// Several downloads as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectCommand {
    /// Numbers, ranges of them, patterns, paths.
    pub words: Vec<String>,
    /// Whether they go one after the other over the connection that is there.
    pub serial: bool,
    /// Whether listed names that begin with a dot are taken.
    pub hidden: bool,
}

/// An upload as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadCommand {
    /// POST or PUT.
    pub method: HttpMethod,
    /// The local file.
    pub file: String,
    /// Under which path; else under the file's own.
    pub path: Option<String>,
    /// To which server, where the line names one.
    pub server: Option<Endpoint>,
}

/// A line that says nothing that can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandError {
    /// An unknown verb.
    Unknown(String),
    /// The verb needs this too.
    Missing(&'static str, &'static str),
    /// More than the verb takes.
    TooMany(&'static str, String),
    /// A quote without its end.
    Quote,
    /// The server that an old spelling names is none.
    Server(AddressError),
}

/// Splits a line into words; none are left of an empty line or a comment.
pub fn split(line: &str) -> Result<Vec<String>, CommandError> {
    shell_words::split(line).map_err(|_| CommandError::Quote)
}

impl Command {
    /// Parses a line that was split; `None` when nothing was on it.
    pub fn parse(words: &[String]) -> Result<Option<Self>, CommandError> {
        let Some((verb, rest)) = words.split_first() else { return Ok(None) };
        let mut rest = Rest(rest.iter());
        let command = match verb.to_ascii_lowercase().as_str() {
            "get" | "/download" => rest.downloads()?,
            "post" => Self::Send(rest.upload(HttpMethod::Post)?),
            "put" => Self::Send(rest.upload(HttpMethod::Put)?),
            "list" | "/file" => Self::List(rest.next().unwrap_or_default()),
            "client_get" => Self::Get(rest.needed("client_get", "a path")?, rest.server()?),
            "client_post" => {
                let file = rest.needed("client_post", "a file")?;
                Self::Send(UploadCommand {
                    method: HttpMethod::Post,
                    file,
                    path: None,
                    server: rest.server()?,
                })
            }
            "help" | "?" => Self::Help,
            "exit" => Self::Exit,
            "quit" | "/quit" => Self::Quit,
            _ => return Err(CommandError::Unknown(verb.clone())),
        };
        rest.finish(command.usage())?;
        Ok(Some(command))
    }

    /// How it is written.
    fn usage(&self) -> &'static str {
        match self {
            Self::Get(..) | Self::Select(_) => GET_USAGE,
            Self::Send(_) => "POST file [path]",
            Self::List(_) => "LIST [dir]",
            Self::Help => "help",
            Self::Exit => "exit",
            Self::Quit => "quit",
        }
    }
}

/// The words that have not been parsed yet.
struct Rest<'w>(std::slice::Iter<'w, String>);

impl Rest<'_> {
    fn next(&mut self) -> Option<String> {
        self.0.next().cloned()
    }

    fn needed(&mut self, verb: &'static str, what: &'static str) -> Result<String, CommandError> {
        self.next().filter(|word| !word.is_empty()).ok_or(CommandError::Missing(verb, what))
    }

    /// One path, or what selects several.
    fn downloads(&mut self) -> Result<Command, CommandError> {
        let mut first = self.needed("GET", "a path")?;
        let (mut serial, mut hidden) = (false, false);
        while matches!(first.as_str(), SERIAL | HIDDEN) {
            (serial, hidden) = (serial || first == SERIAL, hidden || first == HIDDEN);
            first = self.needed("GET", "a path")?;
        }
        let mut words = vec![first.clone()];
        words.extend(self.0.by_ref().cloned());
        let alone = words.len() == 1 && !serial && !hidden;
        Ok(if alone {
            Command::Get(first, None)
        } else {
            Command::Select(SelectCommand { words, serial, hidden })
        })
    }

    fn upload(&mut self, method: HttpMethod) -> Result<UploadCommand, CommandError> {
        let file = self.needed(method.name(), "a file")?;
        Ok(UploadCommand { method, file, path: self.next(), server: None })
    }

    /// `[host [port]]`; the port may stand in parentheses.
    fn server(&mut self) -> Result<Option<Endpoint>, CommandError> {
        let Some(host) = self.next() else { return Ok(None) };
        let port = match self.next() {
            None => Ok(DEFAULT_PORT),
            Some(port) => {
                let bare = port.strip_prefix('(').and_then(|port| port.strip_suffix(')'));
                parse_port(bare.unwrap_or(&port))
            }
        };
        port.and_then(|port| Endpoint::tcp(&host, port)).map(Some).map_err(CommandError::Server)
    }

    fn finish(mut self, usage: &'static str) -> Result<(), CommandError> {
        self.next().map_or(Ok(()), |word| Err(CommandError::TooMany(usage, word)))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(_) => f.write_str(KNOWN),
            Self::Missing(verb, what) => write!(f, "{verb} needs {what}."),
            Self::TooMany(usage, word) => {
                let word = Printable::text(word);
                write!(f, "\"{word}\" is too much: {usage} (a name with spaces stands in quotes).")
            }
            Self::Quote => f.write_str("A quote has no end."),
            Self::Server(error) => write!(f, "This names no server: {error}."),
        }
    }
}

impl std::error::Error for CommandError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Command>, CommandError> {
        Command::parse(&split(line)?)
    }

    fn get(path: &str, server: Option<(&str, u16)>) -> Command {
        let server = server.map(|(host, port)| Endpoint::Tcp { host: host.to_owned(), port });
        Command::Get(path.to_owned(), server)
    }

    fn select(words: &[&str], serial: bool) -> Command {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Command::Select(SelectCommand { words, serial, hidden: false })
    }

    fn upload(method: HttpMethod, file: &str, path: Option<&str>, server: Option<(&str, u16)>) -> Command {
        let server = server.map(|(host, port)| Endpoint::Tcp { host: host.to_owned(), port });
        Command::Send(UploadCommand { method, file: file.to_owned(), path: path.map(str::to_owned), server })
    }

    #[test]
    fn lines_that_say_something() {
        let cases = [
            ("plain", "GET a/b.txt", get("a/b.txt", None)),
            ("a verb has no case", "gEt a", get("a", None)),
            ("the chat's spelling", "/download a", get("a", None)),
            ("white space", " \tGET\t a \t", get("a", None)),
            ("quotes", "GET \"a b\" # c", get("a b", None)),
            ("a backslash", "GET a\\ b", get("a b", None)),
            ("upload", "POST a", upload(HttpMethod::Post, "a", None, None)),
            ("upload elsewhere", "put a /b/", upload(HttpMethod::Put, "a", Some("/b/"), None)),
            ("list", "LIST", Command::List(String::new())),
            ("list a directory", "/file a", Command::List("a".to_owned())),
            ("old", "client_get a", get("a", None)),
            ("old, with a host", "client_get a h", get("a", Some(("h", 8080)))),
            ("old, with a port", "client_get a h 81", get("a", Some(("h", 81)))),
            ("old, in parentheses", "CLIENT_GET a h (81)", get("a", Some(("h", 81)))),
            ("old upload", "client_post a h (81)", upload(HttpMethod::Post, "a", None, Some(("h", 81)))),
            ("several", "GET 1 3-5 *.txt", select(&["1", "3-5", "*.txt"], false)),
            ("one after the other", "get --serial a", select(&["a"], true)),
            ("help", "?", Command::Help),
            ("exit", "EXIT", Command::Exit),
            ("quit", "/quit", Command::Quit),
        ];
        for (name, line, expected) in cases {
            assert_eq!(parse(line), Ok(Some(expected)), "{name}");
        }
    }

    #[test]
    fn lines_that_say_nothing() {
        for line in ["", "  \t", "# GET a", "   # x"] {
            assert_eq!(parse(line), Ok(None), "{line:?}");
        }
    }

    #[test]
    fn lines_that_make_no_sense() {
        let port = |text: &str| CommandError::Server(AddressError::Port(text.to_owned()));
        let cases = [
            ("unknown", "FETCH a", CommandError::Unknown("FETCH".to_owned())),
            ("no path", "GET", CommandError::Missing("GET", "a path")),
            ("an empty path", "GET ''", CommandError::Missing("GET", "a path")),
            ("no file", "put", CommandError::Missing("PUT", "a file")),
            ("three words", "POST a b c", CommandError::TooMany("POST file [path]", "c".to_owned())),
            ("more than quit", "quit now", CommandError::TooMany("quit", "now".to_owned())),
            ("an open quote", "GET 'a", CommandError::Quote),
            ("no port", "client_get a h x", port("x")),
            ("half a parenthesis", "client_get a h (81", port("(81")),
        ];
        for (name, line, expected) in cases {
            assert_eq!(parse(line), Err(expected), "{name}");
        }
    }
}
