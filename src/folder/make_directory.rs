//! Creates one directory, by the rules that uploads follow. It is on the disk when it is acknowledged.

use super::error::Error;
use super::guard::Guard;
use super::place::Place;
use super::shared::Shared;
use super::stale;
use crate::access::{Grant, ToMakeDirectory};

/// Creates it, as [`Folder::make_directory`](super::Folder::make_directory) says.
pub(super) fn make(shared: &Shared, grant: &Grant<'_, ToMakeDirectory>, guard: Guard) -> Result<(), Error> {
    stale::retry(|| try_make(shared, grant, guard))
}

/// Whether the name is taken, as far as nothing forbids to look.
pub(super) fn is_taken(shared: &Shared, grant: &Grant<'_, ToMakeDirectory>) -> bool {
    matches!(stale::retry(|| find(shared, grant).map(drop)), Err(Error::Exists))
}

fn try_make(shared: &Shared, grant: &Grant<'_, ToMakeDirectory>, guard: Guard) -> Result<(), Error> {
    let Shared { root, reserve, .. } = shared;
    let (place, grant) = find(shared, grant)?;
    guard.check(None)?;
    reserve.admit(None, place.nearest())?;
    place.confirm_nearest(root)?;
    place.judge(root, &grant)?;
    place.make_own(shared.syncs())
}

/// The place of the directory. Fails if something has its name.
fn find<'g>(
    shared: &Shared,
    grant: &'g Grant<'_, ToMakeDirectory>,
) -> Result<(Place, Grant<'g, ToMakeDirectory>), Error> {
    let Shared { root, rules, .. } = shared;
    if rules.read_only {
        return Err(Error::ReadOnly);
    }
    rules.admit_new(grant)?;
    shared.stays()?;
    if grant.path().is_root() {
        return Err(Error::Exists);
    }
    let (place, grant) = Place::find(root, grant)?;
    if place.has_directory() {
        match place.occupant(root, place.nearest(), &grant) {
            Ok(None) => {}
            Ok(Some(_)) | Err(Error::IsDirectory) => return Err(Error::Exists),
            Err(error) => return Err(error),
        }
    }
    Ok((place, grant))
}
