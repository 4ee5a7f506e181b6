//! The bytes that a worker has read for the connection that it serves.
//!
//! Every worker has one such buffer and lends it to whichever connection it has in hand, so a connection that waits
//! costs no buffer: what is left over when it is parked, if anything, goes with it.

use std::io;

use crate::net::stream::{Stream, Transferred};

/// The size of the buffer, in bytes: a large piece of a body at once, and four heads of the largest size.
const SIZE: usize = 64 * 1024;

/// A buffer that is filled at its end and read from its start. It has its memory from its first use on: most workers of a
/// server at rest never serve, and the allocator would touch all of it to clear it.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    is_drained: bool,
}

impl Input {
    /// Begins with what a connection kept. That is never more than what fitted before.
    pub fn load(&mut self, kept: &[u8]) {
        if self.bytes.is_empty() {
            self.bytes = vec![0; SIZE].into_boxed_slice();
        }
        let kept = &kept[..kept.len().min(SIZE)];
        self.bytes[..kept.len()].copy_from_slice(kept);
        (self.start, self.end) = (0, kept.len());
        self.is_drained = false;
    }

    /// What nobody has read, for the connection to keep; no allocation when that is nothing.
    pub fn unload(&mut self) -> Vec<u8> {
        let kept = self.unread().to_vec();
        (self.start, self.end) = (0, 0);
        kept
    }

    /// What has arrived and not been read.
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether the socket had nothing more when it was read last, for this connection and in this turn.
    pub fn is_drained(&self) -> bool {
        self.is_drained
    }

    /// These many bytes have been read.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Takes what has arrived at the socket, behind what is there.
    pub fn fill(&mut self, stream: &Stream) -> io::Result<Transferred> {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = self.bytes.len() - self.end;
        let moved = stream.read(&mut self.bytes[self.end..])?;
        self.is_drained = match moved {
            Transferred::Bytes(count) => count < room && stream.reads_all(),
            Transferred::WouldWait => true,
            Transferred::End => false,
        };
        if let Transferred::Bytes(count) = moved {
            self.end += count;
        }
        Ok(moved)
    }
}
