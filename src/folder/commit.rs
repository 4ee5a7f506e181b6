//! The commit: a complete file gets its name, and the attributes of the file that it replaces.
//!
//! The old file's attributes are copied and everything is synced before the name is checked and given. If another program
//! replaces the old file in between, all of this is repeated for the new one. The same holds if the directory was moved or
//! removed since the upload began: the file is saved at its path, or not at all.
//!
//! Knows nothing about how the bytes arrived.

use std::fs::File;
use std::sync::Arc;
use std::time::SystemTime;

use cap_std::fs::Dir;
use rustix::fs::Stat;
use rustix::io::Errno;

use super::commit_lock::CommitGuard;
use super::error::Error;
use super::guard::Guard;
use super::place::{Model, Occupant, Place};
use super::real_path::Judged;
use super::remover::Remover;
use super::root::Identity;
use super::rules::OnConflict;
use super::shared::{Shared, may_add};
use super::stale::{self, MayBeStale as _};
use super::temporary::Temporary;
use super::trash::{Kept, OldFile, TrashId};
use crate::access::{Grant, ToWrite};
use crate::durable::group::DirectorySyncs;
use crate::durable::rounds::RoundMember;
use crate::path::SharePath;

/// How often another program may change the file that has the name, between the check and the rename. Other commits of
/// this server cannot change it, because commits run one at a time.
const TRIES: usize = 16;
/// How often such a change counts even if the new file has the same mode, owner and group: it may have another ACL.
/// Without this limit, a file that others replace all the time could never be replaced by this one.
const EXACT_TRIES: usize = 4;

/// A file that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its final name, which [`OnConflict::Rename`] may have changed.
    pub path: SharePath,
    /// The requested path, if the client must not learn that it was taken.
    pub asked_for: Option<SharePath>,
    /// Its real path, if known and different.
    pub lies_at: Option<SharePath>,
    /// Its size in bytes.
    pub size: u64,
    /// Whether the name is new, so that no file was replaced.
    pub created: bool,
    /// The trash id of the replaced file, if this file is kept.
    pub kept: Option<TrashId>,
}

impl Saved {
    /// The path to report to its client.
    pub fn told(&self) -> &SharePath {
        self.asked_for.as_ref().unwrap_or(&self.path)
    }
}

/// A complete file that is about to get its name.
struct Commit<'c> {
    shared: &'c Shared,
    place: &'c Place,
    grant: &'c Grant<'c, ToWrite>,
    terms: &'c CommitTerms<'c>,
    /// `None` if it is not made durable.
    member: Option<RoundMember<'c>>,
}

/// What is asked of the commit of a complete file.
pub(super) struct CommitTerms<'w> {
    /// Its size in bytes.
    pub(super) size: u64,
    /// Its modification time, if that differs from the time of its last write.
    pub(super) modified: Option<SystemTime>,
    /// The condition for its name.
    pub(super) guard: Guard,
    /// Whether missing directories on its path are made.
    pub(super) makes_parents: bool,
    /// The client that saves it.
    pub(super) remover: &'w Remover,
    /// Where its content comes from.
    pub(super) origin: Origin<'w>,
}

