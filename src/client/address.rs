//! The address of a server as the user types it: `http://host:port/path`, `https://host/path`, `host:port`,
//! `unix:/run/wharf.sock!/path`.

mod endpoint;
mod error;

pub use endpoint::{DEFAULT_PORT, Endpoint, NamedBy, parse_port};
pub use error::{AddressError, LoginError};

use std::fmt;
use std::path::PathBuf;

use self::endpoint::{HTTP_PORT, HTTPS_PORT, split_port};
use crate::http::target::from_typed;

/// The address that wharf listens on by default.
pub const DEFAULT_HOST: &str = "127.0.0.1";

/// A server, and the directory on it to which paths are relative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// The endpoint to connect to.
    pub server: Endpoint,
    /// An encoded path that begins with a slash. It also ends with a slash, unless it names a file to upload.
    base: String,
}

/// A file or a directory on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The endpoint to connect to.
    pub server: Endpoint,
    /// The encoded request target.
    pub target: String,
}

impl ServerAddress {
    /// The root directory of a server.
    pub fn root(server: Endpoint) -> Self {
        Self { server, base: "/".to_owned() }
    }

    /// Parses an address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (server, path) = split(text)?;
        let base = encoded(path)?;
        let slash = if base.ends_with('/') { "" } else { "/" };
        Ok(Self { server, base: format!("{base}{slash}") })
    }

    /// Parses the address to which an upload goes. Without a final slash, its path [names the file](Self::names_file).
    pub fn parse_destination(text: &str) -> Result<Self, AddressError> {
        let (server, path) = split(text)?;
        Ok(Self { server, base: encoded(path)? })
    }

    /// Whether this is the address of one file, to which no path is relative.
    pub fn names_file(&self) -> bool {
        !self.base.ends_with('/')
    }

    /// The same address with another port. Fails for a Unix socket, which has no port.
    pub fn at_port(self, port: u16) -> Result<Self, AddressError> {
        let server = match self.server {
            Endpoint::Tcp { host, .. } => Endpoint::tcp(&host, port)?,
            Endpoint::Tls { host, .. } => Endpoint::tls(&host, port)?,
            Endpoint::Unix(_) => return Err(AddressError::Port(port.to_string())),
        };
        Ok(Self { server, base: self.base })
    }

    /// The same server with this directory, given as an encoded path.
    #[must_use]
    pub fn in_directory(&self, target: &str) -> Self {
        let slash = if target.ends_with('/') { "" } else { "/" };
        Self { server: self.server.clone(), base: format!("{target}{slash}") }
    }

    /// The same server with this target: a directory if it ends with a slash, otherwise a file.
    #[must_use]
    pub fn at_target(&self, target: String) -> Self {
        Self { server: self.server.clone(), base: target }
    }

    /// The encoded path of this directory relative to `above`, with a slash before it.
    #[cfg(feature = "accounts")]
    pub(super) fn below(&self, above: &Self) -> &str {
        let above = above.base.strip_suffix('/').unwrap_or(&above.base);
        self.base.strip_prefix(above).unwrap_or(&self.base)
    }

    /// The directory above; `None` for the root.
    pub(super) fn above(&self) -> Option<Self> {
        let end = self.base.strip_suffix('/')?.rfind('/')?;
        Some(Self { server: self.server.clone(), base: self.base[..=end].to_owned() })
    }

    /// The target of a path as typed: relative to the server's root if it begins with a slash, else to the address's
    /// directory.
    pub fn target(&self, typed: &str) -> String {
        self.resolve(&from_typed(typed), typed.starts_with('/'))
    }

    /// The target of an encoded path with a leading slash.
    pub fn resolve(&self, encoded: &str, from_root: bool) -> String {
        if from_root {
            encoded.to_owned()
        } else {
            format!("{}{}", self.base, encoded.trim_start_matches('/'))
        }
    }
}

