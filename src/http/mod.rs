//! HTTP/1.1 as bytes.

pub mod event_stream;
