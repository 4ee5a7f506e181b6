//! HTTP/1.1 as bytes (RFC 9110 and 9112).
//!
//! What a head says, where a body ends, which bytes a range selects, whether a precondition holds, whether the
//! connection goes on: everything that can be decided by looking at bytes. The server and the client both use it.
//!
//! This room knows no sockets, no files, no clock, and none of the other rooms. A function here takes bytes and
//! times and gives back values; who reads, who writes and who waits is decided elsewhere.

pub mod body;
pub mod conditional;
pub mod date;
pub mod disposition;
pub mod event_stream;
pub mod fields;
pub mod head_end;
pub mod multipart;
pub mod persistence;
pub mod range;
pub mod request;
pub mod response;
pub mod resumable;
pub mod status;
pub mod target;
pub mod validators;
