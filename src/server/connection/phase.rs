//! The states of a connection: each a type that owns what it needs, so that no state can have what another one has.

use std::time::Duration;

use crate::http::head_end::EndFinder;
use crate::server::connection::exchange::Exchange;
use crate::server::connection::outgoing::Outgoing;
use crate::server::connection::sending::Sending;
use crate::server::receive::Receiving;
use crate::server::timing::Deadline;

/// The state that a connection is in.
#[derive(Debug)]
pub enum Phase {
    /// Between two requests, or in the middle of a head.
    Head(WaitingForHead),
    /// The client is being told something before its body is read.
    GoOn(Box<GoingOn>),
    /// The body is coming.
    Body(Box<ReceivingBody>),
    /// The answer is on its way.
    Answer(Box<Sending>),
    /// The answer has been sent, and the connection is being closed.
    Linger(Lingering),
    /// Its job has it, or it is over.
    Away,
}

/// Waiting for a head, or for the rest of one.
#[derive(Debug, Default)]
pub struct WaitingForHead {
    /// Looks for its end.
    pub end: EndFinder,
    /// From the head's first byte on: when it has to be whole.
    pub deadline: Option<Deadline>,
    /// For how long the last answer said that the connection would be kept.
    pub promised: Duration,
}

/// An interim answer is being sent, as `100 Continue`; the body comes next, or the rest of it (RFC 9110 §15.2).
#[derive(Debug)]
pub struct GoingOn {
    /// The interim answer.
    pub outgoing: Outgoing,
    /// The request.
    pub exchange: Exchange,
    /// Where its body will go.
    pub receiving: Box<Receiving>,
    /// When the interim answer has to be gone.
    pub deadline: Deadline,
}

/// A body is being received.
#[derive(Debug)]
pub struct ReceivingBody {
    /// The request.
    pub exchange: Exchange,
    /// Where its body goes.
    pub receiving: Box<Receiving>,
    /// When the next byte has to be here.
    pub deadline: Deadline,
}

/// What the client still sends is thrown away, until it has seen the answer.
#[derive(Debug)]
pub struct Lingering {
    /// So many bytes at most.
    pub left: usize,
    /// Until then at most.
    pub deadline: Deadline,
}
