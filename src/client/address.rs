//! Where a server is, as a person writes it: `http://host:port/path`, `host:port`,
//! `unix:/run/wharf.sock!/path`.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;

use crate::http::target::from_typed;
use crate::printable::Printable;

/// Where wharf listens unless it is told otherwise.
pub const DEFAULT_HOST: &str = "127.0.0.1";

/// The port that wharf takes unless it is told otherwise.
pub const DEFAULT_PORT: u16 = 8080;

/// The port of an `http://` address that names none (RFC 9110 §4.2.1).
const HTTP_PORT: u16 = 80;

/// A server, and the directory on it from which paths are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// The endpoint to connect to.
    pub server: Endpoint,
    /// An encoded path that begins and ends with a slash.
    base: String,
}

/// A file or a directory on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The endpoint to connect to.
    pub server: Endpoint,
    /// Its target there, encoded.
    pub target: String,
}

/// The endpoint to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// HTTP over TCP.
    Tcp {
        /// A name, or an IP address without brackets.
        host: String,
        /// The port, never 0.
        port: u16,
    },
    /// HTTP over a Unix-domain socket at this path, or of an abstract name, written with an `@` before it.
    Unix(PathBuf),
}

/// An address that is none, or none for this client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressError {
    /// No host in it.
    NoHost(String),
    /// A host that could stand in no Host field: it would end the line, or the name.
    Host(String),
    /// A port that is not 1 to 65535.
    Port(String),
    /// A scheme that is not spoken here.
    Scheme(String),
    /// A user name before `@`: there are no accounts.
    User(String),
    /// A query or a fragment, which an address has no use for.
    Query(String),
    /// `unix:` without a path.
    NoSocket,
}

impl ServerAddress {
    /// The root directory of a server.
    pub fn root(server: Endpoint) -> Self {
        Self { server, base: "/".to_owned() }
    }

    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (server, path) = split(text)?;
        Ok(Self { server, base: base(path)? })
    }

    /// The same at another port; a Unix socket has none.
    pub fn at_port(self, port: u16) -> Result<Self, AddressError> {
        match self.server {
            Endpoint::Tcp { host, .. } => Ok(Self { server: Endpoint::tcp(&host, port)?, base: self.base }),
            Endpoint::Unix(_) => Err(AddressError::Port(port.to_string())),
        }
    }

    /// The target of a path that a person typed: from the server's root where it begins with a slash, else
    /// from the address's directory.
    pub fn target(&self, typed: &str) -> String {
        self.resolve(&from_typed(typed), typed.starts_with('/'))
    }

    /// The target of a path that is encoded already and has a leading slash.
    pub fn resolve(&self, encoded: &str, from_root: bool) -> String {
        if from_root {
            encoded.to_owned()
        } else {
            format!("{}{}", self.base, encoded.trim_start_matches('/'))
        }
    }
}

impl Endpoint {
    /// A server over TCP, as `host:port`.
    pub fn parse_authority(text: &str) -> Result<Self, AddressError> {
        let (host, port) = split_port(text, DEFAULT_PORT)?;
        Self::tcp(host, port)
    }

    /// A server over TCP.
    pub fn tcp(host: &str, port: u16) -> Result<Self, AddressError> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(AddressError::NoHost(host.to_owned()));
        }
        if !host.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"#/<>?@[\\]^`{|}".contains(&byte)) {
            return Err(AddressError::Host(host.to_owned()));
        }
        if port == 0 {
            return Err(AddressError::Port(port.to_string()));
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }

    /// The value of the Host field (RFC 9110 §7.2). A Unix socket is on this machine.
    pub fn host_field(&self) -> String {
        match self {
            Self::Tcp { .. } => self.to_string(),
            Self::Unix(_) => "localhost".to_owned(),
        }
    }

    /// Whether this authority of a URL means this server.
    pub fn is_at(&self, authority: &str) -> bool {
        match (self, split_port(authority, HTTP_PORT)) {
            (Self::Tcp { host, port }, Ok((other, other_port))) => {
                let other = other.trim_start_matches('[').trim_end_matches(']');
                *port == other_port && host.eq_ignore_ascii_case(other)
            }
            _ => false,
        }
    }
}

impl Resource {
    /// Reads the address of a file or a directory. Unlike a [`ServerAddress`] it keeps a path without a slash at its
    /// end, and a query: other people's servers have files that need one.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (server, path) = split(text)?;
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { server, target: from_typed(&format!("{slash}{path}")) })
    }
}

/// The server that an address names, and the path behind it as it was typed.
fn split(text: &str) -> Result<(Endpoint, &str), AddressError> {
    if let Some(rest) = text.strip_prefix("unix:") {
        let (socket, path) = rest.split_once('!').unwrap_or((rest, ""));
        let is_named = !socket.is_empty();
        return if is_named {
            Ok((Endpoint::Unix(PathBuf::from(socket)), path))
        } else {
            Err(AddressError::NoSocket)
        };
    }
    let (rest, default_port) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (rest, HTTP_PORT),
        Some((scheme, _)) => return Err(AddressError::Scheme(scheme.to_owned())),
        None => (text, DEFAULT_PORT),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(AddressError::User(text.to_owned()));
    }
    let (host, port) = split_port(authority, default_port)?;
    Ok((Endpoint::tcp(host, port)?, path))
}

/// The directory that the path of an address means.
fn base(path: &str) -> Result<String, AddressError> {
    if path.contains(['?', '#']) {
        return Err(AddressError::Query(path.to_owned()));
    }
    let mut base = from_typed(path);
    if !base.ends_with('/') {
        base.push('/');
    }
    Ok(base)
}

