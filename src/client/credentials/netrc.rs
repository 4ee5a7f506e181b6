//! `.netrc`: logins by host, in the format that ftp introduced, as curl reads it.
//!
//! ```text
//! # a comment
//! machine files.example login anna password "correct horse"
//! macdef init
//! (skipped, up to an empty line)
//!
//! default login guest password guest
//! ```

use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::login::Login;
use super::secret::SecretText;
use crate::client::address::LoginError;
use crate::client::error::shown;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The permissions by which other users can read it.
const READABLE: u32 = 0o044;

/// The logins in the file.
#[derive(Debug)]
pub struct Netrc {
    /// Its path.
    pub path: PathBuf,
    /// Whether other users of this machine can read it.
    pub is_exposed: bool,
    entries: Vec<Entry>,
}

/// Why the file cannot be used.
#[derive(Debug)]
pub enum NetrcError {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A quote is not closed.
    Quote(PathBuf),
    /// The login for a host cannot be sent.
    Login(PathBuf, LoginError),
}

/// A login.
#[derive(Debug)]
struct Entry {
    /// `None` for all hosts.
    host: Option<String>,
    name: String,
    password: SecretText,
}

/// A login, as far as it was read.
#[derive(Default)]
struct PartialEntry {
    host: Option<String>,
    name: Option<String>,
    password: Option<SecretText>,
}

/// A quote is not closed.
#[derive(Debug, PartialEq, Eq)]
struct OpenQuote;

impl Netrc {
    /// The file in the variable `NETRC`, or else `~/.netrc`. `None` if there is none.
    pub fn of_this_user() -> Result<Option<Self>, NetrcError> {
        let named = env::var_os("NETRC").filter(|path| !path.is_empty()).map(PathBuf::from);
        let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".netrc"));
        named.or_else(home).map_or(Ok(None), |path| Self::read(&path))
    }

    fn read(path: &Path) -> Result<Option<Self>, NetrcError> {
        let mut bytes = Vec::new();
        let outcome = File::open(path).and_then(|file| {
            let facts = file.metadata()?;
            file.take(LARGEST).read_to_end(&mut bytes)?;
            Ok(facts)
        });
        let facts = match outcome {
            Ok(facts) => facts,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(NetrcError::Unreadable(path.to_owned(), error)),
        };
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let entries =
            parse(SecretText::new(text).expose()).map_err(|OpenQuote| NetrcError::Quote(path.to_owned()))?;
        let is_exposed = facts.is_file() && facts.mode() & READABLE != 0;
        Ok(Some(Self { path: path.to_owned(), is_exposed, entries }))
    }

    /// The first login for this host, or for this user at this host if a user is given.
    pub fn find(&self, host: &str, user: Option<&str>) -> Result<Option<Login>, NetrcError> {
        let fits = |entry: &&Entry| {
            entry.host.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(host))
                && user.is_none_or(|user| user == entry.name)
        };
        let Some(entry) = self.entries.iter().find(fits) else { return Ok(None) };
        let login = Login::of(entry.name.clone(), Some(entry.password.clone()));
        login.map(Some).map_err(|error| NetrcError::Login(self.path.clone(), error))
    }
}

/// The entries that have a name and a password.
fn parse(text: &str) -> Result<Vec<Entry>, OpenQuote> {
    let (mut words, mut entries) = (Words(text), Vec::new());
    let mut entry: Option<PartialEntry> = None;
    loop {
        let word = words.next()?;
        if matches!(word.as_deref(), None | Some("machine" | "default")) {
            entries.extend(entry.take().and_then(PartialEntry::complete));
        }
        match (word.as_deref(), &mut entry) {
            (None, _) => return Ok(entries),
            (Some("machine"), _) => {
                let host = words.next()?;
                entry = host.map(|host| PartialEntry { host: Some(host), ..PartialEntry::default() });
            }
            (Some("default"), _) => entry = Some(PartialEntry::default()),
            (Some("login"), Some(entry)) => entry.name = words.next()?,
            (Some("password"), Some(entry)) => entry.password = words.next()?.map(SecretText::new),
            (Some("macdef"), _) => words.skip_macro(),
            // `account` and its value, and words that other programs know.
            (Some(_), _) => {}
        }
    }
}

impl PartialEntry {
    fn complete(self) -> Option<Entry> {
        Some(Entry { host: self.host, name: self.name?, password: self.password? })
    }
}

/// The words that are not read yet.
struct Words<'t>(&'t str);

