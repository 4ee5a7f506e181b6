//! Where to save a file: its directory, as far as it exists, and the file that has its name now.
//!
//! The parent of each new directory is synced before the next one is created. The client collects them in
//! [`durable::made`](crate::durable::made) and syncs them once for many files; here, each upload is acknowledged by itself.

use super::error::Error;
use super::facts::FileVersion;
use super::numbering::{MOST_COPIES, numbered};
use super::real_path::Judged;
use super::root::{self, CanSync, Identity, Root};
use super::taken_parent;
use crate::access::{Grant, Operation};
use crate::durable::group::{DirectorySyncs, PendingSync};
use crate::path::SharePath;
use cap_std::fs::Dir;
use rustix::fs::{self, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, OnceLock};

/// The place of a file that may or may not exist.
pub(super) struct Place {
    /// The deepest directory of the path that exists.
    dir: Arc<Dir>,
    /// Its identity, once that was needed.
    identity: OnceLock<Identity>,
    /// The missing directories below it, the deepest first.
    missing: Vec<OsString>,
    path: SharePath,
    name: OsString,
}

impl Place {
    /// The place of the grant's path, and what the grant allows there. Fails for the root, which cannot be a file. A directory
    /// in the path gets another name if its own is taken, and the principal must not learn that.
    pub(super) fn find<'g, O: Operation>(
        root: &Root,
        grant: &'g Grant<'_, O>,
    ) -> Result<(Self, Grant<'g, O>), Error> {
        let mut path = Cow::Borrowed(grant.path());
        // Each turn renames one of them, from the top.
        for _ in grant.path().segments() {
            match Self::find_at(root, grant, &path) {
                Err(error) => match taken_parent::renamed(root, grant, &path) {
                    None => return Err(error),
                    Some(renamed) => path = Cow::Owned(renamed),
                },
                found => return found,
            }
        }
        Self::find_at(root, grant, &path)
    }

    fn find_at<'g, O: Operation>(
        root: &Root,
        grant: &'g Grant<'_, O>,
        path: &SharePath,
    ) -> Result<(Self, Grant<'g, O>), Error> {
        let (Some(name), Some(mut parent)) = (path.name(), path.parent()) else {
            return Err(Error::NotFound);
        };
        let (mut missing, mut failed) = (Vec::new(), None);
        let dir = loop {
            match (root.directory(&parent), parent.name(), parent.parent()) {
                (Ok(dir), ..) => break dir,
                (Err(error), Some(name), Some(above)) => {
                    if failed.is_none() && !is_missing(&error) {
                        failed = Some(error);
                    }
                    missing.push(name.to_owned());
                    parent = above;
                }
                (Err(error), ..) => return Err(error.into()),
            }
        };
        let names: Vec<_> = missing.iter().rev().map(OsString::as_os_str).chain([name]).collect();
        let (dir, judged) = dir.judge(root, grant, &names)?;
        match failed.map(Error::from) {
            None => {}
            // A link may lead there, and not everybody may know its target.
            Some(Error::NotDirectory | Error::Denied) if grant.depends_on_path() => {
                return Err(Error::NotFound);
            }
            Some(error) => return Err(error),
        }
        refuse_dangling(&dir, missing.last())?;
        let (name, path) = (name.to_owned(), path.clone());
        let place = Self { dir, identity: OnceLock::new(), missing, name, path };
        Ok((place, judged.grant))
    }

    /// What the grant allows at the place now. `ESTALE` as for [`Self::confirm`], if it depends on the path.
    pub(super) fn judge<'g, O: Operation>(
        &self,
        root: &Root,
        grant: &'g Grant<'_, O>,
    ) -> Result<Grant<'g, O>, Error> {
        if grant.depends_on_path() {
            self.confirm_nearest(root)?;
        }
        let missing = self.missing.iter().rev().chain([&self.name]);
        let names: Vec<_> = missing.map(OsString::as_os_str).collect();
        root.judge(grant, &self.dir, &names).map(|judged| judged.grant)
    }

    /// What the grant allows in the file's own directory, and where the file will really lie, if that is known and differs.
    pub(super) fn judge_in<'g, O: Operation>(
        &self,
        root: &Root,
        dir: &Dir,
        grant: &'g Grant<'_, O>,
    ) -> Result<Judged<'g, O>, Error> {
        root.judge(grant, dir, &[&self.name])
    }

    pub(super) fn path(&self) -> &SharePath {
        &self.path
    }

    /// The real paths of the deepest directory that exists, and of the file.
    #[cfg(feature = "dav")]
    pub(super) fn real_paths(&self, root: &Root) -> Option<(SharePath, SharePath)> {
        let directory = root.real_path_of(&self.dir)?;
        let mut path = directory.clone();
        for name in self.missing.iter().rev().chain([&self.name]) {
            path = path.join(name).ok()?;
        }
        Some((directory, path))
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    /// The deepest directory of the path that existed when the place was found.
    pub(super) fn nearest(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// The identity of that directory.
    pub(super) fn identity(&self, root: &Root) -> Result<Identity, Errno> {
        if let Some(identity) = self.identity.get() {
            return Ok(*identity);
        }
        let is_root = Arc::ptr_eq(&self.dir, root.dir());
        let identity = if is_root { root.identity() } else { Identity::of(&fs::fstat(&*self.dir)?) };
        Ok(*self.identity.get_or_init(|| identity))
    }

    /// Whether the file's own directory existed then.
    pub(super) fn has_directory(&self) -> bool {
        self.missing.is_empty()
    }

    /// Creates the missing directories, syncs the parent of each, and returns the file's own. `ESTALE` if one of their names is
    /// taken by now: the place has to be found anew.
    pub(super) fn make_directory(&self, syncs: Option<&DirectorySyncs>) -> Result<Arc<Dir>, Error> {
        let mut dir = Arc::clone(&self.dir);
        for name in self.missing.iter().rev() {
            // Done even if another upload has just created it, because that upload may not have synced it
            // yet.
            create(&dir, name, syncs)?;
            dir = match dir.open_dir(name) {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOTDIR) => {
                    return Err(Errno::STALE.into());
                }
                other => Arc::new(other?),
            };
        }
        Ok(dir)
    }

    /// Creates a directory of this name, and syncs its parent. Fails if the name is taken, or if the parent does not exist.
    pub(super) fn make_own(&self, syncs: Option<&DirectorySyncs>) -> Result<(), Error> {
        if !self.has_directory() {
            return Err(Error::NoParent);
        }
        if create(&self.dir, &self.name, syncs)? { Ok(()) } else { Err(Error::Exists) }
    }

    /// `ESTALE` if this is no longer the directory at the file's path: it, or one above it, was moved or removed, or a link
    /// on the path was changed. A file saved in it would have another path, or be outside the folder.
    pub(super) fn confirm(&self, root: &Root, dir: &Dir) -> Result<(), Error> {
        self.confirm_above(root, dir, 0)
    }

    /// Like [`Self::confirm`], for a directory that existed when the place was found and is about to be changed: begins the sync of
    /// that change, if it has to be durable.
    pub(super) fn confirm_to_change<'s>(
        &self,
        root: &Root,
        syncs: Option<&'s DirectorySyncs>,
    ) -> Result<Option<PendingSync<'s>>, Error> {
        let Some(syncs) = syncs else { return self.confirm(root, &self.dir).map(|()| None) };
        let ours = self.identity(root)?;
        let parent = self.path.parent().ok_or(Error::NotFound)?;
        if parent.is_root() {
            is_same(Ok(root.identity()), ours)?;
            return Ok(Some(syncs.begin_with(ours.parts(), || Some(Arc::clone(root.dir())))));
        }
        let (dir, now) = match root.directory_to_sync(&parent) {
            Ok((dir, can_sync)) => {
                let now = Identity::of(&fs::fstat(&dir)?);
                (Some(dir).filter(|_| can_sync == CanSync::Yes), Ok(now))
            }
            Err(error) => (None, Err(error)),
        };
        is_same(now, ours)?;
        Ok(Some(syncs.begin_with(ours.parts(), || Some(Arc::new(dir?)))))
    }

    /// Like [`Self::confirm`], for the deepest directory that existed when the place was found.
    pub(super) fn confirm_nearest(&self, root: &Root) -> Result<(), Error> {
        self.confirm_above(root, &self.dir, self.missing.len())
    }

    /// Checks that this is the directory `levels` above the file's own.
    fn confirm_above(&self, root: &Root, dir: &Dir, levels: usize) -> Result<(), Error> {
        let above = (0..levels).try_fold(self.path.parent(), |path, _| Some(path?.parent()));
        let path = above.flatten().ok_or(Error::NotFound)?;
        let ours = if std::ptr::eq(dir, &raw const *self.dir) {
            self.identity(root)?
        } else {
            Identity::of(&fs::fstat(dir)?)
        };
        is_same(if path.is_root() { Ok(root.identity()) } else { root.identity_at(&path) }, ours)
    }

    /// The file that has the name now, if any. Only a file can be replaced: a directory is [`Error::IsDirectory`], and what is
    /// not shared (a device, a link that leads out or nowhere) is [`Error::NotFound`].
    pub(super) fn occupant<O: Operation>(
        &self,
        root: &Root,
        dir: &Dir,
        grant: &Grant<'_, O>,
    ) -> Result<Option<Occupant>, Error> {
        let link = match root::look_in(dir, &self.name) {
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(error.into()),
            Ok(stat) => stat,
        };
        let is_link = root::file_type(&link) == FileType::Symlink;
        let stat = if is_link { root.look(grant)? } else { link };
        match root::file_type(&stat) {
            FileType::RegularFile => Ok(Some(Occupant { version: root.facts(&stat).version, stat: link })),
            FileType::Directory => Err(Error::IsDirectory),
            _ => Err(Error::NotFound),
        }
    }

    /// A handle of the file that has the name, and its `stat`; for a link, those of the link itself, not of
    /// its target.
    pub(super) fn open_occupant(&self, dir: &Dir) -> Result<Option<(OwnedFd, Stat)>, Errno> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Opening needs a descriptor even if there is nothing to open, and there may be none left.
        let opened = root::look_in(dir, &self.name)
            .and_then(|_| fs::openat(dir, self.name.as_bytes(), flags, Mode::empty()));
        let handle = match opened {
            Err(Errno::NOENT) => return Ok(None),
            other => other?,
        };
        let stat = fs::fstat(&handle)?;
        Ok(Some((handle, stat)))
    }

    /// Calls `appear` with `name (1).ext`, `name (2).ext` and so on, until a name is free (no `EEXIST`). Names for
    /// which `may` is false are left out. Returns the path, or the first other error.
    pub(super) fn appear_beside(
        &self,
        may: impl Fn(&SharePath) -> bool,
        mut appear: impl FnMut(&OsStr) -> Result<(), Errno>,
    ) -> Result<Result<SharePath, Errno>, Error> {
        let parent = self.path.parent();
        for number in 1..=MOST_COPIES {
            let name = numbered(&self.name, number);
            // The path may be so long that the number does not fit.
            let path = parent.as_ref().and_then(|parent| parent.join(&name).ok()).ok_or(Error::Exists)?;
            if !may(&path) {
                continue;
            }
            match appear(&name) {
                Ok(()) => return Ok(Ok(path)),
                Err(Errno::EXIST) => {}
                Err(error) => return Ok(Err(error)),
            }
        }
        Err(Error::Exists)
    }
}

