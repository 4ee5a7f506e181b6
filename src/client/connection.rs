//! One exchange on one connection (RFC 9112 §9): a request goes out, the head of its answer comes in.
//!
//! An [`exchange`](HttpConnection::exchange) takes the connection, and gives it back with the head of the answer;
//! whoever has read the content may use it again. While content is sent the answer is watched for: a server
//! that refuses an upload says so at once, and the rest of the file need not be sent.

use std::io::{self, ErrorKind, Read as _};
use std::time::{Duration, Instant};

use super::address::Endpoint;
use super::content::RequestContent;
use super::error::ClientError;
use super::request::{HttpMethod, HttpRequest};
use super::socket::{Readiness, Socket};
use super::timeouts::Timeouts;
use crate::http::request::write_head;
use crate::http::response::{RESPONSE_HEAD_LIMIT, Received};
use crate::http::status::Status;

/// How much of a file is read and sent at a time. Larger ones were no faster over loopback.
const BLOCK: usize = 64 * 1024;

/// How much may lie in the buffer for what arrives: content goes from it to its file in one piece. It costs memory only
/// as far as it was ever filled, and larger ones were no faster over loopback.
const INPUT: usize = 256 * 1024;

// The largest head must fit, or it would be waited for without end.
const _: () = assert!(INPUT > RESPONSE_HEAD_LIMIT);

/// From this length on, content waits for `100 Continue`: below it, waiting costs more than sending in vain.
const EXPECT_FROM: u64 = 256 * 1024;

/// How long to wait for `100 Continue` before the content is sent all the same (RFC 9110 §10.1.1: not
/// indefinitely); as long as curl does.
const EXPECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the answer to an upload may take once all was sent: a server syncs to its disk before it answers,
/// and a slow disk needs minutes for what came over a fast network.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(600);

/// What the server is silent in while its answer is waited for.
const ANSWERING: &str = "waiting for its answer";

/// What it is silent in while it takes nothing of an upload.
const TAKING: &str = "sending the file";

/// An open connection on which nothing is under way.
#[derive(Debug)]
pub(super) struct HttpConnection {
    socket: Socket,
    timeouts: Timeouts,
    pace: Pace,
    input: Input,
    /// Whether the latest request was HEAD, whose answer has no content.
    to_head: bool,
    /// Whether anything has arrived since the latest request was begun.
    heard: bool,
}

/// What came within the present stretch of time.
#[derive(Debug)]
struct Pace {
    since: Instant,
    bytes: u64,
}

/// The head of an answer, and the connection on which its content follows.
#[derive(Debug)]
pub(super) struct Answered {
    /// The connection.
    pub(super) connection: HttpConnection,
    /// The head.
    pub(super) head: Received,
    /// Whether the request was sent whole: otherwise nothing can follow it on this connection.
    pub(super) sent_whole: bool,
}

/// Bytes that have arrived and are not used yet. It never grows: the largest head fits, and content is taken from it in
/// place.
#[derive(Debug)]
struct Input {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

impl HttpConnection {
    /// Connects to a server.
    pub(super) fn open(server: &Endpoint, timeouts: Timeouts) -> Result<Self, ClientError> {
        let socket = Socket::connect(server, timeouts.silence)?;
        let (pace, input) = (Pace::begin(), Input::new());
        Ok(Self { socket, timeouts, pace, input, to_head: false, heard: false })
    }

    /// Whether another request may be sent: nothing has come unasked, and the server has not closed it.
    pub(super) fn is_usable(&self) -> bool {
        self.unused().is_empty() && self.socket.is_quiet()
    }

    /// Sends a request and reads the head of its answer.
    pub(super) fn exchange(
        mut self,
        server: &Endpoint,
        request: &HttpRequest<'_>,
    ) -> Result<Answered, ClientError> {
        self.heard = false;
        self.to_head = request.method == HttpMethod::Head;
        self.pace = Pace::begin();
        let early = self.send(server, request)?;
        let sent_whole = early.is_none();
        let head = early.map_or_else(|| self.read_answer(request), Ok)?;
        Ok(Answered { connection: self, head, sent_whole })
    }

    /// What has arrived and is not used yet.
    pub(super) fn unused(&self) -> &[u8] {
        self.input.unused()
    }

    /// Counts so many bytes as used.
    pub(super) fn consume(&mut self, count: usize) {
        self.input.start = self.input.end.min(self.input.start + count);
    }