impl Resource {
    /// Parses the address of a file or a directory. Unlike a [`ServerAddress`] it keeps a path without a final slash,
    /// and a query, which files on other servers may need.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (server, path) = split(text)?;
        let path = path.split('#').next().unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Self { server, target: from_typed(&format!("{slash}{path}")) })
    }
}

/// Splits an address into the endpoint and the path as typed.
fn split(text: &str) -> Result<(Endpoint, &str), AddressError> {
    if let Some(rest) = text.strip_prefix("unix:") {
        // A directory's name may contain `!`, but not at its end.
        let (socket, path) = match rest.find("!/") {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest.strip_suffix('!').unwrap_or(rest), ""),
        };
        let is_named = !socket.is_empty();
        return if is_named {
            Ok((Endpoint::Unix(PathBuf::from(socket)), path))
        } else {
            Err(AddressError::NoSocket)
        };
    }
    let (rest, default_port, is_tls) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (rest, HTTP_PORT, false),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (rest, HTTPS_PORT, true),
        Some((scheme, _)) => return Err(AddressError::Scheme(scheme.to_owned())),
        None => (text, DEFAULT_PORT, false),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = split_port(authority, default_port)?;
    let server = if is_tls { Endpoint::tls(host, port) } else { Endpoint::tcp(host, port) };
    Ok((server?, path))
}

/// The encoded path of an address, which has no query.
fn encoded(path: &str) -> Result<String, AddressError> {
    if path.contains(['?', '#']) {
        return Err(AddressError::Query(path.to_owned()));
    }
    Ok(from_typed(path))
}

impl Default for ServerAddress {
    fn default() -> Self {
        Self::root(Endpoint::Tcp {
            host: DEFAULT_HOST.to_owned(),
            port: DEFAULT_PORT,
            named_by: NamedBy::User,
        })
    }
}

