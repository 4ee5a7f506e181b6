//! The bytes that a worker has read for the connection that it serves.
//!
//! Every worker has one such buffer and lends it to the connection that it serves, so a waiting connection needs no
//! buffer. Unread input is moved to the connection when it is parked.

use std::io;

use crate::net::transport::{Transferred, Transport};

/// The size of the buffer, in bytes: enough for a large part of a body at once, and for four heads of the largest
/// size.
const SIZE: usize = 64 * 1024;

/// A buffer that is filled at its end and read from its start. Its memory is allocated when something is first read. Many threads
/// only send responses, or serve no connection at all, and clearing the buffer would touch all its pages.
#[derive(Debug, Default)]
pub(crate) struct Input {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    is_drained: bool,
}

impl Input {
    /// Starts with the unread bytes of a connection, which always fit.
    pub(crate) fn load(&mut self, kept: &[u8]) {
        let kept = &kept[..kept.len().min(SIZE)];
        if !kept.is_empty() {
            self.allocate();
            self.bytes[..kept.len()].copy_from_slice(kept);
        }
        (self.start, self.end) = (0, kept.len());
        self.is_drained = false;
    }

    fn allocate(&mut self) {
        if self.bytes.is_empty() {
            self.bytes = vec![0; SIZE].into_boxed_slice();
        }
    }

    /// The unread bytes, for the connection to keep; does not allocate if there are none.
    pub(crate) fn unload(&mut self) -> Box<[u8]> {
        let kept = self.unread().into();
        (self.start, self.end) = (0, 0);
        kept
    }

    /// What has arrived and is still unread.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Whether the socket had no more input at the last read for this connection in this turn.
    pub(crate) fn is_drained(&self) -> bool {
        self.is_drained
    }

    /// Marks this many bytes as read.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Reads from the socket, and appends to the unread bytes.
    pub(crate) fn fill(&mut self, transport: &mut Transport) -> io::Result<Transferred> {
        self.allocate();
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let room = self.bytes.len() - self.end;
        let moved = transport.read(&mut self.bytes[self.end..])?;
        self.is_drained = match moved {
            Transferred::Bytes(count) => count < room && transport.reads_all(),
            Transferred::WouldWait => true,
            Transferred::End => false,
        };
        if let Transferred::Bytes(count) = moved {
            self.end += count;
        }
        Ok(moved)
    }
}
