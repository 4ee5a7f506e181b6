//! The result of an upload or a new directory, and its line of output.

use std::fmt;
use std::path::PathBuf;

use crate::client::error::shown;
use crate::client::shown_target::ShownTarget;
use crate::format::{Bytes, Time};
use crate::http::status::Status;

/// The result for a file or an empty directory.
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
    /// The server already had it, with the same content.
    Unchanged {
        /// Its target.
        target: String,
        /// Its length in bytes.
        length: u64,
    },
    /// The directory was created.
    Created {
        /// The status of the response.
        status: Status,
        /// Its target.
        target: String,
        /// How long it took.
        took: Time,
    },
    /// The directory already existed.
    Exists {
        /// Its target.
        target: String,
    },
    /// The server cannot create this empty directory.
    Skipped {
        /// Its local path.
        directory: PathBuf,
    },
}

impl Sent {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Saved { length, .. } | Self::Unchanged { length, .. } => *length,
            Self::Created { .. } | Self::Exists { .. } | Self::Skipped { .. } => 0,
        }
    }

    /// Whether nothing was sent, because the server cannot take it.
    pub fn is_skipped(&self) -> bool {
        matches!(self, Self::Skipped { .. })
    }
}

/// `201 Created → /client/a.txt, 120 B in 0.4 ms`, and how much of it was resumed.
impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saved { status, target, length, resumed, took } => {
                write!(f, "{status} → {}, {} in {took}", ShownTarget(target), Bytes(*length))?;
                if *resumed > 0 { write!(f, " ({} resumed)", Bytes(*resumed)) } else { Ok(()) }
            }
            Self::Unchanged { target, length } => {
                write!(f, "unchanged: {}, {}", ShownTarget(target), Bytes(*length))
            }
            Self::Created { status, target, took } => {
                write!(f, "{status} → {} in {took}", ShownTarget(target))
            }
            Self::Exists { target } => write!(f, "unchanged: {}", ShownTarget(target)),
            Self::Skipped { directory } => {
                let directory = shown(directory);
                write!(f, "skipped {directory}: empty directory, which the server cannot create (no MKCOL)")
            }
        }
    }
}
