//! The thread that writes what is queued.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::mem;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::queue::{BATCH, LineQueue, WriterState};

/// Opens the file again, under the same name. It runs in the sink's thread, which may wait for it.
pub type Reopen = Box<dyn FnMut() -> io::Result<File> + Send>;

/// How a sink reports problems.
#[derive(Clone, Copy)]
pub struct Notices {
    /// The name of its thread.
    pub name: &'static str,
    /// The line that is written where this many lines are missing.
    pub missing: fn(u64) -> String,
    /// Called after that line was written.
    pub recovered: fn(u64),
    /// Called when a write fails, for the first failure after a write that succeeded.
    pub failed: fn(&io::Error),
    /// Called after the file was opened again, or could not be; then the old one stays in use.
    pub reopened: fn(io::Result<()>),
}

/// What the writer takes out of the queue at once.
struct Batch {
    lines: Vec<u8>,
    dropped: u64,
    reopen_at: Option<usize>,
}

/// The thread that writes. It ends with the program.
pub(super) struct Writer {
    queue: Arc<LineQueue>,
    file: File,
    reopen: Option<Reopen>,
    notices: Notices,
    /// How long it collects lines.
    pause: Duration,
    /// How many lines are missing since the last notice was written.
    missing: u64,
    /// The last write failed.
    fails: bool,
    /// The last write ended in the middle of a line.
    is_torn: bool,
    /// The buffer of the previous batch, which the queue gets next.
    spare: Vec<u8>,
}

impl Writer {
    /// Writes what this queue holds to this file.
    pub(super) fn new(
        queue: Arc<LineQueue>,
        file: File,
        reopen: Option<Reopen>,
        notices: Notices,
        pause: Duration,
    ) -> Self {
        let (missing, fails, is_torn, spare) = (0, false, false, Vec::new());
        Self { queue, file, reopen, notices, pause, missing, fails, is_torn, spare }
    }

    /// Writes for as long as the program runs.
    pub(super) fn run(mut self) {
        loop {
            let Batch { lines, dropped, reopen_at } = self.next();
            let (before, behind) = lines.split_at(reopen_at.unwrap_or(0));
            self.append(before);
            if reopen_at.is_some() {
                self.open_again();
            }
            self.append(behind);
            self.missing += dropped;
            self.write_notice();
            self.finish(lines);
        }
    }

    /// Waits for something to do, and takes all of it.
    fn next(&mut self) -> Batch {
        let mut queue = self.queue.lock();
        if queue.has_nothing_to_do() {
            // A server that is idle keeps no buffers.
            (queue.lines, self.spare) = (Vec::new(), Vec::new());
        }
        while queue.has_nothing_to_do() {
            queue.writer = WriterState::Sleeps;
            queue = self.queue.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.writer = WriterState::Writes;
        queue.is_urgent = false;
        Batch {
            lines: mem::replace(&mut queue.lines, mem::take(&mut self.spare)),
            dropped: mem::take(&mut queue.dropped),
            reopen_at: queue.reopen_at.take(),
        }
    }

    /// Ends a batch, and lets lines collect.
    fn finish(&mut self, mut lines: Vec<u8>) {
        if lines.capacity() <= 2 * BATCH {
            lines.clear();
            self.spare = lines;
        }
        let mut queue = self.queue.lock();
        queue.writer = WriterState::Collects;
        self.queue.emptied.notify_all();
        let paused = self.queue.filled.wait_timeout_while(queue, self.pause, |queue| !queue.is_due());
        let (mut queue, _) = paused.unwrap_or_else(PoisonError::into_inner);
        queue.writer = WriterState::Wakes;
    }

    fn append(&mut self, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        self.write_notice();
        let written = self.write(lines);
        self.missing += lines.iter().skip(written).filter(|byte| **byte == b'\n').count() as u64;
    }

    fn write_notice(&mut self) {
        if self.missing > 0 {
            let notice = (self.notices.missing)(self.missing);
            if self.write(notice.as_bytes()) == notice.len() {
                (self.notices.recovered)(mem::take(&mut self.missing));
            }
        }
    }

    /// Writes complete lines; returns how many bytes were written.
    fn write(&mut self, lines: &[u8]) -> usize {
        let mut written = 0;
        let outcome = self.end_torn_line().and_then(|()| write_all(&self.file, lines, &mut written));
        match outcome {
            Ok(()) => self.fails = false,
            Err(error) => {
                self.is_torn |= written > 0 && lines.get(written - 1) != Some(&b'\n');
                if !mem::replace(&mut self.fails, true) {
                    (self.notices.failed)(&error);
                }
            }
        }
        written
    }

    fn end_torn_line(&mut self) -> io::Result<()> {
        if self.is_torn {
            write_all(&self.file, b"\n", &mut 0)?;
            self.is_torn = false;
        }
        Ok(())
    }

    fn open_again(&mut self) {
        let Some(reopen) = &mut self.reopen else { return };
        let opened = reopen().map(|file| {
            self.file = file;
            self.is_torn = false;
        });
        (self.notices.reopened)(opened);
    }
}

/// Writes all of this; `written` counts the bytes, even if it fails.
fn write_all(mut file: &File, bytes: &[u8], written: &mut usize) -> io::Result<()> {
    while let Some(rest) = bytes.get(*written..).filter(|rest| !rest.is_empty()) {
        match file.write(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => *written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Another program has made the terminal or the pipe that it shares with us non-blocking.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(&file, PollFlags::OUT)], None)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
