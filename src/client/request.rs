//! An HTTP request as the client sends it.

use super::content::RequestContent;

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// Requests the content.
    Get,
    /// Requests the head that GET would have.
    Head,
    /// Saves content.
    Post,
    /// Saves content at the target.
    Put,
    /// Appends content to the target.
    Patch,
    /// Removes the target.
    Delete,
    /// Requests the methods of the target.
    Options,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'r> {
    /// Its method.
    pub method: HttpMethod,
    /// Its encoded target.
    pub target: &'r str,
    /// Its fields, except Host, Content-Length and Expect.
    pub fields: &'r [(&'r str, &'r str)],
    /// Its content.
    pub content: Option<&'r RequestContent>,
}

impl HttpMethod {
    /// Its name in a request line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Whether sending the request twice has the effect of sending it once (RFC 9110 §9.2.2).
    pub fn is_idempotent(self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options => true,
            Self::Post | Self::Patch => false,
        }
    }
}
