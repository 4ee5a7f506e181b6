//! A response as a value: handlers return it, and `connection` sends it.

use std::fmt;

use crate::http::body::Framing;
use crate::http::request::HttpVersion;
use crate::http::response::Head;
use crate::http::status::Status;
use crate::server::content::Content;
use crate::server::served_stream::ServedStream;

/// A status with its field lines, the content that follows them, and what the connection does afterwards.
#[derive(Debug)]
pub(super) struct Response {
    /// The status and the fields, without those that `connection` adds: length, date and connection.
    pub head: Head,
    pub content: Content,
    pub then: Then,
}

/// What follows the content.
#[derive(Debug)]
pub(super) enum Then {
    /// The next request, or the end of the connection.
    Next,
    /// Events, until the connection ends: the broadcaster takes it.
    Subscribe(Box<ServedStream>),
}

impl Response {
    /// A response with this content.
    pub(super) fn new(head: Head, content: impl Into<Content>) -> Self {
        Self { head, content: content.into(), then: Then::Next }
    }

    /// A response without content.
    pub(super) fn empty(head: Head) -> Self {
        Self::new(head, Content::default())
    }

    /// A response with text in UTF-8.
    pub(super) fn text(status: Status, text: impl fmt::Display) -> Self {
        Self::bytes(Head::new(status), "text/plain; charset=utf-8", text.to_string().into_bytes())
    }

    /// A response with these bytes of this type.
    pub(super) fn bytes(head: Head, media_type: &str, bytes: Vec<u8>) -> Self {
        let head = head.field("Content-Type", media_type).field("X-Content-Type-Options", "nosniff");
        Self::new(head, bytes)
    }

    /// Adds a field line.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.add(name, value);
        self
    }

    /// Adds a field line.
    pub(super) fn add(&mut self, name: &str, value: impl fmt::Display) {
        self.head.add(name, value);
    }

    /// How a client with this HTTP version finds the end of the content (RFC 9112 §6.3).
    pub(super) fn framing(&self, version: HttpVersion) -> Framing {
        match self.then {
            Then::Next => self.content.framing(version),
            Then::Subscribe(_) => Framing::UntilClose,
        }
    }
}
