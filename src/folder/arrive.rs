//! Gives the requested name to something that is already in the folder or beside its target: the last step of
//! a move, and of copying a directory.
//!
//! The first step decides what to do, and changes nothing. Then an entry that had the name goes into the trash.
//! Then one rename makes the new content visible.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::commit_lock::CommitGuard;
use super::error::Error;
use super::guard::Guard;
use super::numbering::{MOST_COPIES, numbered};
use super::place::Place;
use super::remover::Remover;
use super::root::{self, Identity};
use super::rules::OnConflict;
use super::save_method::is_unsupported;
use super::shared::{Shared, may_add};
use super::trash::{Kept, OldFile, Removal, TrashId};
use crate::access::{Grant, ToWrite};
use crate::path::SharePath;

/// What happens to an entry that has the new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfTaken {
    /// It stays: the move or copy is refused.
    Refuse,
    /// It is replaced, as far as the folder's rules and the rights allow.
    Replace,
}

/// The name that something is to get.
#[derive(Clone, Copy, Debug)]
pub struct NewName<'n> {
    /// Its path, and what may be done there.
    pub to: &'n Grant<'n, ToWrite>,
    /// What happens to an entry that has this name.
    pub conflict: IfTaken,
    /// The client that replaces this entry.
    pub remover: &'n Remover,
}

/// An entry that is about to get a name.
pub(super) struct Arriving<'s, 'a> {
    pub(super) shared: &'s Shared,
    /// The directory of the entry, and its name there.
    pub(super) from: (&'a Arc<Dir>, &'a OsStr),
    pub(super) stat: Stat,
    /// The identities of this directory and of the target's directory.
    pub(super) dirs: (Identity, Identity),
    pub(super) target: &'a Place,
    pub(super) wanted: NewName<'a>,
    /// The target's real path, if known and different.
    pub(super) lies_at: Option<&'a SharePath>,
}

/// An entry that has its new name.
pub(super) struct NewlyNamed {
    /// Its path, which [`OnConflict::Rename`] may have changed.
    pub(super) path: SharePath,
    /// The path that was asked for, if its client must not learn that it was taken.
    pub(super) asked_for: Option<SharePath>,
    /// Its real path, if known and different.
    pub(super) lies_at: Option<SharePath>,
    /// Whether the name was free.
    pub(super) created: bool,
    /// The trash id of what was replaced, if that is kept.
    pub(super) kept: Option<TrashId>,
}

/// How something gets its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The name is free.
    Appear,
    /// It has this name already, in another spelling.
    Respell,
    /// It has this name already, as a hard link: the old name is removed.
    Unlink,
    /// One file replaces another.
    ReplaceFile,
    /// A directory is replaced, or a directory replaces a file: no rename does that in one step.
    ReplaceOther,
    /// The name is taken: the entry gets the next free name, like `name (1).ext`.
    AppearBeside,
}

impl Step {
    /// Whether something that has the name goes.
    pub(super) fn replaces(self) -> bool {
        matches!(self, Self::ReplaceFile | Self::ReplaceOther)
    }
}

/// The entry that has the name, and how it is kept.
pub(super) struct Old<'t> {
    stat: Stat,
    keeping: Keeping<'t>,
}

