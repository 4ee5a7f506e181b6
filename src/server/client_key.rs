//! The keys by which limits tell clients apart. A connection counts for the client whose request it serves,
//! and between requests for its peer.

pub(super) use crate::chat::client_key::ClientKey;
use crate::net::peer::Peer;

/// The key of a peer.
pub(super) fn of(peer: Peer) -> ClientKey {
    match peer {
        Peer::Inet(address) => ClientKey::of_address(address.ip()),
        Peer::Unix(Some(program)) => ClientKey::User(program.uid()),
        Peer::Unix(None) => ClientKey::Here,
    }
}

/// A key as the folder stores it. Unfinished uploads outlive the server, so the text must not change.
pub(super) fn as_text(key: ClientKey) -> String {
    match key {
        ClientKey::Network(address) => address.to_string(),
        ClientKey::User(number) => format!("user {number}"),
        ClientKey::Here => "here".to_owned(),
    }
}

/// The key with this text.
#[cfg(feature = "accounts")]
pub(super) fn of_text(text: &str) -> Option<ClientKey> {
    match text.split_once(' ') {
        Some(("user", number)) => number.parse().ok().map(ClientKey::User),
        None if text == "here" => Some(ClientKey::Here),
        _ => text.parse().ok().map(ClientKey::of_address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_text() {
        let table = [
            ("192.0.2.1:80", "192.0.2.1"),
            ("[::ffff:192.0.2.1]:80", "192.0.2.1"),
            ("[2001:db8::1:2]:80", "2001:db8::"),
            ("[2001:db8::ffff]:81", "2001:db8::"),
        ];
        for (address, expected) in table {
            assert_eq!(as_text(of(Peer::Inet(address.parse().expect("an address")))), expected);
        }
        assert_eq!(as_text(of(Peer::Unix(None))), "here");
        #[cfg(feature = "accounts")]
        for (key, is_one) in [
            ("192.0.2.1", true),
            ("2001:db8::", true),
            ("user 7", true),
            ("here", true),
            ("", false),
            ("user", false),
            ("user x", false),
            ("nobody 7", false),
            ("2001:db8::/64", false),
        ] {
            assert_eq!(of_text(key).map(as_text), is_one.then(|| key.to_owned()), "{key}");
        }
    }
}
