//! TFTP: the same folder over UDP.
//!
//! One thread receives the requests, with one socket per address. Each request that may start a transfer gets a permit
//! (`sessions`) and its own socket and thread (`socket` says why). `transfer` handles the request, and the state
//! machines of [`tftp`](crate::tftp) do the rest. So this socket should only receive requests; other packets are
//! answered as RFC 1350 says, or ignored.

mod error_packet;
mod sessions;
mod socket;
mod transfer;

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, thread};

use self::sessions::{AdmitError, TftpSessions, TransferPermit};
use self::socket::TransferSocket;
use self::transfer::{Transfer, TransferOutcome};
use crate::net::datagrams::Datagrams;
use crate::net::listener::wait_for_any;
use crate::printable::Printable;
use crate::server::config::STACK;
use crate::server::runtime::Runtime;
use crate::server::timing::Active;
use crate::tftp::error::{ErrorCode, Fault};
use crate::tftp::packet::{MAX_REQUEST, Packet};

/// The log target for requests, the same as for HTTP.
const ACCESS: &str = "wharf::access";

/// How long receiving pauses after a failure: the system is out of memory and needs time to recover.
const PAUSE: Duration = Duration::from_millis(50);

/// After how long a repeated request is checked again. A client that has just acknowledged its last block may request
/// the same file again, from the same port, before the thread that served it has noticed.
const SECOND_LOOK: Duration = Duration::from_millis(10);

/// How often a repeated request is checked. On a busy machine, the thread of the first transfer may be late, and
/// without further checks, tftp-hpa's client would wait for five seconds. With more checks, a request that was
/// duplicated on the network would too often start a second transfer.
const LOOKS: u8 = 5;

/// How many repeated requests wait to be checked again. Well-behaved clients repeat a request about once a second.
const MOST_KNOWN: usize = 64;

/// A request; while it exists, the server is not idle.
struct PendingRequest {
    datagram: Vec<u8>,
    from: SocketAddr,
    /// The address that received the request.
    to: SocketAddr,
    active: Active,
    /// How many checks are left.
    looks: u8,
}

/// Accepts requests until the server stops, then waits until every transfer has ended.
pub(super) fn run(listeners: &[Datagrams], limit: usize, runtime: &Arc<Runtime>) {
    let state = &runtime.state;
    let sessions = TftpSessions::new(limit);
    let mut known = Vec::new();
    while state.stop.asked().is_none() {
        let sources = listeners.iter().map(AsFd::as_fd).chain([state.stop.as_fd()]);
        if let Err(error) = wait_for_any(sources, (!known.is_empty()).then_some(SECOND_LOOK)) {
            log::error!("cannot wait for datagrams: {error}");
            thread::sleep(PAUSE);
        }
        for pending in std::mem::take(&mut known) {
            known.extend(hear(pending, &sessions, runtime));
        }
        known.truncate(MOST_KNOWN);
        for listener in listeners {
            if let Err(error) = hear_all(listener, &sessions, runtime, &mut known) {
                log::error!("cannot receive on {}: {error}", listener.address());
                thread::sleep(PAUSE);
            }
        }
    }
    if !sessions.wait_until_empty(state.grace) {
        log::warn!("some TFTP transfers did not finish within {} s", state.grace.as_secs_f64());
    }
}

/// Receives requests, a bounded number at once so that every listener has its turn. Adds repeated requests to
/// `known`.
fn hear_all(
    listener: &Datagrams,
    sessions: &Arc<TftpSessions>,
    runtime: &Arc<Runtime>,
    known: &mut Vec<PendingRequest>,
) -> io::Result<()> {
    const AT_ONCE: usize = 64;
    // One byte more than the longest request, so that a longer one is noticed.
    let mut buffer = [0; MAX_REQUEST + 1];
    for _ in 0..AT_ONCE {
        // Before the request is received: a thread that finds the socket empty must find the server active.
        let active = runtime.state.idle.begin();
        if active.is_late() || runtime.state.stop.asked().is_some() {
            // Datagrams stay in the socket: if it is inherited, the next server receives them.
            break;
        }
        let Some(arrived) = listener.receive(&mut buffer)? else { break };
        // A broadcast request is not answered (RFC 1123 §4.2.3.5).
        let Some(to) = arrived.to else { continue };
        let datagram = buffer.get(..arrived.length).unwrap_or_default().to_vec();
        let pending = PendingRequest { datagram, from: arrived.from, to, active, looks: LOOKS };
        known.extend(hear(pending, sessions, runtime));
    }
    Ok(())
}

