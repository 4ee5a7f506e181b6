//! A response as a value: handlers return it, and `connection` sends it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::http::body::Framing;
use crate::http::range::Span;
use crate::http::range::byteranges::RangePart;
use crate::http::request::HttpVersion;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::body_source::BodySource;
use crate::server::cache::CacheEntry;
use crate::server::chat::state::EventStream;
use crate::server::jobs::Chores;
use crate::server::jobs::deferred::{Deferred, OpenedFile};

/// A status with its field lines, and the content that follows them.
#[derive(Debug)]
pub(super) struct Response {
    /// The status and the fields, without those that `connection` adds: length, date and connection.
    pub head: Head,
    pub content: Content,
}

/// The content of a response. Content without a known length is a variant of its own, so that no wrong length can be
/// sent.
#[derive(Debug)]
pub(super) enum Content {
    /// It is complete, so its length is known.
    Sized(SizedContent),
    /// It is produced while it is sent.
    Streamed(Deferred<Box<dyn BodySource>>),
    /// These bytes, then events until the connection ends.
    Events(Box<EventStream>, Vec<u8>),
}

/// Content whose length is known.
#[derive(Debug)]
pub(super) enum SizedContent {
    /// No content.
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Parts of a file.
    Parts(FileSource, RangeParts),
}

/// The source of the parts of a file.
#[derive(Debug)]
pub(super) enum FileSource {
    /// The disk, so reading may block.
    File(OpenedFile),
    /// The cache.
    Cached(Arc<CacheEntry>),
}

/// What is sent of a file, in order, with what stands between the parts of a multipart answer. A single part, as most
/// answers have, needs no allocation.
#[derive(Debug, Default)]
pub(super) struct RangeParts {
    first: Option<RangePart>,
    /// Empty where there is no first one.
    rest: VecDeque<RangePart>,
}

impl Response {
    /// A response without content.
    pub(super) fn empty(head: Head) -> Self {
        Self { head, content: SizedContent::Empty.into() }
    }

    /// A response with text in UTF-8.
    pub(super) fn text(status: Status, text: impl fmt::Display) -> Self {
        Self::bytes(Head::new(status), "text/plain; charset=utf-8", text.to_string().into_bytes())
    }

    /// A response with these bytes of this type.
    pub(super) fn bytes(head: Head, media_type: &str, bytes: Vec<u8>) -> Self {
        let head = head.field("Content-Type", media_type).field("X-Content-Type-Options", "nosniff");
        Self { head, content: SizedContent::Bytes(bytes).into() }
    }

    /// Adds a field line.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.head = self.head.field(name, value);
        self
    }
}

impl Content {
    /// Content that this source produces.
    pub(super) fn streamed(source: impl BodySource + 'static, chores: &Chores) -> Self {
        let source: Box<dyn BodySource> = Box::new(source);
        Self::Streamed(Deferred::new(source, chores))
    }

    /// How a client of this version finds the end of the content (RFC 9112 §6.3).
    pub(super) fn framing(&self, version: HttpVersion) -> Framing {
        match self {
            Self::Sized(known) => Framing::sized(known.length()),
            Self::Streamed(_) if version == HttpVersion::Http11 => Framing::Chunked,
            Self::Streamed(_) | Self::Events(..) => Framing::UntilClose,
        }
    }
}

impl SizedContent {
    /// Its length in bytes.
    fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Parts(_, parts) => parts.iter().map(RangePart::length).sum(),
        }
    }
}

impl RangeParts {
    /// The first part.
    pub(super) fn front(&self) -> Option<&RangePart> {
        self.first.as_ref()
    }

    /// The first part, to shorten it.
    pub(super) fn front_mut(&mut self) -> Option<&mut RangePart> {
        self.first.as_mut()
    }

    /// Takes the first part out.
    pub(super) fn pop_front(&mut self) -> Option<RangePart> {
        std::mem::replace(&mut self.first, self.rest.pop_front())
    }

    /// All parts, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &RangePart> {
        self.first.iter().chain(&self.rest)
    }

    /// The span, if that is all.
    pub(super) fn single_span(&self) -> Option<Span> {
        match self.first {
            Some(RangePart::Content(span)) if self.rest.is_empty() => Some(span),
            _ => None,
        }
    }
}

impl FromIterator<RangePart> for RangeParts {
    fn from_iter<I: IntoIterator<Item = RangePart>>(parts: I) -> Self {
        let mut parts = parts.into_iter();
        Self { first: parts.next(), rest: parts.collect() }
    }
}

impl From<Span> for RangeParts {
    fn from(span: Span) -> Self {
        Self { first: Some(RangePart::Content(span)), rest: VecDeque::new() }
    }
}

impl From<SizedContent> for Content {
    fn from(known: SizedContent) -> Self {
        Self::Sized(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_leave_in_order() {
        let span = Span::new(0, 1, 1).expect("within");
        let list = [RangePart::Frame(vec![1]), RangePart::Content(span), RangePart::Frame(vec![2])];
        let mut parts: RangeParts = list.iter().cloned().collect();
        assert!(parts.iter().eq(&list) && parts.single_span().is_none());
        assert!(std::iter::from_fn(|| parts.pop_front()).eq(list));
        assert_eq!(RangeParts::from(span).single_span(), Some(span));
        assert!(RangeParts::default().front().is_none());
    }
}
