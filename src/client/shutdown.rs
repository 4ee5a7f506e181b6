//! Asks a server to shut down: `POST /.wharf/exit`, which a server with `--allow-exit` accepts.

use super::address::ServerAddress;
use super::error::ClientError;
use super::error_response;
use super::own_root;
use super::request::HttpRequest;
use super::session::Session;
use crate::http::request::Method;
use crate::own_paths;

/// Asks the server that has this directory to shut down, and returns once it has agreed.
pub fn request(session: &mut Session, directory: &ServerAddress) -> Result<(), ClientError> {
    let target = own_root::find(session, directory)?.resolve(own_paths::EXIT, false);
    let response =
        session.send(&HttpRequest { method: Method::Post, target: &target, fields: &[], content: None })?;
    if !response.head.status.is_success() {
        return Err(error_response::read(response));
    }
    response.body.discard().map(|_| ())
}
