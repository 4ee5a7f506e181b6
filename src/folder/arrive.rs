//! Gives something that is in the folder already, or beside its target, the name that was asked for: the last step of a move, and of
//! the copy of a directory.
//!
//! What is done is decided first, and changes nothing. Then one rename makes it visible. What the name belonged to goes into the
//! trash before that.

use std::ffi::OsStr;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FileType, Mode, RenameFlags, Stat};
use rustix::io::Errno;

use super::commit_lock::CommitGuard;
use super::error::Error;
use super::numbering::{MOST_COPIES, numbered};
use super::place::Place;
use super::remover::Remover;
use super::root;
use super::rules::OnConflict;
use super::save_method::is_unsupported;
use super::shared::{Shared, may_add};
use super::trash::TrashId;
use crate::access::{Grant, ToWrite};
use crate::path::SharePath;

/// What happens to whatever has the new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Nothing: then there is no move or copy.
    Refuse,
    /// It is replaced, as far as the folder's rules and the rights allow.
    Replace,
}

/// Something that is about to get a name, and what the grant allows there.
pub(super) struct Arriving<'a> {
    pub(super) shared: &'a Shared,
    /// The directory that it is in, and its name there.
    pub(super) from: (&'a Arc<Dir>, &'a OsStr),
    pub(super) stat: Stat,
    pub(super) target: &'a Place,
    pub(super) to: &'a Grant<'a, ToWrite>,
    /// Where the target really lies, if that is known, and is another path.
    pub(super) lies_at: Option<&'a SharePath>,
}

/// Something that has got its name.
pub(super) struct Arrived {
    /// Its path, which [`OnConflict::Rename`] may have changed.
    pub(super) path: SharePath,
    /// The path that was asked for, if its client must not learn that it was taken.
    pub(super) asked_for: Option<SharePath>,
    /// Where it really lies, if that is known, and is another path.
    pub(super) lies_at: Option<SharePath>,
    /// Whether the name was free.
    pub(super) created: bool,
    /// The id of what was replaced in the trash, if it is kept.
    pub(super) kept: Option<TrashId>,
}

/// How something gets its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The name is free.
    Appear,
    /// It has this name already, in another spelling.
    Respell,
    /// It has this name already, as a hard link: the old one goes.
    Unlink,
    /// One file replaces another.
    ReplaceFile,
    /// A directory is replaced, or a file by a directory: no rename does that in one step.
    ReplaceOther,
    /// The name is taken: it gets the first free one beside it.
    AppearBeside,
}