/// Parses a datagram, and starts a transfer if it requests one; returns a request whose transfer has already started.
fn hear(
    pending: PendingRequest,
    sessions: &Arc<TftpSessions>,
    runtime: &Arc<Runtime>,
) -> Option<PendingRequest> {
    let PendingRequest { from, to, .. } = pending;
    let fault = match Packet::parse(&pending.datagram) {
        Ok(request @ (Packet::Read(_) | Packet::Write(_))) => match sessions.admit(from, &pending.datagram) {
            Ok(permit) => {
                begin(pending, permit, runtime);
                return None;
            }
            // The answer is on its way, or will be repeated after a timeout. A write releases its permit before its
            // last ACK, so a repeated write request has been answered.
            Err(AdmitError::Known) if matches!(request, Packet::Write(_)) => return None,
            Err(AdmitError::Known) => {
                let looks = pending.looks.checked_sub(1)?;
                return Some(PendingRequest { looks, ..pending });
            }
            Err(AdmitError::Full) => busy("too many transfers"),
            Err(AdmitError::PeerHasMany) => busy("too many transfers from this client"),
        },
        // Errors are not answered (RFC 1350 §2).
        Ok(Packet::Error { .. }) => return None,
        Ok(_) => {
            Fault::new(ErrorCode::UnknownTransferId, "unknown transfer (send a read or write request first)")
        }
        Err(error) => error.answer()?,
    };
    log::debug!("refused a request from {from}: {fault}");
    if let Ok(socket) = TransferSocket::open(to, from, &runtime.state) {
        socket.refuse(&fault);
    }
    None
}

fn busy(what: &'static str) -> Fault {
    Fault::new(ErrorCode::NotDefined, format!("{what}; try again later"))
}

/// Starts the socket and the thread of a transfer.
fn begin(pending: PendingRequest, permit: TransferPermit, runtime: &Arc<Runtime>) {
    let runtime = Arc::clone(runtime);
    let PendingRequest { datagram, from, to, active, .. } = pending;
    let transfer = move || {
        let state = &runtime.state;
        match TransferSocket::open(to, from, state) {
            Ok(socket) => serve(&datagram, Transfer { state, socket, peer: from, permit, active }),
            Err(error) => log::error!("cannot open a socket to answer {from}: {error}"),
        }
    };
    let started = thread::Builder::new().name("tftp".into()).stack_size(STACK).spawn(transfer);
    if let Err(error) = started {
        log::error!("cannot start a thread to answer {from}: {error}");
    }
}

/// Runs the transfer that a request asks for, and writes the line of the access log.
fn serve(datagram: &[u8], transfer: Transfer<'_>) {
    let began = Instant::now();
    let (peer, state) = (transfer.peer, transfer.state);
    let (verb, name, outcome) = match &Packet::parse(datagram) {
        Ok(Packet::Read(request)) => ("RRQ", request.filename().to_vec(), transfer.read(request)),
        Ok(Packet::Write(request)) => ("WRQ", request.filename().to_vec(), transfer.write(request)),
        // Only requests get a permit.
        _ => return,
    };
    let TransferOutcome { ending, bytes, last_ack, permit } = outcome;
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    // The same format as for HTTP; no TFTP client has an account.
    let user = if state.accounts.is_some() { " -" } else { "" };
    log::info!(target: ACCESS, "{peer}{user} \"{verb} {}\" {ending}, {bytes} B {milliseconds:.1} ms", Printable(&name));
    if let Some(last_ack) = last_ack {
        last_ack.dally();
    }
    drop(permit);
}
