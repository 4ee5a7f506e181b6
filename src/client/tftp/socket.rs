//! The socket of a transfer, and the loops that drive the state machines.

use std::io::{BufRead, ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use socket2::SockRef;

use super::open_transfer::OpenTransfer;
use crate::client::error::ClientError;
use crate::net::datagrams::{hear_of_errors, receive_now, take_errors};
use crate::net::spin_wait::SpinWait;
use crate::tftp::error::{Ending, ErrorCode, Fault};
use crate::tftp::packet::{MAX_PACKET, Packet};
use crate::tftp::receive::{ReceiveAction, Receiver};
use crate::tftp::send::{SendAction, Sender};
use crate::tftp::timing::PacketDeadline;

/// The receive buffer of the socket, in bytes, for a window that arrives in one burst.
const RECEIVE_BUFFER: usize = 1 << 20;

/// One transfer's socket.
#[derive(Debug)]
pub(super) struct ClientSocket {
    transfer: Arc<OpenTransfer>,
    spin_wait: SpinWait,
    buffer: Vec<u8>,
    /// Whether the server's first packet was an error that it may have sent because of the options; `None` before.
    refused_options: Option<bool>,
}

impl ClientSocket {
    /// Opens a socket for a request to this server.
    pub(super) fn open(server: SocketAddr) -> Result<Self, ClientError> {
        let open = || {
            let here: SocketAddr = match server {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(here)?;
            hear_of_errors(&socket);
            let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER);
            Ok(socket)
        };
        let socket = open().map_err(ClientError::Broken)?;
        let transfer = OpenTransfer::new(socket, server);
        let (spin_wait, buffer) = (SpinWait::default(), vec![0; MAX_PACKET + 1]);
        Ok(Self { transfer, spin_wait, buffer, refused_options: None })
    }

    /// Whether the server's first packet was an error that it may have sent because of the options (RFC 2347). A server
    /// older than that RFC may take the request for malformed.
    pub(super) fn has_refused_options(&self) -> bool {
        self.refused_options == Some(true)
    }

    /// Sends a file.
    pub(super) fn give(&mut self, mut sender: Sender<impl BufRead>) -> Result<(), ClientError> {
        let mut progress = 0;
        loop {
            if sender.progress() > progress {
                progress = sender.progress();
                self.spin_wait.progressed();
            }
            let until = match sender.next_action() {
                SendAction::Send(datagram) => {
                    self.transfer.send(datagram);
                    continue;
                }
                SendAction::Wait(until) => until,
                SendAction::Over(ending) => return ended(ending),
            };
            match self.hear(until)? {
                Some(Ok(packet)) => sender.on_packet(Instant::now(), &packet),
                Some(Err(fault)) => sender.abort(fault),
                None => sender.on_timeout(Instant::now()),
            }
        }
    }

    /// Receives a file into `into`; `what` is its name in errors. Does not stay to repeat the last ACK: the user waits, and
    /// the server has sent the whole file.
    pub(super) fn take(
        &mut self,
        mut receiver: Receiver,
        into: &mut impl Write,
        what: &Path,
    ) -> Result<(), ClientError> {
        let (mut failed, mut progress) = (None, 0);
        loop {
            if receiver.progress() > progress {
                progress = receiver.progress();
                self.spin_wait.progressed();
            }
            let until = match receiver.next_action() {
                ReceiveAction::Send(datagram) => {
                    self.transfer.send(datagram);
                    continue;
                }
                ReceiveAction::Commit => {
                    let flushed = into.flush().map_err(|error| local(&mut failed, what, error));
                    receiver.on_committed(Instant::now(), flushed);
                    continue;
                }
                ReceiveAction::Wait(until) => until,
                ReceiveAction::Dally(_) => return Ok(()),
                ReceiveAction::Over(ending) => return failed.map_or_else(|| ended(ending), Err),
            };
            match self.hear(until)? {
                Some(Ok(packet)) => {
                    let written = into.write_all(receiver.on_packet(Instant::now(), &packet));
                    if let Err(error) = written {
                        receiver.abort(local(&mut failed, what, error));
                    }
                }
                Some(Err(fault)) => receiver.abort(fault),
                None => receiver.on_timeout(Instant::now()),
            }
        }
    }

    /// Waits for a packet from the server; an error is the fault to answer with.
    fn hear(&mut self, until: PacketDeadline) -> Result<Option<Result<Packet<'_>, Fault>>, ClientError> {
        let left = until.remaining(Instant::now());
        let waited = self.spin_wait.wait([self.transfer.socket.as_fd()], left, || Some(()));
        waited.map_err(ClientError::Broken)?;
        let Some((length, from)) = self.receive()? else { return Ok(None) };
        let peer = self.transfer.peer();
        let is_peer = match peer {
            Some(peer) => peer == from,
            None => from.ip() == self.transfer.server.ip().to_canonical(),
        };
        let datagram = self.buffer.get(..length).unwrap_or_default();
        if !is_peer {
            // If a server has received the request twice, it starts two transfers. It aborts the one that gets this
            // answer.
            if let Some(answer) = Packet::answer_to_stranger(datagram).filter(|_| peer.is_some()) {
                let _ = self.transfer.socket.send_to(&answer, from);
            }
            return Ok(None);
        }
        self.transfer.answered(from);
        let packet = Packet::of_peer(datagram);
        self.refused_options.get_or_insert_with(|| {
            let refusals = [ErrorCode::OptionNegotiation, ErrorCode::IllegalOperation];
            matches!(&packet, Ok(Packet::Error { code, .. }) if refusals.contains(code))
        });
        Ok(Some(packet))
    }
}

impl ClientSocket {
    /// The next datagram, if there is one. If the server's port is closed, the transfer fails, unless the server sent
    /// something before it closed the port. Other network errors are ignored: they pass, or the timeout ends the transfer.
    fn receive(&mut self) -> Result<Option<(usize, SocketAddr)>, ClientError> {
        let error = match receive_now(&self.transfer.socket, &mut self.buffer) {
            Ok(arrived) => return Ok(arrived),
            Err(error) => error,
        };
        let server = self.transfer.peer().unwrap_or(self.transfer.server);
        let is_server = |to: &SocketAddr| (to.ip(), to.port()) == (server.ip().to_canonical(), server.port());
        let is_about_server = take_errors(&self.transfer.socket).iter().any(is_server);
        if error.kind() != ErrorKind::ConnectionRefused || !is_about_server {
            return Ok(None);
        }
        match receive_now(&self.transfer.socket, &mut self.buffer) {
            Ok(Some(arrived)) => Ok(Some(arrived)),
            _ if self.transfer.peer().is_none() => {
                Err(ClientError::NotRunning(format!("tftp://{}", self.transfer.server)))
            }
            _ => Err(ClientError::Broken(error)),
        }
    }
}

/// Records a local error, and turns it into a fault for the server.
fn local(failed: &mut Option<ClientError>, what: &Path, error: std::io::Error) -> Fault {
    let fault = Fault::new(ErrorCode::DiskFull, error.to_string());
    *failed = Some(ClientError::Local("write", what.to_owned(), error));
    fault
}

fn ended(ending: &Ending) -> Result<(), ClientError> {
    if ending.is_complete() { Ok(()) } else { Err(ClientError::Transfer(ending.clone())) }
}
