//! One exchange on one connection (RFC 9112 §9): sends a request and reads the head of its response.
//!
//! An [`exchange`](HttpConnection::exchange) consumes the connection and returns it with the head of the response.
//! After the content has been read, the connection can be used again. While content is sent, the client polls for the
//! response. If the server refuses the upload, the rest of the file is not sent.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use super::address::Endpoint;
use super::content::{ContentInput, RequestContent};
use super::error::ClientError;
use super::pace::Pace;
use super::request::HttpRequest;
use super::response_input::ResponseInput;
use super::socket::{ReadOutcome, Readiness};
use super::stream::Stream;
use super::timeouts::Timeouts;
use crate::http::request::Method;
use crate::http::request::write_head;
use crate::http::response::Received;
use crate::http::status::Status;

/// The size of the blocks in which a file is read and sent, in bytes. Larger blocks were no faster over loopback.
const BLOCK: usize = 64 * 1024;

/// The shortest content that waits for `100 Continue`, in bytes. Below that, waiting costs more than sending content
/// that is rejected.
const EXPECT_FROM: u64 = 256 * 1024;

/// How long to wait for `100 Continue` before the content is sent anyway. RFC 9110 §10.1.1 forbids waiting
/// indefinitely; curl waits as long.
const EXPECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the response to an upload may take after the last byte was sent. A server syncs the file before it
/// responds: after a fast network, a slow disk may need minutes.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(600);

/// How long the response to a COPY or MOVE may take. A server responds when everything is copied, and stops copying if
/// its client has disconnected. A day is enough for several terabytes. Ctrl-C ends it.
const COPY_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// The fields of every request, unless it has others (RFC 9110 §10.1.5, §12.5.1). Some servers refuse a request without
/// them.
const USUAL_FIELDS: [(&str, &str); 2] =
    [("User-Agent", concat!("wharf/", env!("CARGO_PKG_VERSION"))), ("Accept", "*/*")];

/// How a server that expects TLS responds to a plain request: with an alert (RFC 8446 §5.1).
const TLS_ALERT: [u8; 2] = [21, 3];

/// For the error of a silent server: what the client was doing.
const ANSWERING: &str = "waiting for its response";
const TAKING: &str = "sending the file";

/// An open connection without a request in flight.
#[derive(Debug)]
pub(super) struct HttpConnection {
    stream: Stream,
    timeouts: Timeouts,
    pace: Pace,
    input: ResponseInput,
    /// Whether the last request was HEAD, whose response has no content.
    to_head: bool,
    /// Whether anything has arrived since the last request began.
    heard: bool,
}

/// The head of a response, and the connection on which its content follows.
#[derive(Debug)]
pub(super) struct Answered {
    /// The connection.
    pub(super) connection: HttpConnection,
    /// The head.
    pub(super) head: Received,
    /// Whether the whole request was sent. If not, the connection cannot be used again.
    pub(super) sent_whole: bool,
}

impl HttpConnection {
    /// Connects to a server, through a proxy if there is one.
    pub(super) fn open(
        server: &Endpoint,
        proxy: Option<&Endpoint>,
        timeouts: Timeouts,
    ) -> Result<Self, ClientError> {
        let stream = Stream::connect(server, proxy, timeouts.silence)?;
        let (pace, input) = (Pace::begin(), ResponseInput::new());
        Ok(Self { stream, timeouts, pace, input, to_head: false, heard: false })
    }

    /// Whether another request can be sent: no unrequested bytes have arrived, and the server has not closed
    /// the connection.
    pub(super) fn is_usable(&mut self) -> bool {
        self.unused().is_empty() && self.stream.is_quiet()
    }

    /// Whether the connection was cut: over TLS, a server announces that it closes the connection (RFC 9112 §9.8).
    pub(super) fn is_truncated(&self) -> bool {
        self.stream.is_truncated()
    }

    /// Sends a request and reads the head of its response.
    pub(super) fn exchange(
        mut self,
        server: &Endpoint,
        request: &HttpRequest<'_>,
    ) -> Result<Answered, ClientError> {
        self.heard = false;
        self.to_head = request.method == Method::Head;
        self.pace = Pace::begin();
        let early = self.send(server, request)?;
        let sent_whole = early.is_none();
        let head = early.map_or_else(|| self.read_response(request), Ok)?;
        Ok(Answered { connection: self, head, sent_whole })
    }

    /// What has arrived and is not consumed yet.
    pub(super) fn unused(&self) -> &[u8] {
        self.input.unused()
    }

