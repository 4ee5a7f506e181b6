//! Records that several servers share: what a server needs of the store that has them.

use std::fmt;

use super::id::RecordId;
use crate::blocking::Blocking;

/// A store of records, as one server reaches it. Each call may wait for it, for a limited time.
pub trait ClusterRecords: fmt::Debug + Send + Sync {
    /// Reads what has changed since this revision, or all records.
    fn read(&self, since: Option<&ClusterRevision>, disk: Blocking<'_>) -> Result<ClusterNews, ClusterError>;

    /// Makes a change, as a whole, if the records still have this revision. Returns the new revision, or `None` if
    /// they have another one.
    fn change(
        &self,
        from: &ClusterRevision,
        change: &[ClusterChange],
        disk: Blocking<'_>,
    ) -> Result<Option<ClusterRevision>, ClusterError>;
}

/// Identifies the state of all records at one moment. Only the store knows its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRevision(pub String);

/// What was read.
#[derive(Debug)]
pub enum ClusterNews {
    /// Nothing has changed.
    Same,
    /// These records have changed.
    Changed(ClusterRevision, Vec<ClusterLine>),
    /// All records.
    All {
        /// Their revision.
        revision: ClusterRevision,
        /// The records.
        lines: Vec<ClusterLine>,
        /// Whether the store no longer has the earlier revision, because it has lost data.
        has_lost: bool,
    },
}

/// An id and its record, as the store has them. They may be anything, even the data of another program.
#[derive(Debug)]
pub struct ClusterLine {
    /// The id.
    pub id: Vec<u8>,
    /// The record, as a line of the records file; empty if it was removed.
    pub line: Vec<u8>,
}

impl ClusterLine {
    /// The id, unless it is foreign.
    pub(super) fn record_id(&self) -> Option<RecordId> {
        std::str::from_utf8(&self.id).ok()?.parse().ok()
    }
}

/// A record that is added, replaced or removed.
#[derive(Debug, PartialEq, Eq)]
pub struct ClusterChange {
    /// Its id.
    pub id: RecordId,
    /// The record, as a line of the records file; `None` if it is removed.
    pub line: Option<String>,
}

/// Why the store did not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterError {
    /// It cannot be reached, or does not answer. A change may have been made.
    Away(String),
    /// It refuses, so nothing was changed.
    Refused(String),
}

impl ClusterError {
    /// Other servers change the records all the time.
    pub(super) fn busy() -> Self {
        Self::Refused("other servers are changing the records (try again)".to_owned())
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Away(why) | Self::Refused(why)) = self;
        f.write_str(why)
    }
}

impl std::error::Error for ClusterError {}
