//! Asking a server to shut down: `POST /.wharf/exit`, which a server accepts that runs with `--allow-exit`.

use super::error::ClientError;
use super::error_response;
use super::request::{HttpMethod, HttpRequest};
use super::session::Session;
use crate::own_paths;

/// Asks the server to shut down; once this returns, it does.
pub fn request(session: &mut Session) -> Result<(), ClientError> {
    let response = session.send(&HttpRequest {
        method: HttpMethod::Post,
        target: own_paths::EXIT,
        fields: &[],
        content: None,
    })?;
    if !response.head.status.is_success() {
        return Err(error_response::read(response));
    }
    response.body.discard().map(|_| ())
}
