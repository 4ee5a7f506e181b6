//! The version of a request.

/// The supported versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// `HTTP/1.0`, which closes the connection by default and has no chunked coding.
    Http10,
    /// `HTTP/1.1`.
    Http11,
}
