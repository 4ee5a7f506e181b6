//! How the end of a body is found.

/// How the end of a body is found (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// `Content-Length`, in bytes; never 0, which is `Empty`.
    Sized(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// A response that ends with its connection.
    UntilClose,
}

impl Framing {
    /// A body of this length.
    pub fn sized(length: u64) -> Self {
        if length == 0 { Self::Empty } else { Self::Sized(length) }
    }
}