    /// Consumes this many bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.input.consume(count);
    }

    /// Reads more; 0 if the server has closed the connection.
    pub(super) fn fill(&mut self) -> Result<usize, ClientError> {
        loop {
            let arrived = self.input.fill(&mut self.stream).map_err(|error| match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    ClientError::Slow(ANSWERING, self.timeouts.silence.as_secs())
                }
                _ if !self.heard && is_ending(&error) => ClientError::Silent,
                _ => ClientError::Broken(error),
            })?;
            match arrived {
                ReadOutcome::Content(count) => {
                    self.heard |= count > 0;
                    self.pace.check(count, self.timeouts)?;
                    return Ok(count);
                }
                ReadOutcome::Nothing(count) => self.pace.check(count, self.timeouts)?,
            }
        }
    }

    /// Sends a request. Returns the head of the response if it came before the whole request was sent.
    fn send(
        &mut self,
        server: &Endpoint,
        request: &HttpRequest<'_>,
    ) -> Result<Option<Received>, ClientError> {
        // A POST without content sends Content-Length: 0 (RFC 9110 §8.6).
        let input = request.content.and_then(RequestContent::input);
        let length = match (request.content, request.method) {
            (None, Method::Get) => None,
            (Some(_), _) if input.is_some() => None,
            (content, _) => Some(content.map_or(0, RequestContent::length).to_string()),
        };
        // Input that is read from a pipe before a refusal is lost.
        let waits = request.content.is_some_and(|content| input.is_some() || content.length() >= EXPECT_FROM);
        let mut fields = request.fields.to_vec();
        fields.extend(length.as_deref().map(|length| ("Content-Length", length)));
        fields.extend(input.map(|_| ("Transfer-Encoding", "chunked")));
        fields.extend(waits.then_some(("Expect", "100-continue")));
        for (name, value) in USUAL_FIELDS {
            fields.extend((!request.has(name)).then_some((name, value)));
        }
        let mut head = Vec::with_capacity(BLOCK.min(1024));
        write_head(&mut head, request.method.name(), request.target, &server.host_field(), &fields);
        match request.content {
            None => self.send_all(&head),
            Some(content) if waits => match self.send_all(&head)? {
                Some(early) => Ok(Some(early)),
                None => match self.wait_for_permission()? {
                    Some(refusal) => Ok(Some(refusal)),
                    None => self.send_content(Vec::new(), content),
                },
            },
            Some(content) => self.send_content(head, content),
        }
    }

    /// Sends content; `bytes` goes before it, in the same write as the first block.
    fn send_content(
        &mut self,
        mut bytes: Vec<u8>,
        content: &RequestContent,
    ) -> Result<Option<Received>, ClientError> {
        // A refusal may have come together with the permission. Nothing more arrives then.
        if let Some(early) = self.final_head()? {
            return Ok(Some(early));
        }
        if let Some(input) = content.input() {
            return match self.send_all(&bytes)? {
                None => self.send_chunks(content, input),
                early => Ok(early),
            };
        }
        let mut offset = 0;
        loop {
            offset += content.read_block(&mut bytes, offset, BLOCK)?;
            if offset == content.length() {
                // Checked before the last block is sent: without that block, the server saves nothing.
                content.confirm()?;
            }
            if let Some(early) = self.send_all(&bytes)? {
                return Ok(Some(early));
            }
            if offset == content.length() {
                return Ok(None);
            }
            bytes.clear();
            if self.ready(Duration::ZERO)?
                && let Some(early) = self.read_some()?
            {
                return Ok(Some(early));
            }
        }
    }

    /// Sends content of unknown length, each piece as it arrives. An error of the input leaves the request incomplete, so
    /// the server saves nothing.
    fn send_chunks(
        &mut self,
        content: &RequestContent,
        input: &ContentInput,
    ) -> Result<Option<Received>, ClientError> {
        let mut block = vec![0; BLOCK];
        let mut chunk = Vec::with_capacity(BLOCK + 16);
        loop {
            // The input may be silent for as long as it likes, but the server may give up.
            while self.stream.is_first_readable(input.fd()).map_err(ClientError::Broken)? {
                if let Some(early) = self.read_some()? {
                    return Ok(Some(early));
                }
            }
            let count = content.read_input(input, &mut block)?;
            chunk.clear();
            chunk.extend_from_slice(format!("{count:x}\r\n").as_bytes());
            chunk.extend_from_slice(block.get(..count).unwrap_or_default());
            chunk.extend_from_slice(b"\r\n");
            if let Some(early) = self.send_all(&chunk)? {
                return Ok(Some(early));
            }
            if count == 0 {
                return Ok(None);
            }
        }
    }

    /// Sends bytes, waiting for space in the socket's buffer. Stops at a response.
    fn send_all(&mut self, bytes: &[u8]) -> Result<Option<Received>, ClientError> {
        let mut rest = bytes;
        while !rest.is_empty() || self.stream.has_unsent() {
            match self.stream.send_now(rest) {
                Ok(Some(count)) => rest = rest.get(count..).unwrap_or_default(),
                Ok(None) => {
                    match self.stream.wait_for_either(self.timeouts.silence).map_err(ClientError::Broken)? {
                        Readiness::ToWrite => {}
                        Readiness::ToRead => {
                            if let Some(early) = self.read_some()? {
                                return Ok(Some(early));
                            }
                        }
                        Readiness::No => {
                            return Err(ClientError::Slow(TAKING, self.timeouts.silence.as_secs()));
                        }
                    }
                }
                // The server reads no more. It may have sent a response before it closed the connection.
                Err(error) => return self.last_words(error).map(Some),
            }
        }
        Ok(None)
    }

    /// The response of a server that has stopped reading. If there is no response, this returns `error`, by which the
    /// client noticed that the server stopped.
    fn last_words(&mut self, error: io::Error) -> Result<Received, ClientError> {
        match self.read_head() {
            Err(ClientError::Silent) if !is_ending(&error) => Err(ClientError::Broken(error)),
            outcome => outcome,
        }
    }

    /// Waits for `100 Continue`, but not for long. A final response means that the content is not wanted.
    fn wait_for_permission(&mut self) -> Result<Option<Received>, ClientError> {
        let end = Instant::now() + EXPECT_TIMEOUT;
        loop {
            while let Some(head) = self.next_head()? {
                if head.status == Status::CONTINUE {
                    return Ok(None);
                }
                if !head.status.is_interim() {
                    return Ok(Some(head));
                }
            }
            if !self.ready(end.saturating_duration_since(Instant::now()))? {
                return Ok(None);
            }
            self.fill_or_end()?;
        }
    }

    /// Whether the socket becomes readable within this time.
    fn ready(&mut self, timeout: Duration) -> Result<bool, ClientError> {
        Ok(self.stream.wait_to_read(timeout).map_err(ClientError::Broken)? == Readiness::ToRead)
    }

    /// Reads what has arrived. Returns the final head once it is complete.
    fn read_some(&mut self) -> Result<Option<Received>, ClientError> {
        self.fill_or_end()?;
        self.final_head()
    }

    /// Reads the head of the response to a request that was sent whole.
    fn read_response(&mut self, request: &HttpRequest<'_>) -> Result<Received, ClientError> {
        if let Some(head) = self.final_head()? {
            return Ok(head);
        }
        let works_for = match request.method {
            Method::Copy | Method::Move => Some(COPY_TIMEOUT),
            _ => request.content.map(|_| COMMIT_TIMEOUT),
        };
        if let Some(timeout) = works_for
            && !self.ready(timeout)?
        {
            return Err(ClientError::Slow(ANSWERING, timeout.as_secs()));
        }
        self.pace = Pace::begin();
        self.read_head()
    }

    /// Reads the head of the response; skips interim ones (RFC 9110 §15.2).
    fn read_head(&mut self) -> Result<Received, ClientError> {
        loop {
            if let Some(head) = self.final_head()? {
                return Ok(head);
            }
            self.fill_or_end()?;
        }
    }

    /// Reads more of a head. Fails if the server closes the connection instead.
    fn fill_or_end(&mut self) -> Result<(), ClientError> {
        match self.fill()? {
            0 if self.heard => Err(ClientError::CutShort(0, None)),
            0 => Err(ClientError::Silent),
            _ => Ok(()),
        }
    }

    /// The first final head in the buffer, once it is complete.
    fn final_head(&mut self) -> Result<Option<Received>, ClientError> {
        loop {
            match self.next_head()? {
                Some(head) if head.status.is_interim() => {}
                other => return Ok(other),
            }
        }
    }

    /// The next head in the buffer, once it is complete.
    fn next_head(&mut self) -> Result<Option<Received>, ClientError> {
        if self.unused().is_empty() {
            return Ok(None);
        }
        if self.unused().starts_with(&TLS_ALERT) {
            return Err(ClientError::SpeaksTls);
        }
        let Some((head, length)) = Received::parse(self.unused(), self.to_head)? else { return Ok(None) };
        self.consume(length);
        if head.status.is_interim() {
            // An interim head does not count as a part of the final response.
            self.heard = !self.unused().is_empty();
        }
        Ok(Some(head))
    }
}

/// Whether the peer has closed the connection.
fn is_ending(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe)
}
