//! The socket of one transfer, and both machines driven over it.
//!
//! A transfer has a thread of its own, and reads as what it is: ask the machine, say what it says, wait. The thread may
//! wait for the disk (a commit, a slow read) and nobody else does; in one loop for all transfers, each would be late for
//! all others.

use std::io::{self, BufRead};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::Instant;

use crate::net::datagrams::{answer_from, receive_now, receive_room};
use crate::net::spin_wait::SpinWait;
use crate::server::permits::Permits;
use crate::server::state::State;
use crate::stop::Stop;
use crate::tftp::error::{Ending, ErrorCode, Fault};
use crate::tftp::options::BlockSize;
use crate::tftp::packet::{MAX_REQUEST, Packet};
use crate::tftp::receive::{ReceiveAction, Receiver};
use crate::tftp::send::{SendAction, Sender};
use crate::tftp::timing::PacketDeadline;

/// Opcode and block number of a DATA packet, and one byte more, by which one that is too long is seen.
const AROUND_BLOCK: usize = 5;

/// One transfer's socket.
#[derive(Debug)]
pub struct TransferSocket {
    socket: UdpSocket,
    peer: SocketAddr,
    stop: Stop,
    spin_wait: SpinWait,
    /// For staying awake.
    spin_permits: Permits,
    buffer: Vec<u8>,
}

/// Where the bytes that are received go.
pub trait FileSink {
    /// Takes the next bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault>;
    /// The file is whole: makes it appear.
    fn commit(&mut self) -> Result<(), Fault>;
}

/// What came of waiting.
enum Received<'a> {
    Packet(Packet<'a>),
    /// From the peer, and no packet.
    Nonsense(Fault),
    /// Nothing that matters; perhaps the time is over.
    Nothing,
    /// The server leaves.
    Stopped,
}

impl TransferSocket {
    /// A port of its own at the address that was asked, to talk with this peer.
    pub fn open(from: SocketAddr, peer: SocketAddr, state: &State) -> io::Result<Self> {
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
    pub fn room(&self) -> usize {
        receive_room(&self.socket).unwrap_or(0)
    }

    /// Refuses what the peer asked for.
    pub fn refuse(&self, fault: &Fault) {
        let mut datagram = Vec::new();
        Packet::from_fault(fault).write(&mut datagram);
        self.send(&datagram);
    }

    /// Gives a file away.
    pub fn give(&mut self, mut sender: Sender<impl BufRead>) -> Ending {
        // What comes to a sender is short: ACKs, errors, the request again.
        self.buffer.resize(MAX_REQUEST + 1, 0);
        loop {
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
                Received::Nothing => sender.on_timeout(Instant::now()),
                Received::Stopped => sender.abort(leaving()),
            }
        }
    }

    /// Takes a file in, in blocks of this size, until it has come and the last ACK is out, or cannot come any more.
    /// `settled` hears of it once the file is there, before the peer does: the next request may follow at once.
    pub fn take(
        &mut self,
        receiver: &mut Receiver,
        block: BlockSize,
        sink: &mut impl FileSink,
        mut settled: impl FnMut(),
    ) -> Ending {
        self.buffer.resize((block.bytes() + AROUND_BLOCK).max(MAX_REQUEST + 1), 0);
        loop {
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
                Received::Nothing => receiver.on_timeout(Instant::now()),
                Received::Stopped => receiver.abort(leaving()),
            }
        }
    }

    /// Waits for as long as the peer may not have heard the last ACK, and repeats it for them.
    pub fn dally(&mut self, receiver: &mut Receiver) {
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
                // It brings nothing new: the file is whole.
                Received::Packet(packet) => {
                    let _ = receiver.on_packet(Instant::now(), &packet);
                }
                Received::Nothing => receiver.on_timeout(Instant::now()),
                Received::Nonsense(_) | Received::Stopped => return,
            }
        }
    }

    /// Sends a datagram. One that cannot be sent counts as lost: it is repeated, or the peer gives up.
    fn send(&self, datagram: &[u8]) {
        if let Err(error) = self.socket.send_to(datagram, self.peer) {
            log::debug!("{}: cannot send: {error}", self.peer);
        }
    }

    /// Waits for a packet of the peer.
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

    /// What the peer's datagram says.
    fn read(&self, length: usize) -> Received<'_> {
        let datagram = self.buffer.get(..length).unwrap_or_default();
        Packet::of_peer(datagram).map_or_else(Received::Nonsense, Received::Packet)
    }

    /// Tells a stranger that this port is not for them.
    fn correct(&self, length: usize, stranger: SocketAddr) {
        let datagram = self.buffer.get(..length).unwrap_or_default();
        if let Some(answer) = Packet::answer_to_stranger(datagram) {
            let _ = self.socket.send_to(&answer, stranger);
        }
    }
}

/// What a peer is told when the server leaves.
fn leaving() -> Fault {
    Fault::new(ErrorCode::NotDefined, "the server is shutting down")
}
