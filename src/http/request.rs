//! Request heads (RFC 9112 §3 to §6).
//!
//! A [`Head`] exists only if it is complete and valid, with a known framing, a host and a target. Ambiguous
//! heads (RFC 9112 §11.2) are rejected when they are parsed. A head is parsed once, after its end has been
//! found (`head_end`).

mod error;
mod expectation;
mod head;
mod host;
mod method;
mod version;
mod write;

pub use error::{FIELD_LIMIT, HEAD_LIMIT, HeadError};
pub use expectation::Expectation;
pub use head::{FieldSpace, Head};
pub use host::{ipv6_literal, is_host, split_port};
pub use method::{Method, UnsupportedMethod};
pub use version::HttpVersion;
pub use write::write_head;

#[cfg(test)]
mod tests;
