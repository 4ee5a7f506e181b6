//! Methods (RFC 9110 §9.3).

/// A method (RFC 9110 §9.3; PATCH: RFC 5789; those of WebDAV: RFC 4918).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Returns the content.
    Get,
    /// Like GET, without content.
    Head,
    /// Saves the content.
    Post,
    /// Saves the content under the target.
    Put,
    /// Creates a directory at the target (RFC 4918 §9.3).
    Mkcol,
    /// Moves the target to another path (RFC 4918 §9.9).
    Move,
    /// Copies the target to another path (RFC 4918 §9.8).
    Copy,
    /// Returns properties of the target (RFC 4918 §9.1).
    Propfind,
    /// Changes properties of the target (RFC 4918 §9.2).
    Proppatch,
    /// Locks the target (RFC 4918 §9.10).
    Lock,
    /// Ends a lock (RFC 4918 §9.11).
    Unlock,
    /// Changes the target: appends the content to an upload.
    Patch,
    /// Removes the target: an upload.
    Delete,
    /// Returns the methods that the target allows.
    Options,
}

/// A method that wharf does not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsupportedMethod {
    /// It is known, but no target allows it (405).
    NotAllowed,
    /// CONNECT, which no target allows either (405): the bytes after it may belong to the tunnel (RFC 9110
    /// §9.3.6).
    Tunnel,
    /// It is unknown (501).
    Unknown,
}

impl Method {
    /// The method with this name, which is case-sensitive (RFC 9110 §9.1).
    pub(super) fn parse(name: &str) -> Result<Self, UnsupportedMethod> {
        Ok(match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "MKCOL" => Self::Mkcol,
            "MOVE" => Self::Move,
            "COPY" => Self::Copy,
            "OPTIONS" => Self::Options,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "CONNECT" => return Err(UnsupportedMethod::Tunnel),
            "PROPFIND" => Self::Propfind,
            "PROPPATCH" => Self::Proppatch,
            "LOCK" => Self::Lock,
            "UNLOCK" => Self::Unlock,
            "TRACE" => return Err(UnsupportedMethod::NotAllowed),
            _ => return Err(UnsupportedMethod::Unknown),
        })
    }

    /// Its name in a request line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Mkcol => "MKCOL",
            Self::Move => "MOVE",
            Self::Copy => "COPY",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Propfind => "PROPFIND",
            Self::Proppatch => "PROPPATCH",
            Self::Lock => "LOCK",
            Self::Unlock => "UNLOCK",
        }
    }

    /// Whether only clients of WebDAV use it: not COPY, MOVE and MKCOL, which wharf's own client and page use too.
    pub fn is_for_dav(self) -> bool {
        matches!(self, Self::Propfind | Self::Proppatch | Self::Lock | Self::Unlock)
    }

    /// Whether the method requests no change (RFC 9110 §9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options | Self::Propfind)
    }

    /// Whether sending the request twice has the same effect as sending it once (RFC 9110 §9.2.2, RFC 4918
    /// §9).
    pub fn is_idempotent(self) -> bool {
        use Method::{Copy, Delete, Mkcol, Move, Proppatch, Put, Unlock};
        self.is_safe() || matches!(self, Put | Delete | Mkcol | Move | Copy | Proppatch | Unlock)
    }
}