enum Keeping<'t> {
    /// A file, which another file replaces.
    File(Kept<'t>),
    /// Anything else, which is moved away first.
    Other(Removal<'t>),
}

impl<'s> Arriving<'s, '_> {
    pub(super) fn is_directory(&self) -> bool {
        root::is_directory(&self.stat)
    }

    /// Its size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.shared.root.facts(&self.stat).len
    }

    /// Decides what has to be done; changes nothing.
    pub(super) fn decide(&self) -> Result<Step, Error> {
        let Self { shared, from: (_, name), target, wanted: NewName { to, conflict, .. }, .. } = *self;
        let to_dir = target.nearest();
        if self.is_directory() {
            let mut paths = [Some(to.path()), self.lies_at].into_iter().flatten();
            paths.try_for_each(|path| to.may_add_below(path))?;
        }
        if self.dirs.0 == self.dirs.1 && name == target.name() {
            return Err(Error::OntoItself);
        }
        let taken = match root::look_in(&**to_dir, target.name()) {
            Err(Errno::NOENT) => {
                may_add(to)?;
                return Ok(Step::Appear);
            }
            other => other?,
        };
        let is_same = Identity::of(&taken) == Identity::of(&self.stat);
        if is_same && (self.is_directory() || taken.st_nlink == 1) {
            return Ok(Step::Respell);
        }
        if to.hides_names() {
            may_add(to)?;
            return Ok(Step::AppearBeside);
        }
        match (conflict, shared.rules.on_conflict(to)) {
            (IfTaken::Refuse, _) | (_, OnConflict::Refuse) => return Err(Error::Exists),
            (IfTaken::Replace, OnConflict::Rename) => {
                may_add(to)?;
                return Ok(Step::AppearBeside);
            }
            (IfTaken::Replace, OnConflict::Overwrite) => {}
        }
        let replaces_directory = self.replaces_directory(&taken)?;
        Ok(match (self.is_directory(), replaces_directory) {
            (false, false) if is_same => Step::Unlink,
            (false, false) => Step::ReplaceFile,
            (true, _) | (_, true) => Step::ReplaceOther,
        })
    }

    /// Whether the entry that has the name is a directory. Fails if it must not be replaced.
    fn replaces_directory(&self, taken: &Stat) -> Result<bool, Error> {
        let Self { shared, target, wanted: NewName { to, .. }, lies_at, .. } = *self;
        if root::is_directory(taken) {
            let mut paths = [Some(to.path()), lies_at].into_iter().flatten();
            paths.try_for_each(|path| to.may_replace_directory(path))?;
            return Ok(true);
        }
        match target.occupant(&shared.root, target.nearest(), to) {
            // If the name belongs to a link to a directory, the link itself is replaced.
            Ok(_) | Err(Error::IsDirectory) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Prepares to keep what this step replaces.
    pub(super) fn prepare(&self, step: Step) -> Result<Option<Old<'s>>, Error> {
        if !step.replaces() {
            return Ok(None);
        }
        let stat = root::look_in(&**self.target.nearest(), self.target.name())?;
        self.keep(step, stat, false).map(Some)
    }

    fn keep(&self, step: Step, stat: Stat, by_mount: bool) -> Result<Old<'s>, Error> {
        let Self { shared, target, wanted: NewName { to, remover, .. }, .. } = *self;
        let old = OldFile { dir: target.nearest(), path: target.path(), name: target.name(), stat };
        let keeping = if step == Step::ReplaceFile {
            let mut kept = shared.trash.keep(&shared.root, &old, remover, to.may_remove())?;
            kept.sync(None)?;
            Keeping::File(kept)
        } else {
            let mut removal =
                shared.trash.begin_removal((&shared.root, &shared.mounts), &old, remover, by_mount)?;
            removal.sync()?;
            Keeping::Other(removal)
        };
        Ok(Old { stat, keeping })
    }

    /// Carries out the decision. `None` if the name would be on another file system: then nothing was
    /// changed.
    pub(super) fn carry_out(&self, step: Step, old: Option<Old<'s>>) -> Result<Option<NewlyNamed>, Error> {
        let Self { from: (from_dir, name), stat, target, wanted, lies_at, .. } = *self;
        let from_dir = &**from_dir;
        if self.dirs.1.device() != stat.st_dev {
            return Ok(None);
        }
        let created = matches!(step, Step::Appear | Step::AppearBeside | Step::Respell);
        let same_path = |kept| (target.path().clone(), kept);
        let named = match step {
            Step::Appear => self.appear(target.name()).map(|()| same_path(None)),
            Step::AppearBeside => self.appear_beside()?.map(|path| (path, None)),
            Step::Respell => self.respell()?.map(|()| same_path(None)),
            Step::Unlink => fs::unlinkat(from_dir, name, AtFlags::empty()).map(|()| same_path(None)),
            Step::ReplaceFile | Step::ReplaceOther => self.replace(step, old)?.map(same_path),
        };
        let (path, kept) = match named {
            Ok(named) => named,
            Err(Errno::XDEV) => return Ok(None),
            Err(Errno::INVAL) if self.is_directory() => return Err(Error::IntoItself),
            Err(error) => return Err(error.into()),
        };
        let lies_at = lies_at.and_then(|real| real.parent()?.join(path.name()?).ok());
        let asked_for = wanted.to.hides_names().then(|| target.path().clone());
        Ok(Some(NewlyNamed { path, asked_for, lies_at, created, kept }))
    }

    /// Replaces the entry that has the name now. If it is not the prepared entry, it is kept now, under the lock.
    fn replace(&self, step: Step, old: Option<Old<'s>>) -> Result<Result<Option<TrashId>, Errno>, Error> {
        let Self { from: (from_dir, from), target, .. } = *self;
        let (dir, name) = (&**target.nearest(), target.name());
        let now = root::look_in(dir, name)?;
        let old = match old.filter(|old| Identity::of(&old.stat) == Identity::of(&now)) {
            Some(old) => old,
            None => self.keep(step, now, false)?,
        };
        match old.keeping {
            Keeping::File(kept) => kept.replace_by((from_dir, from), dir, name),
            Keeping::Other(removal) => match removal.displace(dir, name, || self.appear(name)) {
                Err(Errno::XDEV) => {
                    let Keeping::Other(removal) = self.keep(step, now, true)?.keeping else {
                        return Err(Error::CannotKeep);
                    };
                    match removal.displace(dir, name, || self.appear(name)) {
                        Err(Errno::XDEV) => Err(Error::CannotKeep),
                        other => Ok(other?),
                    }
                }
                other => Ok(other?),
            },
        }
    }

    /// Gives the content this name in the target's directory, if the name is free: `EEXIST` if it is not. Where the
    /// file system cannot do that in one step, an empty file first claims the name for a file, and the rename replaces
    /// it.
    fn appear(&self, to: &OsStr) -> Result<(), Errno> {
        let Self { shared, from: (from_dir, name), target, .. } = self;
        let (from_dir, to_dir) = (&***from_dir, &**target.nearest());
        match fs::renameat_with(from_dir, *name, to_dir, to, RenameFlags::NOREPLACE) {
            Err(error) if error != Errno::XDEV && is_unsupported(error) => {}
            other => return other,
        }
        if self.is_directory() {
            // Renaming a directory replaces at most an empty directory.
            return match root::look_in(to_dir, to) {
                Err(Errno::NOENT) => fs::renameat(from_dir, *name, to_dir, to).map_err(|error| match error {
                    Errno::NOTEMPTY | Errno::NOTDIR => Errno::EXIST,
                    error => error,
                }),
                other => other.and(Err(Errno::EXIST)),
            };
        }
        let claim = shared.claims.take(to_dir, to)?;
        fs::renameat(from_dir, *name, to_dir, to)?;
        claim.fulfil();
        Ok(())
    }

    /// Changes the spelling of the name. To the system, both names are the same file, so one rename would do
    /// nothing: the file gets another name in between. That is not a temporary name, since a sweep must not
    /// find the file.
    fn respell(&self) -> Result<Result<(), Errno>, Error> {
        let Self { from: (from_dir, from), target, .. } = *self;
        let (from_dir, to_dir, name) = (&**from_dir, &**target.nearest(), target.name());
        let is_free = |name: &OsString| matches!(root::look_in(to_dir, name), Err(Errno::NOENT));
        let middle = (1..=MOST_COPIES).map(|number| numbered(name, number)).find(is_free);
        let middle = middle.ok_or(Error::Exists)?;
        let renamed = fs::renameat(from_dir, from, to_dir, &*middle);
        Ok(renamed.and_then(|()| {
            fs::renameat(to_dir, &*middle, to_dir, name).inspect_err(|_| {
                let _ = fs::renameat(to_dir, &*middle, from_dir, from);
            })
        }))
    }

    fn appear_beside(&self) -> Result<Result<SharePath, Errno>, Error> {
        let to = self.wanted.to;
        let may_add = |path: &SharePath| {
            to.may_add_at(path).is_ok() && (!self.is_directory() || to.may_add_below(path).is_ok())
        };
        self.target.appear_beside(may_add, |name| self.appear(name))
    }
}

/// The lock for the last step. A step that depends on what exists waits for other servers too.
pub(super) fn lock<'s>(
    shared: &'s Shared,
    wanted: &NewName<'_>,
    guard: Guard,
) -> Result<CommitGuard<'s>, Error> {
    let Shared { commits, root, rules, .. } = shared;
    let depends = guard != Guard::None
        || wanted.conflict == IfTaken::Refuse
        || rules.on_conflict(wanted.to) != OnConflict::Overwrite;
    if depends { commits.across_servers(root) } else { Ok(commits.within_process()) }
}
