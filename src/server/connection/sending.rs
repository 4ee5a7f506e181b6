//! A response that is being sent: its head as bytes, and the content that follows.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use crate::http::body::Framing;
use crate::http::persistence::{CloseReason, Persistence};
use crate::http::status::Status;
use crate::net::transport::{OtherEnd, Transport};
use crate::server::connection::exchange::Exchange;
use crate::server::connection::outgoing::{Outgoing, Progress};
use crate::server::connection::own_lines::{OWN_LINES, push_framing, push_own_lines};
use crate::server::connection::send_buffer::SendBuffer;
use crate::server::connection::work::HALF_CLOSED;
use crate::server::content::{self, Content};
use crate::server::disk::Disk;
use crate::server::filter;
use crate::server::moment::Moment;
use crate::server::request::ClientAddress;
use crate::server::response::{Response, Then};
use crate::server::served_stream::ServedStream;
use crate::server::state::State;
use crate::server::timing::Deadline;

/// A buffer that is larger than this, in bytes, is freed after its response.
const SPARE_LIMIT: usize = 2 * content::SMALL as usize;

/// The unsent rest of a response.
#[derive(Debug)]
pub(super) struct Sending {
    outgoing: Outgoing,
    status: Status,
    exchange: Exchange,
    /// The keep-alive timeout that the head promises.
    promised: Duration,
    /// What follows `outgoing`.
    then: Then,
    send_buffer: SendBuffer,
    /// When the next byte has to be sent.
    deadline: Deadline,
    /// When bytes were sent last.
    moved: Moment,
    /// How many bytes the client had not acknowledged when the connection was parked.
    unacknowledged: Option<u64>,
}

thread_local! {
    /// The buffer of the last response, kept for the next: beyond a kilobyte, the allocator is slow.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Sending {
    /// Starts to send a response; `timeout` is how long the connection will be kept.
    pub(super) fn new(
        mut answer: Response,
        mut exchange: Exchange,
        timeout: Duration,
        state: &State,
    ) -> Self {
        // The server may have begun to stop since the request arrived.
        exchange.persistence = exchange.persistence.unless(state.stop.is_near(), CloseReason::Stopping);
        filter::apply(&exchange.wanted, &mut answer, state);
        let framing = answer.framing(exchange.version);
        let Response { head, content, then } = answer;
        let status = head.status();
        exchange.persistence =
            exchange.persistence.unless(framing == Framing::UntilClose, CloseReason::Endless);
        let has_content = !exchange.to_head && !status.has_no_content();
        let inline = match framing {
            Framing::Sized(length) if length <= content::SMALL && has_content => length as usize,
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
        let (content, framing, then) = if has_content {
            (content, framing, then)
        } else {
            (Content::default(), Framing::Empty, Then::Next)
        };
        let now = Moment::now();
        Self {
            outgoing: Outgoing::new(bytes, content, framing),
            status,
            exchange,
            promised: timeout,
            then,
            send_buffer: SendBuffer::default(),
            deadline: Deadline::after(now, state.stall),
            moved: now,
            unacknowledged: None,
        }
    }

    /// Whether a part was sent, and the credentials for the rest are no longer valid. The response to a request that
    /// ends its own session is still sent.
    pub(super) fn has_lost_rights(&self) -> bool {
        self.outgoing.sent() > 0 && self.exchange.has_lost_rights()
    }

    /// The event stream that follows, once everything before it has been sent.
    pub(super) fn take_events(&mut self) -> Option<Box<ServedStream>> {
        match std::mem::replace(&mut self.then, Then::Next) {
            Then::Subscribe(mut events) => {
                events.bind(self.exchange.credential.take());
                Some(events)
            }
            Then::Next => None,
        }
    }

    /// Sends as much as the socket and the turn's share allow.
    pub(super) fn proceed(
        &mut self,
        transport: &mut Transport,
        share: &mut u64,
        disk: &mut Disk,
        state: &State,
    ) -> io::Result<Progress> {
        let before = self.outgoing.sent();
        let progress = self.outgoing.proceed(transport, share, disk, state)?;
        if matches!(progress, Progress::WouldWait | Progress::TurnIsOver) {
            let (sent, left) = (self.outgoing.sent(), self.outgoing.left());
            self.send_buffer.adjust(transport, sent, left, &state.large_send_buffers);
            if sent > before {
                self.moved = Moment::now();
            } else if progress == Progress::TurnIsOver && self.has_gone(transport) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            // If nothing could be produced yet, the client is not to blame.
            if sent > before || progress == Progress::TurnIsOver {
                self.deadline = Deadline::after(Moment::now(), state.stall);
            }
            self.unacknowledged = transport.unacknowledged().ok();
        }
        Ok(progress)
    }

    /// Whether the client has closed the connection. While nothing is sent, as in a search that finds nothing, no failure to send
    /// shows it. A client that has only shut down its sending side looks the same, so it gets some time.
    fn has_gone(&self, transport: &Transport) -> bool {
        match transport.other_end() {
            OtherEnd::Open => false,
            OtherEnd::Ended => self.moved.elapsed() > HALF_CLOSED,
            OtherEnd::Gone => true,
        }
    }

    /// The keep-alive timeout that the client was promised.
    pub(super) fn promised(&self) -> Duration {
        self.promised
    }

    /// When it has to make progress.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Call at its deadline: whether the client has acknowledged anything since the last check. With a slow
    /// client it may take a long time until the kernel reports the socket as writable.
    pub(super) fn still_moves(&mut self, transport: &Transport, stall: Duration) -> bool {
        let left = transport.unacknowledged().ok();
        let moved = match (left, self.unacknowledged) {
            (Some(left), Some(before)) => left < before,
            // Nothing has been sent yet: the server was late, not the client.
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.unacknowledged = left;
        self.deadline = Deadline::after(Moment::now(), stall);
        moved
    }

    /// How many descriptors it keeps open.
    pub(super) fn descriptors(&self) -> u32 {
        self.outgoing.descriptors()
    }

    /// The client of the request.
    pub(super) fn client(&self) -> ClientAddress {
        self.exchange.client
    }

    /// Ends a response that was sent or abandoned: logs it, and returns whether the connection is kept.
    pub(super) fn end(&mut self, state: &State) -> Persistence {
        self.exchange.note(self.status, self.outgoing.content_sent(), state);
        let bytes = self.outgoing.take_bytes();
        if bytes.capacity() <= SPARE_LIMIT {
            SPARE.set(bytes);
        }
        self.exchange.persistence
    }
}
