//! An HTTP request as the client sends it.

use super::content::RequestContent;
use crate::http::request::Method;

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'r> {
    /// Its method.
    pub method: Method,
    /// Its encoded target.
    pub target: &'r str,
    /// Its fields, except Host, Content-Length and Expect.
    pub fields: &'r [(&'r str, &'r str)],
    /// Its content.
    pub content: Option<&'r RequestContent>,
}
