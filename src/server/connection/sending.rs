//! A response that is being sent: its head as bytes, and the content that follows.

use std::cell::Cell;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::blocking::Blocking;
use crate::http::body::Framing;
use crate::http::persistence::{CloseReason, Persistence};
use crate::http::range::byteranges::RangePart;
use crate::http::status::Status;
use crate::net::stream::Stream;
use crate::server::body_source::{BodyEncoder, Encoded, EncodedChunk};
use crate::server::cache::{CONTENT_LIMIT, CachedContent};
use crate::server::chat::state::EventStream;
use crate::server::connection::exchange::Exchange;
use crate::server::connection::outgoing::{Outgoing, Progress};
use crate::server::connection::own_lines::{OWN_LINES, push_framing, push_own_lines};
use crate::server::connection::send_buffer::SendBuffer;
use crate::server::disk::Disk;
use crate::server::jobs::deferred::OpenedFile;
use crate::server::pages;
use crate::server::request::ClientAddress;
use crate::server::response::{Content, FileSource, RangeParts, Response, SizedContent};
use crate::server::state::State;
use crate::server::timing::Deadline;

/// A buffer that is larger than this, in bytes, is freed after its response.
const SPARE_LIMIT: usize = 2 * CONTENT_LIMIT as usize;

/// The unsent rest of a response.
#[derive(Debug)]
pub(super) struct Sending {
    outgoing: Outgoing,
    /// Whether sending may block on the disk.
    may_wait: bool,
    status: Status,
    /// How many bytes passed to `outgoing` are not content: the head and the framing of chunks.
    overhead: u64,
    exchange: Exchange,
    /// The keep-alive timeout that the head promises.
    promised: Duration,
    /// What follows the bytes in `outgoing`.
    rest: Remainder,
    send_buffer: SendBuffer,
    /// When the next byte has to be sent.
    deadline: Deadline,
    /// How many bytes the client had not acknowledged when the connection was parked.
    unacknowledged: Option<u64>,
}

