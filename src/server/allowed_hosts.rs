//! Which requests are accepted: protects the folder from other sites' pages.
//!
//! A browser sends requests on behalf of any page that it shows. So a page of another site can make it write
//! here (cross-site request forgery), and a page whose name is made to resolve to this machine (DNS
//! rebinding) can make it read here too. `Origin` and `Sec-Fetch-Site` reveal the first attack, `Host` the
//! second: a page cannot choose these fields.
//!
//! Behind a proxy that terminates TLS, pages have the origin `https://NAME`. Nothing in a request proves that such a
//! proxy exists: any client can send `X-Forwarded-Proto`. So the owner has to say so, with `--trust-proxy` for a proxy
//! that names the scheme, or with `--host NAME`.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::http::destination::unusual_port;
use crate::http::fields::Fields;
use crate::http::request::{ipv6_literal, is_host, split_port};
use crate::net::peer::Peer;
use crate::server::host_name::{HostName, canonical};
use crate::server::request::Scheme;
use crate::server::trusted_proxies::TrustedProxies;

/// The fields that browsers send, and that no page can suppress.
const OF_BROWSERS: [&str; 2] = ["Origin", "Sec-Fetch-Site"];

/// The longest Host, in bytes, that a thread remembers.
const REMEMBERED: usize = 256;

/// The id of the next server in this process. Each server has its own names.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The Host that this thread last recognised as a name of a server, and the id of the server. Nearly all requests
    /// have the same Host, so this saves a look-up of 500 instructions.
    static LAST: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
}

/// The names of this server. Clones share them.
#[derive(Debug, Clone)]
pub struct AllowedHosts {
    id: u64,
    /// The names of the machine.
    machine: Vec<String>,
    /// The names given with `--host`.
    given: Vec<HostName>,
}

/// The origin of a page (RFC 6454 §4).
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    is_tls: bool,
    host: String,
    port: u16,
}

impl AllowedHosts {
    /// Accepts `localhost`, the machine's own name with and without `.local`, and these names. IP addresses
    /// are always accepted: DNS rebinding needs a name.
    pub fn new(given: Vec<HostName>) -> Self {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let local = format!("{name}.local");
        let machine = ["localhost".to_owned(), name, local].into_iter();
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self { id, machine: machine.filter(|name| !name.is_empty()).collect(), given }
    }

    /// Whether a request from this peer with these fields is meant for this server.
    ///
    /// No name resolves to a Unix-domain socket, so programs may send any Host there. But a proxy at the
    /// socket may forward requests that a page of another site made a browser send. So the Host is checked if
    /// the owner named the server or trusts the peer as a proxy, or if the request evidently comes from a
    /// browser. (Without TLS, browsers send neither of `OF_BROWSERS` with a GET.)
    pub(super) fn takes(
        &self,
        peer: Peer,
        host: Option<&str>,
        fields: Fields<'_, '_>,
        proxies: &TrustedProxies,
    ) -> bool {
        let of_browser = |name: &&str| fields.get(name).is_some();
        let host_counts = matches!(peer, Peer::Inet(_))
            || !self.given.is_empty()
            || proxies.family(peer).is_some()
            || OF_BROWSERS.iter().any(of_browser);
        !host_counts || self.is_asked(host)
    }

    /// Whether this Host is a name of this server. HTTP/1.0 clients may omit it: they are not browsers.
    fn is_asked(&self, host: Option<&str>) -> bool {
        let Some(host) = host else { return true };
        if LAST.with_borrow(|(id, last)| *id == self.id && last == host) {
            return true;
        }
        let is_own = self.is_own_name(host);
        if is_own && host.len() <= REMEMBERED {
            LAST.with_borrow_mut(|(id, last)| {
                *id = self.id;
                host.clone_into(last);
            });
        }
        is_own
    }

    /// Whether this host, perhaps with a port, is a name given with `--host`.
    pub(super) fn was_given(&self, host: &str) -> bool {
        let name = canonical(split_port(host).0);
        self.given.iter().any(|given| given.as_str() == name)
    }

