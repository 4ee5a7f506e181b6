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

/// The place of a peer in words, for the folder: whose an unfinished upload is.
pub fn in_words(peer: Peer) -> String {
    match of(peer) {
        Place::Network(address) => address.to_string(),
        Place::User(number) => format!("user {number}"),
        Place::Here => "here".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_words() {
        let table = [
            ("192.0.2.1:80", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
            ("[2001:db8::1:2]:80", "2001:db8::"),
            ("[2001:db8::ffff]:81", "2001:db8::"),
        ];
        for (address, expected) in table {
            assert_eq!(in_words(Peer::Inet(address.parse().expect("an address"))), expected);
        }
        assert_eq!(in_words(Peer::Unix(None)), "here");
    }
}
