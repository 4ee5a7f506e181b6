//! An address of either kind: a server that speaks HTTP, or one that speaks TFTP.

use crate::client::address::{Address, AddressError, Resource};
use crate::client::tftp::address::Site;

/// A server and what is meant on it; `H` is how that is told over HTTP.
#[derive(Debug, Clone)]
pub(super) enum Place<H> {
    /// Over HTTP.
    Http(H),
    /// Over TFTP.
    Tftp(Site),
}

/// Reads the address of a file.
pub(super) fn of_file(text: &str) -> Result<Place<Resource>, AddressError> {
    read(text, Resource::parse)
}

/// Reads the address of a server, or of a directory there.
pub(super) fn of_directory(text: &str) -> Result<Place<Address>, AddressError> {
    read(text, Address::parse)
}

fn read<H>(text: &str, http: impl FnOnce(&str) -> Result<H, AddressError>) -> Result<Place<H>, AddressError> {
    match Site::parse(text) {
        Some(site) => site.map(Place::Tftp),
        None => http(text).map(Place::Http),
    }
}
