//! Methods (RFC 9110 §9.3).

/// A method (RFC 9110 §9.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Returns the content.
    Get,
    /// As GET, without content.
    Head,
    /// Saves the content.
    Post,
    /// Saves the content under the target.
    Put,
    /// Changes the target: appends the content to an upload.
    Patch,
    /// Removes the target: an upload.
    Delete,
    /// Returns the methods that the target allows.
    Options,
    /// A known method that no target allows (405).
    NotAllowed,
    /// An unknown method (501).
    Unknown,
}

impl Method {
    /// Whether the method asks for no change (RFC 9110 §9.2.1).
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}

impl Method {
    /// The method of this name, which is case-sensitive (RFC 9110 §9.1).
    pub(super) fn parse(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "OPTIONS" => Self::Options,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "TRACE" | "CONNECT" | "PROPFIND" | "PROPPATCH" | "MKCOL" | "COPY" | "MOVE" | "LOCK"
            | "UNLOCK" => Self::NotAllowed,
            _ => Self::Unknown,
        }
    }
}
