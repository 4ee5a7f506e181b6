//! The server of an address: `host:port`, over TLS or not, or a Unix-domain socket.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

use super::error::AddressError;
use crate::printable::Printable;

/// The port that wharf listens on by default.
pub const DEFAULT_PORT: u16 = 8080;

/// The default port of `http://` (RFC 9110 §4.2.1).
pub(super) const HTTP_PORT: u16 = 80;

/// The default port of `https://` (RFC 9110 §4.2.2).
pub(super) const HTTPS_PORT: u16 = 443;

/// The endpoint to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// HTTP over TCP.
    Tcp {
        /// A name, or an IP address without brackets.
        host: String,
        /// The port, never 0.
        port: u16,
        /// Who has named it.
        named_by: NamedBy,
    },
    /// HTTP over TLS over TCP.
    Tls {
        /// A name, or an IP address without brackets.
        host: String,
        /// The port, never 0.
        port: u16,
        /// Who has named it.
        named_by: NamedBy,
    },
    /// HTTP over a Unix-domain socket at this path; an abstract name begins with `@`.
    Unix(PathBuf),
}

/// Who has named a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NamedBy {
    /// The user.
    User,
    /// Another server, in a redirect: the named server gets no credentials and no client certificate.
    Redirect,
}

impl Endpoint {
    /// Parses `host:port`.
    pub fn parse_authority(text: &str) -> Result<Self, AddressError> {
        Self::parse_authority_or(text, DEFAULT_PORT)
    }

    /// Parses `host:port`, or `host` with this port.
    pub(in crate::client) fn parse_authority_or(text: &str, port: u16) -> Result<Self, AddressError> {
        let (host, port) = split_port(text, port)?;
        Self::tcp(host, port)
    }

    /// A server over TCP.
    pub fn tcp(host: &str, port: u16) -> Result<Self, AddressError> {
        checked(host, port).map(|host| Self::Tcp { host, port, named_by: NamedBy::User })
    }

    /// A server over TLS.
    pub fn tls(host: &str, port: u16) -> Result<Self, AddressError> {
        checked(host, port).map(|host| Self::Tls { host, port, named_by: NamedBy::User })
    }

    /// The same endpoint, named by a redirect of another server.
    #[must_use]
    pub fn named_by_redirect(mut self) -> Self {
        if let Self::Tcp { named_by, .. } | Self::Tls { named_by, .. } = &mut self {
            *named_by = NamedBy::Redirect;
        }
        self
    }

    /// A name, or an IP address without brackets; `None` for a Unix socket.
    pub fn host(&self) -> Option<&str> {
        match self {
            Self::Tcp { host, .. } | Self::Tls { host, .. } => Some(host),
            Self::Unix(_) => None,
        }
    }

    /// The value of the Host field (RFC 9110 §7.2); `localhost` for a Unix socket.
    pub fn host_field(&self) -> String {
        match self {
            Self::Tcp { host, port, .. } | Self::Tls { host, port, .. } => {
                // A zone has a meaning on this machine only (RFC 6874 §3).
                let host = without_zone(host);
                let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
                // The default port is left out, as browsers and curl do.
                if *port == self.default_port() { host } else { format!("{host}:{port}") }
            }
            Self::Unix(_) => "localhost".to_owned(),
        }
    }

    /// Whether the authority of a URL of the same scheme is this server.
    pub fn is_at(&self, authority: &str) -> bool {
        match (self, split_port(authority, self.default_port())) {
            (Self::Tcp { host, port, .. } | Self::Tls { host, port, .. }, Ok((other, other_port))) => {
                let other = other.trim_start_matches('[').trim_end_matches(']');
                *port == other_port && without_zone(host).eq_ignore_ascii_case(without_zone(other))
            }
            _ => false,
        }
    }