impl Arriving<'_> {
    fn is_directory(&self) -> bool {
        root::file_type(&self.stat) == FileType::Directory
    }

    /// Decides what has to be done; changes nothing.
    pub(super) fn decide(&self, conflict: Conflict) -> Result<Step, Error> {
        let Self { shared, from: (from_dir, name), target, to, .. } = self;
        let to_dir = target.nearest();
        if self.is_directory() {
            let mut paths = [Some(to.path()), self.lies_at].into_iter().flatten();
            paths.try_for_each(|path| to.may_add_below(path))?;
        }
        let is_same_dir = identity(&fs::fstat(&***from_dir)?) == identity(&fs::fstat(&**to_dir)?);
        if is_same_dir && *name == target.name() {
            return Err(Error::OntoItself);
        }
        let taken = match root::look_in(&**to_dir, target.name()) {
            Err(Errno::NOENT) => {
                may_add(to)?;
                return Ok(Step::Appear);
            }
            other => other?,
        };
        let is_same = identity(&taken) == identity(&self.stat);
        if is_same && (self.is_directory() || taken.st_nlink == 1) {
            return Ok(Step::Respell);
        }
        if to.hides_names() {
            may_add(to)?;
            return Ok(Step::AppearBeside);
        }
        match (conflict, shared.rules.on_conflict(to)) {
            (Conflict::Refuse, _) | (_, OnConflict::Refuse) => return Err(Error::Exists),
            (Conflict::Replace, OnConflict::Rename) => {
                may_add(to)?;
                return Ok(Step::AppearBeside);
            }
            (Conflict::Replace, OnConflict::Overwrite) => {}
        }
        let replaces_directory = self.replaces_directory(&taken)?;
        Ok(match (self.is_directory(), replaces_directory) {
            (false, false) if is_same => Step::Unlink,
            (false, false) => Step::ReplaceFile,
            (true, _) | (_, true) => Step::ReplaceOther,
        })
    }

    /// Whether what has the name is a directory. Fails if it must not be replaced.
    fn replaces_directory(&self, taken: &Stat) -> Result<bool, Error> {
        let Self { shared, target, to, lies_at, .. } = self;
        if root::file_type(taken) == FileType::Directory {
            let mut paths = [Some(to.path()), *lies_at].into_iter().flatten();
            paths.try_for_each(|path| to.may_replace_directory(path))?;
            return Ok(true);
        }
        match target.occupant(&shared.root, target.nearest(), to) {
            // A link to a directory is replaced itself.
            Ok(_) | Err(Error::IsDirectory) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Does what was decided. `None` if the name would be on another file system: then nothing was changed.
    pub(super) fn carry_out(&self, step: Step, _remover: &Remover) -> Result<Option<Arrived>, Error> {
        let Self { from: (from_dir, name), stat, target, to, lies_at, .. } = self;
        if fs::fstat(&**target.nearest())?.st_dev != stat.st_dev {
            return Ok(None);
        }
        let created = matches!(step, Step::Appear | Step::AppearBeside | Step::Respell);
        let path = || target.path().clone();
        let kept = None;
        let named = match step {
            Step::Appear => self.appear(target.name()).map(|()| path()),
            Step::AppearBeside => self.appear_beside()?,
            Step::Respell | Step::ReplaceFile => {
                fs::renameat(&***from_dir, *name, &**target.nearest(), target.name()).map(|()| path())
            }
            Step::Unlink => fs::unlinkat(&***from_dir, *name, AtFlags::empty()).map(|()| path()),
            Step::ReplaceOther => return Err(Error::CannotKeep),
        };
        let path = match named {
            Ok(path) => path,
            Err(Errno::XDEV) => return Ok(None),
            Err(Errno::INVAL) if self.is_directory() => return Err(Error::IntoItself),
            Err(error) => return Err(error.into()),
        };
        let lies_at = lies_at.and_then(|real| real.parent()?.join(path.name()?).ok());
        let asked_for = to.hides_names().then(|| target.path().clone());
        Ok(Some(Arrived { path, asked_for, lies_at, created, kept }))
    }

    /// Gives it this name in the directory of the target, if that is free: `EEXIST` if it is not. Where the file system cannot do
    /// that in one step, something empty takes the name, and the rename replaces it.
    fn appear(&self, to: &OsStr) -> Result<(), Errno> {
        let Self { shared, from: (from_dir, name), target, .. } = self;
        let (from_dir, to_dir) = (&***from_dir, &**target.nearest());
        match fs::renameat_with(from_dir, *name, to_dir, to, RenameFlags::NOREPLACE) {
            Err(error) if error != Errno::XDEV && is_unsupported(error) => {}
            other => return other,
        }
        if self.is_directory() {
            fs::mkdirat(to_dir, to, Mode::RWXU)?;
            return fs::renameat(from_dir, *name, to_dir, to).inspect_err(|_| {
                let _ = fs::unlinkat(to_dir, to, AtFlags::REMOVEDIR);
            });
        }
        let claim = shared.claims.take(to_dir, to)?;
        fs::renameat(from_dir, *name, to_dir, to)?;
        claim.fulfil();
        Ok(())
    }

    /// Takes the first name that is free of `name (1).ext`, `name (2).ext`, …
    fn appear_beside(&self) -> Result<Result<SharePath, Errno>, Error> {
        let Self { target, to, .. } = self;
        let parent = target.path().parent();
        for number in 1..=MOST_COPIES {
            let name = numbered(target.name(), number);
            let path = parent.as_ref().and_then(|parent| parent.join(&name).ok()).ok_or(Error::Exists)?;
            if to.may_add_at(&path).is_err() || self.is_directory() && to.may_add_below(&path).is_err() {
                continue;
            }
            match self.appear(&name) {
                Ok(()) => return Ok(Ok(path)),
                Err(Errno::EXIST) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        Err(Error::Exists)
    }
}

/// The lock for the last step. What depends on what exists waits for other servers too.
pub(super) fn lock<'s>(
    shared: &'s Shared,
    conflict: Conflict,
    has_guard: bool,
    to: &Grant<'_, ToWrite>,
) -> Result<CommitGuard<'s>, Error> {
    let Shared { commits, root, rules, .. } = shared;
    let depends = has_guard || conflict == Conflict::Refuse || rules.on_conflict(to) != OnConflict::Overwrite;
    if depends { commits.across_servers(root) } else { Ok(commits.within_process()) }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}
