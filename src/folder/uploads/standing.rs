//! How much of an upload has arrived, and how long it is kept.

use std::time::{Duration, SystemTime};

use super::plan::Plan;
use crate::folder::commit::Saved;

/// An incomplete upload is discarded if nothing is added to it for this long: a day, so that it can be resumed
/// tomorrow. A complete upload is remembered for the same time, because its client may not know that it is complete.
pub const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The lifetime of an upload without content. It is short, because starting again costs nothing, and empty uploads
/// count towards the limit.
pub const EMPTY_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The same for an upload without content that another server has begun, if its locks are not seen here. A server aborts an
/// upload that stalls, but its clock may differ.
pub(super) const UNSEEN_LIFETIME: Duration = Duration::from_secs(10 * 60);

/// How much of an upload has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// How many bytes have arrived; it never shrinks.
    pub offset: u64,
    /// How many bytes the complete upload has, if that is known.
    pub length: Option<u64>,
    /// Whether all have arrived and the file has its name.
    pub is_complete: bool,
    /// When the latest bytes arrived.
    pub modified: SystemTime,
}

impl Standing {
    /// How long the upload is kept if nothing is added to it.
    pub fn lifetime(&self) -> Duration {
        if self.offset > 0 || self.is_complete { LIFETIME } else { EMPTY_LIFETIME }
    }
}

/// A complete upload.
#[derive(Clone, Debug)]
pub struct Completed {
    /// Its size in bytes.
    pub size: u64,
    /// Its plan: where it was to be saved, and how.
    pub plan: Plan,
    /// The saved file; `None` if the server was killed before it could record it.
    pub saved: Option<Saved>,
}
