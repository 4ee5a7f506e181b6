//! An answer as a value: what the files under `server/` that know what to say give to the one that says it.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::sync::Arc;

use crate::http::body::Framing;
use crate::http::range::byteranges::RangePart;
use crate::http::request::HttpVersion;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::body_source::BodySource;
use crate::server::cache::CacheEntry;
use crate::server::chat::state::EventStream;

/// A status with its field lines, and the content that follows them.
#[derive(Debug)]
pub struct Response {
    /// What the answer says of itself. Its length, the date and the connection's fate are not its business.
    pub head: Head,
    /// What it brings.
    pub content: Content,
}

/// The content of an answer. What has a length and what has none are apart: no length can be told that nobody knows.
#[derive(Debug)]
pub enum Content {
    /// It is all there, and how long it is will be told.
    Sized(SizedContent),
    /// It is made while it is sent.
    Streamed(Box<dyn BodySource>),
    /// These bytes, and then whatever is to be heard, until the connection ends.
    Events(Box<EventStream>, Vec<u8>),
}

/// Content whose length is known.
#[derive(Debug)]
pub enum SizedContent {
    /// None.
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Parts of a file.
    Parts(FileSource, RangeParts),
}

/// Where the parts of a file are taken from.
#[derive(Debug)]
pub enum FileSource {
    /// The disk, for which it may have to wait.
    File(Arc<File>),
    /// The cache.
    Cached(Arc<CacheEntry>),
}

/// What is sent of a file, in order, with what stands between the parts of a multipart answer.
pub type RangeParts = VecDeque<RangePart>;

impl Response {
    /// An answer without content.
    pub fn empty(head: Head) -> Self {
        Self { head, content: SizedContent::Empty.into() }
    }

    /// An answer with text in UTF-8.
    pub fn text(status: Status, text: impl fmt::Display) -> Self {
        Self::bytes(Head::new(status), "text/plain; charset=utf-8", text.to_string().into_bytes())
    }

    /// An answer with these bytes of this type.
    pub fn bytes(head: Head, media_type: &str, bytes: Vec<u8>) -> Self {
        let head = head.field("Content-Type", media_type).field("X-Content-Type-Options", "nosniff");
        Self { head, content: SizedContent::Bytes(bytes).into() }
    }

    /// The same answer with another field line.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.head = self.head.field(name, value);
        self
    }
}

impl Content {
    /// How a client that speaks this version learns where it ends (RFC 9112 §6.3).
    pub fn framing(&self, version: HttpVersion) -> Framing {
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

impl From<SizedContent> for Content {
    fn from(known: SizedContent) -> Self {
        Self::Sized(known)
    }
}
