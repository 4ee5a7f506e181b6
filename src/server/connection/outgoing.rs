//! Output: the next bytes to send, and the content that follows them.
//!
//! Bytes are sent with `send`, and files with `sendfile`. The bytes before a file are sent with `MSG_MORE`, so that a
//! head is not sent in a separate packet. Output that does not fit into the socket's buffer stays here until it does.
//!
//! Content whose length is unknown is sent with chunked coding (RFC 9112 §7.1), or ends with the connection for
//! HTTP/1.0. Content that cannot be completed is aborted: its last chunk is never sent.

use std::io::{self, Write as _};

use crate::blocking::Blocking;
use crate::http::body::Framing;
use crate::net::transport::{More, Transferred, Transport};
use crate::server::content::{self, Buffer, Chunk, Content, ContentSource, FileSpan, Produced};
use crate::server::disk::Disk;
use crate::server::jobs::deferred::Deferred;
use crate::server::state::State;

/// More bytes than this are not copied.
const LARGE: usize = content::SMALL as usize;

/// What has not been sent yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    bytes: Vec<u8>,
    /// How many of `bytes` have been sent.
    at: usize,
    /// What follows `bytes`.
    file: Option<FileSpan>,
    /// A span that has been sent, and whose file is not closed yet.
    sent_file: Option<FileSpan>,
    /// What follows `file`.
    rest: Content,
    coding: Coding,
    sent: u64,
    /// How many of the sent bytes are not content: the head, and the chunked coding.
    overhead: u64,
}

/// How the end of the content is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// After this many more bytes.
    Length(u64),
    /// By the end of the connection.
    Close,
    /// By an empty chunk. The line break that ends a chunk is sent with the head of the next, to save a packet.
    Chunked { is_first: bool },
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
    /// The content has to be read from the disk, but this thread must not wait for the disk.
    NeedsDisk,
}

impl Outgoing {
    /// This head, and the content that follows it with this framing.
    pub(super) fn new(mut head: Vec<u8>, mut content: Content, framing: Framing) -> Self {
        let overhead = head.len() as u64;
        let mut coding = match framing {
            Framing::Empty => Coding::Length(0),
            Framing::Sized(length) => Coding::Length(length),
            Framing::Chunked => Coding::Chunked { is_first: true },
            Framing::UntilClose => Coding::Close,
        };
        let mut file = None;
        if let Coding::Length(left) = &mut coding {
            // Appended to the head, so that it is not sent in a separate packet.
            while let Some(bytes) = content.pop_bytes() {
                *left = left.saturating_sub(bytes.len() as u64);
                head.extend_from_slice(&bytes);
            }
            file = content.pop_file();
            *left = left.saturating_sub(file.as_ref().map_or(0, FileSpan::length));
        }
        Self { bytes: head, at: 0, file, sent_file: None, rest: content, coding, sent: 0, overhead }
    }

