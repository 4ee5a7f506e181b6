//! The states of a connection. Each is a type that owns what it needs, so that no state can access another's data.

use std::time::Duration;

use crate::http::head_end::EndFinder;
use crate::server::connection::exchange::Exchange;
use crate::server::connection::outgoing::Outgoing;
use crate::server::connection::sending::Sending;
use crate::server::receive::Receiving;
use crate::server::timing::Deadline;

/// The state of a connection.
#[derive(Debug)]
pub(super) enum Phase {
    /// Between two requests, or within a head.
    Head(WaitingForHead),
    /// An interim response is being sent before the body is read.
    GoOn(Box<GoingOn>),
    /// The body is being received.
    Body(Box<ReceivingBody>),
    /// The response is being sent.
    Answer(Box<Sending>),
    /// The response has been sent, and the connection is being closed.
    Linger(Lingering),
    /// A job owns it, or it is closed.
    Away,
}

/// Waiting for a head, or for the rest of one.
#[derive(Debug, Default)]
pub(super) struct WaitingForHead {
    /// Finds the end of the head.
    pub end: EndFinder,
    /// When the head has to be complete; set with its first byte.
    pub deadline: Option<Deadline>,
    /// The keep-alive timeout that the last response promised.
    pub promised: Duration,
}

/// An interim response, such as `100 Continue`, is being sent; the body, or the rest of it, comes next (RFC 9110
/// §15.2).
#[derive(Debug)]
pub(super) struct GoingOn {
    pub outgoing: Outgoing,
    /// The request.
    pub exchange: Exchange,
    /// Where its body will go.
    pub receiving: Box<Receiving>,
    /// When the interim response has to be sent.
    pub deadline: Deadline,
}

#[derive(Debug)]
pub(super) struct ReceivingBody {
    /// The request.
    pub exchange: Exchange,
    /// Where its body goes.
    pub receiving: Box<Receiving>,
    /// When the next byte has to arrive.
    pub deadline: Deadline,
}

/// Input is read and discarded until the client has seen the response.
#[derive(Debug)]
pub(super) struct Lingering {
    /// How many bytes are discarded at most.
    pub left: usize,
    pub deadline: Deadline,
}
