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

/// Distinguishes the names of one server from those of another in this process.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The Host that this thread last recognised as a name of a server, and the id of that server: nearly all
    /// requests have the same Host, and looking it up costs 500 instructions.
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

    /// Whether a URL with this authority leads back to this server, for the client of a request with this
    /// Host: the host and port are the same, or `--host` names the host. A default port is the same as none:
    /// the scheme is ignored.
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

    /// Whether pages of this origin are this server's: those with the requested host and port and the scheme
    /// that a trusted proxy names (otherwise `http`); with TLS, also those with a name given with `--host`.
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
mod tests {
    use super::*;
    use crate::http::request::{FieldSpace, Head};

    fn hosts(given: &[&str]) -> AllowedHosts {
        AllowedHosts::new(given.iter().map(|name| name.parse().expect("a name")).collect())
    }

    /// Applies `find` to a request with this Host and these field lines.
    fn of<T>(host: &str, lines: &str, find: impl Fn(Option<&str>, Fields<'_, '_>) -> T) -> T {
        let bytes = format!("POST /x HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n");
        let mut space = FieldSpace::new();
        let head = Head::parse(bytes.as_bytes(), &mut space).expect("valid");
        find(head.host, head.fields)
    }

    #[test]
    fn a_host_is_remembered_for_one_server_only() {
        let (named, other) = (hosts(&["files.example"]), hosts(&[]));
        for _ in 0..2 {
            assert!(named.is_asked(Some("files.example")));
            assert!(named.clone().is_asked(Some("files.example")));
            assert!(!other.is_asked(Some("files.example")));
            assert!(!named.is_asked(Some("files.example.evil")));
        }
    }

    #[test]
    fn destinations_on_this_server() {
        let hosts = hosts(&["files.example"]);
        let cases = [
            ("the same", "h:1", Some("h:1"), true),
            ("in another case", "H:1", Some("h.:1"), true),
            ("another port", "h:2", Some("h:1"), false),
            ("no port", "h", Some("h:1"), false),
            ("another host", "evil", Some("h"), false),
            ("usual ports, whatever the scheme", "h:443", Some("h"), true),
            ("the same address", "[0:0::1]:1", Some("[::1]:1"), true),
            ("a given name, behind a proxy", "files.example", Some("127.0.0.1:8080"), true),
            ("at another port", "files.example:8443", Some("127.0.0.1:8080"), false),
            ("at the port that was asked for", "files.example:8443", Some("files.example:8443"), true),
            ("a given name, no Host", "files.example:80", None, true),
            ("no Host", "h", None, false),
        ];
        for (name, authority, host, expected) in cases {
            assert_eq!(hosts.is_where_asked(authority, host), expected, "{name}");
        }
    }

    #[test]
    fn hosts_of_this_server() {
        let hosts = hosts(&["files.example", "2001:db8::7"]);
        let cases = [
            (Some("127.0.0.1:8080"), true),
            (Some("[::1]:8080"), true),
            (Some("[fe80::1]:8080"), true),
            (Some("[fe80::1%25eth0]:8080"), true),
            (Some("[fe80::1%eth0]:8080"), true),
            (Some("192.168.1.7"), true),
            (Some("LOCALHOST:1"), true),
            (Some("localhost."), true),
            (Some("files.example:80"), true),
            (Some("Files.Example.:80"), true),
            (Some("evil.example"), false),
            (Some("127.0.0.1.evil.example"), false),
            (Some("localhost.evil.example"), false),
            (Some("xfiles.example"), false),
            (Some("files.example.."), false),
            (None, true),
        ];
        for (host, expected) in cases {
            assert_eq!(hosts.is_asked(host), expected, "{host:?}");
        }
    }

