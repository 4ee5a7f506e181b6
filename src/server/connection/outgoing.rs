//! Bytes to send, and the parts of a file that follow them.
//!
//! Bytes are sent with `send`, a file with `sendfile`, after bytes that were sent with `MSG_MORE`, so that a head
//! does not get a packet of its own. Whatever does not fit into the socket's buffer stays here until it does.

use std::fs::File;
use std::io::{self, IoSliceMut};

use rustix::io::{ReadWriteFlags, preadv2};

use crate::blocking::Blocking;
use crate::http::range::Span;
use crate::http::range::byteranges::RangePart;
use crate::net::stream::{More, Stream, Transferred};
use crate::server::jobs::deferred::{Deferred, OpenedFile};
use crate::server::response::RangeParts;

/// The distance in bytes between the places of a file that are checked for being in memory: the kernel reads this
/// much at once.
const READ_AHEAD: usize = 128 * 1024;

/// What has not been sent yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    /// How many of `bytes` have been sent.
    at: usize,
    file: Option<(OpenedFile, RangeParts)>,
    sent: u64,
}

/// The progress of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// The kernel has all of it.
    Done,
    /// The socket's buffer is full.
    WouldWait,
    /// The turn's share is used up; the socket may have space.
    TurnIsOver,
    /// It has to wait for the disk, and this thread may not.
    NeedsDisk,
}

impl Outgoing {
    /// These bytes, then these parts of a file.
    pub(super) fn new(bytes: Vec<u8>, file: Option<(OpenedFile, RangeParts)>) -> Self {
        Self { bytes, at: 0, file, sent: 0 }
    }

    /// Continues with these bytes and this span of a file, once everything before is done.
    pub(super) fn go_on(&mut self, bytes: Vec<u8>, span: Option<(OpenedFile, Span)>, disk: Blocking<'_>) {
        self.close(disk);
        (self.bytes, self.at) = (bytes, 0);
        self.file = span.map(|(file, span)| (file, span.into()));
    }

    /// Drops the file.
    pub(super) fn close(&mut self, disk: Blocking<'_>) {
        if let Some((file, _)) = self.file.take() {
            Deferred::close_shared(file, disk);
        }
    }

    /// Gives its buffer to whoever sends next.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        self.at = 0;
        std::mem::take(&mut self.bytes)
    }

    /// Whether a file is open for it.
    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// How many bytes have been sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// How many bytes of files are still to be sent.
    pub(super) fn left(&self) -> u64 {
        let lengths = |(_, parts): &(OpenedFile, RangeParts)| parts.iter().map(RangePart::length).sum();
        self.file.as_ref().map_or(0, lengths)
    }

    /// Whether the next `share` bytes are in memory, as far as a few samples show. For a file in several parts the
    /// answer is always false.
    pub(super) fn is_at_hand(&self, share: u64) -> bool {
        let Some((file, parts)) = &self.file else { return true };
        let mut spans = parts.iter().filter_map(|part| match part {
            RangePart::Content(span) => Some(span),
            RangePart::Frame(_) => None,
        });
        let (Some(span), None) = (spans.next(), spans.next()) else { return false };
        let end = span.end().min(span.start().saturating_add(share));
        let mut at = (span.start()..end).step_by(READ_AHEAD).chain(end.checked_sub(1));
        at.all(|at| is_cached(file, at))
    }

    /// Sends as much as the socket and the turn's share allow, and reduces the share.
    ///
    /// A truncated file is an error: its length has already been sent, and closing the connection is the only way
    /// left to show that it was wrong.
    pub(super) fn proceed(&mut self, stream: &Stream, share: &mut u64) -> io::Result<Progress> {
        while self.has_more() {
            if *share == 0 {
                return Ok(Progress::TurnIsOver);
            }
            let moved = if self.at < self.bytes.len() {
                self.send_bytes(stream)?
            } else {
                self.send_file(stream, *share)?
            };
            match moved {
                Transferred::Bytes(count) => {
                    self.sent += count as u64;
                    *share = share.saturating_sub(count as u64);
                }
                Transferred::WouldWait => return Ok(Progress::WouldWait),
                Transferred::End => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the file was truncated while it was sent",
                    ));
                }
            }
        }
        Ok(Progress::Done)
    }

    /// Whether anything is left to send. Makes the next part's bytes the ones to send, if it has bytes.
    fn has_more(&mut self) -> bool {
        if self.at < self.bytes.len() {
            return true;
        }
        let Some((_, parts)) = &mut self.file else { return false };
        match parts.front_mut() {
            None => false,
            Some(RangePart::Frame(bytes)) => {
                (self.bytes, self.at) = (std::mem::take(bytes), 0);
                parts.pop_front();
                true
            }
            Some(RangePart::Content(_)) => true,
        }
    }

    fn send_bytes(&mut self, stream: &Stream) -> io::Result<Transferred> {
        let follows = self.file.as_ref().is_some_and(|(_, parts)| parts.front().is_some());
        let moved = stream.write(&self.bytes[self.at..], if follows { More::Follows } else { More::Ends })?;
        if let Transferred::Bytes(count) = moved {
            self.at += count;
        }
        Ok(moved)
    }

    fn send_file(&mut self, stream: &Stream, share: u64) -> io::Result<Transferred> {
        let Some((file, parts)) = &mut self.file else { return Ok(Transferred::End) };
        let Some(RangePart::Content(span)) = parts.front_mut() else { return Ok(Transferred::End) };
        let moved = stream.send_file(file, span.start(), share.min(span.length()) as usize)?;
        if let Transferred::Bytes(count) = moved {
            match span.after(count as u64) {
                Some(rest) => *span = rest,
                None => {
                    parts.pop_front();
                }
            }
        }
        Ok(moved)
    }
}

