//! What became of a file that was sent, in words.

use std::fmt;

use crate::format::{Bytes, Time};
use crate::http::status::Status;

/// A file that is on the server now.
#[derive(Debug)]
pub enum Sent {
    /// It was taken.
    Saved {
        /// What the server answered.
        status: Status,
        /// Where it went.
        target: String,
        /// Its length in bytes.
        length: u64,
        /// How much of it the server had from an earlier run.
        resumed: u64,
        /// How long it took.
        took: Time,
    },
    /// It was there, with this very content.
    Unchanged {
        /// Where it is.
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

/// `201 Created → /client/a.txt, 120 B in 0.4 ms`, and how much of it was there before.
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saved { status, target, length, resumed, took } => {
                write!(f, "{status} → {target}, {} in {took}", Bytes(*length))?;
                if *resumed > 0 { write!(f, " ({} were there)", Bytes(*resumed)) } else { Ok(()) }
            }
            Self::Unchanged { target, length } => write!(f, "unchanged: {target}, {}", Bytes(*length)),
        }
    }
}
