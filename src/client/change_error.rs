//! Why something on a server is not removed, moved or copied, apart from the server's own errors.

use std::fmt;

use super::shown_target::ShownTarget;

/// Printed instead of the entries of the trash if the server cannot know which are the client's.
pub(super) const UNKNOWN_CLIENT: &str =
    "the server cannot recognise this client (if you have an account, log in with -u NAME)";

/// Why something is not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteChangeError {
    /// It is a directory; the text says what to do.
    Directory(&'static str),
    /// It is the root of the server, or of a link.
    Root,
    /// A directory has the name to which something would be moved or copied.
    InTheWay(String),
    /// Several things are moved or copied, and this is not a directory.
    NotADirectory,
    /// The server has changed a part of a directory only.
    Incomplete,
    /// The server cannot know what this client has removed: it has sent neither credentials nor a cookie.
    UnknownClient,
    /// The response is not about the trash.
    NoTrash,
}

impl fmt::Display for RemoteChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(advice) => write!(f, "it is a directory ({advice})"),
            Self::Root => {
                f.write_str("the root cannot be changed (a pattern, as in '/*', selects what is in it)")
            }
            Self::InTheWay(target) => {
                let target = ShownTarget(target);
                write!(f, "{target} is a directory, and is not replaced (remove or rename it first)")
            }
            Self::NotADirectory => {
                f.write_str("it is not a directory, and several sources need one (wharf mkdir makes it)")
            }
            Self::Incomplete => f.write_str("the server has changed only a part of the directory"),
            Self::UnknownClient => f.write_str(UNKNOWN_CLIENT),
            Self::NoTrash => f.write_str("the response is not about the trash (is the server wharf?)"),
        }
    }
}