thread_local! {
    /// The buffer of the last response, for the next: beyond a kilobyte, the allocator is slow.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What follows the bytes in `outgoing`.
#[derive(Debug)]
enum Remainder {
    Nothing,
    /// Content that is produced while it is sent.
    Streamed(BodyEncoder),
    /// An event stream.
    Events(Box<EventStream>),
}

impl Sending {
    /// Starts to send a response; `timeout` is how long the connection will be kept.
    pub(super) fn new(answer: Response, mut exchange: Exchange, timeout: Duration, state: &State) -> Self {
        exchange.persistence =
            exchange.persistence.unless(state.stop.asked().is_some(), CloseReason::Stopping);
        let answer = if exchange.to_browser { pages::for_browser(answer) } else { answer };
        let Response { head, content } = answer;
        let status = head.status();
        let framing = content.framing(exchange.version);
        exchange.persistence =
            exchange.persistence.unless(framing == Framing::UntilClose, CloseReason::Endless);
        let inline = match framing {
            Framing::Sized(length) if length <= CONTENT_LIMIT && !exchange.to_head => length as usize,
            _ => 0,
        };
        let mut bytes = SPARE.take();
        bytes.clear();
        bytes.reserve(head.length() + OWN_LINES + inline);
        head.write(&mut bytes);
        let kept_for = exchange.persistence.keeps().then_some(timeout.as_secs());
        push_own_lines(&mut bytes, kept_for);
        if !status.has_no_content() {
            push_framing(&mut bytes, framing);
        }
        bytes.extend_from_slice(b"\r\n");
        let overhead = bytes.len() as u64;
        let (mut may_wait, mut rest, mut file) = (false, Remainder::Nothing, None);
        match content {
            _ if exchange.to_head || status.has_no_content() => {}
            Content::Sized(known) => {
                may_wait = may_wait_for(&known);
                file = push_known(&mut bytes, known);
            }
            Content::Streamed(source) => {
                may_wait = true;
                rest = Remainder::Streamed(BodyEncoder::new(source, framing));
            }
            Content::Events(events, first) => {
                bytes.extend_from_slice(&first);
                rest = Remainder::Events(events);
            }
        }
        let deadline = Deadline::after(Instant::now(), state.stall);
        let outgoing = Outgoing::new(bytes, file);
        Self {
            outgoing,
            may_wait,
            status,
            overhead,
            exchange,
            promised: timeout,
            rest,
            send_buffer: SendBuffer::default(),
            deadline,
            unacknowledged: None,
        }
    }

    /// The event stream that follows, once everything before it has been sent.
    pub(super) fn take_events(&mut self) -> Option<Box<EventStream>> {
        match std::mem::replace(&mut self.rest, Remainder::Nothing) {
            Remainder::Events(events) => Some(events),
            Remainder::Nothing | Remainder::Streamed(_) => None,
        }
    }

    /// Sends as much as the socket and the turn's share allow.
    pub(super) fn proceed(
        &mut self,
        stream: &Stream,
        share: &mut u64,
        disk: &mut Disk,
        state: &State,
    ) -> io::Result<Progress> {
        let before = self.outgoing.sent();
        let progress = loop {
            if self.may_wait(*share) && disk.may_wait(state).is_none() {
                return Ok(Progress::NeedsDisk);
            }
            let progress = self.outgoing.proceed(stream, share)?;
            if progress != Progress::Done {
                break progress;
            }
            if let Some(progress) = self.produce(*share, disk, state)? {
                break progress;
            }
        };
        if progress != Progress::Done {
            self.send_buffer.adjust(
                stream,
                self.outgoing.sent(),
                self.outgoing.left(),
                &state.large_send_buffers,
            );
            // If nothing could be produced yet, the client is not to blame.
            if self.outgoing.sent() > before || progress == Progress::TurnIsOver {
                self.deadline = Deadline::after(Instant::now(), state.stall);
            }
            self.unacknowledged = stream.unacknowledged().ok();
        }
        Ok(progress)
    }

    /// Whether sending may block on the disk. Waking another worker for nothing costs a twentieth of a large
    /// response, so a file is checked for being in memory; a streamed body may open further files.
    fn may_wait(&self, share: u64) -> bool {
        let is_made = matches!(self.rest, Remainder::Streamed(_));
        self.may_wait && (is_made || !self.outgoing.is_at_hand(share))
    }

    /// Produces more content once everything has been sent. `None` if there is something to send.
    fn produce(&mut self, share: u64, disk: &mut Disk, state: &State) -> io::Result<Option<Progress>> {
        let Remainder::Streamed(encoder) = &mut self.rest else { return Ok(Some(Progress::Done)) };
        if share == 0 {
            return Ok(Some(Progress::TurnIsOver));
        }
        let Some(disk) = disk.may_wait(state) else { return Ok(Some(Progress::NeedsDisk)) };
        match encoder.next(disk)? {
            Encoded::Chunk(EncodedChunk { bytes, overhead, span }) => {
                self.overhead += overhead as u64;
                self.outgoing.go_on(bytes, span, disk);
            }
            Encoded::Nothing => return Ok(Some(Progress::TurnIsOver)),
            Encoded::End(bytes) => {
                self.overhead += bytes.len() as u64;
                self.outgoing.go_on(bytes, None, disk);
                self.close_source(disk);
            }
        }
        Ok(None)
    }

    /// Closes what was sent.
    pub(super) fn close(mut self, disk: Blocking<'_>) {
        self.outgoing.close(disk);
        self.close_source(disk);
    }

    fn close_source(&mut self, disk: Blocking<'_>) {
        if let Remainder::Streamed(encoder) = std::mem::replace(&mut self.rest, Remainder::Nothing) {
            encoder.close(disk);
        }
    }

    /// The client of the request.
    pub(super) fn client(&self) -> ClientAddress {
        self.exchange.client
    }

    /// The keep-alive timeout that the client was promised.
    pub(super) fn promised(&self) -> Duration {
        self.promised
    }

    /// When it has to make progress.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Call at its deadline: whether the client has acknowledged anything since the last check. With a slow client it
    /// may take long until the kernel calls the socket writable.
    pub(super) fn still_moves(&mut self, stream: &Stream, stall: Duration) -> bool {
        let left = stream.unacknowledged().ok();
        let moved = match (left, self.unacknowledged) {
            (Some(left), Some(before)) => left < before,
            // Nothing was tried yet: the server was late, not the client.
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.unacknowledged = left;
        self.deadline = Deadline::after(Instant::now(), stall);
        moved
    }

    /// How many descriptors it keeps open.
    pub(super) fn descriptors(&self) -> u32 {
        match &self.rest {
            Remainder::Streamed(encoder) => encoder.descriptors(),
            Remainder::Nothing | Remainder::Events(_) => u32::from(self.outgoing.has_file()),
        }
    }

    /// Ends a response that was sent or abandoned: logs it, and returns whether the connection is kept.
    pub(super) fn end(&mut self, state: &State) -> Persistence {
        let content_sent = self.outgoing.sent().saturating_sub(self.overhead);
        self.exchange.note(self.status, content_sent, state);
        let bytes = self.outgoing.take_bytes();
        if bytes.capacity() <= SPARE_LIMIT {
            SPARE.set(bytes);
        }
        self.exchange.persistence
    }
}

/// Whether this content may have to be read from a disk.
fn may_wait_for(known: &SizedContent) -> bool {
    match known {
        SizedContent::Parts(FileSource::Cached(entry), _) => entry.may_wait(),
        SizedContent::Parts(FileSource::File(_), _) => true,
        SizedContent::Empty | SizedContent::Bytes(_) => false,
    }
}

/// Appends content to the head; returns what has to be sent after `bytes` instead.
fn push_known(bytes: &mut Vec<u8>, known: SizedContent) -> Option<(OpenedFile, RangeParts)> {
    match known {
        SizedContent::Empty => None,
        SizedContent::Bytes(content) => {
            bytes.extend_from_slice(&content);
            None
        }
        SizedContent::Parts(FileSource::Cached(entry), parts) => match &entry.content {
            CachedContent::Bytes(content) => {
                for part in parts.iter() {
                    push_part(bytes, part, content);
                }
                None
            }
            CachedContent::File(file) => Some((Arc::clone(file), parts)),
        },
        SizedContent::Parts(FileSource::File(file), parts) => read_inline(bytes, file, parts),
    }
}

fn push_part(bytes: &mut Vec<u8>, part: &RangePart, content: &[u8]) {
    match part {
        RangePart::Frame(frame) => bytes.extend_from_slice(frame),
        // Always in bounds: the span was made for this content's length.
        RangePart::Content(span) => {
            bytes.extend_from_slice(&content[span.start() as usize..span.end() as usize]);
        }
    }
}

/// Appends a small file to the head; returns what has to be sent after `bytes` instead.
fn read_inline(bytes: &mut Vec<u8>, file: OpenedFile, parts: RangeParts) -> Option<(OpenedFile, RangeParts)> {
    let Some(span) = parts.single_span().filter(|span| span.length() <= CONTENT_LIMIT) else {
        return Some((file, parts));
    };
    let head = bytes.len();
    bytes.resize(head + span.length() as usize, 0);
    if file.read_exact_at(&mut bytes[head..], span.start()).is_ok() {
        return None;
    }
    // The file was truncated, or the disk fails: `sendfile` will fail too, and report it.
    bytes.truncate(head);
    Some((file, parts))
}
