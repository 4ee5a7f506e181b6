//! The client gate: who sends a request. It refuses none.

use crate::net::peer::Peer;
use crate::server::request::ClientAddress;

/// The client of a request that this peer has sent. No peer is a trusted proxy, so it is the peer.
pub(crate) fn find(peer: Peer) -> ClientAddress {
    ClientAddress::of_peer(peer)
}
