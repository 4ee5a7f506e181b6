//! Where a client comes from: whoever comes from one place shares what one place may take.

pub use crate::chat::place::Place;
use crate::net::peer::Peer;

/// The place of a peer.
pub fn of(peer: Peer) -> Place {
    match peer {
        Peer::Inet(address) => Place::of_address(address.ip()),
        Peer::Unix(Some(program)) => Place::User(program.uid()),
        Peer::Unix(None) => Place::Here,
    }
}
