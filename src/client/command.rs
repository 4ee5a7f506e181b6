//! The commands of `wharf client` and of replay scripts.
//!
//! A line is split as in a shell: quotes and backslashes protect spaces, and `#` begins a comment. Verbs are
//! case-insensitive. The older form `client_get path [host [port]]` is accepted too.

use super::address::{DEFAULT_PORT, Endpoint, parse_port};
use super::change_command::ChangeCommand;
use super::words::Words;
pub use super::words::{CommandError, KNOWN, split};
use crate::http::request::Method;

/// The usage of a single download.
pub const GET_USAGE: &str = "GET path";

/// The option that downloads one file after the other.
pub const SERIAL: &str = "--serial";

/// Separates a path from the new name, under which it is saved or uploaded.
const AS: &str = "as";

/// The option that downloads listed names that begin with a dot.
pub const HIDDEN: &str = "--hidden";

/// Every verb that completion offers.
pub const VERBS: [&str; 17] = [
    "GET", "POST", "PUT", "LIST", "ls", "cd", "pwd", "rm", "mv", "cp", "mkdir", "undo", "trash", "shutdown",
    "exit", "quit", "help",
];

/// Printed for `help`.
pub const HELP: &str = "\
GET path           download a file
get path as name   download a file under another name
get dir/           download the files in a directory
get 1 3-5 *.txt    download by number in the last list, by pattern, by name
get --serial …     download one after the other, over this connection
get --hidden …     include names that begin with a dot
POST file [path]   upload a file (PUT does the same)
put file as path   the same
LIST [path]        list a directory or a file (ls does the same)
cd [dir]           change the directory on the server
pwd                print the directory on the server
rm [-rfn] path …   remove files, by name, by pattern or by number; -r: directories too, -n: only say what would happen
mv [-n] path … to  move or rename; into a directory, if it is one. --no-clobber replaces no file
cp [-rn] path … to copy; -r: directories too
mkdir [-p] dir …   make directories; -p: with those above them
undo               bring back what was removed or replaced last
trash list         list what was removed or replaced
trash restore id … bring it back
trash empty [id …] delete it for good
shutdown           shut down the server, then quit
exit, quit         quit (also Ctrl-D and Ctrl-C)
help, ?            print this
Quote a name that contains spaces.";

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Download this path.
    Get(String, Option<Endpoint>),
    /// Download this path under this name.
    GetAs(String, String),
    /// Download several files.
    Select(SelectCommand),
    /// Upload a file.
    Send(UploadCommand),
    /// List this directory.
    List(String),
    /// Make this the directory that paths are relative to.
    ChangeDirectory(String),
    /// Print that directory.
    PrintDirectory,
    /// Change something on the server.
    Change(ChangeCommand),
    /// Print the commands.
    Help,
    /// Shut down the server, and quit.
    Shutdown,
    /// Quit.
    Quit,
}

/// Several downloads, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectCommand {
    /// Numbers, ranges, patterns and paths.
    pub words: Vec<String>,
    /// Whether to download one after the other, over the open connection.
    pub serial: bool,
    /// Whether to include listed names that begin with a dot.
    pub hidden: bool,
}

/// An upload, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadCommand {
    /// POST or PUT.
    pub method: Method,
    /// The local file.
    pub file: String,
    /// The path on the server, if it differs from the file's own.
    pub path: Option<String>,
    /// The server, if the line names one.
    pub server: Option<Endpoint>,
}

impl Command {
    /// Parses the words of a line; `None` if there are none.
    pub fn parse(words: &[String]) -> Result<Option<Self>, CommandError> {
        let Some((verb, rest)) = words.split_first() else { return Ok(None) };
        let mut rest = Words(rest.iter());
        let command = match verb.to_ascii_lowercase().as_str() {
            "get" | "/download" => rest.downloads()?,
            "post" => Self::Send(rest.upload(Method::Post)?),
            "put" => Self::Send(rest.upload(Method::Put)?),
            "list" | "ls" | "/file" => Self::List(rest.next().unwrap_or_default()),
            "client_get" => Self::Get(rest.needed("client_get", "a path")?, rest.server()?),
            "client_post" => {
                let file = rest.needed("client_post", "a file")?;
                Self::Send(UploadCommand { method: Method::Post, file, path: None, server: rest.server()? })
            }
            "help" | "?" => Self::Help,
            "cd" => Self::ChangeDirectory(rest.next().unwrap_or_default()),
            "pwd" => Self::PrintDirectory,
            "shutdown" => Self::Shutdown,
            "exit" | "quit" | "/quit" => Self::Quit,
            verb_of_change => match ChangeCommand::parse(verb_of_change, &mut rest)? {
                Some(command) => Self::Change(command),
                None => return Err(CommandError::Unknown(verb.clone())),
            },
        };
        rest.finish(command.usage())?;
        Ok(Some(command))
    }

    /// Its usage.
    fn usage(&self) -> &'static str {
        match self {
            Self::Get(..) | Self::GetAs(..) | Self::Select(_) => GET_USAGE,
            Self::Send(_) => "POST file [path]",
            Self::List(_) => "LIST [path]",
            Self::ChangeDirectory(_) => "cd [dir]",
            Self::PrintDirectory => "pwd",
            Self::Change(command) => command.usage(),
            Self::Help => "help",
            Self::Shutdown => "shutdown",
            Self::Quit => "quit",
        }
    }
}

