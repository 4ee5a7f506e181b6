//! Which transfers there are: a bounded number, and few for each peer.
//!
//! A session that only waits to say its last word again (it dallies) gives up its permit: no client is turned away for
//! it. There may be as many of those again; past that, they leave without waiting.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many transfers one address may have at once. A boot ROM has one, a person a few.
const PER_PEER: usize = 8;

/// All transfers.
#[derive(Debug)]
pub struct TftpSessions {
    limit: usize,
    sessions: Mutex<Vec<Session>>,
    left: Condvar,
}

#[derive(Debug)]
struct Session {
    number: u64,
    peer: SocketAddr,
    /// The datagram that began it.
    request: Box<[u8]>,
    /// The transfer is over: it is in nobody's way, and waits perhaps to say its last word again.
    is_over: bool,
}

/// The permit of one transfer, given back when it is dropped.
#[derive(Debug)]
pub struct TransferPermit {
    sessions: Arc<TftpSessions>,
    number: u64,
}

/// Why a request begins no transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdmitError {
    /// It has begun one already: the answer was lost, or is on its way.
    Known,
    /// This peer has as many as one may have.
    PeerHasMany,
    /// All permits are taken.
    Full,
}

impl TftpSessions {
    /// So many permits.
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, sessions: Mutex::default(), left: Condvar::new() })
    }

    /// A permit for the transfer that this request asks for.
    pub fn admit(self: &Arc<Self>, peer: SocketAddr, request: &[u8]) -> Result<TransferPermit, AdmitError> {
        let mut sessions = self.lock();
        let active = || sessions.iter().filter(|session| !session.is_over);
        if active().any(|session| session.peer == peer && *session.request == *request) {
            return Err(AdmitError::Known);
        }
        if active().filter(|session| session.peer.ip() == peer.ip()).count() >= PER_PEER {
            return Err(AdmitError::PeerHasMany);
        }
        if active().count() >= self.limit {
            return Err(AdmitError::Full);
        }
        let number = sessions.last().map_or(0, |last| last.number + 1);
        sessions.push(Session { number, peer, request: request.into(), is_over: false });
        Ok(TransferPermit { sessions: Arc::clone(self), number })
    }

    /// Waits until all have left, at most so long; whether they have.
    pub fn wait_until_empty(&self, at_most: Duration) -> bool {
        let waited = self.left.wait_timeout_while(self.lock(), at_most, |sessions| !sessions.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TransferPermit {
    /// The transfer is over, but for its last word and its line in the log: others may have the permit, and the same
    /// request begins a new one. Whether it may wait to say its last word again.
    pub fn give_up(&self) -> bool {
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
    fn the_same_request_again_is_the_same_transfer() {
        let sessions = TftpSessions::new(10);
        let first = sessions.admit(peer(1, 1), b"a").expect("a permit");
        assert_eq!(sessions.admit(peer(1, 1), b"a").expect_err("known"), AdmitError::Known);
        assert!(sessions.admit(peer(1, 1), b"b").is_ok(), "another file");
        assert!(sessions.admit(peer(1, 2), b"a").is_ok(), "another client");
        assert!(first.give_up());
        assert!(sessions.admit(peer(1, 1), b"a").is_ok(), "it is over: this is a new one");
    }

    #[test]
    fn who_dallies_is_in_nobodys_way() {
        let sessions = TftpSessions::new(2);
        let admit = || sessions.admit(peer(1, 1), b"a").expect("a permit");
        let permits: Vec<_> = (0..2).map(|_| admit()).inspect(|permit| assert!(permit.give_up())).collect();
        let third = admit();
        assert!(!third.give_up(), "as many dally as may");
        drop(permits);
        assert!(!sessions.wait_until_empty(Duration::ZERO));
        drop(third);
        assert!(sessions.wait_until_empty(Duration::ZERO));
    }
}
