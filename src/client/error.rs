//! What goes wrong between a client and its server, in words for the person who asked: one line each.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::http::body::BodyError;
use crate::http::response::ResponseError;
use crate::http::status::Status;
use crate::http::target::TargetError;
use crate::printable::{Foreign, Printable};
use crate::tftp::error::Ending;

/// Why a request came to nothing.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody listens at this address.
    NotRunning(String),
    /// This name leads to no address.
    Unresolved(String),
    /// The address cannot be reached.
    Unreachable(String, io::Error),
    /// What another request to the same server has come to, shortly before.
    Gone(String),
    /// The server was silent for so many seconds while this was done.
    Slow(&'static str, u64),
    /// The server ended the connection before a byte of its answer.
    Silent,
    /// The connection ended in mid-answer, after so many bytes of content of so many.
    CutShort(u64, Option<u64>),
    /// The connection broke.
    Broken(io::Error),
    /// The answer's head cannot be read.
    Response(ResponseError),
    /// The answer's content cannot be read.
    Body(BodyError),
    /// The server answered, and not as was hoped; and what it said about it.
    Refused(Status, Option<Foreign>),
    /// It sent the client to another server, which is not followed.
    Elsewhere(String),
    /// It sent the client round and round.
    Redirects,
    /// A path that cannot be asked for.
    Target(TargetError),
    /// A path that leads out of the directory for downloads.
    Outside(String),
    /// A transfer over TFTP ended before its time.
    Transfer(Ending),
    /// A name that TFTP cannot carry: too long, or with a NUL in it.
    Name(String),
    /// Who was asked has no room.
    NoRoom,
    /// The answer is no listing.
    NoListing,
    /// More came than these bytes, which the server had told as the length.
    Excess(u64),
    /// For so many seconds the server sent next to nothing.
    Trickle(u64),
    /// The answer to a range is another range, or one of another file.
    WrongRange,
    /// What came is not what the server's SHA-256 is of.
    Digest,
    /// The file changed while it was passed on, and what was passed on cannot be taken back.
    Changed,
    /// Nothing in a directory has a name like this.
    NoMatch,
    /// A number that the last list, of so many entries, does not have.
    NoNumber(String, usize),
    /// A tree goes deeper, or holds more, than is followed.
    Endless(String),
    /// Two downloads would have this local name.
    Collision(PathBuf),
    /// Something is there that a download must not replace: a directory, a link, a device.
    Occupied(PathBuf),
    /// A file is there that wharf did not download from this address, or that was changed since.
    Exists(PathBuf),
    /// All names that a part of this file may have are taken by others' files.
    NoPart(PathBuf),
    /// Another program is downloading to this file.
    Busy(PathBuf),
    /// There is no such local file.
    Missing(PathBuf),
    /// What is there is no file that could be sent or fetched.
    NotAFile(PathBuf),
    /// A local file grew shorter while it was sent.
    Shrunk,
    /// A local file cannot be read or written, as the word says.
    Local(&'static str, PathBuf, io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning(address) => write!(f, "Server is not running. ({})", Printable::text(address)),
            Self::Unresolved(host) => write!(f, "The name {} leads to no address.", Printable::text(host)),
            Self::Unreachable(address, error) => {
                write!(f, "Cannot reach {}: {}.", Printable::text(address), Plain(error))
            }
            Self::Gone(said) => f.write_str(said),
            Self::Slow(doing, seconds) => write!(f, "The server was silent for {seconds} s ({doing})."),
            Self::Silent => f.write_str("The server closed the connection without an answer."),
            Self::CutShort(got, Some(all)) => {
                write!(f, "The server went away after {got} of {all} bytes.")
            }
            Self::CutShort(got, None) => write!(f, "The server went away in its answer, after {got} bytes."),
            Self::Broken(error) => write!(f, "The connection broke: {}.", Plain(error)),
            Self::Response(error) => write!(f, "The answer cannot be read: {error}."),
            Self::Body(error) => write!(f, "The answer cannot be read: {error}."),
            Self::Refused(status, None) => write!(f, "{status}"),
            Self::Refused(status, Some(said)) => write!(f, "{status}: {said}"),
            Self::Elsewhere(location) => {
                write!(f, "The server sends us to {}, which is elsewhere.", Printable::text(location))
            }
            Self::Redirects => f.write_str("The server sends us round and round."),
            Self::Target(error) => write!(f, "This path cannot be asked for: {error}."),
            Self::Outside(path) => {
                write!(f, "{} leads out of the directory for downloads.", Printable::text(path))
            }
            Self::Transfer(Ending::Refused(fault)) => fault.fmt(f),
            Self::Transfer(ending) => ending.fmt(f),
            Self::Name(name) => {
                write!(f, "{} is no name for TFTP (it is too long, or holds a NUL).", Printable::text(name))
            }
            Self::NoRoom => {
                f.write_str("There is no room to talk in (is the server a wharf, without --no-chat?).")
            }
            Self::NoListing => f.write_str("What came is no listing (is the server a wharf?)."),
            Self::Excess(told) => write!(f, "The server sent more than the {told} bytes that it told."),
            Self::Trickle(seconds) => {
                write!(f, "The server sends next to nothing (for {seconds} s; --timeout allows more).")
            }
            Self::WrongRange => f.write_str("The server sent another part of the file than was asked for."),
            Self::Digest => f.write_str("What came is not what the server's SHA-256 says."),
            Self::Changed => f.write_str("The file changed while it was fetched."),
            Self::NoMatch => f.write_str("Nothing there has a name like this."),
            Self::NoNumber(word, entries) => {
                write!(f, "{} is not in the last list, which has {entries} entries.", Printable::text(word))
            }
            Self::Endless(directory) => {
                write!(f, "{} holds too much, or goes too deep, for one tree.", Printable::text(directory))
            }
            Self::Collision(path) => {
                write!(f, "{} is the name of another download (fetch one of them with --dir).", shown(path))
            }
            Self::Occupied(path) => {
                write!(f, "{} is no regular file, and is not replaced.", shown(path))
            }
            Self::Exists(path) => {
                write!(
                    f,
                    "{} exists and was not replaced: it was not downloaded from this address, or was changed since (wharf get --force replaces it).",
                    shown(path)
                )
            }
            Self::NoPart(path) => {
                write!(
                    f,
                    "Cannot keep a part of {0}: other files have the names {0}.part, {0}.1.part and so on (move one of them away).",
                    shown(path)
                )
            }
            Self::Busy(path) => write!(f, "Another program is downloading {}.", shown(path)),
            Self::Missing(path) => write!(f, "File {} not found.", shown(path)),
            Self::NotAFile(path) => write!(f, "{} is no regular file.", shown(path)),
            Self::Shrunk => f.write_str("The file became shorter while it was sent."),
            Self::Local(doing, path, error) => write!(f, "Cannot {doing} {}: {}.", shown(path), Plain(error)),
        }
    }
}

