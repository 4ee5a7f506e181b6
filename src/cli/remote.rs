//! Addresses of HTTP and TFTP servers.

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

impl TypedAddress<ServerAddress> {
    /// The server, at this port if it is given; `None` if it has no ports.
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

fn read<H>(
    text: &str,
    http: impl FnOnce(&str) -> Result<H, AddressError>,
) -> Result<TypedAddress<Remote<H>>, AddressError> {
    typed(text, |bare| match TftpSite::parse(bare) {
        Some(site) => site.map(Remote::Tftp),
        None => http(bare).map(Remote::Http),
    })
}
