//! Removes a file or a directory, by one rename into the trash: nothing inside a directory is examined.
//!
//! A file that is not kept is removed immediately. A directory that is not kept gets a name in the trash, and is
//! removed piece by piece later.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{self, AtFlags, Stat};
use rustix::io::Errno;

use super::commit_lock::CommitGuard;
use super::entry::SharedEntry;
use super::error::Error;
use super::guard::{Expected, Guard};
use super::place::Place;
use super::real_path::Judged;
use super::remover::Remover;
use super::root::{self, Identity};
use super::shared::Shared;
use super::stale;
use super::temporary::set_aside;
use super::temporary_tree::remove_tree;
use super::trash::{OldFile, Removal, TrashId};
use crate::access::{Grant, ToRemove};
use crate::durable::group::PendingSync;
use crate::path::SharePath;

/// How often another program may replace the entry while its removal is prepared.
const TRIES: usize = 16;

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Its path.
    pub path: SharePath,
    /// Its real path before the removal, if known and different.
    pub lay_at: Option<SharePath>,
    /// Whether it was a directory.
    pub is_directory: bool,
    /// Its id in the trash, if it is kept. The contents of a directory that is not kept are removed by
    /// [`Folder::sweep_trash`](super::Folder::sweep_trash).
    pub kept: Option<TrashId>,
}

/// Removes it, as [`Folder::remove`](super::Folder::remove) says.
pub(super) fn remove(
    shared: &Shared,
    grant: &Grant<'_, ToRemove>,
    expected: Expected,
    remover: &Remover,
) -> Result<Removed, Error> {
    if shared.rules.read_only {
        return Err(Error::ReadOnly);
    }
    shared.rules.admit(grant)?;
    if grant.path().is_root() {
        return Err(Error::Denied);
    }
    stale::retry(|| {
        shared.was_not_replaced()?;
        let (place, grant) = Place::find(&shared.root, grant).map_err(Error::of_source)?;
        if !place.has_directory() {
            return Err(Error::NotFound);
        }
        Remove { shared, place: &place, grant: &grant, expected, remover }.run()
    })
}

struct Remove<'r> {
    shared: &'r Shared,
    place: &'r Place,
    grant: &'r Grant<'r, ToRemove>,
    expected: Expected,
    remover: &'r Remover,
}

/// The entry that has the name.
struct Found {
    /// For a link, the `stat` of the link itself.
    stat: Stat,
    real: Option<SharePath>,
}

impl Remove<'_> {
    fn run(&self) -> Result<Removed, Error> {
        let Self { shared, place, remover, .. } = *self;
        let mut by_mount = false;
        for _ in 0..TRIES {
            let Found { stat, .. } = self.examine()?;
            let (dir, path, name) = (place.nearest(), place.path(), place.name());
            let old = OldFile { dir, path, name, stat };
            let mut removal =
                shared.trash.begin_removal((&shared.root, &shared.mounts), &old, remover, by_mount)?;
            removal.sync()?;
            let lock = self.lock()?;
            shared.stays()?;
            let names = place.confirm_to_change(&shared.root, shared.syncs())?;
            self.expected.guard.refresh(dir, name)?;
            let now = self.examine()?;
            if Identity::of(&now.stat) != Identity::of(&stat) {
                continue;
            }
            match self.take_away(removal, &stat) {
                Ok(kept) => {
                    self.end_properties(&stat);
                    drop(lock);
                    names.map_or(Ok(()), PendingSync::finish)?;
                    return Ok(self.removed(now, kept));
                }
                Err(Errno::XDEV) if by_mount && shared.trash.is_on() => return Err(Error::CannotKeep),
                // It cannot be moved to where it would be removed in pieces.
                Err(Errno::XDEV) if by_mount => {
                    let aside = set_aside(place.nearest(), place.name())?;
                    self.end_properties(&stat);
                    drop(lock);
                    names.map_or(Ok(()), PendingSync::finish)?;
                    remove_tree(shared, place.nearest(), place.path(), OsStr::new(&aside));
                    return Ok(self.removed(now, None));
                }
                Err(Errno::XDEV) => by_mount = true,
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Changed)
    }

    fn removed(&self, Found { stat, real }: Found, kept: Option<TrashId>) -> Removed {
        let path = self.place.path().clone();
        Removed { path, lay_at: real, is_directory: root::is_directory(&stat), kept }
    }

    #[cfg(feature = "dav")]
    fn end_properties(&self, stat: &Stat) {
        self.shared.properties_ended(self.place.path(), root::is_directory(stat));
    }

    #[cfg(not(feature = "dav"))]
    #[allow(clippy::unused_self, reason = "it stands for a method that needs it")]
    fn end_properties(&self, _: &Stat) {}

    fn take_away(&self, removal: Removal<'_>, stat: &Stat) -> Result<Option<TrashId>, Errno> {
        let (dir, name) = (self.place.nearest(), self.place.name());
        match removal {
            Removal::Kept(entry) => entry.take(dir, name).map(Some),
            Removal::Purged(store, gone) => {
                fs::renameat(&**dir, name.as_bytes(), &**store.dir(), gone).map(|()| None)
            }
            Removal::AtOnce => {
                debug_assert!(!root::is_directory(stat));
                fs::unlinkat(&**dir, name.as_bytes(), AtFlags::empty()).map(|()| None)
            }
        }
    }

    /// The entry that has the name, if it may be removed.
    fn examine(&self) -> Result<Found, Error> {
        let Self { shared, place, expected, .. } = *self;
        let Judged { grant, real } = place.judge_in(&shared.root, place.nearest(), self.grant)?;
        let SharedEntry { stat, version } = SharedEntry::look(shared, place, expected)?;
        if root::is_directory(&stat) {
            grant.may_remove_below(place.path())?;
            real.iter().try_for_each(|real| grant.may_remove_below(real))?;
        }
        expected.guard.check(Some(version))?;
        Ok(Found { stat, real })
    }

    /// A removal that depends on the current file also waits for other servers that share the folder.
    fn lock(&self) -> Result<CommitGuard<'_>, Error> {
        let Shared { commits, root, .. } = self.shared;
        match self.expected.guard {
            Guard::None => Ok(commits.within_process()),
            _ => commits.across_servers(root),
        }
    }
}
