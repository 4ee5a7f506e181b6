//! The addresses at which a listener can be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The listener's own address. If it listens on all, the loopback address first, then each current address of the machine.
pub fn reached_at(listener: SocketAddr) -> Vec<SocketAddr> {
    let at = |ip| SocketAddr::new(ip, listener.port());
    if !listener.ip().is_unspecified() {
        // With its zone.
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

/// Whether a URL cannot hold this address, because it needs the name of an interface.
fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

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
