//! The URL that a visitor can pass on to others, and its QR code.

use std::net::{Ipv4Addr, SocketAddr};

use crate::http::request::{ipv6_literal, split_port};
use crate::net::reach::reached_at;
use crate::net::zone::authority;
use crate::server::request::{Request, Scheme};
use crate::server::state::State;

/// The URL to pass on: the one that the client used, since it is known to work. A client on the loopback interface,
/// or at a link-local address, gets the network's URL, if the server is reachable there. `None` without TCP.
#[cfg_attr(not(feature = "qr"), allow(dead_code, reason = "only the QR code shows it"))]
pub(super) fn to_hand_on(request: &Request<'_, '_, '_>, state: &State) -> Option<String> {
    // Over a Unix-domain socket, Host can be anything.
    let asked = request.head.host.filter(|_| !request.client.is_on_this_machine());
    choose(asked, request.scheme, state.scheme(), &reached(state)).map(|root| root + &state.base.directory())
}

/// Whether only this machine can reach a URL that was passed on.
#[cfg_attr(not(feature = "qr"), allow(dead_code, reason = "only the QR code shows it"))]
pub(super) fn is_local(url: &str) -> bool {
    let authority = url.split('/').nth(2).unwrap_or_default();
    is_of_one_machine(authority)
}

/// The URL to pass on when there is no request.
pub(super) fn of_server(state: &State) -> Option<String> {
    choose(None, None, state.scheme(), &reached(state)).map(|root| root + &state.base.directory())
}

/// The TCP addresses at which the server is reachable now.
fn reached(state: &State) -> Vec<SocketAddr> {
    state.tcp.iter().copied().flat_map(reached_at).collect()
}

/// Chooses between the host that the client used and the reachable addresses. The client's host gets the scheme that
/// the client used; the others get the server's `own`.
fn choose(
    asked: Option<&str>,
    scheme: Option<Scheme>,
    own: Scheme,
    reached: &[SocketAddr],
) -> Option<String> {
    let scheme = scheme.unwrap_or(own);
    let authorities = || reached.iter().copied().map(authority);
    let in_network = || authorities().find(|authority| !is_of_one_machine(authority));
    let found = match asked {
        Some(host) if !is_of_one_machine(host) => return Some(format!("{}://{host}", scheme.name())),
        Some(host) => in_network().or_else(|| Some(host.to_owned())),
        None => in_network().or_else(|| authorities().next()),
    };
    found.map(|authority| format!("{}://{authority}", own.name()))
}

/// Whether this host is the machine itself, or a link-local address, which each machine reaches through a different
/// interface.
fn is_of_one_machine(host: &str) -> bool {
    let (name, _) = split_port(host);
    let is_named = name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case("localhost");
    is_named
        || name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || ipv6_literal(name).is_some_and(|ip| ip.is_loopback() || ip.is_unicast_link_local())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_to_pass_on() {
        let table: [(&str, Option<&str>, &[&str], Option<&str>); 11] = [
            ("as it was asked", Some("nas.local:8080"), &["127.0.0.1:8080"], Some("nas.local:8080")),
            ("by address", Some("10.0.0.7"), &["10.0.0.7:80", "10.0.0.8:80"], Some("10.0.0.7")),
            ("at the loopback", Some("127.0.0.1:80"), &["127.0.0.1:80", "10.0.0.7:80"], Some("10.0.0.7:80")),
            ("by its name", Some("LocalHost.:80"), &["127.0.0.1:80", "10.0.0.7:80"], Some("10.0.0.7:80")),
            (
                "at that of IPv6",
                Some("[::1]:80"),
                &["[::1]:80", "[2001:db8::1]:80"],
                Some("[2001:db8::1]:80"),
            ),
            ("link-local", Some("[fe80::1%25a]:80"), &["[::1]:80", "10.0.0.7:80"], Some("10.0.0.7:80")),
            ("link-local, no other", Some("[fe80::1]:80"), &["[fe80::1]:80"], Some("[fe80::1]:80")),
            ("where there is no other", Some("localhost:80"), &["127.0.0.1:80"], Some("localhost:80")),
            ("without Host", None, &["127.0.0.1:80", "10.0.0.7:80"], Some("10.0.0.7:80")),
            ("without Host, no other", None, &["127.0.0.1:80"], Some("127.0.0.1:80")),
            ("no TCP", None, &[], None),
        ];
        for (name, asked, reached, expected) in table {
            let reached: Vec<_> = reached.iter().map(|text| text.parse().expect("an address")).collect();
            let expected = expected.map(|authority| format!("http://{authority}"));
            assert_eq!(choose(asked, None, Scheme::Http, &reached), expected, "{name}");
        }
    }
}
