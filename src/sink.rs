//! Appends lines to a file, a pipe or a terminal; its callers never wait for I/O.
//!
//! The reader of a log can stall, and a disk can hang or be full. So callers put lines into a bounded queue, and one
//! thread per sink writes them. A line that does not fit is dropped and counted, and the count is written as soon as
//! there is room.
//!
//! A write of a line alone costs a microsecond, so the thread collects lines: for a tenth of a second, or until they are 64
//! KiB. An urgent line is written at once, with all that is queued before it.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::mem;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

/// How many bytes wait in the queue. 1 MiB is some 7,000 lines of an access log, more than a busy server logs while a
/// disk is slow for a tenth of a second. As much again may be on its way to the file.
pub const QUEUE: usize = 1024 * 1024;

/// For how long lines are collected after a write. The first line after a quiet time is written at once.
const PAUSE: Duration = Duration::from_millis(100);

/// How many bytes end that time early.
const BATCH: usize = 64 * 1024;

/// The stack of a sink's thread, in bytes: what is large is on the heap.
const STACK: usize = 256 * 1024;

/// Opens the file again, under the same name. It runs in the sink's thread, which may wait for it.
pub type Reopen = Box<dyn FnMut() -> io::Result<File> + Send>;

/// What a sink says about itself.
#[derive(Clone, Copy)]
pub struct Notices {
    /// The name of its thread.
    pub name: &'static str,
    /// The line that stands where this many lines are missing.
    pub missing: fn(u64) -> String,
    /// Called after that line was written.
    pub recovered: fn(u64),
    /// Called when a write fails, for the first failure after a write that succeeded.
    pub failed: fn(&io::Error),
    /// Called after the file was opened again, or could not be; then the old one stays in use.
    pub reopened: fn(io::Result<()>),
}

/// A queue of lines and the thread that writes them. Clones are the same sink.
#[derive(Clone)]
pub struct Sink(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// The writer waits for this: there is something to do.
    filled: Condvar,
    /// [`Sink::flush`] waits for this: everything is written.
    emptied: Condvar,
}

#[derive(Default)]
struct Queue {
    lines: Vec<u8>,
    /// How many lines were dropped since the queue was taken last, or could not be written.
    dropped: u64,
    /// A line in the queue is to be written at once.
    is_urgent: bool,
    /// The file is to be opened again, behind the lines that are queued now.
    reopen_at: Option<usize>,
    /// How many callers wait in [`Sink::flush`].
    flushes: u32,
    writer: WriterState,
}

/// What the writer does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum WriterState {
    /// It has taken lines and not finished yet.
    Writes,
    /// It waits for more lines, until the pause is over or they are due.
    Collects,
    /// It waits for anything.
    Sleeps,
    /// It was woken, its pause is over, or it has just been started.
    #[default]
    Wakes,
}

impl Sink {
    /// Appends to this file; `reopen` opens it again.
    pub fn new(file: File, reopen: Option<Reopen>, notices: Notices) -> io::Result<Self> {
        Self::with_pause(file, reopen, notices, PAUSE)
    }

