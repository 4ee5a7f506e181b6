//! What several servers need to share one room: the entries of a stream that all of them read, and the walk over it.
//!
//! A server adds each event to the stream, and reads it from there, as all other servers do. So all have one order. The stream
//! is hostile input: other programs may write to it.

pub mod entry;
pub mod record;
pub mod walk;
