//! Talking in the room from a terminal.
//!
//! `member` is who one is there; `hearing` listens, on a connection and a thread of its own, and resumes where it was when
//! the connection breaks; `speaking` understands the lines that are typed; `showing` turns what is heard into lines.

pub mod hearing;
pub mod member;
pub mod showing;
pub mod speaking;
