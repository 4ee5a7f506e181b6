//! The jobs of one client.

use std::collections::VecDeque;

use super::counts::{JobCounts, JobKind};

/// How many jobs of one client may wait before its further uploads are held back. This is enough to keep all threads
/// busy, and few enough that the descriptors and buffers of these jobs do not matter.
pub(in crate::server) const CROWDED: usize = 8;

/// While a client stays crowded, one held-back connection is released after this many of its jobs. So most of the
/// work is for requests that have started.
pub(super) const PATIENCE: usize = 8;

/// The jobs of one client, and its connections that are held back.
#[derive(Debug)]
pub(super) struct Client<T> {
    /// The waiting jobs of each kind, with the order in which they arrived. They have separate queues, so that jobs that wait for
    /// the store do not delay uploads.
    waiting: [VecDeque<(u64, T)>; JobKind::ALL.len()],
    /// The place of the next job in that order.
    next: u64,
    pub(super) held_back: VecDeque<T>,
    pub(super) running: JobCounts,
    /// Jobs done while the client was crowded, since a connection was last released.
    done: usize,
}

impl<T> Client<T> {
    pub(super) fn new() -> Self {
        let waiting = JobKind::ALL.map(|_| VecDeque::new());
        Self { waiting, next: 0, held_back: VecDeque::new(), running: JobCounts::default(), done: 0 }
    }

    pub(super) fn push(&mut self, kind: JobKind, job: T) {
        self.waiting[kind as usize].push_back((self.next, job));
        self.next += 1;
    }

    /// The kind of the job that has waited longest, among these kinds.
    pub(super) fn first(&self, may_run: impl Fn(JobKind) -> bool) -> Option<JobKind> {
        let front = |kind: &JobKind| self.waiting[*kind as usize].front().map(|(place, _)| *place);
        let kinds = JobKind::ALL.into_iter().filter(|kind| front(kind).is_some() && may_run(*kind));
        kinds.min_by_key(front)
    }

    /// Takes the job of this kind that has waited longest.
    pub(super) fn pop(&mut self, kind: JobKind) -> Option<T> {
        self.waiting[kind as usize].pop_front().map(|(_, job)| job)
    }

    pub(super) fn has_waiting(&self) -> bool {
        self.waiting() > 0
    }

    /// Whether so many of its jobs wait that requests of half-closed connections are dropped.
    pub(super) fn has_many(&self) -> bool {
        self.waiting() >= CROWDED
    }

    /// Whether its further uploads are held back.
    pub(super) fn is_crowded(&self) -> bool {
        let counted = JobKind::ALL.into_iter().filter(|kind| kind.holds_back());
        counted.map(|kind| self.waiting[kind as usize].len()).sum::<usize>() >= CROWDED
    }

    /// Releases a held-back connection after a job: after [`PATIENCE`] jobs while the client stays crowded.
    pub(super) fn free_one(&mut self) -> Option<T> {
        self.done += 1;
        if self.is_crowded() && self.done < PATIENCE {
            return None;
        }
        self.done = 0;
        self.held_back.pop_front()
    }

    fn waiting(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }
}
