//! A response over HTTP, whose content is read from its connection.

use std::io::Write;

use super::connection::{Answered, HttpConnection};
use super::error::ClientError;
use crate::http::body::BodyDecoder;
use crate::http::response::Received;

/// How an answer begins.
const NEXT_ANSWER: &[u8] = b"HTTP/";

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

impl<'s> HttpResponse<'s> {
    pub(super) fn new(answered: Answered, idle: &'s mut Option<HttpConnection>) -> Self {
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
