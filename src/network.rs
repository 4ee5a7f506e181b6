//! Networks in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or a single address. IPv4 addresses and their IPv6-mapped forms (RFC
/// 4291 §2.5.5.2) are the same. An IPv6 network contains no IPv4 address: otherwise `::1/64` would contain them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Its first address, in the mapped form for IPv4.
    first: u128,
    /// The length of the prefix, in bits.
    bits: u8,
}

/// The number of bits before an IPv4 address in its mapped form.
const MAPPED: u8 = 96;

impl Network {
    /// Whether this network contains the address.
    pub fn contains(self, address: IpAddr) -> bool {
        let is_of_family = self.bits >= MAPPED || address.to_canonical().is_ipv6();
        is_of_family && as_ipv6(address) & mask(self.bits) == self.first
    }
}

/// The address as a number; an IPv4 address in its mapped form.
fn as_ipv6(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// This many ones, then zeros.
fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}

/// Bits of the address beyond the prefix are ignored, as in most programs.
impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, bits)| (a, Some(bits)));
        let address: IpAddr = address
            .parse()
            .map_err(|_| format!("{address:?} is not an IP address or a network such as 10.0.0.0/8"))?;
        let (most, before) = if address.is_ipv4() { (32, MAPPED) } else { (128, 0) };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|&bits| bits <= most)
                .ok_or_else(|| format!("/{bits} is not a prefix length (0 to {most})"))?,
        };
        let bits = bits + before;
        Ok(Self { first: as_ipv6(address) & mask(bits), bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = Ipv6Addr::from_bits(self.first);
        match first.to_ipv4_mapped().filter(|_| self.bits >= MAPPED) {
            Some(ip) => write!(f, "{ip}/{}", self.bits - MAPPED),
            None => write!(f, "{first}/{}", self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_addresses() {
        let table = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.9.9.9/8", "10.1.2.3", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "::1", false),
            ("::1", "::1", true),
            ("::1", "::", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "203.0.113.9", false),
            ("::1/64", "::2", true),
            ("::1/64", "203.0.113.9", false),
            ("::1/64", "::ffff:203.0.113.9", false),
            ("::ffff:0:0/96", "203.0.113.9", true),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe80::1", false),
            ("192.0.2.128/25", "192.0.2.127", false),
            ("192.0.2.128/25", "192.0.2.255", true),
            ("::ffff:192.0.2.0/120", "192.0.2.7", true),
        ];
        for (network, address, expected) in table {
            let network: Network = network.parse().expect("a network");
            let address = address.parse().expect("an address");
            assert_eq!(network.contains(address), expected, "{address} in {network}");
        }
    }

    #[test]
    fn networks_as_text() {
        let table = [
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("127.0.0.1", Some("127.0.0.1/32")),
            ("FD00::1/8", Some("fd00::/8")),
            ("::1", Some("::1/128")),
            ("0.0.0.0/0", Some("0.0.0.0/0")),
            ("10.0.0.0/33", None),
            ("::/129", None),
            ("10.0.0.0/-1", None),
            ("10.0.0.0/", None),
            ("10.0.0/8", None),
            ("010.0.0.1", None),
            ("fe80::1%eth0", None),
            ("localhost", None),
            ("", None),
            ("/8", None),
        ];
        for (text, expected) in table {
            let found = text.parse::<Network>().map(|network| network.to_string());
            assert_eq!(found.ok().as_deref(), expected, "{text:?}");
        }
    }
}
