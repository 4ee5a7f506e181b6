//! Moves an entry of the trash back, under another name if its own is taken by now.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, RenameFlags};
use rustix::io::Errno;

use super::claims::Claims;
use super::error::Error;
use super::numbering::marked;
use super::place::Place;
use super::real_path::Judged;
use super::root;
use super::save_method::is_unsupported;
use super::shared::{Shared, may_add};
use super::stale;
use super::trash::{Restored, TrashEntry, TrashId, Whose};
use crate::access::{Grant, Judge, ToWrite};
use crate::durable::group::PendingSync;
use crate::path::SharePath;

/// How many names are tried: `name (restored 9999).ext` is the last.
const MOST_COPIES: u32 = 9_999;

/// How many of them are tried while other commits wait. A free name was found before, so more tries are needed only if
/// others take names at the same time.
const TRIES: usize = 100;

/// Restores it, as [`Folder::restore`](super::Folder::restore) says.
pub(super) fn restore(
    shared: &Shared,
    id: TrashId,
    whose: Whose<'_>,
    judge: &Judge,
) -> Result<Restored, Error> {
    if shared.rules.read_only {
        return Err(Error::ReadOnly);
    }
    shared.stays()?;
    let entry = shared.trash.find(&shared.root, id, whose)?;
    let grant = judge.check::<ToWrite>(entry.path())?;
    shared.rules.admit(&grant)?;
    may_add_entry(&entry, &grant)?;
    stale::retry(|| put_back(shared, &entry, &grant, id))
}

fn put_back(
    shared: &Shared,
    entry: &TrashEntry,
    grant: &Grant<'_, ToWrite>,
    id: TrashId,
) -> Result<Restored, Error> {
    let Shared { root, .. } = shared;
    let (place, grant) = Place::find(root, grant)?;
    may_add_entry(entry, &grant)?;
    place.confirm_nearest(root)?;
    let dir = place.make_directory(shared.syncs())?;
    let names = shared.syncs().map(|syncs| syncs.begin(&*dir)).transpose()?;
    let first = first_free(entry, &place, &dir, &grant)?;
    let guard = shared.commits.within_process();
    shared.stays()?;
    place.confirm(root, &dir)?;
    let Judged { grant, real } = place.judge_in(root, &dir, &grant)?;
    may_add_entry(entry, &grant)?;
    if let Some(real) = real.as_ref().filter(|_| is_directory(entry)) {
        grant.may_add_below(real)?;
    }
    let path = appear(shared, entry, &place, &dir, &grant, first)?;
    #[cfg(feature = "dav")]
    shared.properties_ended(&path, is_directory(entry));
    drop(guard);
    names.map_or(Ok(()), PendingSync::finish)?;
    shared.trash.forget(root, id);
    let lies_at = real.and_then(|real| real.parent()?.join(path.name()?).ok());
    Ok(Restored { path, lies_at, is_directory: is_directory(entry) })
}

fn is_directory(entry: &TrashEntry) -> bool {
    root::is_directory(&entry.stat)
}

/// Fails if the entry may not be added at this path; a directory needs the right everywhere below.
fn may_add_entry(entry: &TrashEntry, grant: &Grant<'_, ToWrite>) -> Result<(), Error> {
    may_add(grant)?;
    if is_directory(entry) {
        grant.may_add_below(grant.path())?;
    }
    Ok(())
}

/// The path with this number among `name.ext`, `name (restored).ext`, `name (restored 2).ext`, … `None` if the entry may not be
/// added there.
fn numbered(
    entry: &TrashEntry,
    place: &Place,
    grant: &Grant<'_, ToWrite>,
    number: u32,
) -> Result<Option<(OsString, SharePath)>, Error> {
    let name = match number {
        0 => place.name().to_owned(),
        1 => marked(place.name(), " (restored)"),
        number => marked(place.name(), &format!(" (restored {number})")),
    };
    // The path may be so long that the mark does not fit.
    let path = place.path().parent().unwrap_or_default().join(&name).map_err(|_| Error::Exists)?;
    let may_add =
        grant.may_add_at(&path).is_ok() && (!is_directory(entry) || grant.may_add_below(&path).is_ok());
    Ok(may_add.then_some((name, path)))
}

/// The number of the first name that is free now.
fn first_free(
    entry: &TrashEntry,
    place: &Place,
    dir: &Arc<Dir>,
    grant: &Grant<'_, ToWrite>,
) -> Result<u32, Error> {
    for number in 0..=MOST_COPIES {
        if let Some((name, _)) = numbered(entry, place, grant, number)? {
            match root::look_in(&**dir, &name) {
                Ok(_) => {}
                Err(Errno::NOENT) => return Ok(number),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Err(Error::Exists)
}

/// Takes the first free name from this number on.
fn appear(
    shared: &Shared,
    entry: &TrashEntry,
    place: &Place,
    dir: &Arc<Dir>,
    grant: &Grant<'_, ToWrite>,
    first: u32,
) -> Result<SharePath, Error> {
    for number in (first..=MOST_COPIES).take(TRIES) {
        let Some((name, path)) = numbered(entry, place, grant, number)? else { continue };
        match rename(entry, dir, &name, &shared.claims) {
            Ok(()) => return Ok(path),
            Err(Errno::EXIST) => {}
            Err(Errno::XDEV) => return Err(Error::CannotRestore),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Exists)
}

/// Gives the content a name that must be free: `EEXIST` if it is not.
fn rename(entry: &TrashEntry, dir: &Arc<Dir>, name: &OsStr, claims: &Claims) -> Result<(), Errno> {
    let (from, old, new) = (&**entry.store.dir(), &*entry.name, name.as_bytes());
    let can_try_on = |error: Errno| error != Errno::XDEV && is_unsupported(error);
    match fs::renameat_with(from, old, &**dir, new, RenameFlags::NOREPLACE) {
        Err(error) if can_try_on(error) => {}
        other => return other,
    }
    if is_directory(entry) {
        // An empty directory holds the name.
        fs::mkdirat(&**dir, new, Mode::RWXU)?;
        return fs::renameat(from, old, &**dir, new).inspect_err(|_| {
            let _ = fs::unlinkat(&**dir, new, AtFlags::REMOVEDIR);
        });
    }
    match fs::linkat(from, old, &**dir, new, AtFlags::empty()) {
        Ok(()) => fs::unlinkat(from, old, AtFlags::empty()),
        Err(error) if can_try_on(error) => {
            let claim = claims.take(dir, name)?;
            fs::renameat(from, old, &**dir, new)?;
            claim.fulfil();
            Ok(())
        }
        Err(error) => Err(error),
    }
}
