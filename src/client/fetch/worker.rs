//! A worker, and what it knows of the file that it fetches.

use super::context::FetchContext;
use super::fetched::Fetched;
use super::incoming::IncomingDownload;
use super::sessions::SessionPool;
use super::settle::Landed;
use crate::client::address::Resource;
use crate::client::transfer::WorkerProgress;
use crate::http::response::Received;

/// Whoever fetches one file at a time.
pub(super) struct Worker<'a> {
    pub(super) sessions: SessionPool,
    pub(super) context: &'a FetchContext<'a>,
    pub(super) progress: &'a WorkerProgress,
}

/// What became of a file.
pub(super) enum End {
    /// It came, and is to be settled.
    Landed(Box<Landed>),
    /// It was here.
    Unchanged(Fetched),
}

/// How far a file has come.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// How much of it another try need not fetch again, in bytes.
    pub(super) reached: u64,
    /// Whether a range of it was asked for.
    pub(super) is_ranged: bool,
    /// Whether the server sent another range: it is not asked for any again.
    pub(super) restarted: bool,
}

/// A file whose bytes are all here.
pub(super) struct ReceivedFile {
    pub(super) incoming: IncomingDownload,
    pub(super) head: Received,
    /// Where it was found in the end.
    pub(super) at: Resource,
    pub(super) resumed: u64,
    /// Whether it was put together from several answers.
    pub(super) is_joined: bool,
}
