//! Bytes on their way out, and the parts of a file that follow them.
//!
//! Bytes leave by `send`; a file by `sendfile`, behind bytes that were sent with `MSG_MORE`, so that a head does not
//! leave in a packet of its own. What the socket has no room for stays here until it has.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::answer::Pieces;
use crate::http::range::Span;
use crate::http::range::byteranges::Piece;
use crate::net::stream::{More, Moved, Stream};

/// What has not been sent yet.
#[derive(Debug)]
pub struct Outgoing {
    bytes: Vec<u8>,
    /// So many of `bytes` have left.
    at: usize,
    file: Option<(Arc<File>, Pieces)>,
    sent: u64,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// All of it is with the kernel.
    Done,
    /// The socket has no room.
    WouldWait,
    /// The turn's share is used up; there may be room for more.
    TurnIsOver,
}

impl Outgoing {
    /// These bytes, then these pieces of a file.
    pub fn new(bytes: Vec<u8>, file: Option<(Arc<File>, Pieces)>) -> Self {
        Self { bytes, at: 0, file, sent: 0 }
    }

    /// Goes on with these bytes and this span of a file, once all that was before is done.
    pub fn go_on(&mut self, bytes: Vec<u8>, span: Option<(Arc<File>, Span)>) {
        (self.bytes, self.at) = (bytes, 0);
        self.file = span.map(|(file, span)| (file, Pieces::from([Piece::Content(span)])));
    }

    /// How many bytes have left.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// How many bytes of files have not left yet.
    pub fn left(&self) -> u64 {
        let lengths = |(_, pieces): &(Arc<File>, Pieces)| pieces.iter().map(Piece::length).sum();
        self.file.as_ref().map_or(0, lengths)
    }

    /// Sends as much as there is room for and the turn's share allows, and takes that off the share.
    ///
    /// A file that has become shorter than it was is an error: its length has been told, and to cut the
    /// connection is the only way left to say that it was wrong.
    pub fn proceed(&mut self, stream: &Stream, share: &mut u64) -> io::Result<Progress> {
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
                Moved::Bytes(count) => {
                    self.sent += count as u64;
                    *share = share.saturating_sub(count as u64);
                }
                Moved::WouldWait => return Ok(Progress::WouldWait),
                Moved::End => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has become shorter"));
                }
            }
        }
        Ok(Progress::Done)
    }

    /// Whether anything is left; makes the next piece's bytes the ones to send, where it has bytes.
    fn has_more(&mut self) -> bool {
        if self.at < self.bytes.len() {
            return true;
        }
        let Some((_, pieces)) = &mut self.file else { return false };
        match pieces.pop_front() {
            None => false,
            Some(Piece::Frame(bytes)) => {
                (self.bytes, self.at) = (bytes, 0);
                true
            }
            Some(span) => {
                pieces.push_front(span);
                true
            }
        }
    }

    fn send_bytes(&mut self, stream: &Stream) -> io::Result<Moved> {
        let follows = self.file.as_ref().is_some_and(|(_, pieces)| !pieces.is_empty());
        let moved = stream.write(&self.bytes[self.at..], if follows { More::Follows } else { More::Ends })?;
        if let Moved::Bytes(count) = moved {
            self.at += count;
        }
        Ok(moved)
    }

    fn send_file(&mut self, stream: &Stream, share: u64) -> io::Result<Moved> {
        let Some((file, pieces)) = &mut self.file else { return Ok(Moved::End) };
        let Some(Piece::Content(span)) = pieces.front_mut() else { return Ok(Moved::End) };
        let moved = stream.send_file(file, span.start(), share.min(span.length()) as usize)?;
        if let Moved::Bytes(count) = moved {
            match span.after(count as u64) {
                Some(rest) => *span = rest,
                None => {
                    pieces.pop_front();
                }
            }
        }
        Ok(moved)
    }
}
