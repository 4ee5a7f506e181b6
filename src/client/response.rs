//! An HTTP response, whose content is read from the connection.

use std::io::Write;

use super::connection::{Answered, HttpConnection};
use super::credentials::SentCredentials;
use super::error::ClientError;
use crate::http::body::BodyDecoder;
use crate::http::response::Received;

/// How a response begins.
const NEXT_RESPONSE: &[u8] = b"HTTP/";

/// A response whose content is not read yet.
#[derive(Debug)]
#[must_use = "dropping a response closes its connection"]
pub struct HttpResponse<'s> {
    /// Its head.
    pub head: Received,
    /// Its content.
    pub body: Body<'s>,
    /// The credentials of its request.
    pub sent: SentCredentials,
}

/// The content of a response, and the connection that it arrives on.
#[derive(Debug)]
pub struct Body<'s> {
    connection: HttpConnection,
    decoder: BodyDecoder,
    length: Option<u64>,
    /// Where the connection goes after the content; `None` if it cannot be used again.
    home: Option<&'s mut Option<HttpConnection>>,
}

/// Why content could not be copied.
#[derive(Debug)]
pub enum PourError {
    /// The connection failed.
    Source(ClientError),
    /// The writer failed.
    Sink(std::io::Error),
}

impl<'s> HttpResponse<'s> {
    pub(super) fn new(
        answered: Answered,
        idle: &'s mut Option<HttpConnection>,
        sent: SentCredentials,
    ) -> Self {
        let Answered { connection, head, sent_whole } = answered;
        let decoder = BodyDecoder::of_response(head.framing);
        let length = decoder.remaining();
        let home = (head.keeps() && sent_whole).then_some(idle);
        Self { head, body: Body { connection, decoder, length, home }, sent }
    }
}

impl Body<'_> {
    /// The length of the content in bytes, if the head has it.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Copies the content to `sink` as it arrives, in constant memory, and returns its length.
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

    /// Checks that content of a known length is followed by the next response or by nothing. Otherwise the announced
    /// length was wrong, so the content cannot be trusted. Some old servers add a line break, which is accepted.
    fn check_end(&self) -> Result<(), PourError> {
        let rest = self.connection.unused().trim_ascii_start();
        match self.length {
            Some(told) if !rest.is_empty() && !rest.starts_with(NEXT_RESPONSE) => {
                Err(PourError::Source(ClientError::Excess(told)))
            }
            _ => Ok(()),
        }
    }

    /// Reads the content and drops it.
    pub fn discard(self) -> Result<u64, ClientError> {
        self.pour(&mut std::io::sink()).map_err(|error| match error {
            PourError::Source(error) => error,
            PourError::Sink(error) => ClientError::Broken(error),
        })
    }

    /// Reads more; 0 if the connection was closed and that is the proper end of the content. Over TLS, the server must
    /// have announced that it closes the connection.
    fn fill(&mut self, poured: u64) -> Result<usize, PourError> {
        match self.connection.fill().map_err(PourError::Source)? {
            0 if !self.decoder.ends_with_connection() || self.connection.is_truncated() => {
                Err(PourError::Source(ClientError::CutShort(poured, self.length)))
            }
            count => Ok(count),
        }
    }
}