/// Where the content of a new file comes from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'w> {
    /// A client has sent it.
    Client,
    /// It is copied from this file.
    #[cfg_attr(
        not(feature = "dav"),
        allow(dead_code, reason = "without WebDAV, files have no properties to copy")
    )]
    CopyOf(&'w File),
    /// It is moved from this file. The new file gets the attributes of the source, and counts as written by nobody.
    MovedFrom(&'w File),
}

/// The result of an attempt to name a file.
enum Attempt {
    /// It has its name now.
    Saved(Saved),
    /// The name now belongs to a different file.
    Changed,
    /// The file cannot get the name, because of this error, but a copy of it can.
    NeedsCopy(Errno),
}

/// The name that a file got.
struct Given {
    path: SharePath,
    /// The file that had it before, and whether that is kept.
    old: Option<(Identity, bool)>,
    kept: Option<TrashId>,
}

impl Given {
    /// A name that was free.
    fn new(path: SharePath) -> Self {
        Self { path, old: None, kept: None }
    }
}

/// Gives a complete file its name, as [`Incoming::commit`](super::Incoming::commit) says.
pub(super) fn save(
    shared: &Shared,
    place: &Place,
    grant: &Grant<'_, ToWrite>,
    temporary: &mut Temporary,
    terms: &CommitTerms<'_>,
) -> Result<Saved, Error> {
    let guard = terms.guard;
    if !place.has_directory() && matches!(guard, Guard::MustExist | Guard::MustBe(_)) {
        return Err(Error::Changed);
    }
    let join = || shared.syncs().map(DirectorySyncs::join);
    let mut first = Some(place);
    let saved = stale::retry(|| {
        if let Some(place) = first.take() {
            let grant = &place.judge(&shared.root, grant)?;
            return Commit { shared, place, grant, terms, member: join() }
                .save(temporary)
                .map_err(of_directory);
        }
        if temporary.is_gone() {
            // The temporary file was removed together with the directory that it was in, so this directory is not made
            // again.
            return Err(Error::ParentGone);
        }
        let (place, grant) = &Place::find(&shared.root, grant)?;
        if !place.has_directory() && !terms.makes_parents {
            return Err(Error::NoParent);
        }
        Commit { shared, place, grant, terms, member: join() }.save(temporary).map_err(of_directory)
    });
    #[cfg(feature = "dav")]
    if let Some(new) = saved.as_ref().ok().filter(|saved| saved.created) {
        shared.properties_ended(&new.path, false);
    }
    saved.map_err(|error| if error.is_stale() { Error::ParentGone } else { error })
}

/// Converts an error about a directory that was found a moment ago. If the directory is gone, the commit begins again,
/// and finds or makes it.
fn of_directory(error: Error) -> Error {
    if matches!(error, Error::NotFound) { Errno::STALE.into() } else { error }
}

impl Commit<'_> {
    fn save(&self, temporary: &mut Temporary) -> Result<Saved, Error> {
        let Self { shared, place, .. } = *self;
        self.date(temporary)?;
        let syncs = shared.syncs();
        if syncs.is_some() && !place.has_directory() {
            // Directories are created only for a file that is on the disk.
            temporary.sync()?;
        }
        shared.stays()?;
        place.confirm_nearest(&shared.root)?;
        let dir = place.make_directory(syncs)?;
        let names = syncs.map(|syncs| syncs.begin(&*dir)).transpose()?;
        let saved = self.publish(&dir, temporary)?;
        if let Some((names, member)) = names.zip(self.member.as_ref()) {
            names.finish_in_round(member)?;
        }
        Ok(saved)
    }

    /// Sets the time of the file, if its client has sent one. A time in the future would never be settled
    /// ([`FileVersion::is_settled`](super::FileVersion::is_settled)).
    fn date(&self, file: &mut Temporary) -> Result<(), Error> {
        match self.terms.modified {
            Some(modified) => Ok(file.set_modified(modified.min(SystemTime::now()))?),
            None => Ok(()),
        }
    }

    /// Gives the file its name in `dir`. If the file cannot be named there, a copy of it gets the name.
    fn publish(&self, dir: &Arc<Dir>, temporary: &mut Temporary) -> Result<Saved, Error> {
        let mut copy = None;
        for tried in 0..TRIES {
            let file = copy.as_mut().unwrap_or(&mut *temporary);
            let (model, mut kept) = self.prepare(dir, file)?;
            let fits = |now: Option<Model>| {
                let alike = |(now, model): (Model, Model)| tried >= EXACT_TRIES && now.is_alike(&model);
                now == model || now.zip(model).is_some_and(alike)
            };
            match self.attempt(dir, file, fits, &mut kept)? {
                Attempt::Saved(saved) => return Ok(saved),
                Attempt::Changed => {}
                // The copy is beside its target, so it is the old file that cannot be moved to the trash.
                Attempt::NeedsCopy(Errno::XDEV) if copy.is_some() => return Err(Error::CannotKeep),
                Attempt::NeedsCopy(error) if copy.is_some() => return Err(error.into()),
                Attempt::NeedsCopy(error) => {
                    self.shared.admit_space(Some(self.terms.size), dir, self.grant.may_remove())?;
                    let mut made = temporary.copy_to(dir)?;
                    self.date(&mut made)?;
                    if temporary.cannot_be_named(error, dir) {
                        self.shared.save_methods.give_up_anonymous(dir);
                    }
                    copy = Some(made);
                }
            }
        }
        Err(Error::Exists)
    }

    /// Sets the file's attributes, prepares to keep the old file, and syncs both. Returns the file from which the
    /// attributes were copied (`None` if the file has the attributes of a new file), and how the old file is kept.
    fn prepare(
        &self,
        dir: &Arc<Dir>,
        file: &mut Temporary,
    ) -> Result<(Option<Model>, Option<Kept<'_>>), Error> {
        let old = if self.may_replace() { self.place.open_occupant(dir)? } else { None };
        let model = old.as_ref().and_then(|(_, stat)| Model::of(stat));
        match (self.terms.origin, &old) {
            (Origin::MovedFrom(source), _) => file.copy_attributes(source)?,
            (_, Some((old, _))) if model.is_some() => file.copy_attributes(old)?,
            (_, _) => file.set_default_attributes(dir, self.shared.umask)?,
        }
        #[cfg(feature = "dav")]
        if let Origin::CopyOf(source) = self.terms.origin {
            file.copy_properties(source);
        }
        // A second name changes the version of the old file, so a guard for one version is checked before the old file
        // gets that name.
        let is_early = !matches!(self.terms.guard, Guard::MustBe(_));
        let mut kept = old.filter(|_| is_early).map(|(_, stat)| self.keep(dir, stat)).transpose()?;
        if let Some(member) = &self.member {
            member.wait_for_round();
            file.sync()?;
            kept.as_mut().map_or(Ok(()), |kept| kept.sync(Some(member)))?;
        }
        Ok((model, kept))
    }

    /// Prepares to keep the old file.
    fn keep(&self, dir: &Arc<Dir>, stat: Stat) -> Result<Kept<'_>, Error> {
        let Self { shared, place, terms, grant, .. } = self;
        let old = OldFile { dir, path: place.path(), name: place.name(), stat };
        shared.trash.keep(&shared.root, &old, terms.remover, grant.may_remove())
    }

    fn may_replace(&self) -> bool {
        self.on_conflict() == OnConflict::Overwrite && self.terms.guard != Guard::MustBeNew
    }

    fn on_conflict(&self) -> OnConflict {
        self.shared.rules.on_conflict(self.grant)
    }

    /// The step that readers see. One commit runs at a time, so that only one of two commits with the same guard
    /// succeeds. The file `fits` if it has the attributes of the file that has the name now.
    fn attempt(
        &self,
        dir: &Arc<Dir>,
        file: &mut Temporary,
        fits: impl Fn(Option<Model>) -> bool,
        kept: &mut Option<Kept<'_>>,
    ) -> Result<Attempt, Error> {
        let Self { shared, place, terms, .. } = self;
        let _guard = self.lock()?;
        shared.stays()?;
        place.confirm(&shared.root, dir)?;
        let Judged { grant, real } = &place.judge_in(&shared.root, dir, self.grant)?;
        terms.guard.refresh(dir, place.name())?;
        let found = place.occupant(&shared.root, dir, grant);
        let is_told = !grant.hides_names();
        if !is_told && !matches!(found, Ok(None)) {
            may_add(grant)?;
            let given = self.appear_beside(dir, file)?;
            return self.given(given, file, real.as_ref(), is_told);
        }
        let occupant = found?;
        terms.guard.check(occupant.map(|occupant| occupant.version))?;
        let on_conflict = shared.rules.on_conflict(grant);
        if occupant.is_none() || on_conflict == OnConflict::Rename {
            may_add(grant)?;
        }
        let given = match (occupant, on_conflict) {
            (None, _) if !fits(None) => return Ok(Attempt::Changed),
            (None, _) => {
                file.appear(dir, place.name(), &shared.claims).map(|()| Given::new(place.path().clone()))
            }
            (Some(_), OnConflict::Refuse) => return Err(Error::Exists),
            (Some(_), OnConflict::Rename) => self.appear_beside(dir, file)?,
            (Some(occupant), OnConflict::Overwrite) if !fits(occupant.model()) => {
                return Ok(Attempt::Changed);
            }
            (Some(occupant), OnConflict::Overwrite) => self.replace(dir, file, &occupant, kept.take())?,
        };
        self.given(given, file, real.as_ref(), is_told)
    }

    /// Replaces the file that has the name now. If that file is not kept yet, it is kept first, however long that takes.
    fn replace(
        &self,
        dir: &Arc<Dir>,
        file: &mut Temporary,
        occupant: &Occupant,
        kept: Option<Kept<'_>>,
    ) -> Result<Result<Given, Errno>, Error> {
        let kept = if let Some(kept) = kept.filter(|kept| kept.of() == Identity::of(&occupant.stat)) {
            kept
        } else {
            let mut kept = self.keep(dir, occupant.stat)?;
            kept.sync(None)?;
            kept
        };
        let replaced = kept.replace(file, dir, self.place.name())?;
        Ok(replaced.map(|kept| {
            let old = (Identity::of(&occupant.stat), kept.is_some());
            Given { path: self.place.path().clone(), old: Some(old), kept }
        }))
    }

    /// The result of giving the file a name. The client learns this name, or only the name that it asked for.
    fn given(
        &self,
        given: Result<Given, Errno>,
        file: &Temporary,
        real: Option<&SharePath>,
        is_told: bool,
    ) -> Result<Attempt, Error> {
        match given {
            Ok(Given { path, old, kept }) => {
                if let Some(name) = path.name().filter(|_| !matches!(self.terms.origin, Origin::MovedFrom(_)))
                {
                    self.shared.trash.wrote(file, name, old, self.terms.remover);
                }
                let lies_at = real.and_then(|real| real.parent()?.join(path.name()?).ok());
                let asked_for = (!is_told).then(|| self.grant.path().clone());
                Ok(Attempt::Saved(Saved {
                    path,
                    asked_for,
                    lies_at,
                    size: self.terms.size,
                    created: old.is_none(),
                    kept,
                }))
            }
            Err(Errno::EXIST) => Ok(Attempt::Changed),
            Err(error) if file.needs_copy(error) => Ok(Attempt::NeedsCopy(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// A commit that depends on the current file also waits for other servers that share the folder. [`Guard::MustBeNew`]
    /// does not: giving the name fails if it is taken.
    fn lock(&self) -> Result<CommitGuard<'_>, Error> {
        let Shared { commits, root, .. } = self.shared;
        let depends = matches!(self.terms.guard, Guard::MustExist | Guard::MustBe(_))
            || self.on_conflict() != OnConflict::Overwrite;
        if depends { commits.across_servers(root) } else { Ok(commits.within_process()) }
    }

    fn appear_beside(&self, dir: &Dir, file: &mut Temporary) -> Result<Result<Given, Errno>, Error> {
        let may_add = |path: &SharePath| self.grant.may_add_at(path).is_ok();
        let appeared =
            self.place.appear_beside(may_add, |name| file.appear(dir, name, &self.shared.claims))?;
        Ok(appeared.map(Given::new))
    }
}
