//! The errors of the client, each printed as one line.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::change_error::RemoteChangeError;
use super::proxy_error::ProxyError;
use super::tls_error::TlsError;
use crate::http::body::BodyError;
use crate::http::response::ResponseError;
use crate::http::status::Status;
use crate::http::target::TargetError;
use crate::printable::{Foreign, Printable};
use crate::tftp::error::Ending;

/// Why a request failed.
#[derive(Debug)]
pub enum ClientError {
    /// No server listens at this address.
    NotRunning(String),
    /// The name of this host cannot be resolved.
    Unresolved(String),
    /// The address cannot be reached.
    Unreachable(String, io::Error),
    /// The error of an earlier request to the same server. The server was not tried again.
    Gone(String),
    /// The server was silent for this many seconds while the client did this.
    Slow(&'static str, u64),
    /// The server closed the connection before the first byte of its response.
    Silent,
    /// The connection closed in the middle of a response: the bytes of content that came, and its length.
    CutShort(u64, Option<u64>),
    /// The connection failed.
    Broken(io::Error),
    /// The head of the response cannot be parsed.
    Response(ResponseError),
    /// The content of the response cannot be parsed.
    Body(BodyError),
    /// A response with an unexpected status, and the server's explanation.
    Refused(Status, Option<Foreign>),
    /// A redirect to another server, which is not followed.
    Elsewhere(String),
    /// A redirect from TLS to plain HTTP, which is not followed.
    Downgrade(String),
    /// A redirect that this request does not follow: its status and its target.
    Moved(Status, String),
    /// Too many redirects.
    Redirects,
    /// The server responded to a plain request with TLS.
    SpeaksTls,
    /// TLS with this server failed.
    Tls(String, TlsError),
    /// This proxy does not lead to the server.
    Proxy(String, ProxyError),
    /// A path that cannot be sent in a request.
    Target(TargetError),
    /// A path outside the download directory.
    Outside(String),
    /// A TFTP transfer ended early.
    Transfer(Ending),
    /// A name that TFTP cannot carry: too long, or with a NUL in it.
    Name(String),
    /// The server has no chat room.
    NoRoom,
    /// The response is not a listing.
    NoListing,
    /// Something on the server was not changed.
    Change(RemoteChangeError),
    /// The response is not about tokens or links.
    #[cfg(feature = "accounts")]
    NoRecords,
    /// The server sent more bytes than it announced; this is the announced length.
    Excess(u64),
    /// The server sent almost nothing for this many seconds.
    Trickle(u64),
    /// The response has a different range from the one requested, or belongs to a different file.
    WrongRange,
    /// The content does not match the server's SHA-256.
    Digest,
    /// The file changed while it was written to a pipe, and the bytes in the pipe cannot be taken back.
    Changed,
    /// No name in a directory matches the pattern.
    NoMatch,
    /// A directory is empty.
    EmptyDirectory,
    /// A directory has only other directories in it.
    OnlyDirectories,
    /// A number beyond the last list, which has this many entries.
    NoNumber(String, usize),
    /// A tree is deeper or larger than the limits.
    Endless(String),
    /// Two downloads have the same local name.
    Collision(PathBuf),
    /// A directory, a symlink or a device is in the way of a download.
    Occupied(PathBuf),
    /// The file was not downloaded from this address, or has changed since, and is not replaced.
    Exists(PathBuf),
    /// Other files already have all possible names for the partial download of this file.
    NoPart(PathBuf),
    /// Another program is downloading to this file.
    Busy(PathBuf),
    /// The local file does not exist.
    Missing(PathBuf),
    /// A directory where a file is needed.
    Directory(PathBuf),
    /// Not a regular file.
    NotAFile(PathBuf),
    /// A local file became shorter while it was sent.
    Shrunk,
    /// The file was changed while it was sent.
    FileChanged,
    /// A local operation failed: the verb, the path, the error.
    Local(&'static str, PathBuf, io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning(address) => write!(f, "Server is not running. ({})", Printable::text(address)),
            Self::Unresolved(host) => write!(f, "cannot resolve host \"{}\"", Printable::text(host)),
            Self::Unreachable(address, error) => {
                write!(f, "cannot reach {}: {}", Printable::text(address), Plain(error))
            }
            Self::Gone(said) => f.write_str(said),
            Self::Slow(doing, seconds) => write!(f, "the server was silent for {seconds} s ({doing})"),
            Self::Silent => f.write_str("the server closed the connection without a response"),
            Self::CutShort(got, Some(all)) => {
                write!(f, "the server closed the connection after {got} of {all} bytes")
            }
            Self::CutShort(got, None) => {
                write!(f, "the server closed the connection in the middle of its response, after {got} bytes")
            }
            Self::Broken(error) => write!(f, "the connection failed: {}", Plain(error)),
            Self::Response(error) => write!(f, "invalid response: {error}"),
            Self::Body(error) => write!(f, "invalid response: {error}"),
            Self::Refused(status, None) => write!(f, "{status}"),
            Self::Refused(status, Some(said)) => write!(f, "{status}: {said}"),
            Self::Elsewhere(location) => {
                write!(f, "redirects to another server are not followed: {}", without_user(location))
            }
            Self::Downgrade(location) => {
                write!(f, "redirects from https to http are not followed: {}", without_user(location))
            }
            Self::Moved(status, location) => {
                write!(f, "{status}: the server redirects to {} (use that address)", without_user(location))
            }
            Self::SpeaksTls => f.write_str("the server speaks TLS (use https://)"),
            Self::Tls(server, error) => write!(f, "{}: {error}", Printable::text(server)),
            Self::Proxy(variable, ProxyError::Address(why)) => write!(f, "cannot use {variable}: {why}"),
            Self::Proxy(proxy, error) => write!(f, "proxy {}: {error}", Printable::text(proxy)),
            Self::Redirects => f.write_str("too many redirects"),
            Self::Target(error) => write!(f, "invalid path: {error}"),
            Self::Outside(path) => {
                write!(f, "{} is outside the download directory", Printable::text(path))
            }
            Self::Transfer(Ending::Refused(fault)) => fault.fmt(f),
            Self::Transfer(ending) => ending.fmt(f),
            Self::Name(name) => {
                write!(f, "{} is not a valid TFTP name (too long, or contains a NUL)", Printable::text(name))
            }
            Self::NoRoom => f.write_str("no chat room here (is the server wharf, without --no-chat?)"),
            Self::NoListing => f.write_str("the response is not a listing (is the server wharf?)"),
            Self::Change(error) => error.fmt(f),
            #[cfg(feature = "accounts")]
            Self::NoRecords => {
                f.write_str("the response is not about tokens or links (is the server wharf?)")
            }
            Self::Excess(told) => {
                write!(f, "the server sent more than the {told} bytes that it announced")
            }
            Self::Trickle(seconds) => {
                write!(f, "the server sent almost nothing for {seconds} s (--timeout allows more)")
            }
            Self::WrongRange => f.write_str("the server sent a different range from the one requested"),
            Self::Digest => f.write_str("the content does not match the server's SHA-256"),
            Self::Changed => f.write_str("the file changed during the download"),
            Self::NoMatch => f.write_str("no name matches"),
            Self::EmptyDirectory => f.write_str("there are no files in it"),
            Self::OnlyDirectories => {
                f.write_str("there are only directories in it (wharf get -R downloads them too)")
            }
            Self::NoNumber(word, entries) => {
                write!(f, "{} is not in the last list, which has {entries} entries", Printable::text(word))
            }
            Self::Endless(directory) => {
                write!(f, "{} is too deep, or has too many entries", Printable::text(directory))
            }
            Self::Collision(path) => {
                write!(f, "{} is the name of another download too (use --dir for one of them)", shown(path))
            }
            Self::Occupied(path) => {
                write!(f, "{} is not a regular file and was not replaced", shown(path))
            }
            Self::Exists(path) => {
                write!(
                    f,
                    "{} exists and was not replaced: it was not downloaded from this address, or has changed since (wharf get --force replaces it)",
                    shown(path)
                )
            }
            Self::NoPart(path) => {
                write!(
                    f,
                    "cannot store a partial download of {0}: other files have the names {0}.part, {0}.1.part and so on (move one of them away)",
                    shown(path)
                )
            }
            Self::Busy(path) => write!(f, "another program is downloading {}", shown(path)),
            Self::Missing(path) => write!(f, "File {} not found.", shown(path)),
            Self::Directory(path) => {
                write!(f, "{} is a directory (wharf put -R sends directories)", shown(path))
            }
            Self::NotAFile(path) => write!(f, "{} is not a regular file", shown(path)),
            Self::Shrunk => f.write_str("the file became shorter while it was sent"),
            Self::FileChanged => f.write_str("the file changed while it was sent (send it again)"),
            Self::Local(doing, path, error) => write!(f, "cannot {doing} {}: {}", shown(path), Plain(error)),
        }
    }
}

