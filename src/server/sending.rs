//! An answer that is being sent: its head as it stands on the wire, and what remains to be done about it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::answer::{Answer, Content, Pieces, Source};
use super::exchange::Exchange;
use super::outgoing::{Outgoing, Progress};
use super::pages;
use super::shelf::{CONTENT_LIMIT, KeptContent};
use super::state::State;
use super::talk::Listening;
use super::timing::Deadline;
use crate::http::persistence::{Persistence, Why};
use crate::http::range::byteranges::Piece;
use crate::http::status::Status;
use crate::net::peer::Peer;
use crate::net::stream::Stream;

/// What a usual head takes, in bytes, so that its buffer is allocated once.
const USUAL_HEAD: usize = 512;

/// An answer, as far as it has not been sent.
#[derive(Debug)]
pub struct Sending {
    outgoing: Outgoing,
    /// Whether the disk may have to be waited for.
    may_wait: bool,
    status: Status,
    head_length: u64,
    exchange: Exchange,
    /// For how long its head says that the connection will be kept.
    promised: Duration,
    /// Who listens to what follows.
    listening: Option<Box<Listening>>,
    /// When the next byte has to be gone.
    deadline: Deadline,
    /// What the kernel had not got rid of when it was parked, in bytes.
    unacknowledged: Option<u64>,
}

impl Sending {
    /// Of an answer; `timeout` is for how long the connection will be kept.
    pub fn new(answer: Answer, mut exchange: Exchange, timeout: Duration, state: &State) -> Self {
        exchange.persistence = exchange.persistence.unless(state.stop.asked().is_some(), Why::Stopping);
        let answer = if exchange.to_browser { pages::for_people(answer) } else { answer };
        let Answer { head, content } = answer;
        let status = head.status();
        let is_endless = matches!(content, Content::Events(..));
        exchange.persistence = exchange.persistence.unless(is_endless, Why::Endless);
        let mut bytes = Vec::with_capacity(USUAL_HEAD);
        head.write(&mut bytes);
        push_line(&mut bytes, "Date", &httpdate::fmt_http_date(SystemTime::now()));
        push_connection(&mut bytes, &exchange, timeout);
        if !status.has_no_content() && !is_endless {
            push_line(&mut bytes, "Content-Length", &content.length().to_string());
        }
        bytes.extend_from_slice(b"\r\n");
        let head_length = bytes.len() as u64;
        let (mut may_wait, mut listening) = (false, None);
        let file = match content {
            _ if exchange.to_head || status.has_no_content() => None,
            Content::Empty => None,
            Content::Bytes(content) => {
                bytes.extend_from_slice(&content);
                None
            }
            Content::Events(listener, first) => {
                bytes.extend_from_slice(&first);
                listening = Some(listener);
                None
            }
            Content::Parts(Source::Kept(kept), pieces) => match &kept.content {
                KeptContent::Bytes(content) => {
                    for piece in &pieces {
                        push_piece(&mut bytes, piece, content);
                    }
                    None
                }
                KeptContent::File(file) => Some((Arc::clone(file), pieces)),
            },
            Content::Parts(Source::File(file), pieces) => {
                may_wait = true;
                read_inline(&mut bytes, file, pieces)
            }
        };
        let deadline = Deadline::after(Instant::now(), state.stall);
        let outgoing = Outgoing::new(bytes, file);
        Self {
            outgoing,
            may_wait,
            status,
            head_length,
            exchange,
            promised: timeout,
            listening,
            deadline,
            unacknowledged: None,
        }
    }

    /// Who listens to what follows, once all of this has been sent.
    pub fn take_listening(&mut self) -> Option<Box<Listening>> {
        self.listening.take()
    }

    /// Sends as much as there is room for and the turn's share allows.
    pub fn proceed(&mut self, stream: &Stream, share: &mut u64, state: &State) -> io::Result<Progress> {
        if self.may_wait {
            state.may_wait();
        }
        let before = self.outgoing.sent();
        let progress = self.outgoing.proceed(stream, share)?;
        if progress != Progress::Done {
            if self.outgoing.sent() > before {
                self.deadline = Deadline::after(Instant::now(), state.stall);
            }
            self.unacknowledged = stream.unacknowledged().ok();
        }
        Ok(progress)
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

    /// It has been sent, or given up: notes it, and says what becomes of the connection.
    pub fn end(self, peer: Peer, state: &State) -> Persistence {
        let content_sent = self.outgoing.sent().saturating_sub(self.head_length);
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

fn push_line(bytes: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        bytes.extend_from_slice(part.as_bytes());
    }
}

fn push_piece(bytes: &mut Vec<u8>, piece: &Piece, content: &[u8]) {
    match piece {
        Piece::Frame(frame) => bytes.extend_from_slice(frame),
        // Within by construction: the span was made for this content's length.
        Piece::Content(span) => bytes.extend_from_slice(&content[span.start() as usize..span.end() as usize]),
    }
}

/// Reads a small file behind the head; gives back what has to be sent after `bytes` instead.
fn read_inline(bytes: &mut Vec<u8>, file: Arc<File>, pieces: Pieces) -> Option<(Arc<File>, Pieces)> {
    let whole = match (pieces.front(), pieces.len()) {
        (Some(Piece::Content(span)), 1) if span.length() <= CONTENT_LIMIT => Some(*span),
        _ => None,
    };
    let Some(span) = whole else { return Some((file, pieces)) };
    let head = bytes.len();
    bytes.resize(head + span.length() as usize, 0);
    if file.read_exact_at(&mut bytes[head..], span.start()).is_ok() {
        return None;
    }
    // It is shorter by now, or the disk fails: `sendfile` will meet the same, and say so.
    bytes.truncate(head);
    Some((file, pieces))
}