    /// Whether a URL with this authority leads back to this server, for the client of a request with this Host: the
    /// host and port are the same, or `--host` names the host. The scheme is ignored, and a default port is equal to no
    /// port.
    pub(super) fn is_where_asked(&self, authority: &str, host: Option<&str>) -> bool {
        let name = |host: &str| canonical(split_port(host).0);
        let port = unusual_port(authority);
        match host {
            Some(host) if name(host) == name(authority) => unusual_port(host) == port,
            _ => port.is_none() && self.was_given(authority),
        }
    }

    /// The names given with `--host`.
    #[cfg(feature = "tls")]
    pub(super) fn given(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(HostName::as_str)
    }

    /// The names of the machine.
    #[cfg(feature = "tls")]
    pub(super) fn of_machine(&self) -> impl Iterator<Item = &str> {
        self.machine.iter().map(String::as_str)
    }

    fn is_own_name(&self, host: &str) -> bool {
        let (name, _) = split_port(host);
        let name = name.strip_suffix('.').unwrap_or(name);
        let mut names =
            self.machine.iter().map(String::as_str).chain(self.given.iter().map(HostName::as_str));
        is_address(name) || names.any(|own| own.eq_ignore_ascii_case(name))
    }

    /// Whether a write comes from a page of this server, or from no page at all (WHATWG Fetch §3.2, W3C Fetch
    /// Metadata §2.3). Programs such as curl send neither field.
    pub(super) fn may_write(
        &self,
        host: Option<&str>,
        scheme: Option<Scheme>,
        fields: Fields<'_, '_>,
    ) -> bool {
        let fetched_here = |site: &[u8]| site == b"same-origin" || site == b"none";
        let mut origins = fields.all("Origin");
        let is_of_here = match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => {
                Origin::parse(origin).is_some_and(|origin| self.is_own(&origin, host, scheme))
            }
            (Some(_), Some(_)) => false,
        };
        is_of_here && fields.all("Sec-Fetch-Site").all(fetched_here)
    }

    /// Whether pages of this origin are this server's. The origin must have the requested host and port, and the scheme
    /// that a trusted proxy names (otherwise `http`). With TLS, it may also have a host that `--host` names.
    ///
    /// The port counts with TLS too: another service may run on another port of that name. If the proxy forwards the
    /// browser's Host, it contains the port; otherwise the port is the default one.
    fn is_own(&self, origin: &Origin, host: Option<&str>, scheme: Option<Scheme>) -> bool {
        let asked = host.and_then(|host| Origin::of_host(origin.is_tls, host));
        if origin.is_tls == (scheme == Some(Scheme::Https)) && asked.as_ref() == Some(origin) {
            return true;
        }
        if !origin.is_tls {
            return false;
        }
        let port =
            asked.filter(|asked| asked.host == origin.host).map_or(usual_port(true), |asked| asked.port);
        origin.port == port && self.given.iter().any(|name| name.as_str() == origin.host)
    }
}

impl Origin {
    /// Parses an Origin field; `None` for `null` and for a list.
    fn parse(value: &[u8]) -> Option<Self> {
        let (scheme, host) = std::str::from_utf8(value).ok()?.split_once("://")?;
        let is_tls = scheme == "https";
        (is_tls || scheme == "http").then(|| Self::of_host(is_tls, host))?
    }

    /// The origin of the pages at this `host[:port]`.
    fn of_host(is_tls: bool, host: &str) -> Option<Self> {
        let (name, port) = split_port(host);
        let port = if port.is_empty() { usual_port(is_tls) } else { port.parse().ok()? };
        is_host(host).then(|| Self { is_tls, host: canonical(name), port })
    }
}

/// The default port (RFC 9110 §4.2).
fn usual_port(is_tls: bool) -> u16 {
    if is_tls { 443 } else { 80 }
}

/// Whether this is an IPv4 address, or an IPv6 address in brackets, with or without a zone.
fn is_address(name: &str) -> bool {
    ipv6_literal(name).is_some() || name.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests;
