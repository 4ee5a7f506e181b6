//! Removes a file or a directory, by one rename into the trash.

use super::error::Error;
use super::guard::Guard;
use super::remover::Remover;
use super::shared::Shared;
use super::trash::TrashId;
use crate::access::{Grant, ToRemove};
use crate::path::SharePath;

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its path.
    pub path: SharePath,
    /// Where it really lay, if that is known, and is another path.
    pub lay_at: Option<SharePath>,
    /// Whether it was a directory.
    pub is_directory: bool,
    /// Its id in the trash, if it is kept.
    pub kept: Option<TrashId>,
}

/// Removes it, as [`Folder::remove`](super::Folder::remove) says.
pub(super) fn remove(_: &Shared, _: &Grant<'_, ToRemove>, _: Guard, _: &Remover) -> Result<Removed, Error> {
    Err(Error::CannotKeep)
}
