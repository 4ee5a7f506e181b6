//! The file that lists the users, one per line: `name:hash[:group,group]`.
//!
//! Empty lines and lines that begin with `#` are comments. Changes to the file keep them, and the order of
//! the lines.

use std::collections::HashMap;
use std::fmt;
use std::str::{self, FromStr};

use super::name::{AccountNameError, GroupName, UserName};
use super::password::{PasswordHash, WrongHash};
use crate::folding::folded;

/// A user, as described by a line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// The name.
    pub name: UserName,
    /// The hash of the password.
    pub hash: PasswordHash,
    /// Whether no password is accepted, because a `!` precedes the hash.
    pub is_disabled: bool,
    /// The groups, in the order in which the line lists them.
    pub groups: Vec<GroupName>,
}

/// The content of the file. Each user occurs only once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsersFile {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    User(UserLine),
    Comment(String),
}

/// An invalid line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongLine {
    /// The number of the line, from 1.
    pub number: usize,
    /// What is wrong.
    pub error: UserLineError,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserLineError {
    /// It is not UTF-8.
    NotUtf8,
    /// It has no colon.
    NoHash,
    /// It has more than three parts.
    TooManyParts,
    /// The name cannot be used.
    Name(AccountNameError),
    /// A group's name cannot be used.
    Group(AccountNameError),
    /// The hash cannot be used.
    Hash(WrongHash),
    /// The user already occurs on this earlier line.
    Duplicate(usize),
}

/// Why a user cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CannotAdd {
    /// There is a user of this name.
    Exists,
    /// No character of the name is visible.
    Invisible,
    /// The name looks like the name of this user: the two differ in case, in forms of the same letters, or in invisible
    /// characters.
    LooksLike(UserName),
}

impl UsersFile {
    /// Parses the content of a file. One invalid line makes the whole file invalid: an error in one user's
    /// line must not change what another user may do.
    pub fn parse(bytes: &[u8]) -> Result<Self, WrongLine> {
        let (mut file, mut numbers) = (Self::default(), HashMap::new());
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        for (index, bytes) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let wrong = |error| WrongLine { number: index + 1, error };
            let text = str::from_utf8(bytes).map_err(|_| wrong(UserLineError::NotUtf8))?;
            let line: Line = text.strip_suffix('\r').unwrap_or(text).parse().map_err(wrong)?;
            if let Line::User(user) = &line
                && let Some(first) = numbers.insert(user.name.clone(), index + 1)
            {
                return Err(wrong(UserLineError::Duplicate(first)));
            }
            file.lines.push(line);
        }
        Ok(file)
    }

    /// The users, in the order of their lines.
    pub fn users(&self) -> impl Iterator<Item = &UserLine> {
        self.lines.iter().filter_map(Line::user)
    }

    /// The user with this name.
    pub fn get(&self, name: &UserName) -> Option<&UserLine> {
        self.users().find(|user| user.name == *name)
    }

    /// Adds a user at the end, if people can tell its name from all others.
    pub fn add(&mut self, user: UserLine) -> Result<(), CannotAdd> {
        let looks = folded(user.name.as_str());
        if self.get(&user.name).is_some() {
            return Err(CannotAdd::Exists);
        }
        if looks.is_empty() {
            return Err(CannotAdd::Invisible);
        }
        if let Some(other) = self.users().find(|other| folded(other.name.as_str()) == looks) {
            return Err(CannotAdd::LooksLike(other.name.clone()));
        }
        self.lines.push(Line::User(user));
        Ok(())
    }

    /// Changes a user's password; false if no user has this name. A disabled user stays disabled.
    #[must_use]
    pub fn set_hash(&mut self, name: &UserName, hash: PasswordHash) -> bool {
        let user = self.lines.iter_mut().filter_map(Line::user_mut).find(|user| user.name == *name);
        user.map(|user| user.hash = hash).is_some()
    }

    /// Removes a user; false if no user has this name.
    #[must_use]
    pub fn remove(&mut self, name: &UserName) -> bool {
        let position = self.position(name);
        position.map(|position| self.lines.remove(position)).is_some()
    }

    fn position(&self, name: &UserName) -> Option<usize> {
        self.lines.iter().position(|line| line.user().is_some_and(|user| user.name == *name))
    }
}

impl Line {
    fn user(&self) -> Option<&UserLine> {
        match self {
            Self::User(user) => Some(user),
            Self::Comment(_) => None,
        }
    }

    fn user_mut(&mut self) -> Option<&mut UserLine> {
        match self {
            Self::User(user) => Some(user),
            Self::Comment(_) => None,
        }
    }
}

impl FromStr for Line {
    type Err = UserLineError;

    fn from_str(text: &str) -> Result<Self, UserLineError> {
        if text.trim().is_empty() || text.starts_with('#') {
            return Ok(Self::Comment(text.to_owned()));
        }
        let (name, hash, groups) = match text.split(':').collect::<Vec<_>>()[..] {
            [_] => return Err(UserLineError::NoHash),
            [name, hash] => (name, hash, ""),
            [name, hash, groups] => (name, hash, groups),
            _ => return Err(UserLineError::TooManyParts),
        };
        let (is_disabled, hash) = match hash.strip_prefix('!') {
            Some(hash) => (true, hash),
            None => (false, hash),
        };
        let groups = groups.split(',').filter(|_| !groups.is_empty());
        Ok(Self::User(UserLine {
            name: name.parse().map_err(UserLineError::Name)?,
            hash: hash.parse().map_err(UserLineError::Hash)?,
            is_disabled,
            groups: groups
                .map(GroupName::from_str)
                .collect::<Result<_, _>>()
                .map_err(UserLineError::Group)?,
        }))
    }
}

