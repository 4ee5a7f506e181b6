//! The key of a client. One client may use only a limited part of the room, however many members it has.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The key of a client, for example a household or an office behind one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientKey {
    /// An IPv4 address, or an IPv6 network of 2^64 addresses, which is what a provider assigns to one customer.
    Network(IpAddr),
    /// A user of this machine, by user id.
    User(u32),
    /// A program on this machine, if its user is unknown.
    Here,
}

/// The first 64 bits of an IPv6 address, which its owner cannot choose (RFC 4291 §2.5.4).
const NETWORK: u128 = !0 << 64;

impl ClientKey {
    /// The key of an address.
    pub fn of_address(address: IpAddr) -> Self {
        Self::Network(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & NETWORK).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::User(uid) => write!(f, "user {uid}"),
            Self::Here => f.write_str("this machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_subscriber_are_one_place() {
        let rows = [
            ("the same", "192.0.2.1", "192.0.2.1", true),
            ("neighbours", "192.0.2.1", "192.0.2.2", false),
            ("IPv4 in IPv6", "192.0.2.1", "::ffff:192.0.2.1", true),
            ("one network", "2001:db8::1", "2001:db8::ffff:2", true),
            ("another network", "2001:db8::1", "2001:db8:0:1::1", false),
        ];
        for (name, one, other, same) in rows {
            let [one, other] = [one, other].map(|text| ClientKey::of_address(text.parse().unwrap()));
            assert_eq!(one == other, same, "{name}");
        }
    }
}
