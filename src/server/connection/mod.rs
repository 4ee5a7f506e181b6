//! One persistent connection: the only place that reads requests and writes responses.
//!
//! A connection is always in one state (`phase`). [`Connection::advance`] moves it as far as the socket allows.
//! Nothing here ever waits for a client: a connection that would wait is parked in its current state, with a
//! deadline.
//!
//! A connection of a proxy may begin with a header that names its client (`recv_proxy_header`), and one over TCP with a
//! TLS handshake (`start_tls`).
//!
//! ```text
//!         ┌─────────────────────────────────── keep ───────────────────────────────────┐
//!         ▼                                                                            │
//!   waiting for a head ──► (100 Continue) ──► receiving a body ──► [job] ──► sending an answer ──► closed
//!         └───────────────────────────────────────────────────────────────────►        └──► lingering ──┘
//! ```

pub(super) mod after_password;
mod client;
mod ending;
mod exchange;
pub(super) mod input;
mod judged;
mod outgoing;
mod own_lines;
mod phase;
mod recv_body;
mod recv_head;
mod recv_proxy_header;
mod run_job;
pub(super) mod send_buffer;
mod send_response;
mod sending;
mod start_tls;
pub(super) mod work;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::http::proxy_protocol::ProxySource;
use crate::net::poller::Interest;
use crate::net::transport::Transport;
use crate::server::accounts::PasswordCheck;
use crate::server::accounts::credential::Credential;
use crate::server::client_key::ClientKey;
use crate::server::connection::after_password::AfterPassword;
use crate::server::connection::exchange::Exchange;
use crate::server::connection::input::Input;
use crate::server::connection::phase::{Phase, WaitingForHead};
use crate::server::connection::sending::Sending;
use crate::server::connection::work::Work;
use crate::server::connections::tracked::Tracked;
use crate::server::connections::wait_for::WaitFor;
use crate::server::disk::Disk;
use crate::server::jobs::{JobKind, Jobs};
use crate::server::moment::Moment;
use crate::server::request::ClientAddress;
use crate::server::response::Response;
use crate::server::served_stream::ServedStream;
use crate::server::state::State;
use crate::server::tls::ClientCertificate;

/// How many bytes a connection may transfer in one turn before other connections get a turn; this takes two
/// milliseconds on loopback. Half as much made large files cost about 8 % more processor time; two or eight times as
/// much saved nothing.
const TURN: u64 = 2 << 20;

/// How many pipelined requests are answered in one turn.
const TURN_REQUESTS: u32 = 16;

/// How long a connection that is being closed stays readable, so that its client sees the response (RFC 9112 §9.6), and how
/// many bytes are read and discarded in that time. A client that is refused an upload may have sent as much as the buffers of
/// both sockets hold before it can see why: 10 MiB with the defaults of `tcp_rmem` and `tcp_wmem`.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_LIMIT: usize = 16 << 20;

/// Like [`LINGER_LIMIT`], for a refused piece of a resumable upload. It is small, because the client can ask for the
/// offset and continue even if it has not seen the response, and browsers read a response only after they have sent the
/// whole body.
const LINGER_PIECE: usize = 1 << 20;

/// A client's connection.
#[derive(Debug)]
pub(super) struct Connection {
    transport: Transport,
    /// The client of the proxy, if the PROXY header has been read. Boxed: most connections have none, and an
    /// idle one should be small.
    source: Option<Box<ProxySource>>,
    /// The certificate of its client, if it has presented one.
    certificate: Option<Box<ClientCertificate>>,
    /// The credential of the last request, for a next request with the same credentials.
    credential: Option<Arc<Credential>>,
    phase: Phase,
    /// Bytes that arrived but were not consumed before the connection was parked.
    unread: Box<[u8]>,
    /// Whether the connection was held back. If so, its next upload starts without a further delay.
    has_waited: bool,
    /// Whether it speaks plain HTTP to a port for TLS.
    is_exposed: bool,
}

/// What a worker lends to the connection that it serves.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub state: &'a State,
    pub input: &'a mut Input,
    /// The keep-alive timeout at this moment.
    pub timeout: Duration,
    /// Whether this thread may block on the disk.
    pub disk: Disk,
    /// Whether a request may open files now; otherwise it becomes a job, which waits until others are closed.
    pub may_open: bool,
    /// The job queue.
    pub jobs: &'a Jobs<Task>,
}

/// What happens to a connection after a turn.
#[derive(Debug)]
pub(super) enum AfterTurn {
    /// Park it.
    Park(WaitFor),
    /// The job owns it until the job is done. Boxed: every turn returns an `AfterTurn`, but few of these
    /// contain a job.
    Work(Box<Work>),
    /// It needs another turn, for this client, on a thread that may block.
    NeedsThread(ClientKey, JobKind),
    /// A password has to be checked.
    CheckPassword(Box<PasswordCheck>, AfterPassword),
    /// It starts an upload, but this client has too many jobs waiting, so the upload is delayed.
    HeldBack(ClientKey),
    /// The broadcaster owns it from now on.
    Subscribe(Box<ServedStream>),
    /// Close it.
    Close,
}

/// A connection in the job queue.
#[derive(Debug)]
pub(super) struct Task {
    pub tracked: Box<Tracked<Connection>>,
    /// The job to run; `None` for just another turn.
    pub work: Option<Box<Work>>,
}

/// A connection that waits for the check of a password.
#[derive(Debug)]
pub(super) struct PasswordTask {
    pub tracked: Box<Tracked<Connection>>,
    pub check: Box<PasswordCheck>,
    pub then: AfterPassword,
}

