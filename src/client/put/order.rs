//! A file to send, and the result.

use std::path::PathBuf;

use crate::client::error::ClientError;

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOrder {
    /// Its local path.
    pub file: PathBuf,
    /// Its path on the server, below the given directory: names with slashes between them, not encoded. Empty if the
    /// server's address names the file.
    pub path: Vec<u8>,
}

/// A file that was sent.
#[derive(Debug)]
pub struct SentSummary {
    /// The line to print.
    pub line: String,
    /// Its length in bytes.
    pub length: u64,
}

/// The result of an order.
pub type PutResult = Result<SentSummary, ClientError>;
