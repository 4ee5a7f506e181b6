//! The queue between the callers of a sink and its writer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many bytes end a pause early.
pub(super) const BATCH: usize = 64 * 1024;

/// The queue, and what its two sides wait for.
#[derive(Default)]
pub(super) struct LineQueue {
    pub(super) queue: Mutex<QueuedLines>,
    /// Signals to the writer that there is something to do.
    pub(super) filled: Condvar,
    /// A flush waits for this: everything is written.
    pub(super) emptied: Condvar,
}

/// The queued lines, and what the callers have requested.
#[derive(Default)]
pub(super) struct QueuedLines {
    pub(super) lines: Vec<u8>,
    /// How many lines were dropped since the queue was taken last, or could not be written.
    pub(super) dropped: u64,
    /// A line in the queue is to be written at once.
    pub(super) is_urgent: bool,
    /// The file is to be opened again, after the lines that are queued now.
    pub(super) reopen_at: Option<usize>,
    /// How many callers wait for everything to be written.
    pub(super) flushes: u32,
    pub(super) writer: WriterState,
}

/// What the writer does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum WriterState {
    /// It has taken lines and not finished yet.
    Writes,
    /// It waits for more lines, until the pause is over or they are due.
    Collects,
    /// It waits for something to do.
    Sleeps,
    /// It has not looked at the queue yet: it was woken, its pause is over, or it has just been started.
    #[default]
    Wakes,
}

impl LineQueue {
    pub(super) fn lock(&self) -> MutexGuard<'_, QueuedLines> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writer if it has something to do now. Waking it costs a system call, so it is done once.
    pub(super) fn wake(&self, mut queue: MutexGuard<'_, QueuedLines>) {
        let has_to_wake = match queue.writer {
            WriterState::Sleeps => !queue.has_nothing_to_do(),
            WriterState::Collects => queue.is_due(),
            WriterState::Wakes | WriterState::Writes => false,
        };
        if has_to_wake {
            queue.writer = WriterState::Wakes;
            drop(queue);
            self.filled.notify_one();
        }
    }
}

impl QueuedLines {
    pub(super) fn has_nothing_to_do(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0 && self.reopen_at.is_none()
    }

    /// Whether the writer stops collecting.
    pub(super) fn is_due(&self) -> bool {
        self.is_urgent
            || self.flushes > 0
            || self.lines.len() >= BATCH
            || self.dropped > 0
            || self.reopen_at.is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.has_nothing_to_do() && self.writer != WriterState::Writes
    }
}