impl std::error::Error for ClientError {}

impl ClientError {
    /// Whether its text says by itself what it is about: a server, or a local file. The others need a name before them.
    pub fn is_named(&self) -> bool {
        match self {
            _ if self.is_servers() => true,
            Self::NoNumber(..)
            | Self::Outside(_)
            | Self::Collision(_)
            | Self::Occupied(_)
            | Self::Exists(_)
            | Self::NoPart(_)
            | Self::Busy(_)
            | Self::Missing(_)
            | Self::NotAFile(_)
            | Self::Local(..) => true,
            _ => false,
        }
    }

    /// Whether it is about the server as a whole: out of reach for one file, it is so for all.
    pub fn is_servers(&self) -> bool {
        matches!(self, Self::NotRunning(_) | Self::Unresolved(_) | Self::Unreachable(..) | Self::Gone(_))
    }
}

impl From<ResponseError> for ClientError {
    fn from(error: ResponseError) -> Self {
        Self::Response(error)
    }
}

impl From<BodyError> for ClientError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<TargetError> for ClientError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

/// A path, safe for a terminal.
pub fn shown(path: &std::path::Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    Printable(path.as_os_str().as_bytes()).to_string()
}

/// An error of the system without its number, which tells a reader nothing.
struct Plain<'e>(&'e io::Error);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may quote what a peer sent.
        let text = Printable::text(&self.0.to_string()).to_string();
        let words = text.split(" (os error").next().unwrap_or(&text);
        let mut letters = words.chars();
        let first = letters.next().into_iter().flat_map(char::to_lowercase);
        first.chain(letters).try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_the_server_cannot_act_on_the_terminal() {
        let refused = ClientError::Refused(Status::FORBIDDEN, Some("no\x1b[2J".to_owned().into()));
        assert_eq!(refused.to_string(), "403 Forbidden: no\\u{1b}[2J");
    }

    #[test]
    fn the_systems_words_go_without_their_number() {
        let error = ClientError::Local("read", PathBuf::from("a\nb"), io::Error::from_raw_os_error(13));
        assert_eq!(error.to_string(), "Cannot read a\\nb: permission denied.");
    }
}
