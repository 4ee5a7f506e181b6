//! The Expect field (RFC 9110 §10.1.1).

use super::version::HttpVersion;
use crate::http::fields::Fields;

/// The value of the Expect field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// There is no expectation.
    None,
    /// The client sends its body after `100 Continue`.
    Continue,
    /// An expectation that is not supported (417).
    Other,
}

impl Expectation {
    /// The field is ignored in HTTP/1.0, which does not define it. It is a list, on one or several lines, and
    /// all of its members must be met (RFC 9110 §10.1.1, §5.3).
    pub(super) fn of(version: HttpVersion, fields: Fields<'_, '_>) -> Self {
        if fields.get("Expect").is_none() {
            return Self::None;
        }
        let mut expected = fields.list("Expect").map(|member| member.eq_ignore_ascii_case(b"100-continue"));
        match expected.next() {
            Some(is_continue) if version == HttpVersion::Http11 => {
                if is_continue && expected.all(|is_continue| is_continue) {
                    Self::Continue
                } else {
                    Self::Other
                }
            }
            _ => Self::None,
        }
    }
}
