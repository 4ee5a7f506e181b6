//! Who asks: `wharf client`, which talks to a server line by line, and `wharf replay`, which sends a file of
//! request lines.
//!
//! A line is parsed by `command`, alike in both. What it asks for goes through a `session`: one connection
//! to one `address`, kept open and opened again when the server has closed it. `download`, `upload`,
//! `listing` and `shutdown` say what becomes of an answer; `shell` takes the lines from a person or a pipe
//! (through `prompt`); `script`, `expect`, `replay` and `report` take them from a file, judge the answers and
//! count. `tftp` is all that for servers that speak TFTP.
//!
//! `put` sends files, many at once and over breaks; `tree` gathers what a server holds.
//!
//! This room knows nothing of the server's inside: it meets it on the wire only, and any HTTP server will do.

pub mod address;
pub mod chat;
pub mod command;
mod completion;
mod connection;
pub mod download;
pub mod error;
pub mod error_response;
pub mod expect;
pub mod fetch;
pub mod listing;
pub mod pattern;
pub mod progress_bar;
pub mod prompt;
pub mod put;
pub mod replay;
pub mod report;
pub mod script;
mod selection;
pub mod session;
pub mod shell;
pub mod shutdown;
mod socket;
pub mod stats;
pub mod targets;
pub mod tftp;
pub mod transfer;
pub mod tree;
pub mod upload;
pub mod walk;

#[cfg(test)]
mod fake_peer;