/// Whether a byte of a file is in memory; false if the system cannot tell.
fn is_cached(file: &File, at: u64) -> bool {
    let byte = &mut [0];
    preadv2(file, &mut [IoSliceMut::new(byte)], at, ReadWriteFlags::NOWAIT).is_ok()
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::os::unix::fs::FileExt as _;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use rustix::fs::{Advice, fadvise, fstatfs};
    use rustix::io::Errno;

    use super::*;
    use crate::server::jobs::Chores;

    /// The `f_type` of a file system that is entirely in memory (tmpfs(5)).
    const TMPFS: u64 = 0x0102_1994;

    #[test]
    fn a_file_that_was_read_is_in_memory_and_one_that_was_evicted_is_not() {
        assert!(Outgoing::new(b"bytes".to_vec(), None).is_at_hand(1), "no file has to be waited for");
        // Next to this program, as the directory for temporary files may be in memory.
        let program = std::env::current_exe().expect("its path");
        let file = tempfile::tempfile_in(program.parent().expect("a folder")).expect("a file");
        let file = Arc::new(Deferred::new(file, &Chores::new().0));
        if fstatfs(&**file).expect("its file system").f_type as u64 == TMPFS {
            return;
        }
        let length = 4 * READ_AHEAD as u64;
        file.write_all_at(&vec![b'x'; length as usize], 0).expect("written");
        let span = Span::new(0, length, length).expect("it is not empty");
        let outgoing = Outgoing::new(Vec::new(), Some((Arc::clone(&file), span.into())));
        if preadv2(&**file, &mut [IoSliceMut::new(&mut [0])], 0, ReadWriteFlags::NOWAIT)
            == Err(Errno::OPNOTSUPP)
        {
            assert!(!outgoing.is_at_hand(length), "this file system cannot say");
            return;
        }
        assert!(outgoing.is_at_hand(length), "it has just been written");
        let halves = [Span::new(0, 1, length), Span::new(length - 1, 1, length)];
        let halves = halves.into_iter().flatten().map(RangePart::Content).collect();
        let in_pieces = Outgoing::new(Vec::new(), Some((Arc::clone(&file), halves)));
        assert!(!in_pieces.is_at_hand(1), "the second may be anywhere");
        file.sync_all().expect("on the disk, so that memory can do without");
        // The kernel drops the pages when nothing else holds them, which may take a moment.
        let began = Instant::now();
        let forgets = || {
            fadvise(&**file, 0, None, Advice::DontNeed).expect("asked to forget");
            !outgoing.is_at_hand(length)
        };
        let mut tries = iter::repeat_with(forgets).take_while(|_| began.elapsed() < Duration::from_secs(20));
        assert!(tries.any(|has_forgotten| has_forgotten), "the disk has it");
        file.read_exact_at(&mut vec![0; length as usize], 0).expect("read");
        assert!(outgoing.is_at_hand(length), "all of it");
    }
}