    #[test]
    fn requests_whose_host_counts() {
        let tcp = Peer::Inet(([127, 0, 0, 1], 5000).into());
        let unix = Peer::Unix(None);
        let (origin, fetched) = ("Origin: http://evil\r\n", "Sec-Fetch-Site: same-origin\r\n");
        let cases: [(&str, Peer, &[&str], &str, &str, bool); 13] = [
            ("TCP", tcp, &[], "evil", "", false),
            ("a program", unix, &[], "anything", "", true),
            ("a browser that writes", unix, &[], "evil", origin, false),
            ("a browser that reads", unix, &[], "evil", fetched, false),
            ("any value of that field", unix, &[], "evil", "sec-fetch-site: none\r\n", false),
            ("an empty field", unix, &[], "evil", "Origin:\r\n", false),
            ("a browser at an address", unix, &[], "192.0.2.7:8080", origin, true),
            ("a browser at localhost", unix, &[], "localhost", fetched, true),
            ("the server has a name", unix, &["files.example"], "anything", "", false),
            ("this name", unix, &["files.example"], "files.example", "", true),
            ("a browser at this name", unix, &["files.example"], "files.example:8443", fetched, true),
            ("a browser at another", unix, &["files.example"], "evil", fetched, false),
            ("what a proxy says by itself", unix, &["files.example"], "localhost", fetched, true),
        ];
        for (name, peer, given, host, lines, expected) in cases {
            let (hosts, nobody) = (hosts(given), TrustedProxies::default());
            let takes = of(host, lines, |host, fields| hosts.takes(peer, host, fields, &nobody));
            assert_eq!(takes, expected, "{name}");
        }
        let proxies = TrustedProxies::new(vec!["unix".parse().expect("valid")], false);
        for (host, expected) in [("evil", false), ("localhost", true)] {
            let takes = of(host, "", |host, fields| hosts(&[]).takes(unix, host, fields, &proxies));
            assert_eq!(takes, expected, "a trusted proxy at the socket: {host}");
        }
    }

