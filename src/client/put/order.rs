//! A file to send, and what became of it.

use std::path::PathBuf;

use crate::client::error::ClientError;

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOrder {
    /// Where it is.
    pub file: PathBuf,
    /// Its path on the server, below the directory that is meant: names with slashes between them, not encoded.
    pub path: Vec<u8>,
}

/// A file that was taken.
#[derive(Debug)]
pub struct Carried {
    /// What is said of it.
    pub line: String,
    /// Its length in bytes.
    pub length: u64,
}

/// The result of an order.
pub type PutResult = Result<Carried, ClientError>;
