//! An answer that is being sent: its head as it stands on the wire, and what remains to be done about it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::http::body::Framing;
use crate::http::persistence::{CloseReason, Persistence};
use crate::http::range::byteranges::RangePart;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::net::stream::Stream;
use crate::server::body_source::{BodyEncoder, Encoded, EncodedChunk};
use crate::server::cache::{CONTENT_LIMIT, CachedContent};
use crate::server::chat::state::EventStream;
use crate::server::connection::exchange::Exchange;
use crate::server::connection::outgoing::{Outgoing, Progress};
use crate::server::connection::send_buffer::SendBuffer;
use crate::server::disk::Disk;
use crate::server::pages;
use crate::server::response::{Content, FileSource, RangeParts, Response, SizedContent};
use crate::server::state::State;
use crate::server::timing::Deadline;

/// What a usual head takes, in bytes, so that its buffer is allocated once.
const USUAL_HEAD: usize = 512;

/// An answer, as far as it has not been sent.
#[derive(Debug)]
pub struct Sending {
    outgoing: Outgoing,
    /// Whether the disk may have to be waited for.
    may_wait: bool,
    status: Status,
    /// How much of what has been handed to `outgoing` is not content: the head, and what frames chunks, in bytes.
    overhead: u64,
    exchange: Exchange,
    /// For how long its head says that the connection will be kept.
    promised: Duration,
    /// What follows what is on its way out.
    rest: Remainder,
    send_buffer: SendBuffer,
    /// When the next byte has to be gone.
    deadline: Deadline,
    /// What the kernel had not got rid of when it was parked, in bytes.
    unacknowledged: Option<u64>,
}

/// Who answers (RFC 9110 §10.2.4), without a version, which would tell attackers more than friends: a client of ours asks
/// only a wharf for what only a wharf has.
const NAME: &str = "wharf";

/// What follows the bytes that are on their way out.
#[derive(Debug)]
enum Remainder {
    /// Nothing.
    Nothing,
    /// What is made meanwhile.
    Streamed(BodyEncoder),
    /// The events that follow.
    Events(Box<EventStream>),
}