/// `http://127.0.0.1:8080/a.txt`, `unix:/run/wharf.sock!/a.txt`.
impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.server {
            Endpoint::Tcp { .. } => write!(f, "http://{}{}", self.server, self.target),
            Endpoint::Tls { .. } => write!(f, "{}{}", self.server, self.target),
            Endpoint::Unix(_) => write!(f, "{}!{}", self.server, self.target),
        }
    }
}

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
            ("TLS", "https://h/a", "https://h:443", "/a/"),
            ("TLS on another port", "HTTPS://[::1]:81", "https://[::1]:81", "/"),
            ("IPv6 in brackets", "[::1]:81", "[::1]:81", "/"),
            ("IPv6 in brackets, no port", "http://[::1]/x", "[::1]:80", "/x/"),
            ("IPv6 alone", "::1", "[::1]:8080", "/"),
            ("a zone (RFC 6874)", "http://[fe80::1%25eth0]:81/x", "[fe80::1%25eth0]:81", "/x/"),
            ("a zone (RFC 4007)", "[fe80::1%eth0]:81", "[fe80::1%25eth0]:81", "/"),
            ("a zone without brackets", "fe80::1%eth0", "[fe80::1%25eth0]:8080", "/"),
            ("interface 25", "[fe80::1%25]:81", "[fe80::1%2525]:81", "/"),
            ("a Unix socket", "unix:/run/w.sock", "unix:/run/w.sock", "/"),
            ("a path inside", "unix:w.sock!/inbox/", "unix:w.sock", "/inbox/"),
            ("the root inside", "unix:w.sock!", "unix:w.sock", "/"),
            ("a ! in a directory", "unix:/a!b/w.sock!/x", "unix:/a!b/w.sock", "/x/"),
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
    fn invalid_addresses() {
        let cases = [
            ("", AddressError::NoHost(String::new())),
            (":80", AddressError::NoHost(String::new())),
            ("h\r\nA: b", AddressError::Port(" b".to_owned())),
            ("h\r", AddressError::Host("h\r".to_owned())),
            ("a b", AddressError::Host("a b".to_owned())),
            ("[fe80::1%]", AddressError::Host("fe80::1%".to_owned())),
            ("[fe80::1%25a%20b]", AddressError::Host("fe80::1%25a%20b".to_owned())),
            ("größe", AddressError::Host("größe".to_owned())),
            ("h:0", AddressError::Port("0".to_owned())),
            ("h:65536", AddressError::Port("65536".to_owned())),
            ("h:+80", AddressError::Port("+80".to_owned())),
            ("h:", AddressError::Port(String::new())),
            ("ftp://h/", AddressError::Scheme("ftp".to_owned())),
            ("https://h:0/", AddressError::Port("0".to_owned())),
            ("https://me:secret@h/", AddressError::User("h".to_owned())),
            ("tftp://h/", AddressError::Scheme("tftp".to_owned())),
            ("http://me@h/", AddressError::User("h".to_owned())),
            ("me:se@cret@h:81", AddressError::User("h:81".to_owned())),
            ("h/?list", AddressError::Query("/?list".to_owned())),
            ("unix:", AddressError::NoSocket),
            ("unix:!/x", AddressError::NoSocket),
        ];
        for (text, expected) in cases {
            assert_eq!(ServerAddress::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_directory_of_the_address() {
        let address = ServerAddress::parse("h/a").expect("valid");
        assert_eq!(address.target("x y"), "/a/x%20y");
        assert_eq!(address.target("/x"), "/x");
        assert_eq!(address.target(""), "/a/");
    }

    #[test]
    fn a_destination_without_a_final_slash_names_a_file() {
        let cases = [
            ("h:81", None),
            ("http://h/", None),
            ("http://h/in/", None),
            ("http://h/new.txt", Some("/new.txt")),
            ("h/in/a b", Some("/in/a%20b")),
            ("unix:/s", None),
            ("unix:/s!", None),
            ("unix:/s!/in/", None),
            ("unix:/s!/new.txt", Some("/new.txt")),
        ];
        for (text, named) in cases {
            let address = ServerAddress::parse_destination(text).expect(text);
            assert_eq!(address.names_file().then(|| address.resolve("/", false)).as_deref(), named, "{text}");
        }
        assert!(matches!(ServerAddress::parse_destination("h/a?b"), Err(AddressError::Query(_))));
    }

    #[test]
    fn the_host_field() {
        let cases = [
            ("h:81", "h:81"),
            ("h:80", "h"),
            ("http://[::1]/", "[::1]"),
            ("[::1]:81", "[::1]:81"),
            ("https://h/", "h"),
            ("https://[::1]/", "[::1]"),
            ("https://h:80/", "h:80"),
            ("http://h:443/", "h:443"),
            ("unix:/s", "localhost"),
        ];
        for (text, expected) in cases {
            assert_eq!(ServerAddress::parse(text).expect(text).server.host_field(), expected, "{text}");
        }
    }

    #[test]
    fn the_host_field_never_has_the_zone() {
        let server = ServerAddress::parse("http://[fe80::1%25eth0]:81/").expect("valid").server;
        assert_eq!(server, Endpoint::tcp("fe80::1%eth0", 81).expect("valid"));
        assert_eq!(server.host_field(), "[fe80::1]:81");
        for authority in ["[fe80::1]:81", "[FE80::1%25eth0]:81", "[fe80::1%eth0]:81"] {
            assert!(server.is_at(authority), "{authority}");
        }
        assert!(!server.is_at("[fe80::2]:81") && !server.is_at("[fe80::1]:82"));
    }

    #[test]
    fn the_authority_of_a_server() {
        let server = ServerAddress::parse("http://Host/").expect("valid").server;
        let cases = [("host", true), ("HOST:80", true), ("host:8080", false), ("other", false), ("", false)];
        for (authority, expected) in cases {
            assert_eq!(server.is_at(authority), expected, "{authority}");
        }
        let server = ServerAddress::parse("https://Host/").expect("valid").server;
        assert!(server.is_at("host") && server.is_at("host:443") && !server.is_at("host:80"));
    }
}
