//! A request over HTTP: its method, its target, its fields, its content.

use super::content::RequestContent;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// The content.
    Get,
    /// What GET would say of it, without the content.
    Head,
    /// Content to be saved.
    Post,
    /// Content to be saved under the target.
    Put,
    /// Content to be appended to the target.
    Patch,
    /// The target is to go.
    Delete,
    /// What can be done with the target.
    Options,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'r> {
    /// Its method.
    pub method: HttpMethod,
    /// Its target, encoded.
    pub target: &'r str,
    /// Field lines; Host, Content-Length and Expect are not among them.
    pub fields: &'r [(&'r str, &'r str)],
    /// What it carries.
    pub content: Option<&'r RequestContent>,
}

impl HttpMethod {
    /// As it stands in a request line.
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

    /// Whether sending it twice does what sending it once does (RFC 9110 §9.2.2).
    pub fn is_idempotent(self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options => true,
            Self::Post | Self::Patch => false,
        }
    }
}
