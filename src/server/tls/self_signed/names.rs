//! The names and addresses that a self-signed certificate is for.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rustls::pki_types::ServerName;

use crate::net::reach::{reached_at, temporary};
use crate::server::allowed_hosts::AllowedHosts;

/// What a certificate can be for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CertificateName {
    /// In lower case.
    Dns(String),
    Ip(IpAddr),
}

/// Where clients reach the server.
#[derive(Debug, Clone)]
pub struct Reachable {
    tcp: Vec<SocketAddr>,
    hosts: AllowedHosts,
}

/// What a certificate should be for at this moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WantedNames {
    /// The names that the server prints: if the certificate lacks one, it is replaced.
    pub needed: Vec<CertificateName>,
    /// Other names and addresses that lead here. If a certificate lacks one of these names, it is not replaced, because
    /// some names change often: temporary addresses each day, a container's name at each start.
    pub useful: Vec<CertificateName>,
}

impl CertificateName {
    /// A host of a URL; `None` if no certificate can be for it.
    fn of_host(host: &str) -> Option<Self> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        match ServerName::try_from(host).ok()? {
            ServerName::DnsName(name) => Some(Self::Dns(name.as_ref().to_ascii_lowercase())),
            ServerName::IpAddress(ip) => Some(Self::Ip(ip.into())),
            _ => None,
        }
    }
}

impl Reachable {
    /// A server at these listeners, with these names.
    pub fn new(tcp: Vec<SocketAddr>, hosts: AllowedHosts) -> Self {
        Self { tcp, hosts }
    }

    /// The names, and the addresses that the machine has now.
    pub(super) fn names(&self) -> WantedNames {
        let hosts = |names: &mut dyn Iterator<Item = &str>| -> Vec<CertificateName> {
            names.filter_map(CertificateName::of_host).collect()
        };
        let (of_all, given): (Vec<_>, Vec<_>) = self.tcp.iter().partition(|it| it.ip().is_unspecified());
        let temporary = temporary();
        let reached = of_all.into_iter().flat_map(reached_at).map(|address| address.ip());
        let (brief, lasting): (Vec<_>, Vec<_>) = reached.partition(|ip| temporary.contains(ip));
        let mut needed = vec![CertificateName::Dns("localhost".to_owned())];
        needed.extend(hosts(&mut self.hosts.given()));
        needed.extend(given.iter().map(SocketAddr::ip).chain(lasting).map(CertificateName::Ip));
        let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let mut useful: Vec<_> = loopback.into_iter().chain(brief).map(CertificateName::Ip).collect();
        useful.extend(hosts(&mut self.hosts.of_machine()));
        WantedNames { needed: each_once(needed), useful }
    }
}

/// Each name once, at its first position.
pub(super) fn each_once(names: impl IntoIterator<Item = CertificateName>) -> Vec<CertificateName> {
    let mut all = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

impl fmt::Display for CertificateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(name),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_become_names() {
        let dns = |name: &str| Some(CertificateName::Dns(name.to_owned()));
        let ip = |ip: &str| Some(CertificateName::Ip(ip.parse().expect("an address")));
        let table = [
            ("files.example", dns("files.example")),
            ("NAS", dns("nas")),
            ("my_nas", dns("my_nas")),
            ("192.0.2.7", ip("192.0.2.7")),
            ("[2001:db8::7]", ip("2001:db8::7")),
            ("", None),
            ("(none)", None),
            (&"a".repeat(64), None),
        ];
        for (host, expected) in table {
            assert_eq!(CertificateName::of_host(host), expected, "{host:?}");
        }
    }

    #[test]
    fn what_is_printed_is_needed() {
        let hosts = ["files.example", "192.0.2.7"].map(|name| name.parse().expect("a name"));
        let listeners = ["127.0.0.1:80", "192.0.2.7:80", "[fe80::1%1]:80"];
        let listeners = listeners.map(|address| address.parse().expect("an address"));
        let names = Reachable::new(listeners.to_vec(), AllowedHosts::new(hosts.to_vec())).names();
        let needed: Vec<_> = names.needed.iter().map(ToString::to_string).collect();
        assert_eq!(needed, ["localhost", "files.example", "192.0.2.7", "127.0.0.1", "fe80::1"]);
        let all = Reachable::new(vec!["0.0.0.0:80".parse().expect("an address")], AllowedHosts::new(vec![]));
        for address in reached_at("0.0.0.0:80".parse().expect("an address")) {
            assert!(all.names().needed.contains(&CertificateName::Ip(address.ip())), "{address}");
        }
    }
}
