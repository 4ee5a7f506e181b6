//! A file or an empty directory to send, and the result.

use std::path::PathBuf;

use crate::client::error::ClientError;

/// A file or an empty directory to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOrder {
    /// Its local path.
    pub file: PathBuf,
    /// Its path on the server, below the given directory: names with slashes between them, not encoded. Empty if the
    /// server's address names the file.
    pub path: Vec<u8>,
    /// Whether this is a directory without files. Other directories are created by the uploads of the files in them.
    pub is_directory: bool,
}

/// What was sent.
#[derive(Debug)]
pub struct SentSummary {
    /// The line to print.
    pub line: String,
    /// Its length in bytes.
    pub length: u64,
    /// Whether nothing was sent, and the line says why.
    pub is_skipped: bool,
}

/// The result of an order.
pub type PutResult = Result<SentSummary, ClientError>;