impl Words<'_> {
    /// One path, or a selection of several.
    fn downloads(&mut self) -> Result<Command, CommandError> {
        let mut first = self.needed("GET", "a path")?;
        let (mut serial, mut hidden) = (false, false);
        while matches!(first.as_str(), SERIAL | HIDDEN) {
            (serial, hidden) = (serial || first == SERIAL, hidden || first == HIDDEN);
            first = self.needed("GET", "a path")?;
        }
        let mut words = vec![first.clone()];
        words.extend(self.0.by_ref().cloned());
        if let [path, word, name] = words.as_slice()
            && word == AS
            && !name.is_empty()
        {
            return Ok(Command::GetAs(path.clone(), name.clone()));
        }
        let alone = words.len() == 1 && !serial && !hidden;
        Ok(if alone {
            Command::Get(first, None)
        } else {
            Command::Select(SelectCommand { words, serial, hidden })
        })
    }

    fn upload(&mut self, method: Method) -> Result<UploadCommand, CommandError> {
        let file = self.needed(method.name(), "a file")?;
        let path = match self.next() {
            Some(word) if word == AS => self.next().or(Some(word)),
            path => path,
        };
        Ok(UploadCommand { method, file, path, server: None })
    }

    /// `[host [port]]`; the port may be in parentheses.
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::address::AddressError;

    fn parse(line: &str) -> Result<Option<Command>, CommandError> {
        Command::parse(&split(line)?)
    }

    fn get(path: &str, server: Option<(&str, u16)>) -> Command {
        let server = server.map(|(host, port)| Endpoint::tcp(host, port).expect("valid"));
        Command::Get(path.to_owned(), server)
    }

    fn select(words: &[&str], serial: bool) -> Command {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Command::Select(SelectCommand { words, serial, hidden: false })
    }

    fn upload(method: Method, file: &str, path: Option<&str>, server: Option<(&str, u16)>) -> Command {
        let server = server.map(|(host, port)| Endpoint::tcp(host, port).expect("valid"));
        Command::Send(UploadCommand { method, file: file.to_owned(), path: path.map(str::to_owned), server })
    }

    #[test]
    fn valid_lines() {
        let cases = [
            ("plain", "GET a/b.txt", get("a/b.txt", None)),
            ("a verb in any case", "gEt a", get("a", None)),
            ("the chat's form", "/download a", get("a", None)),
            ("white space", " \tGET\t a \t", get("a", None)),
            ("quotes", "GET \"a b\" # c", get("a b", None)),
            ("a backslash", "GET a\\ b", get("a b", None)),
            ("upload", "POST a", upload(Method::Post, "a", None, None)),
            ("upload elsewhere", "put a /b/", upload(Method::Put, "a", Some("/b/"), None)),
            ("upload under another name", "put a as b", upload(Method::Put, "a", Some("b"), None)),
            ("upload to a path called as", "put a as", upload(Method::Put, "a", Some("as"), None)),
            ("list", "LIST", Command::List(String::new())),
            ("list a directory", "/file a", Command::List("a".to_owned())),
            ("old", "client_get a", get("a", None)),
            ("old, with a host", "client_get a h", get("a", Some(("h", 8080)))),
            ("old, with a port", "client_get a h 81", get("a", Some(("h", 81)))),
            ("old, in parentheses", "CLIENT_GET a h (81)", get("a", Some(("h", 81)))),
            ("old upload", "client_post a h (81)", upload(Method::Post, "a", None, Some(("h", 81)))),
            ("several", "GET 1 3-5 *.txt", select(&["1", "3-5", "*.txt"], false)),
            ("one after the other", "get --serial a", select(&["a"], true)),
            ("help", "?", Command::Help),
            ("another name", "get a as b", Command::GetAs("a".to_owned(), "b".to_owned())),
            ("a file called as", "get as", get("as", None)),
            ("list, as in a shell", "ls a", Command::List("a".to_owned())),
            ("cd", "cd a", Command::ChangeDirectory("a".to_owned())),
            ("undo", "Undo", Command::Change(ChangeCommand::Undo)),
            ("back to the start", "cd", Command::ChangeDirectory(String::new())),
            ("pwd", "pwd", Command::PrintDirectory),
            ("shutdown", "Shutdown", Command::Shutdown),
            ("exit", "EXIT", Command::Quit),
            ("quit", "/quit", Command::Quit),
        ];
        for (name, line, expected) in cases {
            assert_eq!(parse(line), Ok(Some(expected)), "{name}");
        }
    }

    #[test]
    fn empty_lines() {
        for line in ["", "  \t", "# GET a", "   # x"] {
            assert_eq!(parse(line), Ok(None), "{line:?}");
        }
    }

    #[test]
    fn invalid_lines() {
        let port = |text: &str| CommandError::Server(AddressError::Port(text.to_owned()));
        let cases = [
            ("unknown", "FETCH a", CommandError::Unknown("FETCH".to_owned())),
            ("no path", "GET", CommandError::Missing("GET", "a path")),
            ("an empty path", "GET ''", CommandError::Missing("GET", "a path")),
            ("no file", "put", CommandError::Missing("PUT", "a file")),
            ("three words", "POST a b c", CommandError::TooMany("POST file [path]", "c".to_owned())),
            ("more than undo", "undo x", CommandError::TooMany("undo", "x".to_owned())),
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