    /// Returns its buffer for the next response.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        self.at = 0;
        std::mem::take(&mut self.bytes)
    }

    /// The maximum number of descriptors that it keeps open.
    pub(super) fn descriptors(&self) -> u32 {
        let sources = self.rest.iter().filter_map(|chunk| match chunk {
            Chunk::Source(source) => Some(source.descriptors()),
            Chunk::Bytes(_) | Chunk::File(_) => None,
        });
        // A source counts the file whose span it has produced. Without a source, all spans belong to one file.
        sources.reduce(u32::saturating_add).unwrap_or_else(|| u32::from(self.left() > 0))
    }

    /// How many bytes have been sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// How many bytes of the content have been sent.
    pub(super) fn content_sent(&self) -> u64 {
        self.sent.saturating_sub(self.overhead)
    }

    /// How many bytes of files are still to be sent.
    pub(super) fn left(&self) -> u64 {
        let files = self.rest.iter().filter_map(|chunk| match chunk {
            Chunk::File(file) => Some(file),
            Chunk::Bytes(_) | Chunk::Source(_) => None,
        });
        self.file.iter().chain(files).map(FileSpan::length).sum()
    }

    /// Sends as much as the socket and the turn's share allow, and reduces the share.
    ///
    /// A truncated file is an error: its length has already been sent, and closing the connection is the only way
    /// left to show that it was wrong.
    pub(super) fn proceed(
        &mut self,
        transport: &mut Transport,
        share: &mut u64,
        disk: &mut Disk,
        state: &State,
    ) -> io::Result<Progress> {
        // A file is checked once in a turn: pages in memory are not evicted within a few milliseconds.
        let mut in_memory = None;
        loop {
            if !self.is_loaded() {
                in_memory = None;
                let Some(progress) = self.load(*share, disk, state)? else { continue };
                let waits = progress == Progress::Done && !transport.flush()?;
                return Ok(if waits { Progress::WouldWait } else { progress });
            }
            if *share == 0 {
                return Ok(Progress::TurnIsOver);
            }
            let moved = if self.at < self.bytes.len() {
                self.send_bytes(transport)?
            } else {
                in_memory = in_memory.or_else(|| self.file.as_ref()?.in_memory(*share));
                let may_send = match &in_memory {
                    Some(proof) => Some(Blocking::with(proof)),
                    None => disk.may_wait(state),
                };
                let Some(may_send) = may_send else { return Ok(Progress::NeedsDisk) };
                self.send_file(transport, *share, may_send)?
            };
            match moved {
                Transferred::Bytes(count) => {
                    self.sent += count as u64;
                    *share = share.saturating_sub(count as u64);
                }
                Transferred::WouldWait => return Ok(Progress::WouldWait),
                Transferred::End => return Err(broken("the file was truncated while it was sent")),
            }
            // Content in memory can be sent without waiting, but closing its file may have to wait.
            if let Some(file) = self.sent_file.take()
                && let Some(disk) = disk.may_touch(state)
            {
                file.close(disk);
            }
        }
    }

    /// Whether there are bytes or a file to send now.
    fn is_loaded(&self) -> bool {
        self.at < self.bytes.len() || self.file.is_some()
    }

    fn send_bytes(&mut self, transport: &mut Transport) -> io::Result<Transferred> {
        let more = if self.file.is_some() { More::Follows } else { More::Ends };
        let moved = transport.write(&self.bytes[self.at..], more)?;
        if let Transferred::Bytes(count) = moved {
            self.at += count;
        }
        Ok(moved)
    }

    fn send_file(
        &mut self,
        transport: &mut Transport,
        share: u64,
        disk: Blocking<'_>,
    ) -> io::Result<Transferred> {
        let Some(span) = &mut self.file else { return Ok(Transferred::WouldWait) };
        let count = share.min(span.length()) as usize;
        let moved = transport.send_file(span.file(), span.start(), count, disk)?;
        if let Transferred::Bytes(count) = moved
            && !span.advance(count as u64)
        {
            self.sent_file = self.file.take();
        }
        Ok(moved)
    }

    /// Prepares what is sent next, once everything before has been sent. `None` if there is something to send.
    fn load(&mut self, share: u64, disk: &mut Disk, state: &State) -> io::Result<Option<Progress>> {
        match self.rest.pop_front() {
            Some(Chunk::Bytes(bytes)) => {
                let file = self.rest.pop_file();
                self.begin_chunk(bytes.len() as u64 + file.as_ref().map_or(0, FileSpan::length))?;
                match bytes {
                    // A second copy would take as much memory again.
                    Buffer::Owned(mut bytes) if bytes.len() > LARGE => {
                        drop(bytes.splice(0..0, std::mem::take(&mut self.bytes)));
                        self.bytes = bytes;
                    }
                    bytes => self.bytes.extend_from_slice(&bytes),
                }
                self.file = file;
                Ok(None)
            }
            Some(Chunk::File(file)) => {
                self.begin_chunk(file.length())?;
                self.file = Some(file);
                Ok(None)
            }
            Some(Chunk::Source(source)) => self.produce(source, share, disk, state),
            None => self.end(),
        }
    }

    /// Lets a source produce more.
    fn produce(
        &mut self,
        mut source: Deferred<Box<dyn ContentSource>>,
        share: u64,
        disk: &mut Disk,
        state: &State,
    ) -> io::Result<Option<Progress>> {
        let (content, progress) = if share == 0 {
            (Content::default(), Some(Progress::TurnIsOver))
        } else if let Some(disk) = disk.may_wait(state) {
            // What was sent is not kept while more is made.
            if self.bytes.capacity() > LARGE {
                (self.bytes, self.at) = (Vec::new(), 0);
            }
            match source.next(disk)? {
                Produced::Content(content) => (content, None),
                Produced::Later => (Content::default(), Some(Progress::TurnIsOver)),
                Produced::End => {
                    source.close(disk);
                    return Ok(None);
                }
            }
        } else {
            (Content::default(), Some(Progress::NeedsDisk))
        };
        self.rest.push_front(Chunk::Source(source));
        self.rest.prepend(content);
        Ok(progress)
    }

    /// Begins a chunk of this many bytes, and clears `bytes` for it.
    fn begin_chunk(&mut self, length: u64) -> io::Result<()> {
        self.at = 0;
        self.bytes.clear();
        match &mut self.coding {
            Coding::Length(left) => {
                *left = left.checked_sub(length).ok_or_else(|| broken("the content became longer"))?;
            }
            // An empty chunk would end the content.
            Coding::Chunked { is_first } if length > 0 => {
                let line_break = if std::mem::take(is_first) { "" } else { "\r\n" };
                write!(self.bytes, "{line_break}{length:x}\r\n")?;
                self.overhead += self.bytes.len() as u64;
            }
            Coding::Chunked { .. } | Coding::Close => {}
        }
        Ok(())
    }

    /// Marks the end of the content.
    fn end(&mut self) -> io::Result<Option<Progress>> {
        match self.coding {
            Coding::Length(0) | Coding::Close => Ok(Some(Progress::Done)),
            Coding::Length(_) => Err(broken("the content became shorter")),
            Coding::Chunked { is_first } => {
                let end: &[u8] = if is_first { b"0\r\n\r\n" } else { b"\r\n0\r\n\r\n" };
                (self.bytes, self.at) = (end.to_vec(), 0);
                self.overhead += end.len() as u64;
                self.coding = Coding::Length(0);
                Ok(None)
            }
        }
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, what)
}

#[cfg(test)]
mod tests;
