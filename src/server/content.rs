//! The content of a response: bytes, spans of files, and sources that produce more while it is sent.
//!
//! A [`ContentSource`] produces one part at a time, and the next one only after the last has been sent. So it needs
//! memory for one part, whatever the length of the content. The connection of a reader that stalls is parked with this
//! part, and needs no thread.
//!
//! Content of known length is sent with its length; if a source produces less or more than it announced, the response
//! is aborted. Other content is sent with chunked coding, or ends with its connection.
//!
//! This module knows nothing about sockets, or about what is produced.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags, preadv2};

use crate::blocking::Blocking;
use crate::http::body::Framing;
use crate::http::range::Span;
use crate::http::request::HttpVersion;
use crate::server::jobs::Chores;
use crate::server::jobs::deferred::{Deferred, OpenedFile};

/// A span of a file up to this length, in bytes, is read rather than sent with `sendfile`, because reading
/// costs less.
pub(super) const SMALL: u64 = 16 * 1024;

/// The distance, in bytes, between the places in a file that are checked for being in memory; the kernel
/// reads this much at once.
const READ_AHEAD: usize = 128 * 1024;

/// The content of a response, in the order in which it is sent. A single chunk, as most responses have, needs no
/// allocation.
#[derive(Debug, Default)]
pub(super) struct Content {
    first: Option<Chunk>,
    /// Empty if `first` is `None`.
    rest: VecDeque<Chunk>,
}

/// A part of the content.
#[derive(Debug)]
pub(super) enum Chunk {
    Bytes(Buffer),
    File(FileSpan),
    Source(Deferred<Box<dyn ContentSource>>),
}

/// Bytes in memory.
#[derive(Debug)]
pub(super) enum Buffer {
    Owned(Vec<u8>),
    /// This span of shared bytes.
    Shared(Arc<[u8]>, Span),
}

/// A span of an open file.
#[derive(Debug)]
pub(super) struct FileSpan {
    file: OpenedFile,
    span: Span,
    /// Whether the file was read so recently that it is still in memory.
    is_recent: bool,
}

/// Proof that a span of a file is in memory, in all likelihood: sending it does not wait for the disk.
#[derive(Debug)]
pub(super) struct InMemory(());

/// Produces content while it is sent.
pub(super) trait ContentSource: fmt::Debug + Send {
    /// How many bytes it produces from now on, if that is known.
    fn length(&self) -> Option<u64> {
        None
    }

    /// Produces more content, with a bounded amount of work. It may wait for the disk, but for nothing else. After an
    /// error the content cannot be completed; do not call it again.
    fn next(&mut self, disk: Blocking<'_>) -> io::Result<Produced>;

    /// The maximum number of descriptors that it keeps open.
    fn descriptors(&self) -> u32;
}

/// The result of [`ContentSource::next`].
#[derive(Debug)]
pub(super) enum Produced {
    /// The next part of the content.
    Content(Content),
    /// Work was done, but there is nothing to send yet.
    Later,
    /// The content is complete.
    End,
}

impl Content {
    /// Its length in bytes, if that is known.
    pub(super) fn length(&self) -> Option<u64> {
        self.iter().map(Chunk::length).sum()
    }

    /// How a client with this HTTP version finds the end of the content (RFC 9112 §6.3).
    pub(super) fn framing(&self, version: HttpVersion) -> Framing {
        match self.length() {
            Some(length) => Framing::sized(length),
            None if version == HttpVersion::Http11 => Framing::Chunked,
            None => Framing::UntilClose,
        }
    }

    /// The bytes of the content, if it is a single chunk of bytes.
    pub(super) fn as_bytes(&self) -> Option<&[u8]> {
        match &self.first {
            Some(Chunk::Bytes(bytes)) if self.rest.is_empty() => Some(bytes),
            _ => None,
        }
    }

    /// Takes the next chunk out.
    pub(super) fn pop_front(&mut self) -> Option<Chunk> {
        let first = self.first.take()?;
        self.first = self.rest.pop_front();
        Some(first)
    }

    /// Takes the next chunk out, if it consists of bytes.
    pub(super) fn pop_bytes(&mut self) -> Option<Buffer> {
        match self.pop_front()? {
            Chunk::Bytes(bytes) => Some(bytes),
            other => {
                self.push_front(other);
                None
            }
        }
    }

    /// Takes the next chunk out, if it is a span of a file.
    pub(super) fn pop_file(&mut self) -> Option<FileSpan> {
        match self.pop_front()? {
            Chunk::File(file) => Some(file),
            other => {
                self.push_front(other);
                None
            }
        }
    }

