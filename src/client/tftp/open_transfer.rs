//! The open transfers of this program, which Ctrl-C aborts.
//!
//! A server keeps a transfer until it ends, or until a timeout of about a minute. When Ctrl-C comes, other threads are in
//! the middle of their transfers, so all sockets are listed here, and each server gets an ERROR packet.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::tftp::error::{ErrorCode, Fault};
use crate::tftp::packet::Packet;

/// The sockets that may be open.
static OPEN: Mutex<Vec<Weak<OpenTransfer>>> = Mutex::new(Vec::new());

/// One transfer's socket.
#[derive(Debug)]
pub(super) struct OpenTransfer {
    pub(super) socket: UdpSocket,
    /// The address to which requests are sent.
    pub(super) server: SocketAddr,
    /// The address that answered the request: the server's end of this transfer (RFC 1350 §4).
    peer: OnceLock<SocketAddr>,
}

impl OpenTransfer {
    /// A transfer with this server, which has not answered yet.
    pub(super) fn new(socket: UdpSocket, server: SocketAddr) -> Arc<Self> {
        let transfer = Arc::new(Self { socket, server, peer: OnceLock::new() });
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|transfer| transfer.strong_count() > 0);
        open.push(Arc::downgrade(&transfer));
        transfer
    }

    /// The server's end of this transfer, once it has answered.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer.get().copied()
    }

    /// Records the address of an answer. Only the first one counts.
    pub(super) fn answered(&self, from: SocketAddr) {
        self.peer.get_or_init(|| from);
    }

    /// Sends a datagram. If that fails, it counts as lost, and is sent again.
    pub(super) fn send(&self, datagram: &[u8]) {
        let _ = self.socket.send_to(datagram, self.peer().unwrap_or(self.server));
    }
}

/// Sends an ERROR packet to every server that has answered. A server that has not answered has no address for its end of
/// the transfer yet.
pub fn abort_all() {
    let mut error = Vec::new();
    Packet::from_fault(&Fault::new(ErrorCode::NotDefined, "the client was interrupted")).write(&mut error);
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = open.iter().filter_map(Weak::upgrade).filter(|transfer| transfer.peer().is_some());
    answered.for_each(|transfer| transfer.send(&error));
}
