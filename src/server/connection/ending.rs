//! How a connection ends before its time: its slot is needed, or a deadline is missed.

use std::time::Duration;

use crate::http::persistence::{CloseReason, Persistence};
use crate::http::status::Status;
use crate::net::transport::More;
use crate::server::connection::exchange::Exchange;
use crate::server::connection::phase::{Lingering, Phase, ReceivingBody, WaitingForHead};
use crate::server::connection::{AfterTurn, Connection, LINGER, LINGER_LIMIT, Transition, Turn, responding};
use crate::server::connections::wait_for::WaitFor;
use crate::server::moment::Moment;
use crate::server::request::ClientAddress;
use crate::server::response::Response;
use crate::server::timing::Deadline;

impl Connection {
    /// Starts to close the connection to free its slot. The client can still read the reason: it gets this response if
    /// no other response has begun, and further input is read and discarded for a moment. Before the end of a TLS
    /// handshake, it sees a stream that ends, not a reset. Returns what to wait for; `None` if the connection can be
    /// closed at once.
    pub(in crate::server) fn turn_away(&mut self, answer: &[u8]) -> Option<WaitFor> {
        match std::mem::replace(&mut self.phase, Phase::Away) {
            // A client that has had a response knows that an idle connection may be closed.
            Phase::RecvHead(WaitingForHead { promised, .. }) if promised > Duration::ZERO => {}
            // Away: the job has not started.
            Phase::RecvProxyHeader(_)
            | Phase::RecvHead(_)
            | Phase::Judged(_)
            | Phase::RecvBody(_)
            | Phase::Away => {
                drop(self.transport.write(answer, More::Ends));
                drop(self.transport.flush());
            }
            // TLS has no alert for a busy server. Clients would take any alert for a TLS error, and many
            // would not retry.
            Phase::StartTls(_) => {}
            Phase::SendInterim(_) | Phase::SendResponse(_) | Phase::Linger(_) => return None,
        }
        let lingering = self.end_sending(LINGER_LIMIT)?;
        let deadline = lingering.deadline;
        self.unread = Box::default();
        self.phase = Phase::Linger(lingering);
        Some(WaitFor::readable(deadline))
    }

    /// Ends the outgoing stream. Closing the connection while the client still sends would reset it and lose the
    /// response. So input is read and discarded for a moment, up to this many bytes. `None` if the connection is
    /// broken.
    pub(super) fn end_sending(&mut self, most: usize) -> Option<Lingering> {
        self.transport.end_sending().ok()?;
        Some(Lingering { left: most, deadline: Deadline::after(Moment::now(), LINGER) })
    }

    /// Whether the current response or upload has lost its rights: the session, token or link has ended, or the user
    /// was changed.
    pub(in crate::server) fn has_lost_rights(&self) -> bool {
        match &self.phase {
            Phase::SendResponse(sending) => sending.has_lost_rights(),
            Phase::RecvBody(body) => body.exchange.has_lost_rights(),
            _ => false,
        }
    }

    /// Handles a missed deadline: closes the connection, with an error response if a request has begun.
    pub(in crate::server) fn expire(&mut self, turn: &mut Turn<'_>) -> AfterTurn {
        let now = Moment::now();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Away) {
            Phase::RecvHead(WaitingForHead { deadline: Some(_), .. }) => {
                let exchange = Exchange::of_no_head(
                    &self.unread,
                    ClientAddress::of_peer(self.peer()),
                    CloseReason::TimedOut,
                    now,
                    turn.state,
                );
                responding(too_late("the request did not arrive in time"), exchange, turn)
            }
            // Only the interim response of this upload is due. A worker first reads all the content that has arrived,
            // and then sends that response.
            Phase::RecvBody(body) if !body.deadline.is_over(now) => {
                let wait_for = WaitFor::writable(body.deadline);
                self.phase = Phase::RecvBody(body);
                return AfterTurn::Park(wait_for);
            }
            Phase::RecvBody(body) => {
                let ReceivingBody { mut exchange, .. } = *body;
                exchange.persistence = Persistence::Close(CloseReason::TimedOut);
                responding(too_late("the request body stalled"), exchange, turn)
            }
            Phase::SendResponse(mut sending) => {
                if sending.still_moves(&self.transport, turn.state.stall) {
                    let wait_for = WaitFor::writable(sending.deadline());
                    self.phase = Phase::SendResponse(sending);
                    return AfterTurn::Park(wait_for);
                }
                log::debug!("{} stopped reading its response", sending.client());
                sending.end(turn.state);
                return AfterTurn::Close;
            }
            Phase::RecvProxyHeader(deadline) => {
                if deadline.is_some() {
                    log::warn!("closed {}: its PROXY header did not arrive in time", self.peer());
                }
                return AfterTurn::Close;
            }
            Phase::StartTls(deadline) => {
                if deadline.is_some() {
                    log::debug!("closed {}: its TLS handshake did not end in time", self.peer());
                }
                return AfterTurn::Close;
            }
            // The response is due now.
            judged @ Phase::Judged(_) => judged,
            phase @ (Phase::RecvHead(_) | Phase::SendInterim(_) | Phase::Linger(_) | Phase::Away) => {
                self.phase = phase;
                return AfterTurn::Close;
            }
        };
        self.advance(turn)
    }
}

/// What comes after the end of the outgoing stream.
impl From<Option<Lingering>> for Transition {
    fn from(lingering: Option<Lingering>) -> Self {
        lingering.map_or(Self::Close, |lingering| Self::Go(Phase::Linger(lingering)))
    }
}

fn too_late(what: &str) -> Response {
    Response::text(Status::REQUEST_TIMEOUT, format_args!("{what}\n"))
}
