//! HTTP/1.1 as bytes (RFC 9110 and 9112).
//!
//! Parsing of heads, body framing, ranges, preconditions, persistence: everything that can be decided from bytes alone. The
//! server and the client both use it.
//!
//! This module knows nothing of sockets, files or clocks, and imports no other module of the crate. Its functions take
//! bytes and times and return values; the caller reads, writes and waits.

#[cfg(feature = "accounts")]
pub mod authorization;
pub mod body;
pub mod conditional;
pub mod date;
pub mod destination;
pub mod disposition;
pub mod event_stream;
pub mod fields;
pub mod forwarded;
pub mod head_end;
pub mod multipart;
pub mod persistence;
pub mod proxy_protocol;
pub mod range;
pub mod request;
pub mod response;
pub mod resumable;
pub mod status;
pub mod structured;
pub mod target;
pub mod urlencoded;
pub mod validators;
