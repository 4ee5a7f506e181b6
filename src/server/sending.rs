//! An answer that is being sent: its head as it stands on the wire, and what remains to be done about it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime};

use super::answer::{Answer, Content, Pieces};
use super::exchange::Exchange;
use super::outgoing::{Outgoing, Progress};
use crate::http::range::byteranges::Piece;
use crate::http::status::Status;
use crate::net::stream::Stream;

/// Up to so many bytes of a file are read and sent in one write with the head; beyond, `sendfile` costs less.
const INLINE_LIMIT: u64 = 16 * 1024;

/// What a usual head takes, in bytes, so that its buffer is allocated once.
const USUAL_HEAD: usize = 512;

/// An answer, as far as it has not been sent.
#[derive(Debug)]
pub struct Sending {
    outgoing: Outgoing,
    status: Status,
    head_length: u64,
    /// What it answers.
    pub exchange: Exchange,
}

impl Sending {
    /// Of an answer; `timeout` is for how long the connection will be kept.
    pub fn new(answer: Answer, exchange: Exchange, timeout: Duration) -> Self {
        let Answer { head, content } = answer;
        let status = head.status();
        let mut bytes = Vec::with_capacity(USUAL_HEAD);
        head.write(&mut bytes);
        push_line(&mut bytes, "Date", &httpdate::fmt_http_date(SystemTime::now()));
        push_connection(&mut bytes, &exchange, timeout);
        if !status.has_no_content() {
            push_line(&mut bytes, "Content-Length", &content.length().to_string());
        }
        bytes.extend_from_slice(b"\r\n");
        let head_length = bytes.len() as u64;
        let file = match content {
            _ if exchange.to_head || status.has_no_content() => None,
            Content::Empty => None,
            Content::Bytes(content) => {
                bytes.extend_from_slice(&content);
                None
            }
            Content::File(file, pieces) => read_inline(&mut bytes, file, pieces),
        };
        Self { outgoing: Outgoing::new(bytes, file), status, head_length, exchange }
    }

    /// Sends as much as there is room for and the turn's share allows.
    pub fn proceed(&mut self, stream: &Stream, share: &mut u64) -> io::Result<Progress> {
        self.outgoing.proceed(stream, share)
    }

    /// How many bytes have left, the head's included.
    pub fn sent(&self) -> u64 {
        self.outgoing.sent()
    }

    /// How many bytes of content have left.
    pub fn content_sent(&self) -> u64 {
        self.sent().saturating_sub(self.head_length)
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
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

/// Reads a small file behind the head; gives back what has to be sent after `bytes` instead.
fn read_inline(bytes: &mut Vec<u8>, file: File, pieces: Pieces) -> Option<(File, Pieces)> {
    let whole = match (pieces.front(), pieces.len()) {
        (Some(Piece::Content(span)), 1) if span.length() <= INLINE_LIMIT => Some(*span),
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
