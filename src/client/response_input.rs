//! What has arrived on a connection of the client.

use std::io::{self, ErrorKind};

use super::socket::ReadOutcome;
use super::stream::Stream;
use crate::http::response::RESPONSE_HEAD_LIMIT;

/// The size of the receive buffer, in bytes: content is written to its file from here in one piece. The system allocates
/// only the pages that were ever used. Larger buffers were no faster over loopback.
const INPUT: usize = 256 * 1024;

// The largest head must fit, or the client would wait for its end forever.
const _: () = assert!(INPUT > RESPONSE_HEAD_LIMIT);

/// Bytes that have arrived and are not consumed yet. The buffer never grows: the largest head fits, and content is consumed
/// in place.
#[derive(Debug)]
pub(super) struct ResponseInput {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl ResponseInput {
    /// Without any.
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; INPUT].into_boxed_slice(), start: 0, end: 0 }
    }

    /// What has arrived and is not consumed.
    pub(super) fn unused(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Consumes this many bytes, at most all.
    pub(super) fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    /// Moves what is unused to the front, and reads once after it. There is always space: a head that fills the buffer has
    /// been rejected.
    pub(super) fn fill(&mut self, stream: &mut Stream) -> io::Result<ReadOutcome> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let arrived = loop {
            match stream.receive(self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        if let ReadOutcome::Content(count) = arrived {
            self.end += count;
        }
        Ok(arrived)
    }
}
