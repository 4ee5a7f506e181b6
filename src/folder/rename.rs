//! Moves a file, a link or a whole directory to another name, within a file system.
//!
//! It is one rename, so a reader finds it under its old name or under its new one. Nothing is walked: what is below a directory
//! moves with it. A link is moved itself. What the name belonged to goes into the trash first.
//!
//! Everything is decided before the first change, under the lock for commits: of two clients that move to one free name, only
//! one succeeds.

use std::ffi::OsStr;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FileType, Mode, RenameFlags, Stat};
use rustix::io::Errno;

use super::commit_lock::CommitGuard;
use super::error::Error;
use super::facts::FileVersion;
use super::guard::Guard;
use super::numbering::{MOST_COPIES, numbered};
use super::place::Place;
use super::real_path::Judged;
use super::remover::Remover;
use super::root;
use super::rules::OnConflict;
use super::save_method::is_unsupported;
use super::shared::{Shared, may_add};
use super::stale;
use super::trash::TrashId;
use crate::access::{Grant, ToRemove, ToWrite};
use crate::durable::group::PendingSync;
use crate::path::SharePath;

/// What happens to whatever has the new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Nothing: then there is no move or copy.
    Refuse,
    /// It is replaced, as far as the folder's rules and the rights allow.
    Replace,
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Its old path.
    pub from: SharePath,
    /// Where it really lay, if that is known, and is another path.
    pub lay_at: Option<SharePath>,
    /// Its new path, which [`OnConflict::Rename`] may have changed.
    pub path: SharePath,
    /// The path that was asked for, if its client must not learn that it was taken.
    pub asked_for: Option<SharePath>,
    /// Where it really lies, if that is known, and is another path.
    pub lies_at: Option<SharePath>,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether the new name was free.
    pub created: bool,
    /// The id of what was replaced in the trash, if it is kept.
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
    /// The path that its client is told.
    pub fn told(&self) -> &SharePath {
        self.asked_for.as_ref().unwrap_or(&self.path)
    }
}

/// Moves it, as [`Folder::rename`](super::Folder::rename) says.
pub(super) fn rename(
    shared: &Shared,
    from: &Grant<'_, ToRemove>,
    to: &Grant<'_, ToWrite>,
    conflict: Conflict,
    guard: Guard,
    remover: &Remover,
) -> Result<Renamed, Error> {
    stale::retry(|| Ends::find(shared, from, to)?.rename(conflict, guard, remover))
}

/// Both ends of a move.
struct Ends<'e> {
    shared: &'e Shared,
    source: Place,
    from: Grant<'e, ToRemove>,
    target: Place,
    to: Grant<'e, ToWrite>,
}

/// What is moved.
struct Item {
    stat: Stat,
    /// The version that a reader gets.
    version: FileVersion,
    is_directory: bool,
}

/// How something gets its new name.
enum Step {
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

/// What a place looked like when it was checked.
struct Checked<'c> {
    lay_at: Option<SharePath>,
    lies_at: Option<SharePath>,
    to: Grant<'c, ToWrite>,
    item: Item,
    step: Step,
}

impl<'e> Ends<'e> {
    fn find(
        shared: &'e Shared,
        from: &'e Grant<'_, ToRemove>,
        to: &'e Grant<'_, ToWrite>,
    ) -> Result<Self, Error> {
        let Shared { root, rules, .. } = shared;
        if rules.read_only {
            return Err(Error::ReadOnly);
        }
        rules.admit_path(from.path())?;
        rules.admit_path(to.path())?;
        shared.stays()?;
        if from.path().is_root() {
            return Err(Error::Denied);
        }
        let (source, from) = Place::find(root, from).map_err(of_source)?;
        if !source.has_directory() {
            return Err(Error::NotFound);
        }
        Item::look(shared, &source, &from)?;
        refuse_nested(from.path(), to.path())?;
        let (target, to) = Place::find(root, to)?;
        if !target.has_directory() {
            return Err(Error::NoParent);
        }
        Ok(Self { shared, source, from, target, to })
    }

    fn rename(&self, conflict: Conflict, guard: Guard, remover: &Remover) -> Result<Renamed, Error> {
        let Self { shared, source, target, .. } = self;
        let (from_dir, to_dir) = (source.nearest(), target.nearest());
        let mut dirs = vec![to_dir];
        if identity(&fs::fstat(&**from_dir)?) != identity(&fs::fstat(&**to_dir)?) {
            dirs.push(from_dir);
        }
        let syncs = shared.syncs();
        let begun = dirs.iter().filter_map(|dir| Some(syncs?.begin(&***dir)));
        let begun = begun.collect::<Result<Vec<_>, _>>()?;
        let renamed = {
            let _lock = self.lock(conflict, guard)?;
            let checked = self.check(conflict, guard)?;
            self.apply(checked, remover)?
        };
        if matches!(renamed, Renamed::Done(_)) {
            begun.into_iter().try_for_each(PendingSync::finish)?;
        }
        Ok(renamed)
    }

