//! What the copies of files, links and directories have in common.

use crate::access::{Grant, ToWrite};
use crate::folder::error::Error;
use crate::folder::place::Place;
use crate::folder::shared::Shared;
use crate::folder::stale::MayBeStale as _;
use rustix::io::Errno;

/// How much of a directory is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The directory alone.
    Itself,
    /// Everything below it that the client may see.
    Everything,
}

/// The place of a copy, whose directory must exist.
pub(super) fn place_of(shared: &Shared, to: &Grant<'_, ToWrite>) -> Result<Place, Error> {
    let (place, _) = Place::find(&shared.root, to)?;
    if place.has_directory() { Ok(place) } else { Err(Error::NoParent) }
}

/// Converts an error of filling a copy, or of naming it. The copy's directory is looked up only once, so it may be gone
/// by now.
pub(super) fn of_target(error: impl Into<Error>) -> Error {
    match error.into() {
        Error::NotFound => Error::ParentGone,
        error if error.is_stale() => Error::ParentGone,
        error => error,
    }
}

/// Converts an error of beginning a copy in a directory that was just found. If the directory is gone, it is looked up
/// again.
pub(super) fn of_new(error: Errno) -> Errno {
    if error == Errno::NOENT { Errno::STALE } else { error }
}
