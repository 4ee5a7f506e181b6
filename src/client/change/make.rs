//! Makes directories.

use super::outcome::RemoteChange;
use crate::client::error::ClientError;
use crate::client::make_directory::{MadeDirectory, alone, with_parents};
use crate::client::session::Session;
use crate::client::transfer::retry::FailedAttempt;
use crate::http::status::Status;

/// Makes a directory. With `parents`, also makes the missing directories above it, and accepts an existing directory.
pub fn make_directory(
    session: &mut Session,
    target: &str,
    parents: bool,
) -> Result<RemoteChange, ClientError> {
    let target = format!("{}/", target.trim_end_matches('/'));
    let error = |failure: FailedAttempt| failure.error;
    if !parents {
        alone(session, &target).map_err(error)?;
        return Ok(RemoteChange::Made { target });
    }
    match with_parents(session, &target).map_err(error)? {
        MadeDirectory::Created(_) => Ok(RemoteChange::Made { target }),
        MadeDirectory::Exists => Ok(RemoteChange::Exists { target }),
        MadeDirectory::Unsupported => Err(ClientError::Refused(Status::METHOD_NOT_ALLOWED, None)),
    }
}
