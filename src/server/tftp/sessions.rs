//! The TFTP transfers: a bounded number in total, and per peer.
//!
//! A session that only waits to repeat its last ACK (it dallies) releases its permit, so that it does not keep another
//! client waiting. As many sessions may dally as there are permits; further ones end without dallying.
//!
//! A repeated request belongs to a transfer that has already started, as long as this transfer has not advanced: the
//! answer was lost, or is on its way. Once it has advanced, a repeated request comes from a client that was reset, and
//! starts a new transfer. The old transfer ends when the new one advances. If the new one never advances, the network
//! had only duplicated the request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many transfers one address may have at once. A boot ROM needs one, a person a few.
const PER_PEER: usize = 8;

/// All transfers.
#[derive(Debug)]
pub(super) struct TftpSessions {
    limit: usize,
    sessions: Mutex<Vec<Session>>,
    left: Condvar,
}

#[derive(Debug)]
struct Session {
    number: u64,
    peer: SocketAddr,
    /// The datagram that started it.
    request: Box<[u8]>,
    /// Whether the transfer is over, and may only dally.
    is_over: bool,
    state: Arc<SessionState>,
}

#[derive(Debug, Default)]
struct SessionState {
    /// Whether the client has answered the first packet.
    has_progressed: AtomicBool,
    /// Whether the same client has started the same transfer again.
    is_superseded: AtomicBool,
}

/// The permit of one transfer; dropping it returns it.
#[derive(Debug)]
pub(super) struct TransferPermit {
    sessions: Arc<TftpSessions>,
    number: u64,
    state: Arc<SessionState>,
}

/// Why a request does not start a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AdmitError {
    /// It has already started one: the answer was lost, or is on its way.
    Known,
    /// This peer has too many transfers.
    PeerHasMany,
    /// All permits are in use.
    Full,
}

impl TftpSessions {
    /// This many permits.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, sessions: Mutex::default(), left: Condvar::new() })
    }

    /// A permit for the transfer that this request asks for.
    pub(super) fn admit(
        self: &Arc<Self>,
        peer: SocketAddr,
        request: &[u8],
    ) -> Result<TransferPermit, AdmitError> {
        let mut sessions = self.lock();
        let active = || sessions.iter().filter(|session| !session.is_over);
        let mut same = active().filter(|session| session.peer == peer && *session.request == *request);
        if same.any(|session| !session.state.has_progressed.load(Ordering::Relaxed)) {
            return Err(AdmitError::Known);
        }
        if active().filter(|session| session.peer.ip() == peer.ip()).count() >= PER_PEER {
            return Err(AdmitError::PeerHasMany);
        }
        if active().count() >= self.limit {
            return Err(AdmitError::Full);
        }
        let number = sessions.last().map_or(0, |last| last.number + 1);
        let state = Arc::<SessionState>::default();
        let session =
            Session { number, peer, request: request.into(), is_over: false, state: Arc::clone(&state) };
        sessions.push(session);
        Ok(TransferPermit { sessions: Arc::clone(self), number, state })
    }

    /// Waits at most this long until all transfers have ended; returns whether they have.
    pub(super) fn wait_until_empty(&self, at_most: Duration) -> bool {
        let waited = self.left.wait_timeout_while(self.lock(), at_most, |sessions| !sessions.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TransferPermit {
    /// Call when the transfer advances. Then the client has chosen this transfer, and earlier transfers for the same
    /// request end.
    pub(super) fn progressed(&self) {
        if self.state.has_progressed.swap(true, Ordering::Relaxed) {
            return;
        }
        let sessions = self.sessions.lock();
        let Some(own) = sessions.iter().find(|session| session.number == self.number) else { return };
        let earlier = sessions.iter().filter(|session| session.number < self.number);
        for session in earlier.filter(|session| session.peer == own.peer && session.request == own.request) {
            session.state.is_superseded.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the client has started this transfer again, so that this one can end.
    pub(super) fn is_superseded(&self) -> bool {
        self.state.is_superseded.load(Ordering::Relaxed)
    }

    /// Call when the transfer is over, except for a repeated last ACK and its line in the log. This frees the permit,
    /// and lets the same request start a new transfer. Returns whether the transfer may dally.
    pub(super) fn give_up(&self) -> bool {
        let mut sessions = self.sessions.lock();
        let may_dally = sessions.iter().filter(|session| session.is_over).count() < self.sessions.limit;
        if let Some(session) = sessions.iter_mut().find(|session| session.number == self.number) {
            session.is_over = true;
        }
        may_dally
    }
}

impl Drop for TransferPermit {
    fn drop(&mut self) {
        self.sessions.lock().retain(|session| session.number != self.number);
        self.sessions.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, host], port))
    }

    #[test]
    fn permits_are_bounded_and_come_back() {
        let sessions = TftpSessions::new(10);
        let mut permits: Vec<_> =
            (0..8).map(|n| sessions.admit(peer(1, n), b"a").expect("a permit")).collect();
        assert_eq!(sessions.admit(peer(1, 9), b"a").expect_err("8 are taken"), AdmitError::PeerHasMany);
        permits.extend((0..2).map(|n| sessions.admit(peer(2, n), b"a").expect("a permit")));
        assert_eq!(sessions.admit(peer(3, 1), b"a").expect_err("10 are taken"), AdmitError::Full);
        permits.remove(0);
        assert!(sessions.admit(peer(1, 9), b"a").is_ok());
        permits.clear();
        assert!(sessions.wait_until_empty(Duration::ZERO));
    }

    #[test]
    fn a_repeated_request_starts_no_second_transfer() {
        let sessions = TftpSessions::new(10);
        let first = sessions.admit(peer(1, 1), b"a").expect("a permit");
        assert_eq!(sessions.admit(peer(1, 1), b"a").expect_err("known"), AdmitError::Known);
        assert!(sessions.admit(peer(1, 1), b"b").is_ok(), "another file");
        assert!(sessions.admit(peer(1, 2), b"a").is_ok(), "another client");
        assert!(first.give_up());
        assert!(sessions.admit(peer(1, 1), b"a").is_ok(), "the first is over, so this is a new transfer");
    }

    #[test]
    fn a_client_that_repeats_its_request_after_an_answer_has_started_again() {
        let sessions = TftpSessions::new(10);
        let first = sessions.admit(peer(1, 1), b"a").expect("a permit");
        let other = sessions.admit(peer(1, 2), b"a").expect("a permit");
        first.progressed();
        let again = sessions.admit(peer(1, 1), b"a").expect("it has started again");
        assert_eq!(sessions.admit(peer(1, 1), b"a").expect_err("known"), AdmitError::Known);
        assert!(!first.is_superseded(), "the network may have duplicated the request");
        again.progressed();
        assert!(first.is_superseded() && !again.is_superseded() && !other.is_superseded());
    }

    #[test]
    fn a_dallying_session_uses_no_permit() {
        let sessions = TftpSessions::new(2);
        let admit = || sessions.admit(peer(1, 1), b"a").expect("a permit");
        let permits: Vec<_> = (0..2).map(|_| admit()).inspect(|permit| assert!(permit.give_up())).collect();
        let third = admit();
        assert!(!third.give_up(), "no more may dally");
        drop(permits);
        assert!(!sessions.wait_until_empty(Duration::ZERO));
        drop(third);
        assert!(sessions.wait_until_empty(Duration::ZERO));
    }
}
