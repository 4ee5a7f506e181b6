//! Where a server's own paths are: at the root of its host, or below the path at which a proxy shows it.

use super::address::ServerAddress;
use super::error::ClientError;
use super::request::HttpRequest;
use super::session::Session;
use crate::http::request::Method;
use crate::own_paths;

/// The root of the server that has this directory: the first directory, from this one upwards, below which a wharf
/// server responds. Sends no request if the directory is the root of the host.
pub(super) fn find(session: &mut Session, directory: &ServerAddress) -> Result<ServerAddress, ClientError> {
    let mut candidate = directory.clone();
    while let Some(above) = candidate.above() {
        if is_alive(session, &candidate.resolve(own_paths::HEALTH, false))? {
            break;
        }
        candidate = above;
    }
    Ok(candidate)
}

fn is_alive(session: &mut Session, target: &str) -> Result<bool, ClientError> {
    let request = HttpRequest { method: Method::Get, target, fields: &[], content: None };
    let response = session.send(&request)?;
    let is_success = response.head.status.is_success();
    response.body.discard()?;
    Ok(is_success)
}
