//! The socket of one transfer, which drives both state machines.
//!
//! A transfer has its own thread, so the code is a plain loop: ask the machine, send, wait. The thread may block on
//! the disk (a commit, a slow read) without delaying others; a single loop for all transfers would delay each of
//! them.

use std::io::{self, BufRead};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::Instant;

use super::sessions::TransferPermit;
use crate::net::datagrams::{answer_from, receive_now, receive_room};
use crate::net::spin_wait::SpinWait;
use crate::server::jobs::permits::Permits;
use crate::server::state::State;
use crate::stop::Stop;
use crate::tftp::error::{Ending, ErrorCode, Fault};
use crate::tftp::options::BlockSize;
use crate::tftp::packet::{MAX_REQUEST, Packet};
use crate::tftp::receive::{ReceiveAction, Receiver};
use crate::tftp::send::{SendAction, Sender};
use crate::tftp::timing::PacketDeadline;

/// Opcode and block number of a DATA packet, and one byte more, so that a longer packet is noticed.
const AROUND_BLOCK: usize = 5;

#[derive(Debug)]
pub(super) struct TransferSocket {
    socket: UdpSocket,
    peer: SocketAddr,
    stop: Stop,
    spin_wait: SpinWait,
    /// Permits for spin waits.
    spin_permits: Permits,
    buffer: Vec<u8>,
}

/// Where received bytes go.
pub(super) trait FileSink {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault>;
    /// The file is complete: commits it.
    fn commit(&mut self) -> Result<(), Fault>;
}

/// The result of waiting.
enum Received<'a> {
    Packet(Packet<'a>),
    /// From the peer, but not a valid packet.
    Nonsense(Fault),
    /// Nothing of interest; the deadline may have passed.
    Nothing,
    /// The server is shutting down.
    Stopped,
}

impl TransferSocket {
    /// Opens a new port at the requested address, for this peer.
    pub(super) fn open(from: SocketAddr, peer: SocketAddr, state: &State) -> io::Result<Self> {
        Ok(Self {
            socket: answer_from(from)?,
            peer,
            stop: state.stop.clone(),
            spin_wait: SpinWait::default(),
            spin_permits: state.spin_permits.clone(),
            buffer: Vec::new(),
        })
    }

    /// How many bytes may arrive in one burst.
    pub(super) fn room(&self) -> usize {
        receive_room(&self.socket).unwrap_or(0)
    }

    /// Refuses the peer's request.
    pub(super) fn refuse(&self, fault: &Fault) {
        let mut datagram = Vec::new();
        Packet::from_fault(fault).write(&mut datagram);
        self.send(&datagram);
    }

    /// Sends a file.
    pub(super) fn give(&mut self, mut sender: Sender<impl BufRead>, permit: &TransferPermit) -> Ending {
        // A sender receives only short packets: ACKs, errors, repeated requests.
        self.buffer.resize(MAX_REQUEST + 1, 0);
        let mut progress = 0;
        loop {
            if sender.progress() > progress {
                progress = sender.progress();
                self.spin_wait.progressed();
                permit.progressed();
            }
            let until = match sender.next_action() {
                SendAction::Send(datagram) => {
                    self.send(datagram);
                    continue;
                }
                SendAction::Wait(until) => until,
                SendAction::Over(ending) => return ending.clone(),
            };
            match self.hear(until) {
                Received::Packet(packet) => sender.on_packet(Instant::now(), &packet),
                Received::Nonsense(fault) => sender.abort(fault),
                Received::Nothing if permit.is_superseded() => return started_again(),
                Received::Nothing => sender.on_timeout(Instant::now()),
                Received::Stopped => sender.abort(leaving()),
            }
        }
    }

