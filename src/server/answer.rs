//! An answer as a value: what the files under `server/` that know what to say give to the one that says it.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::sync::Arc;

use super::shelf::Kept;
use super::talk::Listening;
use crate::http::range::byteranges::Piece;
use crate::http::response::Head;
use crate::http::status::Status;

/// A status with its field lines, and the content that follows them.
#[derive(Debug)]
pub struct Answer {
    /// What the answer says of itself. Its length, the date and the connection's fate are not its business.
    pub head: Head,
    /// What it brings.
    pub content: Content,
}

/// The content of an answer.
#[derive(Debug)]
pub enum Content {
    /// None.
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// Parts of a file.
    Parts(Source, Pieces),
    /// These bytes, and then whatever is to be heard, until the connection ends.
    Events(Box<Listening>, Vec<u8>),
}

/// Where the parts of a file are taken from.
#[derive(Debug)]
pub enum Source {
    /// The disk, for which it may have to wait.
    File(Arc<File>),
    /// The shelf.
    Kept(Arc<Kept>),
}

/// What is sent of a file, in order, with what stands between the parts of a multipart answer.
pub type Pieces = VecDeque<Piece>;

impl Answer {
    /// An answer without content.
    pub fn empty(head: Head) -> Self {
        Self { head, content: Content::Empty }
    }

    /// An answer with text in UTF-8.
    pub fn text(status: Status, text: impl fmt::Display) -> Self {
        Self::bytes(Head::new(status), "text/plain; charset=utf-8", text.to_string().into_bytes())
    }

    /// An answer with these bytes of this type.
    pub fn bytes(head: Head, media_type: &str, bytes: Vec<u8>) -> Self {
        let head = head.field("Content-Type", media_type).field("X-Content-Type-Options", "nosniff");
        Self { head, content: Content::Bytes(bytes) }
    }

    /// The same answer with another field line.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.head = self.head.field(name, value);
        self
    }
}

impl Content {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) | Self::Events(_, bytes) => bytes.len() as u64,
            Self::Parts(_, pieces) => pieces.iter().map(Piece::length).sum(),
        }
    }
}