    /// As [`Self::new`], and collects lines for this long.
    pub(crate) fn with_pause(
        file: File,
        reopen: Option<Reopen>,
        notices: Notices,
        pause: Duration,
    ) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { queue: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new() });
        let writer = Writer {
            shared: Arc::clone(&shared),
            file,
            reopen,
            notices,
            pause,
            missing: 0,
            fails: false,
            is_torn: false,
            spare: Vec::new(),
        };
        thread::Builder::new().name(notices.name.into()).stack_size(STACK).spawn(move || writer.run())?;
        Ok(Self(shared))
    }

    /// Appends to what a descriptor of this process leads to, as stderr.
    pub fn to(descriptor: &impl AsFd, notices: Notices) -> io::Result<Self> {
        Self::new(descriptor.as_fd().try_clone_to_owned()?.into(), None, notices)
    }

    /// Queues a line, which ends in a line feed. It never waits for the file.
    pub fn push(&self, line: &[u8]) {
        self.queue(line, false);
    }

    /// As [`Self::push`], for a line that is to be written at once, with those before it.
    pub fn push_urgent(&self, line: &[u8]) {
        self.queue(line, true);
    }

    fn queue(&self, line: &[u8], is_urgent: bool) {
        let mut queue = self.0.lock();
        // Once a line was dropped, all are until the writer comes: the notice then stands where they are missing.
        if queue.dropped > 0 || queue.lines.len() + line.len() > QUEUE {
            queue.dropped += 1;
        } else {
            queue.lines.extend_from_slice(line);
        }
        queue.is_urgent |= is_urgent;
        self.0.wake(queue);
    }

    /// Opens the file again by its name. What is queued by now still goes to the old one.
    pub fn reopen(&self) {
        let mut queue = self.0.lock();
        queue.reopen_at = Some(queue.lines.len());
        self.0.wake(queue);
    }

    /// Waits until all that is queued is written, for this long at most. Returns whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        self.0.lock().flushes += 1;
        self.0.wake(self.0.lock());
        let waited = self.0.emptied.wait_timeout_while(self.0.lock(), limit, |queue| !queue.is_empty());
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.flushes -= 1;
        queue.is_empty()
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the writer if it has something to do now. To wake it costs a system call, so it is done once.
    fn wake(&self, mut queue: MutexGuard<'_, Queue>) {
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

impl Queue {
    fn has_nothing_to_do(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0 && self.reopen_at.is_none()
    }

    /// Whether the writer collects no further.
    fn is_due(&self) -> bool {
        self.is_urgent
            || self.flushes > 0
            || self.lines.len() >= BATCH
            || self.dropped > 0
            || self.reopen_at.is_some()
    }

    fn is_empty(&self) -> bool {
        self.has_nothing_to_do() && self.writer != WriterState::Writes
    }
}

/// What the writer takes out of the queue at once.
struct Batch {
    lines: Vec<u8>,
    dropped: u64,
    reopen_at: Option<usize>,
}

/// The thread that writes. It ends with the program.
struct Writer {
    shared: Arc<Shared>,
    file: File,
    reopen: Option<Reopen>,
    notices: Notices,
    /// For how long it collects lines.
    pause: Duration,
    /// How many lines are missing since the last notice was written.
    missing: u64,
    /// The last write failed.
    fails: bool,
    /// The last write ended in the middle of a line.
    is_torn: bool,
    /// The buffer of the batch before, which the queue gets next.
    spare: Vec<u8>,
}

impl Writer {
    fn run(mut self) {
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
        let mut queue = self.shared.lock();
        if queue.has_nothing_to_do() {
            // A server that is idle keeps no buffers.
            (queue.lines, self.spare) = (Vec::new(), Vec::new());
        }
        while queue.has_nothing_to_do() {
            queue.writer = WriterState::Sleeps;
            queue = self.shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
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
        let mut queue = self.shared.lock();
        queue.writer = WriterState::Collects;
        self.shared.emptied.notify_all();
        let paused = self.shared.filled.wait_timeout_while(queue, self.pause, |queue| !queue.is_due());
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

    /// Writes whole lines; how many bytes of them were written.
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

/// Writes all of this; `written` counts the bytes, also where it fails.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::fd::OwnedFd;

    const NOTICES: Notices = Notices {
        name: "test",
        missing: |count| format!("{count} dropped\n"),
        recovered: |_| {},
        failed: |_| {},
        reopened: |_| {},
    };

    /// Longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn pipe() -> (File, File) {
        let (reader, writer) = io::pipe().expect("a pipe");
        (OwnedFd::from(reader).into(), OwnedFd::from(writer).into())
    }

    #[test]
    fn every_line_arrives_in_order() {
        let (mut reader, writer) = pipe();
        let sink = Sink::new(writer, None, NOTICES).expect("a sink");
        let expected: String =
            (0..10_000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
        let length = expected.len();
        let reading = thread::spawn(move || {
            let mut read = vec![0; length];
            reader.read_exact(&mut read).expect("lines");
            String::from_utf8(read).expect("text")
        });
        expected.split_inclusive('\n').for_each(|line| sink.push(line.as_bytes()));
        assert!(sink.flush(PATIENCE));
        assert!(sink.0.lock().is_empty());
        assert!(reading.join().expect("no panic") == expected);
    }

    /// A sink that collects lines for longer than this test takes, has written one, and collects now.
    fn collecting() -> (File, Sink) {
        let (mut reader, writer) = pipe();
        let sink = Sink::with_pause(writer, None, NOTICES, 2 * PATIENCE).expect("a sink");
        sink.push(b"first\n");
        read(&mut reader, "first\n");
        let writing = sink.0.emptied.wait_timeout_while(sink.0.lock(), PATIENCE, |queue| !queue.is_empty());
        drop(writing);
        sink.push(b"second\n");
        let queue = sink.0.lock();
        assert!(queue.writer == WriterState::Collects && queue.lines == b"second\n", "it is not written yet");
        drop(queue);
        (reader, sink)
    }

    /// Reads as much as this; it must be this.
    fn read(reader: &mut File, expected: &str) {
        let mut text = vec![0; expected.len()];
        reader.read_exact(&mut text).expect("text");
        assert_eq!(String::from_utf8_lossy(&text), expected);
    }

    #[test]
    fn lines_are_written_within_a_second_though_nobody_flushes() {
        const { assert!(PAUSE.as_millis() < 500, "half a second is left for the write") };
        let (mut reader, writer) = pipe();
        let sink = Sink::new(writer, None, NOTICES).expect("a sink");
        for line in ["one\n", "two\n", "three\n"] {
            sink.push(line.as_bytes());
            read(&mut reader, line);
        }
    }

    #[test]
    fn an_urgent_line_is_written_at_once_behind_those_before_it() {
        let (mut reader, sink) = collecting();
        sink.push_urgent(b"urgent\n");
        read(&mut reader, "second\nurgent\n");
        sink.push(b"later\n");
        assert!(sink.flush(PATIENCE));
        read(&mut reader, "later\n");
    }

    #[test]
    fn a_full_batch_is_written_at_once() {
        let (mut reader, sink) = collecting();
        let line = format!("{}\n", "x".repeat(1023));
        (0..BATCH / line.len()).for_each(|_| sink.push(line.as_bytes()));
        read(&mut reader, &format!("second\n{}", line.repeat(BATCH / line.len())));
    }

    #[test]
    fn a_flush_and_a_reopening_wait_for_no_pause() {
        let (mut reader, sink) = collecting();
        assert!(sink.flush(PATIENCE));
        read(&mut reader, "second\n");
        let (mut reader, sink) = collecting();
        sink.reopen();
        read(&mut reader, "second\n");
    }

    #[test]
    fn a_line_that_is_too_long_stops_none_of_the_later_ones() {
        let (mut reader, sink) = collecting();
        sink.push(&vec![b'x'; QUEUE]);
        read(&mut reader, "second\n1 dropped\n");
    }

    #[test]
    fn a_reader_that_stalls_costs_lines_which_are_counted() {
        const LINES: usize = 100_000;
        let (reader, writer) = pipe();
        let sink = Sink::new(writer, None, NOTICES).expect("a sink");
        (0..LINES).for_each(|number| sink.push(format!("a line with a number: {number:8}\n").as_bytes()));
        assert!(!sink.flush(Duration::from_millis(1)), "nobody reads");
        assert!(sink.0.lock().lines.len() <= QUEUE);
        let mut lines = io::BufRead::lines(io::BufReader::new(reader)).map(|line| line.expect("text"));
        let written: Vec<_> = lines.by_ref().take_while(|line| !line.ends_with(" dropped")).collect();
        for (number, line) in written.iter().enumerate() {
            assert_eq!(*line, format!("a line with a number: {number:8}"), "the first ones, without a gap");
        }
        assert!(written.len() < LINES);
        drop(lines);
    }

    #[test]
    fn the_count_stands_where_lines_are_missing() {
        let (mut reader, writer) = pipe();
        let sink = Sink::new(writer, None, NOTICES).expect("a sink");
        let long = vec![b'x'; QUEUE + 1];
        sink.push(b"before\n");
        sink.push(&long);
        assert!(sink.flush(PATIENCE));
        sink.push(b"later\n");
        assert!(sink.flush(PATIENCE));
        drop(sink);
        let expected = "before\n1 dropped\nlater\n";
        let mut read = vec![0; expected.len()];
        reader.read_exact(&mut read).expect("lines");
        assert_eq!(String::from_utf8_lossy(&read), expected);
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_told_later() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        let full = File::options().write(true).open("/dev/full").expect("opened");
        let reopened = path.clone();
        let reopen = Box::new(move || File::create(&reopened));
        let sink = Sink::new(full, Some(reopen), NOTICES).expect("a sink");
        sink.push(b"one\n");
        sink.push(b"two\n");
        assert!(sink.flush(PATIENCE));
        sink.reopen();
        sink.push(b"three\n");
        assert!(sink.flush(PATIENCE));
        assert_eq!(std::fs::read_to_string(path).expect("a log"), "2 dropped\nthree\n");
    }
}