    /// Receives a file in blocks of this size, until it is complete and the last ACK has been sent, or until it fails.
    /// Calls `settled` once the file is committed, but before the last ACK is sent: the peer's next request may follow
    /// immediately.
    pub(super) fn take(
        &mut self,
        receiver: &mut Receiver,
        block: BlockSize,
        sink: &mut impl FileSink,
        permit: &TransferPermit,
        mut settled: impl FnMut(),
    ) -> Ending {
        self.buffer.resize((block.bytes() + AROUND_BLOCK).max(MAX_REQUEST + 1), 0);
        let mut progress = 0;
        loop {
            if receiver.progress() > progress {
                progress = receiver.progress();
                self.spin_wait.progressed();
                permit.progressed();
            }
            let until = match receiver.next_action() {
                ReceiveAction::Send(datagram) => {
                    self.send(datagram);
                    continue;
                }
                ReceiveAction::Commit => {
                    let outcome = sink.commit();
                    settled();
                    receiver.on_committed(Instant::now(), outcome);
                    continue;
                }
                ReceiveAction::Wait(until) => until,
                ReceiveAction::Dally(_) => return Ending::Complete,
                ReceiveAction::Over(ending) => return ending.clone(),
            };
            match self.hear(until) {
                Received::Packet(packet) => {
                    let written = sink.write(receiver.on_packet(Instant::now(), &packet));
                    if let Err(fault) = written {
                        receiver.abort(fault);
                    }
                }
                Received::Nonsense(fault) => receiver.abort(fault),
                Received::Nothing if permit.is_superseded() => return started_again(),
                Received::Nothing => receiver.on_timeout(Instant::now()),
                Received::Stopped => receiver.abort(leaving()),
            }
        }
    }

    /// Repeats the last ACK as long as the peer may not have received it.
    pub(super) fn dally(&mut self, receiver: &mut Receiver) {
        loop {
            let until = match receiver.next_action() {
                ReceiveAction::Send(datagram) => {
                    self.send(datagram);
                    continue;
                }
                ReceiveAction::Dally(until) => until,
                _ => return,
            };
            match self.hear(until) {
                // Repeated data: the file is complete.
                Received::Packet(packet) => {
                    let _ = receiver.on_packet(Instant::now(), &packet);
                }
                Received::Nothing => receiver.on_timeout(Instant::now()),
                Received::Nonsense(_) | Received::Stopped => return,
            }
        }
    }

    /// Sends a datagram. If sending fails, the datagram counts as lost: it is repeated, or the peer times out.
    fn send(&self, datagram: &[u8]) {
        if let Err(error) = self.socket.send_to(datagram, self.peer) {
            log::debug!("{}: cannot send: {error}", self.peer);
        }
    }

    /// Waits for a packet from the peer.
    fn hear(&mut self, until: PacketDeadline) -> Received<'_> {
        let left = until.remaining(Instant::now());
        if left.is_zero() {
            return Received::Nothing;
        }
        let sources = [self.socket.as_fd(), self.stop.as_fd()];
        let waited = self.spin_wait.wait(sources, left, || self.spin_permits.take());
        if self.stop.asked().is_some() {
            return Received::Stopped;
        }
        match waited.and_then(|_| receive_now(&self.socket, &mut self.buffer)) {
            Ok(Some((length, from))) if from == self.peer => self.read(length),
            Ok(Some((length, from))) => {
                self.correct(length, from);
                Received::Nothing
            }
            Ok(None) => Received::Nothing,
            Err(error) => Received::Nonsense(Fault::new(ErrorCode::NotDefined, error.to_string())),
        }
    }

    /// Parses a datagram from the peer.
    fn read(&self, length: usize) -> Received<'_> {
        let datagram = self.buffer.get(..length).unwrap_or_default();
        Packet::of_peer(datagram).map_or_else(Received::Nonsense, Received::Packet)
    }

    /// Tells another peer that this port is not for it.
    fn correct(&self, length: usize, stranger: SocketAddr) {
        let datagram = self.buffer.get(..length).unwrap_or_default();
        if let Some(answer) = Packet::answer_to_stranger(datagram) {
            let _ = self.socket.send_to(&answer, stranger);
        }
    }
}

/// The end of a transfer whose client has started it again. The client gets no packet: its port now belongs
/// to the new transfer.
fn started_again() -> Ending {
    Ending::Aborted(Fault::new(ErrorCode::NotDefined, "the client has started it again"))
}

/// The error that a peer gets at shutdown.
fn leaving() -> Fault {
    Fault::new(ErrorCode::NotDefined, "the server is shutting down")
}