    /// A move that depends on what exists waits for other servers too.
    fn lock(&self, conflict: Conflict, guard: Guard) -> Result<CommitGuard<'_>, Error> {
        let Shared { commits, root, rules, .. } = self.shared;
        let depends = matches!(guard, Guard::MustExist | Guard::MustBe(_))
            || conflict == Conflict::Refuse
            || rules.on_conflict(&self.to) != OnConflict::Overwrite;
        if depends { commits.across_servers(root) } else { Ok(commits.within_process()) }
    }

    /// Decides what has to be done; changes nothing.
    fn check(&self, conflict: Conflict, guard: Guard) -> Result<Checked<'_>, Error> {
        let Self { shared, source, target, .. } = self;
        let (root, from_dir, to_dir) = (&shared.root, source.nearest(), target.nearest());
        shared.stays()?;
        source.confirm(root, from_dir)?;
        target.confirm(root, to_dir)?;
        let Judged { grant: from, real: lay_at } = source.judge_in(root, from_dir, &self.from)?;
        let Judged { grant: to, real: lies_at } = target.judge_in(root, to_dir, &self.to)?;
        let item = Item::look(shared, source, &from)?;
        guard.check(Some(item.version))?;
        if item.is_directory {
            [Some(from.path()), lay_at.as_ref()]
                .into_iter()
                .flatten()
                .try_for_each(|path| from.may_remove_below(path))?;
            [Some(to.path()), lies_at.as_ref()]
                .into_iter()
                .flatten()
                .try_for_each(|path| to.may_add_below(path))?;
        }
        let step = self.step(&item, conflict, &to, lies_at.as_ref())?;
        Ok(Checked { lay_at, lies_at, to, item, step })
    }

    fn step(
        &self,
        item: &Item,
        conflict: Conflict,
        to: &Grant<'_, ToWrite>,
        lies_at: Option<&SharePath>,
    ) -> Result<Step, Error> {
        let Self { shared, source, target, .. } = self;
        let (from_dir, to_dir) = (source.nearest(), target.nearest());
        let is_same_dir = identity(&fs::fstat(&**from_dir)?) == identity(&fs::fstat(&**to_dir)?);
        if is_same_dir && source.name() == target.name() {
            return Err(Error::OntoItself);
        }
        let taken = match root::look_in(&**to_dir, target.name()) {
            Err(Errno::NOENT) => {
                may_add(to)?;
                return Ok(Step::Appear);
            }
            other => other?,
        };
        let is_same = identity(&taken) == identity(&item.stat);
        if is_same && (item.is_directory || taken.st_nlink == 1) {
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
        let is_directory = match root::file_type(&taken) {
            FileType::Directory => {
                let mut paths = [Some(to.path()), lies_at].into_iter().flatten();
                paths.try_for_each(|path| to.may_replace_directory(path))?;
                true
            }
            _ => match target.occupant(&shared.root, to_dir, to) {
                // A link to a directory is replaced itself.
                Ok(_) | Err(Error::IsDirectory) => false,
                Err(error) => return Err(error),
            },
        };
        Ok(match (item.is_directory, is_directory) {
            (false, false) if is_same => Step::Unlink,
            (false, false) => Step::ReplaceFile,
            (true, _) | (_, true) => Step::ReplaceOther,
        })
    }

    fn apply(&self, checked: Checked<'_>, _remover: &Remover) -> Result<Renamed, Error> {
        let Self { source, target, .. } = self;
        let Checked { lay_at, lies_at, to, item, step } = checked;
        let to_dir = target.nearest();
        if fs::fstat(&**to_dir)?.st_dev != item.stat.st_dev {
            return Ok(Renamed::OtherFileSystem);
        }
        let created = matches!(step, Step::Appear | Step::AppearBeside | Step::Respell);
        let kept = None;
        let named = match step {
            Step::Appear => self.appear(&item, target.name()).map(|()| target.path().clone()),
            Step::AppearBeside => self.appear_beside(&item, &to)?,
            Step::Respell => self.replace().map(|()| target.path().clone()),
            Step::Unlink => {
                let from_dir = &**source.nearest();
                let unlinked = fs::unlinkat(from_dir, source.name(), AtFlags::empty());
                unlinked.map(|()| target.path().clone())
            }
            Step::ReplaceFile => self.replace().map(|()| target.path().clone()),
            Step::ReplaceOther => return Err(Error::CannotKeep),
        };
        let path = match named {
            Ok(path) => path,
            Err(Errno::XDEV) => return Ok(Renamed::OtherFileSystem),
            Err(Errno::INVAL) if item.is_directory => return Err(Error::IntoItself),
            Err(error) => return Err(error.into()),
        };
        let lies_at = lies_at.and_then(|real| real.parent()?.join(path.name()?).ok());
        let asked_for = to.hides_names().then(|| target.path().clone());
        let (from, is_directory) = (source.path().clone(), item.is_directory);
        Ok(Renamed::Done(Moved { from, lay_at, path, asked_for, lies_at, is_directory, created, kept }))
    }

    /// Gives it the new name, whatever has that.
    fn replace(&self) -> Result<(), Errno> {
        let Self { source, target, .. } = self;
        fs::renameat(&**source.nearest(), source.name(), &**target.nearest(), target.name())
    }

    /// Gives it this name in the directory of the target, if that is free: `EEXIST` if it is not.
    fn appear(&self, item: &Item, name: &OsStr) -> Result<(), Errno> {
        let (from_dir, to_dir) = (&**self.source.nearest(), &**self.target.nearest());
        appear(self.shared, (from_dir, self.source.name()), (to_dir, name), item.is_directory)
    }

    /// Takes the first name that is free of `name (1).ext`, `name (2).ext`, …
    fn appear_beside(&self, item: &Item, to: &Grant<'_, ToWrite>) -> Result<Result<SharePath, Errno>, Error> {
        let parent = self.target.path().parent();
        for number in 1..=MOST_COPIES {
            let name = numbered(self.target.name(), number);
            let path = parent.as_ref().and_then(|parent| parent.join(&name).ok()).ok_or(Error::Exists)?;
            if to.may_add_at(&path).is_err() || item.is_directory && to.may_add_below(&path).is_err() {
                continue;
            }
            match self.appear(item, &name) {
                Ok(()) => return Ok(Ok(path)),
                Err(Errno::EXIST) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        Err(Error::Exists)
    }
}

impl Item {
    /// What is at the place; a link itself, not its target. What is not shared looks absent.
    fn look(shared: &Shared, place: &Place, grant: &Grant<'_, ToRemove>) -> Result<Self, Error> {
        let stat = root::look_in(&**place.nearest(), place.name())?;
        let kind = root::file_type(&stat);
        let is_shared = matches!(kind, FileType::RegularFile | FileType::Directory | FileType::Symlink);
        if !is_shared || shared.claims.holds(&stat) {
            return Err(Error::NotFound);
        }
        let read = if kind == FileType::Symlink { shared.root.look(grant).unwrap_or(stat) } else { stat };
        let version = shared.root.facts(&read).version;
        Ok(Self { stat, version, is_directory: kind == FileType::Directory })
    }
}

/// Renames to a name that must be free: `EEXIST` if it is not. Where the file system cannot do that in one step, something empty
/// takes the name, and the rename replaces it.
pub(super) fn appear(
    shared: &Shared,
    (from_dir, from): (&Dir, &OsStr),
    (to_dir, to): (&Dir, &OsStr),
    is_directory: bool,
) -> Result<(), Errno> {
    match fs::renameat_with(from_dir, from, to_dir, to, RenameFlags::NOREPLACE) {
        Err(error) if error != Errno::XDEV && is_unsupported(error) => {}
        other => return other,
    }
    if is_directory {
        fs::mkdirat(to_dir, to, Mode::RWXU)?;
        return fs::renameat(from_dir, from, to_dir, to).inspect_err(|_| {
            let _ = fs::unlinkat(to_dir, to, AtFlags::REMOVEDIR);
        });
    }
    let claim = shared.claims.take(to_dir, to)?;
    fs::renameat(from_dir, from, to_dir, to)?;
    claim.fulfil();
    Ok(())
}

/// Fails if one of the paths is the other one, or inside it.
pub(super) fn refuse_nested(from: &SharePath, to: &SharePath) -> Result<(), Error> {
    match (to.is_below(from), from.is_below(to)) {
        (true, true) => Err(Error::OntoItself),
        (true, false) | (false, true) => Err(Error::IntoItself),
        (false, false) => Ok(()),
    }
}

/// A source whose path goes through a file does not exist.
fn of_source(error: Error) -> Error {
    match error {
        Error::NotDirectory => Error::NotFound,
        error => error,
    }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}
