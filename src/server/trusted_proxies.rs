//! The proxies that may say who their client is (`--trust-proxy`), and how they say it.

use std::net::IpAddr;
use std::str::FromStr;

use crate::net::peer::Peer;
use crate::network::Network;

/// Which peers are trusted. By default, none.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies {
    given: Vec<TrustedProxy>,
    /// Whether their connections begin with a PROXY header.
    proxy_protocol: bool,
}

/// One `--trust-proxy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedProxy {
    peers: Peers,
    family: Family,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peers {
    In(Network),
    /// Every program that can connect to the server's Unix-domain sockets.
    AtUnixSockets,
}

/// The header fields in which a proxy describes its client. The other family is ignored, because proxies pass on the
/// fields of the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix`.
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl TrustedProxies {
    /// Trusts these proxies. With `proxy_protocol`, each of their connections must begin with a PROXY header,
    /// and other peers may not connect.
    pub fn new(given: Vec<TrustedProxy>, proxy_protocol: bool) -> Self {
        Self { given, proxy_protocol }
    }

    /// Whether there are any.
    pub fn are_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// Whether there are any at the Unix-domain sockets.
    pub fn are_at_unix_sockets(&self) -> bool {
        self.given.iter().any(|proxy| proxy.peers == Peers::AtUnixSockets)
    }

    /// Whether connections must begin with a PROXY header.
    pub(super) fn send_headers(&self) -> bool {
        self.proxy_protocol
    }

    /// The fields in which this peer may describe its client; `None` if it is not trusted.
    pub(super) fn family(&self, peer: Peer) -> Option<Family> {
        let is_meant = |proxy: &&TrustedProxy| match (peer, proxy.peers) {
            (Peer::Inet(address), Peers::In(network)) => network.contains(address.ip()),
            (Peer::Unix(_), Peers::AtUnixSockets) => true,
            _ => false,
        };
        self.given.iter().find(is_meant).map(|proxy| proxy.family)
    }

    /// Whether a hop at this address is a trusted proxy.
    pub(super) fn trust(&self, hop: IpAddr) -> bool {
        self.given.iter().any(|proxy| matches!(proxy.peers, Peers::In(network) if network.contains(hop)))
    }
}

/// `CIDR` or `unix`, then optionally `=x-forwarded` or `=forwarded`.
impl FromStr for TrustedProxy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (peers, family) = text.split_once('=').unwrap_or((text, "x-forwarded"));
        let family = match family {
            "x-forwarded" => Family::XForwarded,
            "forwarded" => Family::Forwarded,
            _ => return Err(format!("{family:?} must be x-forwarded or forwarded")),
        };
        let peers = match peers {
            "unix" => Peers::AtUnixSockets,
            network => Peers::In(network.parse().map_err(|error| format!("{error}, and not `unix`"))?),
        };
        Ok(Self { peers, family })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_as_flags() {
        let network = |text: &str| Peers::In(text.parse().expect("a network"));
        let table = [
            ("10.0.0.0/8", Some((network("10.0.0.0/8"), Family::XForwarded))),
            ("::1=forwarded", Some((network("::1"), Family::Forwarded))),
            ("127.0.0.1=x-forwarded", Some((network("127.0.0.1"), Family::XForwarded))),
            ("unix", Some((Peers::AtUnixSockets, Family::XForwarded))),
            ("unix=forwarded", Some((Peers::AtUnixSockets, Family::Forwarded))),
            ("10.0.0.0/8=Forwarded", None),
            ("10.0.0.0/8=", None),
            ("localhost", None),
            ("=forwarded", None),
            ("", None),
        ];
        for (text, expected) in table {
            let expected = expected.map(|(peers, family)| TrustedProxy { peers, family });
            assert_eq!(text.parse().ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn only_given_peers_are_trusted() {
        let given = ["10.0.0.0/8", "10.1.0.0/16=forwarded", "::1=forwarded"];
        let proxies = TrustedProxies::new(given.map(|text| text.parse().expect("valid")).to_vec(), false);
        let inet = |text: &str| Peer::Inet(text.parse().expect("an address"));
        assert_eq!(proxies.family(inet("10.1.2.3:5000")), Some(Family::XForwarded), "the first counts");
        assert_eq!(proxies.family(inet("[::ffff:10.1.2.3]:5000")), Some(Family::XForwarded));
        assert_eq!(proxies.family(inet("[::1]:5000")), Some(Family::Forwarded));
        assert_eq!(proxies.family(inet("127.0.0.1:5000")), None);
        assert_eq!(proxies.family(Peer::Unix(None)), None);
        assert_eq!(TrustedProxies::default().family(inet("127.0.0.1:5000")), None);
    }
}