    /// The scheme of its URLs.
    pub fn scheme(&self) -> &'static str {
        if self.is_tls() { "https" } else { "http" }
    }

    /// Whether the server is on this machine, so that nobody on the network can read what is sent to it.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp { host, .. } | Self::Tls { host, .. } => is_loopback(host),
            Self::Unix(_) => true,
        }
    }

    /// Whether the endpoint is from a redirect of another server.
    pub fn is_named_by_redirect(&self) -> bool {
        match self {
            Self::Tcp { named_by, .. } | Self::Tls { named_by, .. } => *named_by == NamedBy::Redirect,
            Self::Unix(_) => false,
        }
    }

    /// Whether it is reached over TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }

    /// The port of a URL that has none.
    fn default_port(&self) -> u16 {
        if self.is_tls() { HTTPS_PORT } else { HTTP_PORT }
    }
}

/// Whether this host is this machine.
fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A host without brackets, with its zone in one spelling. Fails if a Host field cannot carry it, or if the port is 0.
fn checked(host: &str, port: u16) -> Result<String, AddressError> {
    refuse_user(host)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.is_empty() {
        return Err(AddressError::NoHost(host.to_owned()));
    }
    let zoned = zoned(host).map(|(ip, zone)| format!("{ip}%{zone}"));
    if zoned.is_none() && host.contains(':') && host.contains('%') {
        return Err(AddressError::Host(host.to_owned()));
    }
    let host = zoned.as_deref().unwrap_or(host);
    if !host.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"#/<>?@[\\]^`{|}".contains(&byte)) {
        return Err(AddressError::Host(host.to_owned()));
    }
    if port == 0 {
        return Err(AddressError::Port(port.to_string()));
    }
    Ok(host.to_owned())
}

/// Splits `host:port`. An IPv6 address needs brackets only if a port follows.
pub(super) fn split_port(authority: &str, default: u16) -> Result<(&str, u16), AddressError> {
    refuse_user(authority)?;
    if authority.parse::<Ipv6Addr>().is_ok() || zoned(authority).is_some() {
        return Ok((authority, default));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Ok((host, parse_port(port)?)),
        _ => Ok((authority, default)),
    }
}

/// Fails if there is a user name before the host. The error does not contain what may be a password.
fn refuse_user(authority: &str) -> Result<(), AddressError> {
    authority.rsplit_once('@').map_or(Ok(()), |(_, host)| Err(AddressError::User(host.to_owned())))
}

/// The IPv6 address and the zone of `fe80::1%25eth0` (RFC 6874) or `fe80::1%eth0` (RFC 4007 §11).
fn zoned(host: &str) -> Option<(Ipv6Addr, &str)> {
    let (ip, zone) = host.split_once('%')?;
    let zone = zone.strip_prefix("25").filter(|rest| !rest.is_empty()).unwrap_or(zone);
    let is_zone = !zone.is_empty() && !zone.contains(['%', ':']);
    Some((ip.parse().ok().filter(|_| is_zone)?, zone))
}

/// An IPv6 address without its zone; any other host as it is.
fn without_zone(host: &str) -> &str {
    match (zoned(host), host.split_once('%')) {
        (Some(_), Some((ip, _))) => ip,
        _ => host,
    }
}

/// Parses a port.
pub fn parse_port(text: &str) -> Result<u16, AddressError> {
    match text.parse() {
        Ok(port) if port != 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err(AddressError::Port(text.to_owned())),
    }
}

/// `127.0.0.1:8080`, `[::1]:8080`, `https://files.example:443`, `unix:/run/wharf.sock`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, .. } | Self::Tls { host, port, .. } => {
                let scheme = if self.is_tls() { "https://" } else { "" };
                if host.contains(':') {
                    // A zone is written as in a URL (RFC 6874).
                    write!(f, "{scheme}[{}]:{port}", host.replacen('%', "%25", 1))
                } else {
                    write!(f, "{scheme}{host}:{port}")
                }
            }
            Self::Unix(path) => write!(f, "unix:{}", Printable::path(path)),
        }
    }
}