impl Words<'_> {
    /// The next word. A word in double quotes may have spaces, and escapes by a backslash.
    fn next(&mut self) -> Result<Option<String>, OpenQuote> {
        loop {
            self.0 = self.0.trim_start();
            if !self.0.starts_with('#') {
                break;
            }
            self.skip_line();
        }
        let Some(quoted) = self.0.strip_prefix('"') else {
            let (word, rest) = self.0.split_at(self.0.find(char::is_whitespace).unwrap_or(self.0.len()));
            self.0 = rest;
            return Ok((!word.is_empty()).then(|| word.to_owned()));
        };
        let (mut word, mut letters) = (String::new(), quoted.chars());
        loop {
            match letters.next().ok_or(OpenQuote)? {
                '"' => break,
                '\n' => return Err(OpenQuote),
                '\\' => word.push(match letters.next().ok_or(OpenQuote)? {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                }),
                other => word.push(other),
            }
        }
        self.0 = letters.as_str();
        Ok(Some(word))
    }

    /// Skips the name of a macro and its lines, up to an empty one.
    fn skip_macro(&mut self) {
        self.skip_line();
        while !self.0.is_empty() {
            let is_empty = self.0.lines().next().is_none_or(|line| line.trim().is_empty());
            self.skip_line();
            if is_empty {
                break;
            }
        }
    }

    fn skip_line(&mut self) {
        self.0 = self.0.split_once('\n').map_or("", |(_, rest)| rest);
    }
}

impl fmt::Display for NetrcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "cannot read {}: {error}", shown(path)),
            Self::Quote(path) => write!(f, "{}: unclosed quote", shown(path)),
            Self::Login(path, error) => write!(f, "{}: {error}", shown(path)),
        }
    }
}

impl std::error::Error for NetrcError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let anna = Some(("anna", "secret"));
        let table = [
            ("on one line", "machine h login anna password secret", None, anna),
            ("on several", "machine h\n\tlogin anna\r\n\tpassword secret\r\n", None, anna),
            ("the password first", "machine h password secret login anna", None, anna),
            ("another host", "machine other login anna password secret", None, None),
            ("a part of the name", "machine h.example login anna password secret", None, None),
            ("in capitals", "machine H login anna password secret", None, anna),
            ("the second", "machine a login b password c\nmachine h login anna password secret", None, anna),
            (
                "the first of two",
                "machine h login anna password secret machine h login b password c",
                None,
                anna,
            ),
            (
                "that user",
                "machine h login b password c machine h login anna password secret",
                Some("anna"),
                anna,
            ),
            ("no such user", "machine h login b password c", Some("anna"), None),
            ("default", "machine a login b password c\ndefault login anna password secret", None, anna),
            (
                "the host before default",
                "machine h login anna password secret default login b password c",
                None,
                anna,
            ),
            (
                "default for a user",
                "machine h login b password c default login anna password secret",
                Some("anna"),
                anna,
            ),
            ("an account", "machine h login anna account x password secret", None, anna),
            ("without a password", "machine h login anna", None, None),
            ("without a name", "machine h password secret", None, None),
            ("the next is complete", "machine h login b\nmachine h login anna password secret", None, anna),
            (
                "a comment",
                "# machine h login b password c\nmachine h login anna password secret # x",
                None,
                anna,
            ),
            ("a # in a password", "machine h login anna password sec#ret", None, Some(("anna", "sec#ret"))),
            (
                "in quotes",
                "machine h login anna password \"a \\\"b\\\\c\\d\"",
                None,
                Some(("anna", "a \"b\\cd")),
            ),
            ("empty in quotes", "machine h login anna password \"\"", None, Some(("anna", ""))),
            ("a quote inside", "machine h login anna password a\"b", None, Some(("anna", "a\"b"))),
            (
                "a keyword as a password",
                "machine h login anna password machine",
                None,
                Some(("anna", "machine")),
            ),
            (
                "a macro",
                "macdef m\nmachine h login b password c\n\nmachine h login anna password secret",
                None,
                anna,
            ),
            ("a macro up to the end", "machine a\nmacdef m\nmachine h login b password c", None, None),
            ("nothing", "", None, None),
            ("a cut file", "machine", None, None),
        ];
        for (name, text, user, expected) in table {
            let entries = parse(text).expect(name);
            let netrc = Netrc { path: PathBuf::new(), is_exposed: false, entries };
            let found = netrc.find("h", user).expect(name);
            let found =
                found.as_ref().map(|it| (it.name.as_str(), it.password.as_ref().map(SecretText::expose)));
            let expected = expected.map(|(name, password)| (name, Some(password)));
            assert_eq!(found, expected, "{name}");
        }
        for text in ["machine h password \"a", "machine h password \"a\nb\"", "\"\\"] {
            assert!(matches!(parse(text), Err(OpenQuote)), "{text}");
        }
    }

    #[test]
    fn a_file_that_others_can_read() {
        use std::os::unix::fs::PermissionsExt as _;
        let place = tempfile::tempdir().expect("a directory");
        let path = place.path().join("netrc");
        assert!(Netrc::read(&path).expect("it may be missing").is_none());
        std::fs::write(&path, b"machine h login anna password secret\tlogin \xff").expect("written");
        for (mode, is_exposed) in [(0o600, false), (0o640, true), (0o604, true), (0o622, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
            let netrc = Netrc::read(&path).expect("readable").expect("there");
            assert_eq!(netrc.is_exposed, is_exposed, "{mode:o}");
            assert!(!format!("{netrc:?}").contains("secret"));
        }
        assert!(matches!(Netrc::read(place.path()), Err(NetrcError::Unreadable(..))));
    }
}
