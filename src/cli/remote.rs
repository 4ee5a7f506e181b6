//! Addresses of HTTP and TFTP servers.

use crate::client::address::{AddressError, Resource, ServerAddress};
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

/// Parses the address of a file.
pub(super) fn parse_file(text: &str) -> Result<Remote<Resource>, AddressError> {
    read(text, Resource::parse)
}

/// Parses the address of a server, or of a directory on it.
pub(super) fn parse_directory(text: &str) -> Result<Remote<ServerAddress>, AddressError> {
    read(text, ServerAddress::parse)
}

/// Parses the address to which uploads go.
pub(super) fn parse_destination(text: &str) -> Result<Remote<ServerAddress>, AddressError> {
    read(text, ServerAddress::parse_destination)
}

fn read<H>(
    text: &str,
    http: impl FnOnce(&str) -> Result<H, AddressError>,
) -> Result<Remote<H>, AddressError> {
    match TftpSite::parse(text) {
        Some(site) => site.map(Remote::Tftp),
        None => http(text).map(Remote::Http),
    }
}
