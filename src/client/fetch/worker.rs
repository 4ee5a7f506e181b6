//! A worker, and the state of the file that it fetches.

use super::context::FetchContext;
use super::fetched::Fetched;
use super::incoming::IncomingDownload;
use super::sessions::SessionPool;
use super::settle::Landed;
use crate::client::address::Resource;
use crate::client::transfer::WorkerProgress;
use crate::http::response::Received;

/// Fetches one file at a time.
pub(super) struct Worker<'a> {
    pub(super) sessions: SessionPool,
    pub(super) context: &'a FetchContext<'a>,
    pub(super) progress: &'a WorkerProgress,
}

/// The end of a download.
pub(super) enum End {
    /// It was received, and must be settled.
    Landed(Box<Landed>),
    /// The local file is already up to date.
    Unchanged(Fetched),
}

/// The progress of a file over all attempts.
#[derive(Debug, Default)]
pub(super) struct FetchState {
    /// How much of it the next attempt need not fetch again, in bytes.
    pub(super) reached: u64,
    /// Whether a range was requested.
    pub(super) is_ranged: bool,
    /// Whether the server sent a different range from the one requested: then no range is requested again.
    pub(super) restarted: bool,
}

/// A file that was received completely.
pub(super) struct ReceivedFile {
    pub(super) incoming: IncomingDownload,
    pub(super) head: Received,
    /// Its address after redirects.
    pub(super) at: Resource,
    pub(super) resumed: u64,
    /// Whether it was joined from several responses.
    pub(super) is_joined: bool,
}
