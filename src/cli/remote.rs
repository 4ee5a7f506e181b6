//! Addresses of HTTP and TFTP servers.

use std::fmt;
use std::path::Path;

use super::credentials::{NamedServer, TypedAddress, typed};
use crate::client::address::{AddressError, Endpoint, Resource, ServerAddress};
use crate::client::tftp::address::TftpSite;

/// A server and a path on it; `H` is the type of an HTTP address.
#[derive(Debug, Clone)]
pub(super) enum Remote<H> {
    /// Over HTTP.
    Http(H),
    /// Over TFTP.
    Tftp(TftpSite),
}

/// Why the address of something that is changed on a server is refused.
#[derive(Debug)]
pub(super) enum RemotePathError {
    Address(AddressError),
    /// It is a path on this machine.
    Local,
    /// It is on a TFTP server.
    Tftp,
}

impl Remote<ServerAddress> {
    /// Whether it names the file to upload, and not a directory.
    pub(super) fn names_file(&self) -> bool {
        match self {
            Self::Http(address) => address.names_file(),
            Self::Tftp(site) => site.names_file(),
        }
    }
}

impl<H> TypedAddress<Remote<H>> {
    /// The server, if it speaks HTTP.
    pub(super) fn server(&self, endpoint: impl FnOnce(&H) -> &Endpoint) -> Option<NamedServer> {
        match &self.address {
            Remote::Http(address) => {
                Some(NamedServer { server: endpoint(address).clone(), login: self.login.clone() })
            }
            Remote::Tftp(_) => None,
        }
    }
}

impl TypedAddress<Resource> {
    /// The server.
    pub(super) fn named_server(&self) -> NamedServer {
        NamedServer { server: self.address.server.clone(), login: self.login.clone() }
    }
}

impl TypedAddress<ServerAddress> {
    /// The server, at this port if one is given. `None` if a port is given for a Unix socket.
    pub(super) fn at_port(&self, port: Option<u16>) -> Option<NamedServer> {
        let address = self.address.clone();
        let address = port.map_or(Some(address.clone()), |port| address.at_port(port).ok())?;
        Some(NamedServer { server: address.server, login: self.login.clone() })
    }
}

/// Parses the address of a file.
pub(super) fn parse_file(text: &str) -> Result<TypedAddress<Remote<Resource>>, AddressError> {
    read(text, Resource::parse)
}

/// Parses the address of a server, or of a directory on it.
pub(super) fn parse_directory(text: &str) -> Result<TypedAddress<Remote<ServerAddress>>, AddressError> {
    read(text, ServerAddress::parse)
}

/// Parses the address to which uploads go.
pub(super) fn parse_destination(text: &str) -> Result<TypedAddress<Remote<ServerAddress>>, AddressError> {
    read(text, ServerAddress::parse_destination)
}

/// Parses the address of an HTTP server.
pub(super) fn parse_server(text: &str) -> Result<TypedAddress<ServerAddress>, AddressError> {
    typed(text, ServerAddress::parse)
}

/// Parses the address of something that is changed on a server over HTTP.
pub(super) fn parse_path(text: &str) -> Result<TypedAddress<Resource>, RemotePathError> {
    if is_local(text) {
        return Err(RemotePathError::Local);
    }
    if TftpSite::parse(text).is_some() {
        return Err(RemotePathError::Tftp);
    }
    let path = |bare: &str| {
        let address = ServerAddress::parse_destination(bare)?;
        Ok(Resource { target: address.target(""), server: address.server })
    };
    typed(text, path).map_err(RemotePathError::Address)
}

/// Whether this is a path on this machine: it begins like a path, or a file of this name exists and the text is not an
/// address.
fn is_local(text: &str) -> bool {
    let begins = ["/", "./", "../", "~"].iter().any(|start| text.starts_with(start));
    begins || matches!(text, "." | "..") || (!text.contains([':', '@']) && Path::new(text).exists())
}

fn read<H>(
    text: &str,
    http: impl FnOnce(&str) -> Result<H, AddressError>,
) -> Result<TypedAddress<Remote<H>>, AddressError> {
    typed(text, |bare| match TftpSite::parse(bare) {
        Some(site) => site.map(Remote::Tftp),
        None => http(bare).map(Remote::Http),
    })
}

impl fmt::Display for RemotePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Local => f.write_str(
                "it is a path on this machine (on a server: http://HOST/PATH; wharf get downloads, and wharf put uploads)",
            ),
            Self::Tftp => f.write_str("TFTP only reads, writes and lists files (use http://HOST/PATH)"),
        }
    }
}

impl std::error::Error for RemotePathError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_on_servers_and_on_this_machine() {
        let table = [
            ("http://h/a b", Some("/a%20b")),
            ("h:81/a/", Some("/a/")),
            ("h", Some("/")),
            ("unix:w.sock!/*.tmp", Some("/*.tmp")),
            ("anna@h/a", Some("/a")),
            ("http://h/a?b", None),
            ("tftp://h/a", None),
            ("/etc/hosts", None),
            ("./a", None),
            ("..", None),
            ("~/a", None),
            // The tests run in the directory of the package.
            ("Cargo.toml", None),
            ("src/main.rs", None),
        ];
        for (text, expected) in table {
            let target = parse_path(text).ok().map(|typed| typed.address.target);
            assert_eq!(target.as_deref(), expected, "{text}");
        }
        let why = parse_path("src").expect_err("local").to_string();
        assert!(why.contains("wharf get") && why.contains("wharf put"), "{why}");
    }
}
