//! HTTP/1.1 as bytes (RFC 9110 and 9112). This room knows no sockets, no files, no clock.

pub mod conditional;
pub mod date;
pub mod multipart;
pub mod range;
pub mod validators;
