//! The address of a TFTP server: `tftp://host:port/path` (RFC 3617).

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::client::address::{AddressError, Endpoint, NamedBy};
use crate::client::error::ClientError;
use crate::client::timeouts::Timeouts;

/// The scheme of these addresses.
const SCHEME: &str = "tftp://";

/// The default port (RFC 1350).
const PORT: u16 = 69;

/// A TFTP server, a path on it, and how long to wait for an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TftpSite {
    host: String,
    port: u16,
    /// The decoded path, which may be any bytes, without its leading slash.
    path: Vec<u8>,
    /// How long the server may be silent.
    silence: Duration,
}

impl TftpSite {
    /// Parses an address; `None` if it has another scheme.
    pub fn parse(text: &str) -> Option<Result<Self, AddressError>> {
        let scheme = text.get(..SCHEME.len())?;
        let rest = text.get(SCHEME.len()..)?;
        scheme.eq_ignore_ascii_case(SCHEME).then(|| Self::read(rest))
    }

    fn read(rest: &str) -> Result<Self, AddressError> {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let text = if has_port { authority.to_owned() } else { format!("{authority}:{PORT}") };
        let (host, port) = match Endpoint::parse_authority(&text)? {
            Endpoint::Tcp { host, port, .. } => (host, port),
            Endpoint::Tls { .. } | Endpoint::Unix(_) => return Err(AddressError::NoHost(rest.to_owned())),
        };
        let path = percent_decode_str(path).collect();
        Ok(Self { host, port, path, silence: Timeouts::default().silence })
    }

    /// The same site, whose server may be silent for this long.
    #[must_use]
    pub fn with_timeout(&self, silence: Duration) -> Self {
        Self { silence, ..self.clone() }
    }

    /// How long the server may be silent.
    pub(super) fn silence(&self) -> Duration {
        self.silence
    }

    /// The path; empty if the address has none.
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// Whether an upload to this address goes to its path, and not to a directory of that name.
    pub fn names_file(&self) -> bool {
        !self.path.is_empty() && !self.path.ends_with(b"/")
    }

    /// The name of a path as typed: relative to the server's root if it begins with a slash, else to the address's
    /// directory.
    pub fn name(&self, typed: &[u8]) -> Vec<u8> {
        if typed.starts_with(b"/") || self.path.is_empty() {
            return from_root(typed).to_owned();
        }
        let slash = if self.path.ends_with(b"/") { &b""[..] } else { b"/" };
        [&self.path, slash, typed].concat()
    }

    /// Calls `act` with each address of the host in turn, until a server is running there.
    pub(super) fn at_each_address(
        &self,
        mut act: impl FnMut(SocketAddr) -> Result<(), ClientError>,
    ) -> Result<(), ClientError> {
        let unresolved = || ClientError::Unresolved(self.host.clone());
        let addresses = (self.host.as_str(), self.port).to_socket_addrs().map_err(|_| unresolved())?;
        let mut outcome = Err(unresolved());
        for address in addresses {
            outcome = act(address);
            if !matches!(outcome, Err(ClientError::NotRunning(_))) {
                break;
            }
        }
        outcome
    }
}

/// A name without its leading slashes.
pub fn from_root(name: &[u8]) -> &[u8] {
    let slashes = name.iter().take_while(|byte| **byte == b'/').count();
    name.get(slashes..).unwrap_or_default()
}

/// `tftp://127.0.0.1:6969`.
impl fmt::Display for TftpSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{SCHEME}{}",
            Endpoint::Tcp { host: self.host.clone(), port: self.port, named_by: NamedBy::User }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let table = [
            ("tftp://h", "tftp://h:69", ""),
            ("TFTP://h:6969/", "tftp://h:6969", ""),
            ("tftp://h:6969/a%20b/c d", "tftp://h:6969", "a b/c d"),
            ("tftp://[::1]:7/x", "tftp://[::1]:7", "x"),
            ("tftp://[fe80::1%25eth0]/x", "tftp://[fe80::1%25eth0]:69", "x"),
            ("tftp://[fe80::1%eth0]:7/x", "tftp://[fe80::1%25eth0]:7", "x"),
            ("tftp://[::1]/x/", "tftp://[::1]:69", "x/"),
            ("tftp://h/%ff%2F", "tftp://h:69", "\\xff/"),
        ];
        for (text, site, path) in table {
            let found = TftpSite::parse(text).expect(text).expect(text);
            assert_eq!(
                (found.to_string(), found.path().escape_ascii().to_string()),
                (site.to_owned(), path.to_owned()),
                "{text}"
            );
        }
        assert!(TftpSite::parse("http://h").is_none() && TftpSite::parse("h:69").is_none());
        assert!(TftpSite::parse("tftp://h:0/").is_some_and(|site| site.is_err()));
        assert!(TftpSite::parse("tftp:///a").is_some_and(|site| site.is_err()));
    }

    #[test]
    fn names() {
        let site = |text| TftpSite::parse(text).expect("TFTP").expect("an address");
        assert_eq!(site("tftp://h").name(b"a"), b"a");
        assert_eq!(site("tftp://h/in/").name(b"a"), b"in/a");
        assert_eq!(site("tftp://h/in").name(b""), b"in/");
        assert_eq!(site("tftp://h/in").name(b"//a"), b"a");
        let named =
            ["tftp://h", "tftp://h/", "tftp://h/in/", "tftp://h/in/a"].map(|text| site(text).names_file());
        assert_eq!(named, [false, false, false, true]);
    }
}