    #[test]
    fn writes_from_pages() {
        let cases = [
            ("curl", "", true),
            ("our own page", "Origin: http://h:1\r\nSec-Fetch-Site: same-origin\r\n", true),
            ("typed into the address bar", "Sec-Fetch-Site: none\r\n", true),
            ("in any case", "Origin: http://H:1\r\n", true),
            ("another site", "Origin: http://evil\r\n", false),
            ("another port", "Origin: http://h:2\r\n", false),
            ("the usual port is another", "Origin: http://h\r\n", false),
            ("another scheme", "Origin: https://h:1\r\n", false),
            ("a scheme that is not a web page's", "Origin: file://h:1\r\n", false),
            ("a scheme in capitals", "Origin: HTTP://h:1\r\n", false),
            ("no scheme", "Origin: h:1\r\n", false),
            ("a sandboxed page", "Origin: null\r\n", false),
            ("an empty origin", "Origin: \r\n", false),
            ("a path", "Origin: http://h:1/\r\n", false),
            ("user info", "Origin: http://u@h:1\r\n", false),
            ("not ASCII", "Origin: http://h\u{e9}:1\r\n", false),
            ("same site is not same origin", "Sec-Fetch-Site: same-site\r\n", false),
            ("cross-site without Origin", "Sec-Fetch-Site: cross-site\r\n", false),
            ("an empty relation", "Sec-Fetch-Site:\r\n", false),
            ("our origin, fetched by another", "Origin: http://h:1\r\nSec-Fetch-Site: same-site\r\n", false),
            ("one good, one bad", "Origin: http://h:1\r\nOrigin: http://evil\r\n", false),
            ("twice the same", "Origin: http://h:1\r\nOrigin: http://h:1\r\n", false),
            ("a list (RFC 6454 §7.1)", "Origin: http://h:1 http://evil\r\n", false),
            ("two relations", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n", false),
        ];
        for (name, lines, expected) in cases {
            let hosts = hosts(&[]);
            assert_eq!(
                of("h:1", lines, |host, fields| hosts.may_write(host, None, fields)),
                expected,
                "{name}"
            );
        }
        let bare = Head::parse(b"POST /x HTTP/1.0\r\nOrigin: http://h\r\n\r\n", &mut FieldSpace::new())
            .map(|head| hosts(&[]).may_write(head.host, None, head.fields));
        assert_eq!(bare, Ok(false), "an origin, and no Host");
    }

    /// Behind a proxy, whether or not it forwards the browser's Host.
    #[test]
    fn writes_from_pages_behind_tls() {
        let (named, upstream) = ("files.example", "127.0.0.1:8080");
        let cases = [
            ("the name", named, "https://files.example", true),
            ("Host is the upstream's", upstream, "https://files.example", true),
            ("Host is the socket's", "localhost", "https://files.example", true),
            ("Host has the usual port", "files.example:443", "https://files.example", true),
            ("the origin has it", named, "https://files.example:443", true),
            ("in any case", "FILES.example", "https://Files.Example", true),
            ("a final dot", "files.example.", "https://files.example.", true),
            ("a port of its own", "files.example:8443", "https://files.example:8443", true),
            ("another port (another service)", named, "https://files.example:8443", false),
            ("the same, Host is the upstream's", upstream, "https://files.example:8080", false),
            ("the usual port is another service", "files.example:8443", "https://files.example", false),
            ("an address that was named", upstream, "https://192.0.2.7", true),
            ("IPv6 that was named", upstream, "https://[2001:db8:0::7]", true),
            ("IPv6 with its port", "[2001:DB8::7]:8443", "https://[2001:db8::7]:8443", true),
            ("an address that was not", "192.0.2.8", "https://192.0.2.8", false),
            ("localhost", "localhost", "https://localhost", false),
            ("the loopback", "127.0.0.1:8080", "https://127.0.0.1:8080", false),
            ("another site", named, "https://evil.example", false),
            ("a name below", named, "https://a.files.example", false),
            ("a name around it", named, "https://files.example.evil", false),
            ("two final dots", named, "https://files.example..", false),
            ("user info", named, "https://files.example@evil", false),
            ("no TLS, Host is another", upstream, "http://files.example", false),
            ("no TLS, at Host's port", named, "http://files.example", true),
            ("no TLS, at the port of TLS", "files.example:443", "http://files.example", false),
            ("a path", named, "https://files.example/", false),
            ("a port over 65,535", named, "https://files.example:65979", false),
            ("no name", named, "https://", false),
            ("not ASCII", named, "https://fil\u{e9}s.example", false),
        ];
        let hosts = hosts(&["Files.Example", "192.0.2.7", "2001:db8::7"]);
        for (name, host, origin, expected) in cases {
            for (relation, is_fine) in [("same-origin", true), ("same-site", false), ("cross-site", false)] {
                let lines = format!("Origin: {origin}\r\nSec-Fetch-Site: {relation}\r\n");
                let may = of(host, &lines, |host, fields| hosts.may_write(host, None, fields));
                assert_eq!(may, expected && is_fine, "{name}, {relation}");
            }
            let may = of(host, &format!("Origin: {origin}\r\n"), |host, fields| {
                hosts.may_write(host, None, fields)
            });
            assert_eq!(may, expected, "{name}, from an older browser");
        }
        let unnamed = AllowedHosts::new(Vec::new());
        let may = of(named, "Origin: https://files.example\r\n", |host, fields| {
            unnamed.may_write(host, None, fields)
        });
        assert!(!may, "the name was not given with --host");
    }

    /// A trusted proxy names the scheme that the browser used.
    #[test]
    fn writes_from_pages_behind_a_trusted_proxy() {
        let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
        let cases = [
            ("the scheme it says", https, "192.0.2.7", "https://192.0.2.7", true),
            ("with a port", https, "192.0.2.7:8443", "https://192.0.2.7:8443", true),
            ("another port", https, "192.0.2.7:8443", "https://192.0.2.7", false),
            ("a page without TLS of the same host", https, "192.0.2.7", "http://192.0.2.7", false),
            ("a page without TLS of a given name", https, "files.example", "http://files.example", false),
            ("another host", https, "192.0.2.7", "https://192.0.2.8", false),
            ("no TLS", http, "192.0.2.7", "http://192.0.2.7", true),
            ("no TLS, it says", http, "192.0.2.7", "https://192.0.2.7", false),
            ("a proxy before it has TLS", http, "files.example", "https://files.example", true),
        ];
        let hosts = hosts(&["files.example"]);
        for (name, scheme, host, origin, expected) in cases {
            let may = of(host, &format!("Origin: {origin}\r\n"), |host, fields| {
                hosts.may_write(host, scheme, fields)
            });
            assert_eq!(may, expected, "{name}");
        }
    }
}