/// The result of one step.
enum Transition {
    Go(Phase),
    Wait(Phase, WaitFor),
    Work(Box<Work>),
    NeedsThread(Phase, ClientAddress, JobKind),
    CheckPassword(Box<PasswordCheck>),
    HeldBack(Phase, ClientAddress),
    Subscribe(Box<ServedStream>),
    Close,
}

/// What the connection may still use in this turn.
struct Share {
    bytes: u64,
    requests: u32,
}

impl Connection {
    /// A connection that has just been accepted. If it comes from a proxy, it may have to begin with a PROXY header.
    /// Over TCP, it may be over TLS.
    pub(super) fn new(transport: Transport, has_proxy_header: bool, has_tls: bool) -> Self {
        let phase =
            if has_proxy_header { Phase::RecvProxyHeader(None) } else { first_phase(&transport, has_tls) };
        Self {
            transport,
            source: None,
            certificate: None,
            credential: None,
            phase,
            unread: Box::default(),
            has_waited: false,
            is_exposed: false,
        }
    }

    pub(super) fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Lets its next upload start even if its client has too many jobs.
    pub(super) fn has_waited(&mut self) {
        self.has_waited = true;
    }

    /// How many descriptors it holds while parked, including its socket.
    pub(super) fn descriptors(&self) -> u32 {
        1 + match &self.phase {
            Phase::RecvBody(body) => body.receiving.descriptors(),
            Phase::SendInterim(sending) => sending.receiving.descriptors(),
            Phase::SendResponse(sending) => sending.descriptors(),
            Phase::RecvProxyHeader(_)
            | Phase::StartTls(_)
            | Phase::RecvHead(_)
            | Phase::Judged(_)
            | Phase::Linger(_)
            | Phase::Away => 0,
        }
    }

    /// Whether a response is to be sent.
    pub(super) fn has_response(&self) -> bool {
        matches!(self.phase, Phase::SendResponse(_))
    }

    /// Moves the connection as far as the socket allows.
    pub(super) fn advance(&mut self, turn: &mut Turn<'_>) -> AfterTurn {
        turn.input.load(&self.unread);
        let next = self.run(turn);
        self.unread = turn.input.unload();
        match next {
            AfterTurn::Park(wait_for) if self.is_overdue(wait_for) => self.expire(turn),
            // The transport still holds input or output, for which the poller reports no event.
            AfterTurn::Park(wait_for)
                if wait_for.interest != Interest::Nothing && self.transport.has_buffered() =>
            {
                AfterTurn::Park(wait_for.for_another_turn())
            }
            next => next,
        }
    }

    /// Whether the connection waits for input for longer than it may. The table does not notice this if the socket is
    /// readable all the time: over TLS, records without content may arrive.
    fn is_overdue(&self, wait_for: WaitFor) -> bool {
        self.transport.is_encrypted()
            && wait_for.interest != Interest::Writable
            && wait_for.deadline.is_over(Moment::now())
    }

    fn run(&mut self, turn: &mut Turn<'_>) -> AfterTurn {
        let mut share = Share { bytes: TURN, requests: TURN_REQUESTS };
        loop {
            let step = match std::mem::replace(&mut self.phase, Phase::Away) {
                Phase::RecvProxyHeader(deadline) => self.read_proxy_header(deadline, turn),
                Phase::StartTls(deadline) => self.start_tls(deadline, turn),
                Phase::RecvHead(waiting) => self.read_head(waiting, turn, &mut share),
                Phase::Judged(judged) => self.after_check(*judged, turn, &mut share),
                Phase::SendInterim(sending) => self.send_interim(sending, turn, &mut share),
                Phase::RecvBody(body) => self.receive(body, turn, &mut share),
                Phase::SendResponse(sending) => self.send_on(*sending, turn, &mut share),
                Phase::Linger(lingering) => self.linger(lingering, turn, &mut share),
                Phase::Away => Ok(Transition::Close),
            };
            match step {
                Ok(Transition::Go(phase)) => self.phase = phase,
                Ok(Transition::Wait(phase, wait_for)) => {
                    self.phase = phase;
                    return AfterTurn::Park(wait_for);
                }
                Ok(Transition::Work(work)) => return AfterTurn::Work(work),
                Ok(Transition::NeedsThread(phase, client, kind)) => {
                    self.phase = phase;
                    return AfterTurn::NeedsThread(client.key(), kind);
                }
                Ok(Transition::CheckPassword(check)) => {
                    return AfterTurn::CheckPassword(check, AfterPassword::Serve);
                }
                Ok(Transition::HeldBack(phase, client)) => {
                    self.phase = phase;
                    return AfterTurn::HeldBack(client.key());
                }
                Ok(Transition::Subscribe(events)) => return AfterTurn::Subscribe(events),
                Ok(Transition::Close) => return AfterTurn::Close,
                Err(error) => {
                    // Errors from the system are network errors, and invalid data means bad TLS records. All
                    // other errors are the server's own; they are worth a warning, because the client sees
                    // only a closed connection.
                    let is_clients =
                        error.raw_os_error().is_some() || error.kind() == io::ErrorKind::InvalidData;
                    let level = if is_clients { log::Level::Debug } else { log::Level::Warn };
                    log::log!(level, "connection to {} lost: {error}", self.peer());
                    return AfterTurn::Close;
                }
            }
        }
    }
}

/// The phase before the first request, after the header of a proxy. Unix-domain sockets need no TLS.
fn first_phase(transport: &Transport, has_tls: bool) -> Phase {
    match transport {
        Transport::Tcp(..) if has_tls => Phase::StartTls(None),
        _ => Phase::RecvHead(WaitingForHead::default()),
    }
}

fn responding(answer: Response, exchange: Exchange, turn: &Turn<'_>) -> Phase {
    Phase::SendResponse(Box::new(Sending::new(answer, exchange, turn.timeout, turn.state)))
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }
}

#[cfg(test)]
pub(super) mod tests;