impl Sending {
    /// Of an answer; `timeout` is for how long the connection will be kept.
    pub fn new(answer: Response, mut exchange: Exchange, timeout: Duration, state: &State) -> Self {
        exchange.persistence =
            exchange.persistence.unless(state.stop.asked().is_some(), CloseReason::Stopping);
        let answer = if exchange.to_browser { pages::for_people(answer) } else { answer };
        let Response { head, content } = answer;
        let status = head.status();
        let framing = content.framing(exchange.version);
        exchange.persistence =
            exchange.persistence.unless(framing == Framing::UntilClose, CloseReason::Endless);
        let mut bytes = Vec::with_capacity(USUAL_HEAD);
        head.write(&mut bytes);
        push_line(&mut bytes, "Server", NAME);
        push_line(&mut bytes, "Date", &httpdate::fmt_http_date(SystemTime::now()));
        push_connection(&mut bytes, &exchange, timeout);
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

    /// The event stream that follows, once all of this has been sent.
    pub fn take_events(&mut self) -> Option<Box<EventStream>> {
        match std::mem::replace(&mut self.rest, Remainder::Nothing) {
            Remainder::Events(events) => Some(events),
            Remainder::Nothing | Remainder::Streamed(_) => None,
        }
    }

    /// Sends as much as there is room for and the turn's share allows.
    pub fn proceed(
        &mut self,
        stream: &Stream,
        share: &mut u64,
        disk: &mut Disk,
        state: &State,
    ) -> io::Result<Progress> {
        let before = self.outgoing.sent();
        let progress = loop {
            if self.may_wait(*share) && !disk.may_wait(state) {
                return Ok(Progress::NeedsDisk);
            }
            let progress = self.outgoing.proceed(stream, share)?;
            if progress != Progress::Done {
                break progress;
            }
            if let Some(progress) = self.produce(*share)? {
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
            // Where nothing could be made yet it is not the client who is slow.
            if self.outgoing.sent() > before || progress == Progress::TurnIsOver {
                self.deadline = Deadline::after(Instant::now(), state.stall);
            }
            self.unacknowledged = stream.unacknowledged().ok();
        }
        Ok(progress)
    }

    /// Whether the disk may have to be waited for. To hand the lead on for nothing costs a twentieth of a large answer, so a
    /// file is looked at first; what is made may open others.
    fn may_wait(&self, share: u64) -> bool {
        let is_made = matches!(self.rest, Remainder::Streamed(_));
        self.may_wait && (is_made || !self.outgoing.is_at_hand(share))
    }

    /// Once all is sent that there was: has more of it made, if that is how it goes on. `None` when that is to be sent.
    fn produce(&mut self, share: u64) -> io::Result<Option<Progress>> {
        let Remainder::Streamed(encoder) = &mut self.rest else { return Ok(Some(Progress::Done)) };
        if share == 0 {
            return Ok(Some(Progress::TurnIsOver));
        }
        match encoder.next()? {
            Encoded::Chunk(EncodedChunk { bytes, overhead, span }) => {
                self.overhead += overhead as u64;
                self.outgoing.go_on(bytes, span);
            }
            Encoded::Nothing => return Ok(Some(Progress::TurnIsOver)),
            Encoded::End(bytes) => {
                self.overhead += bytes.len() as u64;
                self.outgoing.go_on(bytes, None);
                self.rest = Remainder::Nothing;
            }
        }
        Ok(None)
    }

    /// For how long the client was told that the connection will be kept.
    pub fn promised(&self) -> Duration {
        self.promised
    }

    /// By when it has to get on.
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Asked at its deadline: whether the client has taken anything since the last look. A slow one may take long to
    /// make enough room for the kernel to call the socket writable.
    pub fn still_moves(&mut self, stream: &Stream, stall: Duration) -> bool {
        let left = stream.unacknowledged().ok();
        let moved = match (left, self.unacknowledged) {
            (Some(left), Some(before)) => left < before,
            // Nothing has been tried yet: it was we who took so long.
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.unacknowledged = left;
        self.deadline = Deadline::after(Instant::now(), stall);
        moved
    }

    /// How many descriptors it keeps open.
    pub fn descriptors(&self) -> u32 {
        match &self.rest {
            Remainder::Streamed(encoder) => encoder.descriptors(),
            Remainder::Nothing | Remainder::Events(_) => u32::from(self.outgoing.has_file()),
        }
    }

    /// It has been sent, or given up: notes it, and says what becomes of the connection.
    pub fn end(&self, peer: Peer, state: &State) -> Persistence {
        let content_sent = self.outgoing.sent().saturating_sub(self.overhead);
        self.exchange.note(peer, self.status, content_sent, state);
        self.exchange.persistence
    }
}

/// What the connection says of itself (RFC 9112 §9.3, §9.6; Keep-Alive: RFC 2068 §19.7.1).
fn push_connection(bytes: &mut Vec<u8>, exchange: &Exchange, timeout: Duration) {
    if !exchange.persistence.keeps() {
        return push_line(bytes, "Connection", "close");
    }
    push_line(bytes, "Connection", "keep-alive");
    // Rounded down: a client must not believe in a connection that has just been closed.
    push_line(bytes, "Keep-Alive", &format!("timeout={}", timeout.as_secs()));
}

/// Where the content ends (RFC 9112 §6.2); what goes on until the connection ends needs no word.
fn push_framing(bytes: &mut Vec<u8>, framing: Framing) {
    match framing {
        Framing::Empty => push_line(bytes, "Content-Length", "0"),
        Framing::Sized(length) => push_line(bytes, "Content-Length", &length.to_string()),
        Framing::Chunked => push_line(bytes, "Transfer-Encoding", "chunked"),
        Framing::UntilClose => {}
    }
}

fn push_line(bytes: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
}

/// Whether a disk may have to be waited for.
fn may_wait_for(known: &SizedContent) -> bool {
    match known {
        SizedContent::Parts(FileSource::Cached(entry), _) => entry.may_wait(),
        SizedContent::Parts(FileSource::File(_), _) => true,
        SizedContent::Empty | SizedContent::Bytes(_) => false,
    }
}

/// Puts content behind the head; gives back what has to be sent after `bytes` instead.
fn push_known(bytes: &mut Vec<u8>, known: SizedContent) -> Option<(Arc<File>, RangeParts)> {
    match known {
        SizedContent::Empty => None,
        SizedContent::Bytes(content) => {
            bytes.extend_from_slice(&content);
            None
        }
        SizedContent::Parts(FileSource::Cached(entry), parts) => match &entry.content {
            CachedContent::Bytes(content) => {
                for part in &parts {
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
        // Within by construction: the span was made for this content's length.
        RangePart::Content(span) => {
            bytes.extend_from_slice(&content[span.start() as usize..span.end() as usize]);
        }
    }
}

/// Reads a small file behind the head; gives back what has to be sent after `bytes` instead.
fn read_inline(bytes: &mut Vec<u8>, file: Arc<File>, parts: RangeParts) -> Option<(Arc<File>, RangeParts)> {
    let whole = match (parts.front(), parts.len()) {
        (Some(RangePart::Content(span)), 1) if span.length() <= CONTENT_LIMIT => Some(*span),
        _ => None,
    };
    let Some(span) = whole else { return Some((file, parts)) };
    let head = bytes.len();
    bytes.resize(head + span.length() as usize, 0);
    if file.read_exact_at(&mut bytes[head..], span.start()).is_ok() {
        return None;
    }
    // It is shorter by now, or the disk fails: `sendfile` will meet the same, and say so.
    bytes.truncate(head);
    Some((file, parts))
}
