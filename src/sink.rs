//! Appends lines to a file, a pipe or a terminal; its callers never wait for I/O.
//!
//! The reader of a log can stall, and a disk can hang or be full. So callers put lines into a bounded queue, and one
//! thread per sink writes them. A line that does not fit is dropped and counted, and the count is written as soon as
//! there is room.
//!
//! Writing a single line costs a microsecond, so the thread collects lines for a tenth of a second, or until
//! it has 64 KiB. An urgent line is written at once, with all the lines queued before it.

mod queue;
mod writer;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Duration;

use self::queue::LineQueue;
use self::writer::Writer;
pub use self::writer::{Notices, Reopen};

/// The maximum size of the queue, in bytes. 1 MiB is about 7,000 lines of an access log, more than a busy server logs
/// while a disk is slow for a tenth of a second. The writer may hold another queue of this size.
pub const QUEUE: usize = 1024 * 1024;

/// How long lines are collected after a write. The first line after a quiet time is written at once.
const PAUSE: Duration = Duration::from_millis(100);

/// The stack of a sink's thread, in bytes: large values are on the heap.
const STACK: usize = 256 * 1024;

/// A queue of lines and the thread that writes them. Clones share one sink.
#[derive(Clone)]
pub struct LineSink(Arc<LineQueue>);

impl LineSink {
    /// Appends to this file; `reopen` opens it again.
    pub fn new(file: File, reopen: Option<Reopen>, notices: Notices) -> io::Result<Self> {
        Self::with_pause(file, reopen, notices, PAUSE)
    }

    /// Like [`Self::new`], but collects lines for `pause`.
    pub(crate) fn with_pause(
        file: File,
        reopen: Option<Reopen>,
        notices: Notices,
        pause: Duration,
    ) -> io::Result<Self> {
        let queue = Arc::<LineQueue>::default();
        let writer = Writer::new(Arc::clone(&queue), file, reopen, notices, pause);
        thread::Builder::new().name(notices.name.into()).stack_size(STACK).spawn(move || writer.run())?;
        Ok(Self(queue))
    }

    /// Appends to the file behind a descriptor of this process, such as stderr.
    pub fn to(descriptor: &impl AsFd, notices: Notices) -> io::Result<Self> {
        Self::new(descriptor.as_fd().try_clone_to_owned()?.into(), None, notices)
    }

    /// Queues a line, which ends in a line feed. This never waits for the file.
    pub fn push(&self, line: &[u8]) {
        self.queue(line, false);
    }

    /// Like [`Self::push`], but the line is written at once, with those queued before it.
    pub fn push_urgent(&self, line: &[u8]) {
        self.queue(line, true);
    }

    fn queue(&self, line: &[u8], is_urgent: bool) {
        let mut queue = self.0.lock();
        // Once a line is dropped, so are all later ones until the writer takes the queue: the notice then
        // appears where the lines are missing.
        if queue.dropped > 0 || queue.lines.len() + line.len() > QUEUE {
            queue.dropped += 1;
        } else {
            queue.lines.extend_from_slice(line);
        }
        queue.is_urgent |= is_urgent;
        self.0.wake(queue);
    }

    /// Opens the file again by its name. Lines that are already queued still go to the old one.
    pub fn reopen(&self) {
        let mut queue = self.0.lock();
        queue.reopen_at = Some(queue.lines.len());
        self.0.wake(queue);
    }

    /// Waits until all queued lines are written, for at most `limit`. Returns whether all were written.
    pub fn flush(&self, limit: Duration) -> bool {
        self.0.lock().flushes += 1;
        self.0.wake(self.0.lock());
        let waited = self.0.emptied.wait_timeout_while(self.0.lock(), limit, |queue| !queue.is_empty());
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.flushes -= 1;
        queue.is_empty()
    }
}

impl fmt::Debug for LineSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineSink").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
