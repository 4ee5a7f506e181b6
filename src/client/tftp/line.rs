//! The sockets of the transfers under way, and the word with which a person who leaves ends them all.
//!
//! A server keeps a place for a transfer until it hears of its end, or has waited for a minute. Ctrl-C comes while other
//! threads are in the middle of theirs, so the sockets are known here, to whoever ends the program.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use crate::tftp::error::{ErrorCode, Fault};
use crate::tftp::packet::Packet;

/// All sockets of this program that may be open.
static LINES: Mutex<Vec<Weak<Line>>> = Mutex::new(Vec::new());

/// One transfer's socket.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) socket: UdpSocket,
    /// Where the server takes requests.
    pub(super) door: SocketAddr,
    /// Whoever has answered the request: the server's side of this transfer (RFC 1350 §4).
    peer: OnceLock<SocketAddr>,
}

impl Line {
    /// A line to this server, over which nobody has answered yet.
    pub(super) fn new(socket: UdpSocket, door: SocketAddr) -> Arc<Self> {
        let line = Arc::new(Self { socket, door, peer: OnceLock::new() });
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(&line));
        line
    }

    /// The server's side of this transfer, once it has answered.
    pub(super) fn peer(&self) -> Option<SocketAddr> {
        self.peer.get().copied()
    }

    /// It has answered from there; only the first one is the peer.
    pub(super) fn answered(&self, from: SocketAddr) {
        self.peer.get_or_init(|| from);
    }

    /// Sends a datagram. One that cannot be sent counts as lost, and is repeated.
    pub(super) fn send(&self, datagram: &[u8]) {
        let _ = self.socket.send_to(datagram, self.peer().unwrap_or(self.door));
    }
}

/// Tells every server that its transfer is over: the person leaves. Whoever has not answered yet has no side of it that
/// could be told.
pub fn end_all() {
    let mut leaving = Vec::new();
    Packet::from_fault(&Fault::new(ErrorCode::NotDefined, "the client leaves")).write(&mut leaving);
    let lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = lines.iter().filter_map(Weak::upgrade).filter(|line| line.peer().is_some());
    answered.for_each(|line| line.send(&leaving));
}
