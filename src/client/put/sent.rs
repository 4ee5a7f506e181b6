//! The result of an upload, and its line of output.

use std::fmt;

use crate::format::{Bytes, Time};
use crate::http::status::Status;

/// A file that is now on the server.
#[derive(Debug)]
pub enum Sent {
    /// It was uploaded.
    Saved {
        /// The status of the response.
        status: Status,
        /// Its target.
        target: String,
        /// Its length in bytes.
        length: u64,
        /// How much of it an earlier run had uploaded.
        resumed: u64,
        /// How long it took.
        took: Time,
    },
    /// It was there already, with the same content.
    Unchanged {
        /// Its target.
        target: String,
        /// Its length in bytes.
        length: u64,
    },
}

impl Sent {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Saved { length, .. } | Self::Unchanged { length, .. } => *length,
        }
    }
}

/// `201 Created → /client/a.txt, 120 B in 0.4 ms`, and how much of it was resumed.
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saved { status, target, length, resumed, took } => {
                write!(f, "{status} → {target}, {} in {took}", Bytes(*length))?;
                if *resumed > 0 { write!(f, " ({} resumed)", Bytes(*resumed)) } else { Ok(()) }
            }
            Self::Unchanged { target, length } => write!(f, "unchanged: {target}, {}", Bytes(*length)),
        }
    }
}
