//! Moves a file, a link or a whole directory to another name, within a file system.
//!
//! The move is one rename, so a reader finds the entry under its old name or under its new one. No directory is walked:
//! everything below it moves with it. Of a link, only the link is moved. An entry that had the new name goes into the trash first.
//!
//! All decisions are made before the first change, under the lock for commits. If two clients move to the same free
//! name, only one succeeds.

use super::arrive::{Arriving, NewName, NewlyNamed, Old, lock};
use super::entry::SharedEntry;
use super::error::Error;
use super::guard::Expected;
use super::place::Place;
use super::real_path::Judged;
use super::root;
use super::shared::Shared;
use super::stale;
use super::trash::TrashId;
use crate::access::{Grant, ToRemove, ToWrite};
use crate::durable::group::{DirectorySyncs, PendingSync};
use crate::path::SharePath;

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its old path.
    pub from: SharePath,
    /// Its real path before the move, if known and different.
    pub lay_at: Option<SharePath>,
    /// Its new path, which [`OnConflict::Rename`](super::OnConflict::Rename) may have changed.
    pub path: SharePath,
    /// The path that was asked for, if its client must not learn that it was taken.
    pub asked_for: Option<SharePath>,
    /// Its real path now, if known and different.
    pub lies_at: Option<SharePath>,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Its size in bytes; that of a directory says nothing.
    pub size: u64,
    /// Whether the new name was free.
    pub created: bool,
    /// The trash id of what was replaced, if that is kept.
    pub kept: Option<TrashId>,
}

/// The result of an attempt to move something.
#[derive(Debug)]
pub enum Renamed {
    /// It has its new name.
    Done(Moved),
    /// Its new name would be on another file system: it has to be copied.
    OtherFileSystem,
}

impl Moved {
    /// The path to report to its client.
    pub fn told(&self) -> &SharePath {
        self.asked_for.as_ref().unwrap_or(&self.path)
    }
}

/// Moves it, as [`Folder::rename`](super::Folder::rename) says.
pub(super) fn rename(
    shared: &Shared,
    from: &Grant<'_, ToRemove>,
    expected: Expected,
    wanted: NewName<'_>,
) -> Result<Renamed, Error> {
    stale::retry(|| Ends::find(shared, from, expected, wanted)?.rename())
}

/// Both ends of a move.
struct Ends<'e> {
    shared: &'e Shared,
    source: Place,
    from: Grant<'e, ToRemove>,
    target: Place,
    to: Grant<'e, ToWrite>,
    expected: Expected,
    wanted: NewName<'e>,
}

impl<'e> Ends<'e> {
    fn find(
        shared: &'e Shared,
        from: &'e Grant<'_, ToRemove>,
        expected: Expected,
        wanted: NewName<'e>,
    ) -> Result<Self, Error> {
        let to = wanted.to;
        let Shared { root, rules, .. } = shared;
        if rules.read_only {
            return Err(Error::ReadOnly);
        }
        rules.admit(from)?;
        rules.admit_new(to)?;
        shared.was_not_replaced()?;
        if from.path().is_root() {
            return Err(Error::Denied);
        }
        let (source, from) = Place::find(root, from).map_err(Error::of_source)?;
        if !source.has_directory() {
            return Err(Error::NotFound);
        }
        let found = refuse_nested(from.path(), to.path()).and_then(|()| Place::find(root, to));
        let has_parent = |(target, to): (Place, _)| {
            if target.has_directory() { Ok((target, to)) } else { Err(Error::NoParent) }
        };
        match found.and_then(has_parent) {
            Ok((target, to)) => Ok(Self { shared, source, from, target, to, expected, wanted }),
            // A source that does not exist is the first error.
            Err(error) => look(shared, &source, expected).and(Err(error)),
        }
    }

    fn rename(&self) -> Result<Renamed, Error> {
        // Most names are free, and then there is nothing to prepare.
        if let Some(renamed) = self.attempt(false, None)? {
            return Ok(renamed);
        }
        self.confirm(None)?;
        let old = self.with_item(|_, arriving| arriving.prepare(arriving.decide()?))?;
        self.attempt(true, old)?.ok_or(Error::Changed)
    }

