//! The proxy that the environment names: `http_proxy`, `https_proxy` and `no_proxy`, as curl and wget read them.
//!
//! `HTTP_PROXY` in capitals is ignored: a CGI program would take it from a request's `Proxy` field. This machine and Unix
//! sockets are never reached through a proxy.

use std::time::{Duration, Instant};

use super::address::{AddressError, Endpoint, ServerAddress};
use super::error::ClientError;
use super::proxy_error::ProxyError;
use super::socket::{Readiness, Socket};
use crate::http::request::write_head;
use crate::http::response::Received;
use crate::network::Network;
use crate::printable::Printable;

/// The port of a proxy whose address has none, as in curl.
const DEFAULT_PORT: u16 = 1080;

/// The proxy through which this server is reached, or why it cannot be used. Then no direct connection is made, because
/// the user may want to avoid that.
pub(super) fn from_environment(server: &Endpoint) -> Result<Option<Endpoint>, ProxyError> {
    of(server, |name| std::env::var(name).ok()).map_err(|error| ProxyError::Address(reason(&error)))
}

/// Like [`from_environment`], with the variables that `variable` returns.
fn of(
    server: &Endpoint,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Endpoint>, AddressError> {
    let (host, port, named) = match server {
        Endpoint::Tcp { host, port, .. } => (host, port, variable("http_proxy")),
        Endpoint::Tls { host, port, .. } => {
            (host, port, variable("https_proxy").or_else(|| variable("HTTPS_PROXY")))
        }
        Endpoint::Unix(_) => return Ok(None),
    };
    let named = named.filter(|proxy| !proxy.trim().is_empty());
    let exceptions = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
    match named {
        Some(proxy) if !server.is_local() && !is_excepted(host, *port, &exceptions) => {
            parse(proxy.trim()).map(Some)
        }
        _ => Ok(None),
    }
}

/// Asks a proxy for a tunnel to this host, which then carries TLS (RFC 9110 §9.3.6).
pub(super) fn tunnel(
    socket: &Socket,
    proxy: &Endpoint,
    host: &str,
    port: u16,
    silence: Duration,
) -> Result<(), ClientError> {
    let failed = |error| ClientError::Proxy(proxy.to_string(), error);
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut head = Vec::new();
    let fields = [("User-Agent", concat!("wharf/", env!("CARGO_PKG_VERSION")))];
    write_head(&mut head, "CONNECT", &authority, &authority, &fields);
    // The socket buffer of a new connection has space for the whole head.
    if socket.send_now(&head).map_err(ClientError::Broken)? != Some(head.len()) {
        return Err(failed(ProxyError::Closed));
    }
    let (end, mut came) = (Instant::now() + silence, Vec::new());
    loop {
        // A response to CONNECT has no content, like a response to HEAD.
        match Received::parse(&came, true) {
            Err(_) => return Err(failed(ProxyError::NotHttp)),
            Ok(Some((head, length))) if head.status.is_interim() => drop(came.drain(..length)),
            Ok(Some((head, _))) if !head.status.is_success() => {
                return Err(failed(ProxyError::Refused(head.status)));
            }
            // Nothing may follow: with TLS, the client sends first.
            Ok(Some((_, length))) if length < came.len() => return Err(failed(ProxyError::NotHttp)),
            Ok(Some(_)) => return Ok(()),
            Ok(None) => {
                let left = end.saturating_duration_since(Instant::now());
                // Interim responses could come forever.
                let is_late = left.is_zero();
                if is_late || socket.wait_to_read(left).map_err(ClientError::Broken)? == Readiness::No {
                    return Err(failed(ProxyError::Slow(silence.as_secs())));
                }
                let mut block = [0; 1024];
                match socket.receive_now(&mut block) {
                    Ok(None) => {}
                    Ok(Some(count @ 1..)) => came.extend_from_slice(block.get(..count).unwrap_or_default()),
                    Ok(Some(0)) | Err(_) => return Err(failed(ProxyError::Closed)),
                }
            }
        }
    }
}

/// Why a proxy cannot be used. The text of an address with a user name would show a password.
fn reason(error: &AddressError) -> String {
    match error {
        AddressError::User(_) => {
            "a user name and a password are not supported (use http://host:port)".to_owned()
        }
        AddressError::Scheme(scheme) => {
            format!("{}:// is not supported (use http://host:port)", Printable::text(scheme))
        }
        other => other.to_string(),
    }
}

/// `http://host:port`, or `host:port`.
fn parse(text: &str) -> Result<Endpoint, AddressError> {
    let text = text.strip_suffix('/').unwrap_or(text);
    let authority = match text.split_once("://") {
        Some(("http", authority)) => authority,
        Some((scheme, _)) => return Err(AddressError::Scheme(scheme.to_owned())),
        None => text,
    };
    if authority.contains('/') && !authority.contains('@') {
        // The error says which part is not supported.
        return ServerAddress::parse(text).map(|address| address.server);
    }
    Endpoint::parse_authority_or(authority, DEFAULT_PORT)
}

/// Whether a list like `example.com, .local, 10.0.0.1:8080, 10.0.0.0/8` has this host: itself, or a domain or network that
/// it belongs to.
fn is_excepted(host: &str, port: u16, list: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let mut names = list.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty());
    names.any(|name| {
        let (name, wanted) = match name.rsplit_once(':') {
            Some((name, number)) if !name.contains(':') => (name, number.parse().ok()),
            _ => (name, None),
        };
        let name = name.trim_start_matches('.').trim_end_matches('.').to_ascii_lowercase();
        let is_below = || host.strip_suffix(&name).is_some_and(|rest| rest.ends_with('.'));
        let is_inside =
            || host.parse().is_ok_and(|ip| name.parse().is_ok_and(|network: Network| network.contains(ip)));
        let is_named = name == "*" || host == name || is_below() || is_inside();
        is_named && wanted.is_none_or(|wanted: u16| wanted == port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let server = ServerAddress::parse(server).expect("an address").server;
        let variable = |name: &str| {
            variables.iter().find(|(given, _)| *given == name).map(|(_, value)| (*value).to_owned())
        };
        of(&server, variable).expect("valid").map(|proxy| proxy.to_string())
    }

    #[test]
    fn a_proxy_is_used_where_it_is_named() {
        let table = [
            ("a URL", "h:80", "http://proxy:3128/", "", Some("proxy:3128")),
            ("a host and a port", "h:80", "proxy:3128", "", Some("proxy:3128")),
            ("no port", "h:80", "http://proxy", "", Some("proxy:1080")),
            ("empty", "h:80", " ", "", None),
            ("this machine by name", "LocalHost:80", "proxy:1", "", None),
            ("this machine by address", "127.0.0.2:80", "proxy:1", "", None),
            ("a Unix socket", "unix:/s", "proxy:1", "", None),
            ("an exception", "h.example:80", "proxy:1", "a, h.example", None),
            ("an exception for a domain", "a.h.example:80", "proxy:1", "h.example", None),
            ("with a dot before it", "a.h.example:80", "proxy:1", ".h.example", None),
            ("in capitals", "H.example:80", "proxy:1", "h.EXAMPLE", None),
            ("another name that ends alike", "ah.example:80", "proxy:1", "h.example", Some("proxy:1")),
            ("all", "h:80", "proxy:1", "*", None),
            ("an exception for a port", "h:80", "proxy:1", "h:80", None),
            ("another port", "h:81", "proxy:1", "h:80", Some("proxy:1")),
            ("an address", "10.0.0.1:80", "proxy:1", "10.0.0.1", None),
            ("a network", "10.1.2.3:80", "proxy:1", "a, 10.0.0.0/8", None),
            ("an IPv6 network", "[fd00::1]:80", "proxy:1", "fd00::/8", None),
            ("another network", "10.1.2.3:80", "proxy:1", "10.2.0.0/16", Some("proxy:1")),
            ("a name in no network", "h.example:80", "proxy:1", "0.0.0.0/0", Some("proxy:1")),
        ];
        for (name, server, http, except, expected) in table {
            let found = proxy(server, &[("http_proxy", http), ("no_proxy", except)]);
            assert_eq!(found.as_deref(), expected, "{name}");
        }
        let https = [("http_proxy", "plain:1"), ("https_proxy", "proxy:1"), ("no_proxy", "b")];
        assert_eq!(proxy("https://h", &https).as_deref(), Some("proxy:1"), "by scheme");
        assert_eq!(proxy("https://b", &https), None, "an exception");
        assert_eq!(proxy("https://h", &[("http_proxy", "proxy:1")]), None);
        assert_eq!(proxy("https://h", &[("HTTPS_PROXY", "proxy:1")]).as_deref(), Some("proxy:1"));
        assert_eq!(proxy("h:80", &[("HTTP_PROXY", "proxy:1")]), None, "a request could set it in CGI");
        assert_eq!(proxy("h:80", &[("http_proxy", "proxy:1"), ("NO_PROXY", "h")]), None);
    }

    #[test]
    fn an_address_that_is_not_supported_is_an_error() {
        let server = Endpoint::tcp("h", 80).expect("valid");
        for text in [
            "https://proxy:1",
            "https://me:secret@proxy:1",
            "socks5://proxy:1",
            "http://me:secret@proxy:1",
            "http://me:1/secret@proxy:1",
            "me:secret@proxy:1",
            "proxy:0",
        ] {
            let found = of(&server, |name| (name == "http_proxy").then(|| text.to_owned()));
            let error = found.expect_err(text);
            assert!(!reason(&error).contains("secret"), "{error}");
        }
    }
}
