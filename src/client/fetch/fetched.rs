//! The result of an order, and its line of output.

use std::fmt;
use std::path::PathBuf;

use crate::client::error::{ClientError, shown};
use crate::format::{Bytes, Time};
use crate::http::status::Status;

/// A local file that is complete.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// It was downloaded.
    Saved {
        /// The status of the response.
        status: Status,
        /// Its path.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// How much of it an earlier run had downloaded.
        resumed: u64,
        /// How long it took.
        took: Time,
        /// Whether the file was fetched again from the start, because the server had sent another range than requested.
        restarted: bool,
        /// Whether it is the page of a directory that was named without its slash.
        is_directory_page: bool,
    },
    /// The local file already existed, and is unchanged.
    Unchanged {
        /// Its path.
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

    /// A warning about it, for stderr.
    pub fn warning(&self) -> Option<&'static str> {
        match self {
            Self::Saved { restarted: true, .. } => {
                Some("The server sent a different range from the one requested; started again.")
            }
            Self::Saved { is_directory_page: true, .. } => Some(
                "this is the page of a directory (a slash at the end downloads its files, -R the whole tree)",
            ),
            _ => None,
        }
    }
}

/// `200 OK → downloads/a.txt, 512 B in 0.4 ms`.
impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saved { status, path, length, resumed, took, .. } => {
                write!(f, "{status} → {}, {} in {took}", shown(path), Bytes(*length))?;
                if *resumed > 0 { write!(f, " ({} resumed)", Bytes(*resumed)) } else { Ok(()) }
            }
            Self::Unchanged { path, length } => {
                write!(f, "unchanged: {}, {}", shown(path), Bytes(*length))
            }
        }
    }
}
