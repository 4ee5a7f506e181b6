//! The addresses at which a listener can be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The listener's own address. If it listens on all addresses: the loopback address, then each current
/// address of the machine.
pub fn reached_at(listener: SocketAddr) -> Vec<SocketAddr> {
    let at = |ip| SocketAddr::new(ip, listener.port());
    if !listener.ip().is_unspecified() {
        // A link-local address keeps its zone.
        return vec![listener];
    }
    let loopback =
        if listener.is_ipv4() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V6(Ipv6Addr::LOCALHOST) };
    let of_the_machine =
        if_addrs::get_if_addrs().unwrap_or_default().into_iter().map(|interface| interface.ip());
    let in_networks = of_the_machine
        .filter(|ip| !ip.is_loopback() && ip.is_ipv4() == listener.is_ipv4() && !is_link_local(*ip));
    std::iter::once(loopback).chain(in_networks).map(at).collect()
}

/// Whether a URL cannot contain this address, because it needs the name of an interface.
fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// The temporary addresses of this machine (RFC 8981), which change every day. Without `/proc`, the list is empty.
pub fn temporary() -> Vec<IpAddr> {
    let text = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    text.lines().filter_map(temporary_in).map(IpAddr::V6).collect()
}

/// The address in a line of `/proc/net/if_inet6`, if it is temporary: address, interface, prefix, scope, flags, name.
fn temporary_in(line: &str) -> Option<Ipv6Addr> {
    /// `IFA_F_TEMPORARY` in `linux/if_addr.h`.
    const TEMPORARY: u8 = 0x01;
    let mut words = line.split_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    let flags = u8::from_str_radix(words.nth(3)?, 16).ok()?;
    (flags & TEMPORARY != 0).then(|| Ipv6Addr::from_bits(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_addresses_are_recognised() {
        let table = [
            ("20010db8000000000000000000000007 02 40 00 01     eth0", Some("2001:db8::7")),
            ("20010db8000000000000000000000007 02 40 00 21     eth0", Some("2001:db8::7")),
            ("20010db8000000000000000000000008 02 40 00 80     eth0", None),
            ("00000000000000000000000000000001 01 80 10 80       lo", None),
            ("", None),
        ];
        for (line, expected) in table {
            assert_eq!(temporary_in(line), expected.map(|ip| ip.parse().expect("an address")), "{line}");
        }
        assert!(!temporary().contains(&IpAddr::V6(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    fn the_loopback_is_first_if_it_listens_on_all() {
        let table = [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
        ];
        for (listener, first) in table {
            let listener: SocketAddr = listener.parse().expect("an address");
            let found = reached_at(listener);
            assert_eq!(found[0], first.parse().expect("an address"), "{listener}");
            assert!(found[1..].iter().all(|address| !address.ip().is_loopback()), "{found:?}");
            assert!(listener.ip().is_unspecified() || found.len() == 1, "{found:?}");
        }
    }
}
