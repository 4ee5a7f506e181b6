//! What the requests of an upload announce.

use std::time::SystemTime;

use crate::folder::guard::Guard;

/// How a complete upload is to be saved; the grant names its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its length in bytes, once that is known.
    pub length: Option<u64>,
    /// What must hold for the name when the upload gets it.
    pub guard: Guard,
    /// When the file was last modified, if the client says so. Otherwise the file keeps the time of its last write.
    pub modified: Option<SystemTime>,
    /// The client that sends it, in any form that is the same for the same client: the number of uploads per client is
    /// limited. Empty if it is not known; those uploads count as one client's.
    pub owner: String,
    /// The caller's data, which it gets back when the upload is saved.
    pub memo: String,
}

/// What a request announces about the bytes that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Whether these bytes are the last of the upload.
    pub completes: bool,
    /// The number of these bytes, if it is known.
    pub size: Option<u64>,
    /// The length of the whole upload, if the request names it.
    pub length: Option<u64>,
}