    /// Reads more; 0 means that the server has ended.
    pub(super) fn fill(&mut self) -> Result<usize, ClientError> {
        let count = self.input.fill(&mut self.socket).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                ClientError::Slow(ANSWERING, self.timeouts.silence.as_secs())
            }
            _ if !self.heard && is_ending(&error) => ClientError::Silent,
            _ => ClientError::Broken(error),
        })?;
        self.heard |= count > 0;
        self.pace.check(count, self.timeouts)?;
        Ok(count)
    }

    /// Sends a request; the answer's head, when it came before all was sent.
    fn send(
        &mut self,
        server: &Endpoint,
        request: &HttpRequest<'_>,
    ) -> Result<Option<Received>, ClientError> {
        // A POST without content says so (RFC 9110 §8.6).
        let length = match (request.content, request.method) {
            (None, HttpMethod::Get) => None,
            (content, _) => Some(content.map_or(0, RequestContent::length).to_string()),
        };
        let waits = request.content.is_some_and(|content| content.length() >= EXPECT_FROM);
        let mut fields = request.fields.to_vec();
        fields.extend(length.as_deref().map(|length| ("Content-Length", length)));
        fields.extend(waits.then_some(("Expect", "100-continue")));
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

    /// Sends content, its first block together with what is to go before it.
    fn send_content(
        &mut self,
        mut bytes: Vec<u8>,
        content: &RequestContent,
    ) -> Result<Option<Received>, ClientError> {
        let mut offset = 0;
        loop {
            offset += content.read_block(&mut bytes, offset, BLOCK)?;
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

    /// Sends bytes, and waits for room where there is none; an answer that comes meanwhile is the end of it.
    fn send_all(&mut self, bytes: &[u8]) -> Result<Option<Received>, ClientError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.socket.send_now(rest) {
                Ok(Some(count)) => rest = rest.get(count..).unwrap_or_default(),
                Ok(None) => {
                    match self.socket.wait_for_either(self.timeouts.silence).map_err(ClientError::Broken)? {
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
                // The server takes no more. It may have said why before it left.
                Err(error) => return self.last_words(error).map(Some),
            }
        }
        Ok(None)
    }

    /// The answer of a server that has stopped reading, or else the error that told so.
    fn last_words(&mut self, error: io::Error) -> Result<Received, ClientError> {
        match self.read_head() {
            Err(ClientError::Silent) if !is_ending(&error) => Err(ClientError::Broken(error)),
            outcome => outcome,
        }
    }

    /// Waits for `100 Continue`, but not for long; a final answer is a refusal.
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

    /// Whether something can be read within this time.
    fn ready(&self, timeout: Duration) -> Result<bool, ClientError> {
        Ok(self.socket.wait_to_read(timeout).map_err(ClientError::Broken)? == Readiness::ToRead)
    }

    /// Reads what is there; a final head, when it is whole.
    fn read_some(&mut self) -> Result<Option<Received>, ClientError> {
        self.fill_or_end()?;
        self.final_head()
    }

    /// Reads the head of the answer to a request that was sent whole.
    fn read_answer(&mut self, request: &HttpRequest<'_>) -> Result<Received, ClientError> {
        if request.content.is_some() && !self.ready(COMMIT_TIMEOUT)? {
            return Err(ClientError::Slow(ANSWERING, COMMIT_TIMEOUT.as_secs()));
        }
        self.pace = Pace::begin();
        self.read_head()
    }

    /// Reads the head of the answer; interim ones are passed over (RFC 9110 §15.2).
    fn read_head(&mut self) -> Result<Received, ClientError> {
        loop {
            if let Some(head) = self.final_head()? {
                return Ok(head);
            }
            self.fill_or_end()?;
        }
    }

    /// Reads more of a head, before which the server must not end.
    fn fill_or_end(&mut self) -> Result<(), ClientError> {
        match self.fill()? {
            0 if self.heard => Err(ClientError::CutShort(0, None)),
            0 => Err(ClientError::Silent),
            _ => Ok(()),
        }
    }

    /// The first final head among the bytes that are there, when it is whole.
    fn final_head(&mut self) -> Result<Option<Received>, ClientError> {
        loop {
            match self.next_head()? {
                Some(head) if head.status.is_interim() => {}
                other => return Ok(other),
            }
        }
    }

    /// The next head among the bytes that are there, when it is whole.
    fn next_head(&mut self) -> Result<Option<Received>, ClientError> {
        if self.unused().is_empty() {
            return Ok(None);
        }
        let Some((head, length)) = Received::parse(self.unused(), self.to_head)? else { return Ok(None) };
        self.consume(length);
        Ok(Some(head))
    }
}

impl Pace {
    fn begin() -> Self {
        Self { since: Instant::now(), bytes: 0 }
    }

    /// Counts what came; at the end of a stretch it must have been enough.
    fn check(&mut self, count: usize, timeouts: Timeouts) -> Result<(), ClientError> {
        self.bytes += count as u64;
        let elapsed = self.since.elapsed();
        if elapsed < timeouts.silence {
            return Ok(());
        }
        let enough = self.bytes >= elapsed.as_secs().saturating_mul(timeouts.least_rate);
        *self = Self::begin();
        // A connection that has ended does not trickle: what that means is said elsewhere.
        if enough || count == 0 { Ok(()) } else { Err(ClientError::Trickle(timeouts.silence.as_secs())) }
    }
}

/// Whether this is how a connection ends that the other side has closed.
fn is_ending(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe)
}

impl Input {
    fn new() -> Self {
        Self { bytes: vec![0; INPUT].into_boxed_slice(), start: 0, end: 0 }
    }

    fn unused(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads once, behind what is unused, which is moved to the front first. There is always room: a head
    /// that fills it has been refused.
    fn fill(&mut self, socket: &mut Socket) -> io::Result<usize> {
        self.bytes.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let count = loop {
            match socket.read(self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => break outcome?,
            }
        };
        self.end += count;
        Ok(count)
    }
}