/// The file that has the name.
#[derive(Clone, Copy)]
pub(super) struct Occupant {
    /// The version that a reader gets.
    pub(super) version: FileVersion,
    /// Its `stat`; for a link, that of the link itself.
    pub(super) stat: Stat,
}

impl Occupant {
    /// The file whose attributes the new one must have.
    pub(super) fn model(&self) -> Option<Model> {
        Model::of(&self.stat)
    }
}

/// A file whose attributes are copied to another one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Model {
    permissions: (u32, u32, u32),
    identity: Identity,
}

impl Model {
    /// `None` if it is not a regular file: the attributes of a link are not copied.
    pub(super) fn of(stat: &Stat) -> Option<Self> {
        let is_file = root::file_type(stat) == FileType::RegularFile;
        let permissions = (stat.st_mode, stat.st_uid, stat.st_gid);
        is_file.then_some(Self { permissions, identity: Identity::of(stat) })
    }

    /// Whether both have the same mode, owner and group, even if they are different files.
    pub(super) fn is_alike(&self, other: &Self) -> bool {
        self.permissions == other.permissions
    }
}

/// Creates a directory, unless the name is taken, and syncs its parent. Returns whether the name is new.
fn create(dir: &Dir, name: &OsStr, syncs: Option<&DirectorySyncs>) -> Result<bool, Error> {
    let names = syncs.map(|syncs| syncs.begin(dir)).transpose()?;
    let is_new = match dir.create_dir(name) {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::EXIST) => false,
        other => other.map(|()| true)?,
    };
    names.map_or(Ok(()), PendingSync::finish)?;
    Ok(is_new)
}

/// `ESTALE` if the directory that has the path now is not ours.
fn is_same(now: io::Result<Identity>, ours: Identity) -> Result<(), Error> {
    match now {
        Ok(now) if now == ours => Ok(()),
        Ok(_) => Err(Errno::STALE.into()),
        Err(error) if is_missing(&error) => Err(Errno::STALE.into()),
        Err(error) => Err(error.into()),
    }
}

/// A link that leads out of the folder does not count as missing: its error has no errno.
fn is_missing(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::NOENT)
}

/// Fails if the first missing directory is a link that leads nowhere: no directory can be created in its place.
fn refuse_dangling(dir: &Dir, first_missing: Option<&OsString>) -> Result<(), Error> {
    match first_missing.map(|name| root::look_in(dir, name)) {
        Some(Ok(stat)) if root::file_type(&stat) == FileType::Symlink => Err(Error::NotFound),
        _ => Ok(()),
    }
}
