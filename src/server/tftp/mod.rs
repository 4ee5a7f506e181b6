//! TFTP: the same folder over UDP.
//!
//! One thread hears the requests, at one socket an address. Each that may begin a transfer gets a permit (`sessions`), a
//! socket and a thread of its own (`socket` says why); `transfer` says what it leads to, and the machines of the room
//! [`tftp`](crate::tftp) do the rest. So a request is all that this socket ever receives, and whatever else does is
//! answered as RFC 1350 says, or not at all.

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
use super::timing::Active;
use super::{GRACE, STACK, Shared};
use crate::net::datagrams::Datagrams;
use crate::net::listener::wait_for_any;
use crate::printable::Printable;
use crate::tftp::error::{ErrorCode, Fault};
use crate::tftp::packet::{MAX_REQUEST, Packet};

/// The log's target for requests, as over HTTP.
const ACCESS: &str = "wharf::access";

/// How long hearing pauses when it fails: the system is out of memory, and has to get over it.
const PAUSE: Duration = Duration::from_millis(50);

/// After how long a request that is known already is looked at again. A client that has just acknowledged its last
/// block may ask for the same file again, from the same port, before the thread that served it has noticed.
const SECOND_LOOK: Duration = Duration::from_millis(10);

/// How often it is looked at again: a busy machine may take a while to let that thread run, and a client of tftp-hpa would
/// repeat its request after five seconds only. More, and a request that was doubled on its way would too often begin a
/// transfer of its own.
const LOOKS: u8 = 5;

/// How many such requests wait to be looked at again. Honest clients ask again about once a second.
const MOST_KNOWN: usize = 64;

/// A request, and while it is held, the server is not idle.
struct PendingRequest {
    datagram: Vec<u8>,
    from: SocketAddr,
    /// The address at which they asked.
    to: SocketAddr,
    active: Active,
    /// How often it may be looked at yet.
    looks: u8,
}

/// Takes requests until the server stops, and then waits until every transfer has ended.
pub fn run(listeners: &[Datagrams], limit: usize, shared: &Arc<Shared>) {
    let state = &shared.state;
    let sessions = TftpSessions::new(limit);
    let mut known = Vec::new();
    while state.stop.asked().is_none() {
        let sources = listeners.iter().map(AsFd::as_fd).chain([state.stop.as_fd()]);
        if let Err(error) = wait_for_any(sources, (!known.is_empty()).then_some(SECOND_LOOK)) {
            log::error!("cannot wait for datagrams: {error}");
            thread::sleep(PAUSE);
        }
        for pending in std::mem::take(&mut known) {
            known.extend(hear(pending, &sessions, shared));
        }
        known.truncate(MOST_KNOWN);
        for listener in listeners {
            if let Err(error) = hear_all(listener, &sessions, shared, &mut known) {
                log::error!("cannot receive on {}: {error}", listener.address());
                thread::sleep(PAUSE);
            }
        }
    }
    if !sessions.wait_until_empty(GRACE) {
        log::warn!("some TFTP transfers did not finish within {} s", GRACE.as_secs());
    }
}

/// Hears whoever asks, a bounded number at once so that every listener has its turn. Requests that are known already come
/// into `known`.
fn hear_all(
    listener: &Datagrams,
    sessions: &Arc<TftpSessions>,
    shared: &Arc<Shared>,
    known: &mut Vec<PendingRequest>,
) -> io::Result<()> {
    const AT_ONCE: usize = 64;
    // One byte more than a request may have, by which one that is too long is seen.
    let mut buffer = [0; MAX_REQUEST + 1];
    for _ in 0..AT_ONCE {
        // Before it is received: whoever looks at the socket and finds nothing must find this.
        let active = shared.state.idle.begin();
        if active.is_late() || shared.state.stop.asked().is_some() {
            // What has arrived stays there: where it is inherited, the next server finds it.
            break;
        }
        let Some(arrived) = listener.receive(&mut buffer)? else { break };
        // A request to everybody is nobody's to answer (RFC 1123 §4.2.3.5).
        let Some(to) = arrived.to else { continue };
        let datagram = buffer.get(..arrived.length).unwrap_or_default().to_vec();
        let pending = PendingRequest { datagram, from: arrived.from, to, active, looks: LOOKS };
        known.extend(hear(pending, sessions, shared));
    }
    Ok(())
}

/// Finds out what a datagram is, and begins a transfer where it asks for one; gives it back if it has begun one already.
fn hear(
    pending: PendingRequest,
    sessions: &Arc<TftpSessions>,
    shared: &Arc<Shared>,
) -> Option<PendingRequest> {
    let PendingRequest { from, to, .. } = pending;
    let fault = match Packet::parse(&pending.datagram) {
        Ok(request @ (Packet::Read(_) | Packet::Write(_))) => match sessions.admit(from, &pending.datagram) {
            Ok(permit) => {
                begin(pending, permit, shared);
                return None;
            }
            // What answers it is on its way, or will be repeated by time. A write gives up its permit before its last
            // word, so whoever asks for the same one again has been heard.
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
    if let Ok(socket) = TransferSocket::open(to, from, &shared.state) {
        socket.refuse(&fault);
    }
    None
}

fn busy(what: &'static str) -> Fault {
    Fault::new(ErrorCode::NotDefined, format!("{what}; try again later"))
}

/// Gives a transfer its socket and its thread.
fn begin(pending: PendingRequest, permit: TransferPermit, shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let PendingRequest { datagram, from, to, active, .. } = pending;
    let transfer = move || {
        let state = &shared.state;
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

/// Makes the transfer that a request asks for, and writes the line of the access log.
fn serve(datagram: &[u8], transfer: Transfer<'_>) {
    let began = Instant::now();
    let peer = transfer.peer;
    let (verb, name, outcome) = match &Packet::parse(datagram) {
        Ok(Packet::Read(request)) => ("RRQ", request.filename().to_vec(), transfer.read(request)),
        Ok(Packet::Write(request)) => ("WRQ", request.filename().to_vec(), transfer.write(request)),
        // Only requests get a permit.
        _ => return,
    };
    let TransferOutcome { ending, bytes, last_ack, permit } = outcome;
    let milliseconds = began.elapsed().as_secs_f64() * 1000.0;
    log::info!(target: ACCESS, "{peer} \"{verb} {}\" {ending}, {bytes} B {milliseconds:.1} ms", Printable(&name));
    if let Some(last_ack) = last_ack {
        last_ack.dally();
    }
    drop(permit);
}
