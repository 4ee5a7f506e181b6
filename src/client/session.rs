//! A conversation with one server over one persistent connection (RFC 9112 §9.3).
//!
//! ```text
//! Session ── send ──> HttpResponse { head, body } ── pour ──> the connection is back in the session
//!    ^                                └── dropped ──> the connection is closed
//!    └── connects when there is no connection, or when the server has closed it meanwhile
//! ```
//!
//! An [`HttpResponse`] borrows its session, and its body takes the connection with it: the next request cannot be
//! sent before this answer has been read or thrown away.

use std::io::Write;
use std::time::Duration;

use super::address::Endpoint;
use super::connection::{Answered, HttpConnection};
use super::error::ClientError;
use super::socket::STALL;
use super::upload::RequestContent;
use crate::http::body::BodyDecoder;
use crate::http::response::Received;

/// How an answer begins.
const NEXT_ANSWER: &[u8] = b"HTTP/";

/// A server, and the connection to it while there is one.
#[derive(Debug)]
pub struct Session {
    server: Endpoint,
    timeouts: Timeouts,
    idle: Option<HttpConnection>,
}

/// How long a server is waited for in mid-exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// How long it may be silent, or take nothing.
    pub silence: Duration,
    /// Fewer bytes a second than this, over the time of [`silence`](Self::silence), count as silence.
    pub least_rate: u64,
}

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// The content.
    Get,
    /// What GET would say of it, without the content.
    Head,
    /// Content to be saved.
    Post,
    /// Content to be saved under the target.
    Put,
    /// Content to be appended to the target.
    Patch,
    /// The target is to go.
    Delete,
    /// What can be done with the target.
    Options,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct HttpRequest<'r> {
    /// Its method.
    pub method: HttpMethod,
    /// Its target, encoded.
    pub target: &'r str,
    /// Field lines; Host, Content-Length and Expect are not among them.
    pub fields: &'r [(&'r str, &'r str)],
    /// What it carries.
    pub content: Option<&'r RequestContent>,
}

/// An answer, whose content has not been read yet.
#[derive(Debug)]
#[must_use = "an answer that is dropped closes its connection"]
pub struct HttpResponse<'s> {
    /// Its head.
    pub head: Received,
    /// Its content.
    pub body: Body<'s>,
}

/// The content of an answer, and the connection on which it comes.
#[derive(Debug)]
pub struct Body<'s> {
    connection: HttpConnection,
    decoder: BodyDecoder,
    length: Option<u64>,
    /// Where the connection goes when the content has been read; nowhere, if nothing can follow on it.
    home: Option<&'s mut Option<HttpConnection>>,
}

/// Why content did not arrive: the connection, or what it was poured into.
#[derive(Debug)]
pub enum PourError {
    /// The connection.
    Source(ClientError),
    /// The file, or whatever took it.
    Sink(std::io::Error),
}

/// As long as wharf itself waits, and any rate will do: an event stream may have little to say.
impl Default for Timeouts {
    fn default() -> Self {
        Self { silence: STALL, least_rate: 0 }
    }
}

impl Session {
    /// A session that connects with its first request.
    pub fn new(server: Endpoint) -> Self {
        Self::with_timeouts(server, Timeouts::default())
    }

    /// The same, with timeouts of its own.
    pub fn with_timeouts(server: Endpoint, timeouts: Timeouts) -> Self {
        Self { server, timeouts, idle: None }
    }

    /// Whom it talks to.
    pub fn server(&self) -> &Endpoint {
        &self.server
    }

    /// Sends a request and reads the head of its answer.
    ///
    /// A connection that the server has closed since the last answer is opened again. If it turns out to be
    /// closed only when the request is on its way, the request is sent once more where that does no harm (RFC
    /// 9110 §9.2.2): a server can close at the very moment at which one begins to speak.
    pub fn send(&mut self, request: &HttpRequest<'_>) -> Result<HttpResponse<'_>, ClientError> {
        let answered = match self.idle.take().filter(HttpConnection::is_usable) {
            None => self.send_anew(request),
            Some(connection) => match connection.exchange(&self.server, request) {
                Err(ClientError::Silent) if request.method.is_idempotent() => self.send_anew(request),
                outcome => outcome,
            },
        }?;
        Ok(HttpResponse::new(answered, &mut self.idle))
    }

    fn send_anew(&self, request: &HttpRequest<'_>) -> Result<Answered, ClientError> {
        HttpConnection::open(&self.server, self.timeouts)?.exchange(&self.server, request)
    }
}

impl<'s> HttpResponse<'s> {
    fn new(answered: Answered, idle: &'s mut Option<HttpConnection>) -> Self {
        let Answered { connection, head, sent_whole } = answered;
        let decoder = BodyDecoder::new(head.framing);
        let length = decoder.remaining();
        let home = (head.keeps() && sent_whole).then_some(idle);
        Self { head, body: Body { connection, decoder, length, home } }
    }
}

impl Body<'_> {
    /// The length of the content in bytes, where the head tells it.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Reads the content to its end, and writes it to `sink` as it comes; says how long it was. The memory
    /// that it takes does not depend on that.
    pub fn pour(mut self, sink: &mut dyn Write) -> Result<u64, PourError> {
        let mut poured = 0;
        while !self.decoder.is_done() {
            if self.connection.unused().is_empty() && self.fill(poured)? == 0 {
                return Ok(poured);
            }
            let input = self.connection.unused();
            let found = self.decoder.decode(input).map_err(|error| PourError::Source(error.into()))?;
            let content = input.get(found.content).unwrap_or_default();
            sink.write_all(content).map_err(PourError::Sink)?;
            poured += content.len() as u64;
            self.connection.consume(found.used);
        }
        self.check_end()?;
        if let Some(home) = self.home {
            *home = Some(self.connection);
        }
        Ok(poured)
    }

    /// What follows content of a told length is the next answer or nothing. Anything else means that the length was a
    /// lie, and the content is not what it was meant to be. A line break too much is an old habit of servers.
    fn check_end(&self) -> Result<(), PourError> {
        let rest = self.connection.unused().trim_ascii_start();
        match self.length {
            Some(told) if !rest.is_empty() && !rest.starts_with(NEXT_ANSWER) => {
                Err(PourError::Source(ClientError::Excess(told)))
            }
            _ => Ok(()),
        }
    }

    /// Reads the content and throws it away.
    pub fn discard(self) -> Result<u64, ClientError> {
        self.pour(&mut std::io::sink()).map_err(|error| match error {
            PourError::Source(error) => error,
            PourError::Sink(error) => ClientError::Broken(error),
        })
    }

    /// Reads more; 0 when the connection has ended and that is the proper end of the content.
    fn fill(&mut self, poured: u64) -> Result<usize, PourError> {
        match self.connection.fill().map_err(PourError::Source)? {
            0 if !self.decoder.ends_with_connection() => {
                Err(PourError::Source(ClientError::CutShort(poured, self.length)))
            }
            count => Ok(count),
        }
    }
}

impl HttpMethod {
    /// As it stands in a request line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }

    /// Whether sending it twice does what sending it once does (RFC 9110 §9.2.2).
    pub fn is_idempotent(self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options => true,
            Self::Post | Self::Patch => false,
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