    /// Puts a chunk before all others.
    pub(super) fn push_front(&mut self, chunk: Chunk) {
        if let Some(second) = self.first.replace(chunk) {
            self.rest.push_front(second);
        }
    }

    /// Adds a chunk at the end.
    #[cfg_attr(not(feature = "archive"), allow(dead_code, reason = "only archives have several chunks"))]
    pub(super) fn push(&mut self, chunk: Chunk) {
        match self.first {
            None => self.first = Some(chunk),
            Some(_) => self.rest.push_back(chunk),
        }
    }

    /// All chunks, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Chunk> {
        self.first.iter().chain(&self.rest)
    }

    /// Inserts all of this content at the front.
    pub(super) fn prepend(&mut self, mut content: Self) {
        while let Some(last) = content.rest.pop_back().or_else(|| content.first.take()) {
            self.push_front(last);
        }
    }
}

impl FromIterator<Chunk> for Content {
    fn from_iter<I: IntoIterator<Item = Chunk>>(chunks: I) -> Self {
        let mut chunks = chunks.into_iter();
        Self { first: chunks.next(), rest: chunks.collect() }
    }
}

impl From<Chunk> for Content {
    fn from(chunk: Chunk) -> Self {
        Self { first: Some(chunk), rest: VecDeque::new() }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Chunk::from(bytes).into()
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Buffer::Owned(bytes))
    }
}

impl Chunk {
    /// A chunk that `source` produces.
    pub(super) fn source(source: impl ContentSource + 'static, chores: &Chores) -> Self {
        Self::Source(Deferred::new(Box::new(source), chores))
    }

    /// Its length in bytes, if that is known.
    fn length(&self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(file) => Some(file.length()),
            Self::Source(source) => source.length(),
        }
    }
}

impl std::ops::Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes, span) => &bytes[span.start() as usize..span.end() as usize],
        }
    }
}

/// On a network file system, another machine has replaced the file since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StaleFile;

impl FileSpan {
    /// A span of this file. If the file is shorter when it is sent, the response is aborted.
    pub(super) fn new(file: OpenedFile, span: Span) -> Self {
        Self { file, span, is_recent: false }
    }

    /// A span of a file that was read so recently that it is still in memory.
    pub(super) fn recent(file: OpenedFile, span: Span) -> Self {
        Self { file, span, is_recent: true }
    }

    /// Reads it, if that costs less than `sendfile`.
    pub(super) fn read_if_small(self, disk: Blocking<'_>) -> Result<Chunk, StaleFile> {
        if self.length() <= SMALL {
            let mut bytes = vec![0; self.length() as usize];
            match self.file.read_exact_at(&mut bytes, self.span.start()) {
                Ok(()) => {
                    self.close(disk);
                    return Ok(bytes.into());
                }
                Err(error) if Errno::from_io_error(&error) == Some(Errno::STALE) => return Err(StaleFile),
                // The file was truncated, or the disk fails: `sendfile` will fail too, and report it.
                Err(_) => {}
            }
        }
        Ok(Chunk::File(self))
    }

    /// The file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The offset of its first byte.
    pub(super) fn start(&self) -> u64 {
        self.span.start()
    }

    /// Its length in bytes, at least 1.
    pub(super) fn length(&self) -> u64 {
        self.span.length()
    }

    /// Removes its first `sent` bytes. Returns whether any are left.
    pub(super) fn advance(&mut self, sent: u64) -> bool {
        let rest = self.span.after(sent);
        self.span = rest.unwrap_or(self.span);
        rest.is_some()
    }

    /// Closes the file, unless others still use it.
    pub(super) fn close(self, disk: Blocking<'_>) {
        Deferred::close_shared(self.file, disk);
    }

    /// Whether its first `share` bytes are in memory, as far as a few samples show.
    pub(super) fn in_memory(&self, share: u64) -> Option<InMemory> {
        let end = self.span.end().min(self.start().saturating_add(share));
        let mut samples = (self.start()..end).step_by(READ_AHEAD).chain(end.checked_sub(1));
        (self.is_recent || samples.all(|at| is_cached(&self.file, at))).then_some(InMemory(()))
    }
}

impl Produced {
    /// These bytes, which may be empty.
    pub(super) fn bytes(bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { Self::Later } else { Self::Content(bytes.into()) }
    }
}

/// Whether a byte of a file is in memory; false if the system cannot tell.
fn is_cached(file: &File, at: u64) -> bool {
    let byte = &mut [0];
    preadv2(file, &mut [IoSliceMut::new(byte)], at, ReadWriteFlags::NOWAIT).is_ok()
}

#[cfg(test)]
mod tests;
