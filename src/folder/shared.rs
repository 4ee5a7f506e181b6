//! One directory that the folder is, or was, and the state that all operations in it share.
//!
//! The folder may become [another directory](super::current) while an operation runs. The operation keeps the old
//! directory until its end, and finds out here that the directory was replaced.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fmt, io};

use cap_std::fs::Dir;
use rustix::fs::{self, Mode};

use super::attributes;
use super::claims::Claims;
use super::commit_lock::CommitLock;
use super::error::{CannotShare, Error};
use super::mounts::Mounts;
use super::place::Place;
#[cfg(feature = "dav")]
use super::property_files::PropertyFiles;
use super::replicas::Replicas;
use super::reserve::Reserve;
use super::root::{Identity, Root};
use super::rules::{OnConflict, Rules};
use super::save_method::{SaveMethod, SaveMethods};
use super::stale;
use super::trash::Trash;
use crate::access::{Grant, Right, Rights, ToWrite};
use crate::durable::group::DirectorySyncs;

/// The directory, and the state that all operations in it share.
pub(super) struct Shared {
    /// The path that it was opened by.
    path: PathBuf,
    /// The same without links.
    real: Option<PathBuf>,
    pub(super) root: Root,
    /// Whether the folder is now another directory.
    is_replaced: AtomicBool,
    pub(super) rules: Rules,
    pub(super) save_methods: SaveMethods,
    pub(super) umask: Mode,
    pub(super) reserve: Reserve,
    pub(super) commits: CommitLock,
    directory_syncs: DirectorySyncs,
    pub(super) claims: Claims,
    pub(super) trash: Trash,
    pub(super) mounts: Mounts,
    pub(super) replicas: Replicas,
    #[cfg(feature = "dav")]
    pub(super) property_files: PropertyFiles,
}

impl Shared {
    pub(super) fn open(path: &Path, rules: &Rules, best: SaveMethod) -> Result<Self, CannotShare> {
        let root =
            Root::open_at(path, rules).map_err(|error| CannotShare::because(path.to_owned(), error))?;
        let replicas = Replicas::new();
        replicas.look(&root);
        Ok(Self {
            #[cfg(feature = "dav")]
            property_files: PropertyFiles::new(&root),
            path: path.to_owned(),
            real: path.canonicalize().ok(),
            root,
            is_replaced: AtomicBool::new(false),
            rules: rules.clone(),
            save_methods: SaveMethods::new(best),
            umask: attributes::umask(),
            reserve: Reserve::new(rules.reserve),
            commits: CommitLock::default(),
            directory_syncs: DirectorySyncs::default(),
            claims: Claims::default(),
            trash: Trash::new(rules),
            mounts: Mounts::open(),
            replicas,
        })
    }

    /// The path that it was opened by.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this path, resolved now, is the place where it was opened.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.real.is_some() && self.real == path.canonicalize().ok()
    }

    /// Records that the folder is another directory from now on.
    pub(super) fn replace(&self) {
        self.is_replaced.store(true, Ordering::Release);
    }

    /// Fails if the path no longer names this directory, so that nothing may be saved. It accesses the disk once.
    pub(super) fn stays(&self) -> Result<(), Error> {
        self.was_not_replaced()?;
        let is_here = |at: io::Result<Identity>| at.is_ok_and(|found| found == self.root.identity());
        if is_here(Identity::at(&self.path)) { Ok(()) } else { Err(Error::Replaced) }
    }

    /// Like [`Self::stays`], as far as is known without accessing the disk.
    pub(super) fn was_not_replaced(&self) -> Result<(), Error> {
        if self.is_replaced.load(Ordering::Acquire) { Err(Error::Replaced) } else { Ok(()) }
    }

    /// Fails if nothing may be changed.
    pub(super) fn may_change(&self) -> Result<(), Error> {
        if self.rules.read_only { Err(Error::ReadOnly) } else { self.stays() }
    }

    /// The directories that are being synced; `None` if files need not be durable.
    pub(super) fn syncs(&self) -> Option<&DirectorySyncs> {
        self.rules.durable.then_some(&self.directory_syncs)
    }

    /// Runs an operation that needs this much space on the file system of this directory. If there is too little space,
    /// and the principal may remove files, the oldest entries of the trash are discarded first, if that frees enough.
    pub(super) fn with_room<T>(
        &self,
        size: u64,
        dir: &Dir,
        may_push_out: bool,
        attempt: impl Fn() -> Result<T, Error>,
    ) -> Result<T, Error> {
        loop {
            match attempt() {
                Err(Error::NoSpace) if may_push_out => {
                    let at_home = fs::fstat(dir)?.st_dev == self.root.identity().device();
                    let short = self.reserve.shortage(size, dir)?;
                    let can_help = self.trash.can_free(&self.root, short, at_home)?;
                    if !can_help || !self.trash.push_out(&self.root, at_home)? {
                        // The space may be short only because of bytes that others are still writing.
                        let missing = if short == 0 { size } else { short };
                        return Err(self.trash.no_space(missing, at_home));
                    }
                }
                other => return other,
            }
        }
    }

    /// Fails if a file of this size does not fit, even [after making room](Self::with_room).
    pub(super) fn admit_space(&self, size: Option<u64>, dir: &Dir, may_push_out: bool) -> Result<(), Error> {
        self.with_room(size.unwrap_or(0), dir, may_push_out, || self.reserve.admit(size, dir))
    }

    /// The place where the rules allow a file of this size. It does not check for free space.
    pub(super) fn admit(&self, grant: &Grant<'_, ToWrite>, size: Option<u64>) -> Result<Place, Error> {
        stale::retry(|| self.find_place(grant, size))
    }

    /// Like [`Self::admit`], for a caller that retries by itself.
    pub(super) fn find_place(&self, grant: &Grant<'_, ToWrite>, size: Option<u64>) -> Result<Place, Error> {
        let Self { root, rules, .. } = self;
        if rules.read_only {
            return Err(Error::ReadOnly);
        }
        rules.admit_new(grant)?;
        self.stays()?;
        let (place, grant) = Place::find(root, grant)?;
        let is_known = place.has_directory() && !grant.hides_names();
        let taken = is_known && place.occupant(root, place.nearest(), &grant)?.is_some();
        match rules.on_conflict(&grant) {
            OnConflict::Refuse if taken => return Err(Error::Exists),
            OnConflict::Overwrite if taken => {}
            _ => may_add(&grant)?,
        }
        if let Some(size) = size {
            rules.admit_size(size)?;
        }
        Ok(place)
    }
}

/// Fails if no file may be saved under a new name.
pub(super) fn may_add(grant: &Grant<'_, ToWrite>) -> Result<(), Error> {
    if grant.may_add() { Ok(()) } else { Err(Error::NoRight(Rights::of(&[Right::Add]))) }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("path", &self.path).finish_non_exhaustive()
    }
}
