//! Appends lines to a file, a pipe or a terminal; its callers never wait for I/O.
//!
//! The reader of a log can stall, and a disk can hang or be full. So callers put lines into a bounded queue, and one
//! thread per sink writes them. A line that does not fit is dropped and counted, and the count is written as soon as
//! there is room.

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

/// The pause between two writes, in which lines are collected: 200 writes a second, however many lines there are. The
/// first line after a pause is written at once.
const PAUSE: Duration = Duration::from_millis(5);

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
    /// The writer has taken lines and not finished yet.
    is_writing: bool,
    /// The writer waits for lines, and has to be woken for one.
    is_asleep: bool,
    /// The file is to be opened again, behind the lines that are queued now.
    reopen_at: Option<usize>,
    /// A caller waits in [`Sink::flush`]: the writer makes no pause.
    is_urgent: bool,
}

impl Sink {
    /// Appends to this file; `reopen` opens it again.
    pub fn new(file: File, reopen: Option<Reopen>, notices: Notices) -> io::Result<Self> {
        let shared =
            Arc::new(Shared { queue: Mutex::default(), filled: Condvar::new(), emptied: Condvar::new() });
        let writer = Writer {
            shared: Arc::clone(&shared),
            file,
            reopen,
            notices,
            missing: 0,
            fails: false,
            is_torn: false,
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
        let mut queue = self.0.lock();
        // Once a line was dropped, all are until the writer comes: the notice then stands where they are missing.
        if queue.dropped > 0 || queue.lines.len() + line.len() > QUEUE {
            queue.dropped += 1;
            return;
        }
        queue.lines.extend_from_slice(line);
        if queue.is_asleep {
            queue.is_asleep = false;
            drop(queue);
            self.0.filled.notify_one();
        }
    }

    /// Opens the file again by its name. What is queued by now still goes to the old one.
    pub fn reopen(&self) {
        let mut queue = self.0.lock();
        queue.reopen_at = Some(queue.lines.len());
        queue.is_asleep = false;
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Waits until all that is queued is written, for this long at most. Returns whether it is.
    pub fn flush(&self, limit: Duration) -> bool {
        let mut queue = self.0.lock();
        queue.is_urgent = true;
        self.0.filled.notify_one();
        let waited = self.0.emptied.wait_timeout_while(queue, limit, |queue| !queue.is_empty());
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.is_urgent = false;
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
}

impl Queue {
    fn has_nothing_to_do(&self) -> bool {
        self.lines.is_empty() && self.dropped == 0 && self.reopen_at.is_none()
    }

    fn is_empty(&self) -> bool {
        self.has_nothing_to_do() && !self.is_writing
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
    /// How many lines are missing since the last notice was written.
    missing: u64,
    /// The last write failed.
    fails: bool,
    /// The last write ended in the middle of a line.
    is_torn: bool,
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
            self.finish();
        }
    }

    /// Waits for something to do, and takes all of it.
    fn next(&self) -> Batch {
        let mut queue = self.shared.lock();
        while queue.has_nothing_to_do() {
            queue.is_asleep = true;
            queue = self.shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_asleep = false;
        queue.is_writing = true;
        Batch {
            lines: mem::take(&mut queue.lines),
            dropped: mem::take(&mut queue.dropped),
            reopen_at: queue.reopen_at.take(),
        }
    }

    /// Ends a batch, and lets lines collect.
    fn finish(&self) {
        let mut queue = self.shared.lock();
        queue.is_writing = false;
        self.shared.emptied.notify_all();
        let paused = self.shared.filled.wait_timeout_while(queue, PAUSE, |queue| !queue.is_urgent);
        drop(paused);
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
