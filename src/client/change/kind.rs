//! What a name on a server stands for.

use crate::client::address::Resource;
use crate::client::error::ClientError;
use crate::client::error_response;
use crate::client::fetch::sessions::follow;
use crate::client::request::HttpRequest;
use crate::client::session::Session;
use crate::http::request::Method;
use crate::http::status::Status;

/// What a name on a server stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RemoteKind {
    File,
    Directory,
    Missing,
}

/// Asks the server. If it redirects to the same name with a slash, the name is a directory.
pub(super) fn kind(session: &mut Session, target: &str) -> Result<RemoteKind, ClientError> {
    let response = session.send(&HttpRequest { method: Method::Head, target, fields: &[], content: None })?;
    let (status, location) = (response.head.status, response.head.field("Location"));
    let kind = match status {
        _ if status.is_success() && target.ends_with('/') => RemoteKind::Directory,
        _ if status.is_success() => RemoteKind::File,
        Status::NOT_FOUND | Status::GONE => RemoteKind::Missing,
        _ => {
            let is_redirect = (300..400).contains(&status.code());
            let Some(location) = location.filter(|_| is_redirect) else {
                return Err(error_response::read(response));
            };
            response.body.discard()?;
            let current = Resource { server: session.server().clone(), target: target.to_owned() };
            return match follow(&current, &location) {
                Ok(there) if there.server == current.server && there.target == format!("{target}/") => {
                    Ok(RemoteKind::Directory)
                }
                _ => Err(ClientError::Moved(status, location)),
            };
        }
    };
    response.body.discard()?;
    Ok(kind)
}