impl std::error::Error for ClientError {}

impl ClientError {
    /// Whether the message names the server or the local file. The others are printed after a name.
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
            | Self::Directory(_)
            | Self::NotAFile(_)
            | Self::Local(..) => true,
            _ => false,
        }
    }

    /// Whether the error says that nothing of this name exists.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused(Status::NOT_FOUND | Status::GONE, _) | Self::NoMatch)
    }

    /// Whether the error concerns the whole server, and so every file on it.
    pub fn is_servers(&self) -> bool {
        matches!(
            self,
            Self::NotRunning(_)
                | Self::Unresolved(_)
                | Self::Unreachable(..)
                | Self::Gone(_)
                | Self::Tls(..)
                | Self::Proxy(..)
        )
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

impl From<RemoteChangeError> for ClientError {
    fn from(error: RemoteChangeError) -> Self {
        Self::Change(error)
    }
}

impl From<TargetError> for ClientError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

/// A URL without user name and password, escaped for a terminal.
fn without_user(location: &str) -> String {
    let text = Printable::text(location).to_string();
    let Some(start) = text.find("//").map(|slashes| slashes + 2) else { return text };
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |end| start + end);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}{}", &text[..start], &text[start + at + 1..]),
        None => text,
    }
}

/// A path, escaped for a terminal.
pub fn shown(path: &std::path::Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    Printable(path.as_os_str().as_bytes()).to_string()
}

/// A system error without its number.
struct Plain<'e>(&'e io::Error);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The error may quote what a peer sent.
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
    fn text_from_the_server_is_escaped() {
        let refused = ClientError::Refused(Status::FORBIDDEN, Some("no\x1b[2J".to_owned().into()));
        assert_eq!(refused.to_string(), "403 Forbidden: no\\u{1b}[2J");
    }

    #[test]
    fn a_password_in_a_redirect_is_not_printed() {
        let cases = [
            ("http://me:pass@h/a@b", "http://h/a@b"),
            ("//me@h:81", "//h:81"),
            ("http://h/?a=//b@c", "http://h/?a=//b@c"),
            ("/a@b", "/a@b"),
        ];
        for (location, expected) in cases {
            assert_eq!(without_user(location), expected);
        }
    }

    #[test]
    fn a_system_error_is_printed_without_its_number() {
        let error = ClientError::Local("read", PathBuf::from("a\nb"), io::Error::from_raw_os_error(13));
        assert_eq!(error.to_string(), "cannot read a\\nb: permission denied");
    }
}
