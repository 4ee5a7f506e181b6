//! The result of an order, and its line.

use std::fmt;
use std::path::PathBuf;

use crate::client::error::{ClientError, shown};
use crate::format::{Bytes, Time};
use crate::http::status::Status;

/// A file that is here now.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// It came.
    Saved {
        /// What the server answered.
        status: Status,
        /// Where it is.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// How much of it was here before.
        resumed: u64,
        /// How long it took.
        took: Time,
        /// Whether it was fetched anew, as the server had sent another part of it than was asked for.
        restarted: bool,
    },
    /// It was here, and is unchanged.
    Unchanged {
        /// Where it is.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
}

/// The result of an order.
pub type FetchResult = Result<Fetched, ClientError>;

impl Fetched {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Saved { length, .. } | Self::Unchanged { length, .. } => *length,
        }
    }

    /// What the person should know about it besides, for stderr.
    pub fn warning(&self) -> Option<&'static str> {
        let restarted = matches!(self, Self::Saved { restarted: true, .. });
        restarted.then_some("The server sent another part of the file than was asked for; started over.")
    }
}

/// `200 OK → downloads/a.txt, 512 B in 0.4 ms`.
impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saved { status, path, length, resumed, took, restarted: _ } => {
                write!(f, "{status} → {}, {} in {took}", shown(path), Bytes(*length))?;
                if *resumed > 0 { write!(f, " ({} were here)", Bytes(*resumed)) } else { Ok(()) }
            }
            Self::Unchanged { path, length } => {
                write!(f, "unchanged: {}, {}", shown(path), Bytes(*length))
            }
        }
    }
}