    /// Renames it under the lock. `None` if an entry of the name must be prepared first: then nothing was changed.
    fn attempt(&self, is_prepared: bool, old: Option<Old<'e>>) -> Result<Option<Renamed>, Error> {
        let Self { shared, source, expected, .. } = self;
        let (renamed, begun) = {
            let _lock = lock(shared, &self.wanted(&self.to), expected.guard)?;
            shared.stays()?;
            let begun = self.confirm(shared.syncs())?;
            expected.guard.refresh(source.nearest(), source.name())?;
            let renamed = self.with_item(|lay_at, arriving| {
                let step = arriving.decide()?;
                if !is_prepared && step.replaces() {
                    return Ok(None);
                }
                let (is_directory, size) = (arriving.is_directory(), arriving.size());
                let Some(arrived) = arriving.carry_out(step, old)? else {
                    return Ok(Some(Renamed::OtherFileSystem));
                };
                let NewlyNamed { path, asked_for, lies_at, created, kept } = arrived;
                let (from, lay_at) = (source.path().clone(), lay_at.cloned());
                let moved =
                    Moved { from, lay_at, path, asked_for, lies_at, is_directory, size, created, kept };
                Ok(Some(Renamed::Done(moved)))
            })?;
            #[cfg(feature = "dav")]
            if let Some(Renamed::Done(moved)) = &renamed {
                shared.properties_moved(moved);
            }
            (renamed, begun)
        };
        if matches!(renamed, Some(Renamed::Done(_))) {
            begun.into_iter().try_for_each(PendingSync::finish)?;
        }
        Ok(renamed)
    }

    /// Whether both ends are in the same directory.
    fn is_same_dir(&self) -> Result<bool, Error> {
        let Self { shared, source, target, .. } = self;
        Ok(source.identity(&shared.root)? == target.identity(&shared.root)?)
    }

    /// Fails with `ESTALE` if a directory of the ends has another path by now. Begins to sync each directory.
    fn confirm(&self, syncs: Option<&'e DirectorySyncs>) -> Result<Vec<PendingSync<'e>>, Error> {
        let Self { shared, source, target, .. } = self;
        let is_same_dir = self.is_same_dir()?;
        let mut begun: Vec<_> = source.confirm_to_change(&shared.root, syncs)?.into_iter().collect();
        if !is_same_dir {
            begun.extend(target.confirm_to_change(&shared.root, syncs)?);
        } else if source.path().parent() != target.path().parent() {
            target.confirm(&shared.root, target.nearest())?;
        }
        Ok(begun)
    }

    /// The new name, with this grant.
    fn wanted<'a>(&'a self, to: &'a Grant<'_, ToWrite>) -> NewName<'a> {
        NewName { to, ..self.wanted }
    }

    /// Calls `act` with the source's real path (if known and different) and with the item, if it may be
    /// moved.
    fn with_item<T>(
        &self,
        act: impl FnOnce(Option<&SharePath>, &Arriving<'e, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Self { shared, source, target, expected, .. } = self;
        let (root, from_dir, to_dir) = (&shared.root, source.nearest(), target.nearest());
        let dirs = (source.identity(root)?, target.identity(root)?);
        let Judged { grant: from, real: lay_at } = source.judge_in(root, from_dir, &self.from)?;
        let Judged { grant: to, real: lies_at } = target.judge_in(root, to_dir, &self.to)?;
        let item = look(shared, source, *expected)?;
        expected.guard.check(Some(item.version))?;
        if root::is_directory(&item.stat) {
            let mut paths = [Some(from.path()), lay_at.as_ref()].into_iter().flatten();
            paths.try_for_each(|path| from.may_remove_below(path))?;
            if item.stat.st_dev != dirs.0.device() {
                return Err(Error::Mounted);
            }
            shared.mounts.refuse_at_or_below(root.dir(), from_dir, source.name())?;
        }
        let ends = (from_dir, source.name());
        let lies_at = lies_at.as_ref();
        let stat = item.stat;
        let wanted = self.wanted(&to);
        act(lay_at.as_ref(), &Arriving { shared, from: ends, stat, dirs, target, wanted, lies_at })
    }
}

/// The entry to move.
fn look(shared: &Shared, place: &Place, expected: Expected) -> Result<SharedEntry, Error> {
    SharedEntry::look(shared, place, expected).map_err(Error::of_source)
}

/// Fails if the paths are equal, or if one is inside the other.
pub(super) fn refuse_nested(from: &SharePath, to: &SharePath) -> Result<(), Error> {
    match (to.is_below(from), from.is_below(to)) {
        (true, true) => Err(Error::OntoItself),
        (true, false) | (false, true) => Err(Error::IntoItself),
        (false, false) => Ok(()),
    }
}
