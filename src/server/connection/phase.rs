//! The states of a connection. Each is a type that owns what it needs, so that no state can access another's data.

use std::time::Duration;

use crate::http::body::Framing;
use crate::http::head_end::EndFinder;
use crate::http::status::Status;
use crate::server::connection::exchange::Exchange;
use crate::server::connection::outgoing::Outgoing;
use crate::server::connection::sending::Sending;
use crate::server::content::Content;
use crate::server::moment::Moment;
use crate::server::password_verdict::PasswordVerdict;
use crate::server::receive::Receiving;
use crate::server::request::ClientAddress;
use crate::server::timing::Deadline;

/// The state of a connection.
#[derive(Debug)]
pub(super) enum Phase {
    /// Before the PROXY header is complete. Holds its deadline, which is set when its first byte arrives.
    RecvProxyHeader(Option<Deadline>),
    /// Before the first byte, which decides whether the connection uses TLS, or during the handshake. Holds the
    /// deadline of the handshake.
    StartTls(Option<Deadline>),
    /// Between two requests, or while a head is incomplete.
    RecvHead(WaitingForHead),
    /// A password has been checked; a failure is not reported before it is due.
    Judged(Box<JudgedPassword>),
    /// An interim response is being sent before the body is read.
    SendInterim(Box<SendingInterim>),
    /// The body is being received.
    RecvBody(Box<ReceivingBody>),
    /// The response is being sent.
    SendResponse(Box<Sending>),
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
    /// When the head has to be complete; set when its first byte arrives.
    pub deadline: Option<Deadline>,
    /// Since when it has waited for the first byte. Over TLS, records may arrive that contain no byte of the
    /// head.
    pub idle_since: Option<Moment>,
    /// The keep-alive timeout that the last response promised.
    pub promised: Duration,
}

/// What follows a password check.
#[derive(Debug)]
pub(super) struct JudgedPassword {
    pub then: WhenDue,
    /// When the client may learn the result.
    pub due: Deadline,
    /// The client of the request.
    pub client: ClientAddress,
}

/// What follows, once it is due.
#[derive(Debug)]
pub(super) enum WhenDue {
    /// The request, whose head is in the input, is served with this verdict.
    Serve(PasswordVerdict),
    /// This response is sent.
    Send(Box<Sending>),
}

/// An interim response, such as `100 Continue`, is being sent; the body, or the rest of it, comes next (RFC 9110
/// §15.2).
#[derive(Debug)]
pub(super) struct SendingInterim {
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
    /// The maximum number of bytes that are discarded.
    pub left: usize,
    pub deadline: Deadline,
}

/// Receives the body. A client that waits for 100 Continue, and has not started to send, gets it first (RFC 9110
/// §10.1.1).
pub(super) fn expect_body(
    receiving: Box<Receiving>,
    exchange: Exchange,
    waits: bool,
    deadline: Deadline,
) -> Phase {
    let body = ReceivingBody { exchange, receiving, deadline };
    if !waits || body.receiving.is_done() {
        return Phase::RecvBody(Box::new(body));
    }
    send_interim(format!("HTTP/1.1 {}\r\n\r\n", Status::CONTINUE).into_bytes(), body)
}

/// Sends an interim response, then receives the rest of the body.
pub(super) fn send_interim(interim: Vec<u8>, body: ReceivingBody) -> Phase {
    let ReceivingBody { exchange, receiving, deadline } = body;
    let outgoing = Outgoing::new(interim, Content::default(), Framing::Empty);
    Phase::SendInterim(Box::new(SendingInterim { outgoing, exchange, receiving, deadline }))
}
