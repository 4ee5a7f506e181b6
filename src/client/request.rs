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
    /// Its fields, except Host, Content-Length, Transfer-Encoding and Expect.
    pub fields: &'r [(&'r str, &'r str)],
    /// Its content.
    pub content: Option<&'r RequestContent>,
}

impl HttpRequest<'_> {
    /// Whether it has a field of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    /// The value of the first field of this name.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields.iter().find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// Whether it can be sent again without asking the user.
    pub(super) fn may_be_repeated(&self) -> bool {
        self.method.is_idempotent() && !self.content.is_some_and(RequestContent::is_used)
    }
}
