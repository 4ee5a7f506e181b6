//! The address of a remote of either kind: a server that speaks HTTP, or one that speaks TFTP.

use crate::client::address::{AddressError, Resource, ServerAddress};
use crate::client::tftp::address::TftpSite;

/// A server and what is meant on it; `H` is how that is told over HTTP.
#[derive(Debug, Clone)]
pub(super) enum Remote<H> {
    /// Over HTTP.
    Http(H),
    /// Over TFTP.
    Tftp(TftpSite),
}

/// Reads the address of a file.
pub(super) fn parse_file(text: &str) -> Result<Remote<Resource>, AddressError> {
    read(text, Resource::parse)
}

/// Reads the address of a server, or of a directory there.
pub(super) fn parse_directory(text: &str) -> Result<Remote<ServerAddress>, AddressError> {
    read(text, ServerAddress::parse)
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