impl fmt::Display for UsersFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment(text) => f.write_str(text),
            Self::User(user) => user.fmt(f),
        }
    }
}

/// The user as a line of the file, without its line end.
impl fmt::Display for UserLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.is_disabled { "!" } else { "" };
        write!(f, "{}:{mark}{}", self.name, self.hash.as_str())?;
        let mut separators = std::iter::once(":").chain(std::iter::repeat(","));
        self.groups.iter().try_for_each(|group| write!(f, "{}{group}", separators.next().unwrap_or_default()))
    }
}

impl fmt::Display for WrongLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl fmt::Display for UserLineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 => f.write_str("it is not UTF-8"),
            Self::NoHash => f.write_str("there is no hash: it must be name:hash or name:hash:group,group"),
            Self::TooManyParts => {
                f.write_str("there are too many colons: it must be name:hash or name:hash:group,group")
            }
            Self::Name(error) => error.fmt(f),
            Self::Group(error) => write!(f, "the groups: {error}"),
            Self::Hash(error) => error.fmt(f),
            Self::Duplicate(first) => write!(f, "the user is in line {first} too"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$10$YRaxA9G8Nw./RJGLebb4g.jIicK1igosMCmthDFtrrcf0KeXJGY.i";

    fn parse(text: &str) -> Result<UsersFile, WrongLine> {
        UsersFile::parse(text.replace("HASH", HASH).as_bytes())
    }

    fn name(text: &str) -> UserName {
        text.parse().expect("a name")
    }

    #[test]
    fn lines() {
        let user = |number, error| Err(WrongLine { number, error });
        let table = [
            ("", Ok(0)),
            ("\n\n", Ok(0)),
            ("# anna:HASH\n  \n", Ok(0)),
            ("anna:HASH", Ok(1)),
            ("anna:HASH:\nbert:!HASH:staff,admins\n", Ok(2)),
            ("anna:HASH\r\nbert:HASH\r\n", Ok(2)),
            ("anna:HASH\nAnna:HASH\n", Ok(2)),
            ("anna\n", user(1, UserLineError::NoHash)),
            ("anna:HASH:a:b\n", user(1, UserLineError::TooManyParts)),
            ("# users\n\nanna:HASH\nanna:!HASH\n", user(4, UserLineError::Duplicate(3))),
            ("everyone:HASH", user(1, UserLineError::Name(AccountNameError::Reserved))),
            (" anna:HASH", user(1, UserLineError::Name(AccountNameError::Character(' ')))),
            (":HASH", user(1, UserLineError::Name(AccountNameError::Empty))),
            ("anna:HASH:a,", user(1, UserLineError::Group(AccountNameError::Empty))),
            ("anna:HASH:%a", user(1, UserLineError::Group(AccountNameError::Character('%')))),
            ("anna:secret", user(1, UserLineError::Hash(WrongHash::Unknown))),
            ("anna:", user(1, UserLineError::Hash(WrongHash::Unknown))),
            ("anna:!!HASH", user(1, UserLineError::Hash(WrongHash::Unknown))),
            ("anna:HASH \n", user(1, UserLineError::Hash(WrongHash::Truncated))),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text).map(|file| file.users().count()), expected, "{text:?}");
        }
        let error = UsersFile::parse(b"# \xff").expect_err("no UTF-8");
        assert_eq!(error, WrongLine { number: 1, error: UserLineError::NotUtf8 });
    }

    #[test]
    fn what_a_line_says() {
        let file = parse("bert:!HASH:staff,admins\n").expect("valid");
        let bert = file.get(&name("bert")).expect("he is there");
        assert!(bert.is_disabled);
        assert_eq!(bert.groups.iter().map(GroupName::as_str).collect::<Vec<_>>(), ["staff", "admins"]);
        assert_eq!(bert.hash.as_str(), HASH);
        assert_eq!(file.get(&name("Bert")), None, "names are compared by bytes");
    }

    #[test]
    fn a_change_leaves_the_other_lines() {
        let text = "# office\nanna:HASH:staff\n\nbert:!HASH\n# end";
        let mut file = parse(text).expect("valid");
        let hash: PasswordHash = HASH.replace("YRax", "YRay").parse().expect("a hash");
        assert!(file.set_hash(&name("bert"), hash.clone()));
        let carla = UserLine { name: name("carla"), hash, is_disabled: false, groups: vec![] };
        assert_eq!(file.add(carla.clone()), Ok(()));
        assert_eq!(file.add(carla.clone()), Err(CannotAdd::Exists), "she is there already");
        for (look_alike, error) in [
            ("Carla", CannotAdd::LooksLike(name("carla"))),
            ("ｃarla", CannotAdd::LooksLike(name("carla"))),
            ("car\u{200b}la", CannotAdd::LooksLike(name("carla"))),
            ("\u{200b}", CannotAdd::Invisible),
        ] {
            assert_eq!(
                file.add(UserLine { name: name(look_alike), ..carla.clone() }),
                Err(error),
                "{look_alike}"
            );
        }
        assert!(file.remove(&name("anna")));
        assert!(!file.remove(&name("anna")), "she is gone");
        assert!(!file.set_hash(&name("anna"), HASH.parse().expect("a hash")));
        let expected =
            "# office\n\nbert:!NEW\n# end\ncarla:NEW\n".replace("NEW", &HASH.replace("YRax", "YRay"));
        assert_eq!(file.to_string(), expected);
        assert_eq!(UsersFile::parse(expected.as_bytes()), Ok(file), "it reads what it has written");
    }
}