/// Splits `host:port`. An IPv6 address needs brackets only where a port follows.
fn split_port(authority: &str, default: u16) -> Result<(&str, u16), AddressError> {
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok((authority, default));
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Ok((host, parse_port(port)?)),
        _ => Ok((authority, default)),
    }
}

/// Reads a port.
pub fn parse_port(text: &str) -> Result<u16, AddressError> {
    match text.parse() {
        Ok(port) if port != 0 && text.bytes().all(|b| b.is_ascii_digit()) => Ok(port),
        _ => Err(AddressError::Port(text.to_owned())),
    }
}

impl Default for ServerAddress {
    fn default() -> Self {
        Self::root(Endpoint::Tcp { host: DEFAULT_HOST.to_owned(), port: DEFAULT_PORT })
    }
}

/// `127.0.0.1:8080`, `[::1]:8080`, `unix:/run/wharf.sock`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", Printable::path(path)),
        }
    }
}

/// `http://127.0.0.1:8080/a.txt`, `unix:/run/wharf.sock!/a.txt`.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.server {
            Endpoint::Tcp { .. } => write!(f, "http://{}{}", self.server, self.target),
            Endpoint::Unix(_) => write!(f, "{}!{}", self.server, self.target),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHost(_) => f.write_str("the address names no host (write host:port)"),
            Self::Host(host) => write!(f, "{host:?} is no name of a host, nor an address (write host:port)"),
            Self::Port(port) => write!(f, "{port:?} is no port here (1 to 65535, and none of a Unix socket)"),
            Self::Scheme(scheme) => {
                write!(
                    f,
                    "{}:// is not spoken here (http://host:port, unix:PATH and tftp://host:port are)",
                    Printable::text(scheme)
                )
            }
            Self::User(text) => {
                write!(f, "{text:?} holds a user name, and there are no accounts (write host:port)")
            }
            Self::Query(path) => write!(f, "{path:?} holds a query, which an address has no use for"),
            Self::NoSocket => f.write_str("unix: needs the path of a socket (unix:/run/wharf.sock)"),
        }
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let cases = [
            ("host and port", "h:81", "h:81", "/"),
            ("a host alone", "h", "h:8080", "/"),
            ("a path after it", "h:81/a b/c", "h:81", "/a%20b/c/"),
            ("a URL", "http://h:81/a/", "h:81", "/a/"),
            ("a URL without a port (RFC 9110 §4.2.1)", "HTTP://h", "h:80", "/"),
            ("IPv6 in brackets", "[::1]:81", "[::1]:81", "/"),
            ("IPv6 in brackets, no port", "http://[::1]/x", "[::1]:80", "/x/"),
            ("IPv6 alone", "::1", "[::1]:8080", "/"),
            ("a Unix socket", "unix:/run/w.sock", "unix:/run/w.sock", "/"),
            ("a path inside", "unix:w.sock!/inbox/", "unix:w.sock", "/inbox/"),
        ];
        for (name, text, server, base) in cases {
            let address = ServerAddress::parse(text).expect(name);
            assert_eq!(
                (address.server.to_string().as_str(), address.base.as_str()),
                (server, base),
                "{name}"
            );
        }
    }

    #[test]
    fn resources() {
        let cases = [
            ("a file", "h:81/a b.txt", "/a%20b.txt"),
            ("a directory", "h/a/", "/a/"),
            ("the root", "h", "/"),
            ("a query", "h/a?b=c", "/a?b=c"),
            ("a query and no path", "h?b", "/?b"),
            ("a fragment is not sent (RFC 9110 §4.2.5)", "http://h/a#b", "/a"),
            ("behind a Unix socket", "unix:w.sock!/a", "/a"),
        ];
        for (name, text, target) in cases {
            assert_eq!(Resource::parse(text).expect(name).target, target, "{name}");
        }
    }

    #[test]
    fn what_is_no_address() {
        let cases = [
            ("", AddressError::NoHost(String::new())),
            (":80", AddressError::NoHost(String::new())),
            ("h\r\nA: b", AddressError::Port(" b".to_owned())),
            ("h\r", AddressError::Host("h\r".to_owned())),
            ("a b", AddressError::Host("a b".to_owned())),
            ("größe", AddressError::Host("größe".to_owned())),
            ("h:0", AddressError::Port("0".to_owned())),
            ("h:65536", AddressError::Port("65536".to_owned())),
            ("h:+80", AddressError::Port("+80".to_owned())),
            ("h:", AddressError::Port(String::new())),
            ("https://h/", AddressError::Scheme("https".to_owned())),
            ("tftp://h/", AddressError::Scheme("tftp".to_owned())),
            ("http://me@h/", AddressError::User("http://me@h/".to_owned())),
            ("h/?list", AddressError::Query("/?list".to_owned())),
            ("unix:", AddressError::NoSocket),
            ("unix:!/x", AddressError::NoSocket),
        ];
        for (text, expected) in cases {
            assert_eq!(ServerAddress::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn paths_are_counted_from_the_directory_of_the_address() {
        let address = ServerAddress::parse("h/a").expect("valid");
        assert_eq!(address.target("x y"), "/a/x%20y");
        assert_eq!(address.target("/x"), "/x");
        assert_eq!(address.target(""), "/a/");
    }

    #[test]
    fn whose_authority_it_is() {
        let server = ServerAddress::parse("http://Host/").expect("valid").server;
        let cases = [("host", true), ("HOST:80", true), ("host:8080", false), ("other", false), ("", false)];
        for (authority, expected) in cases {
            assert_eq!(server.is_at(authority), expected, "{authority}");
        }
    }
}
