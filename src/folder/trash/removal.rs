//! Removing a file or a directory from its place, into the trash or for good.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags};
use rustix::io::Errno;

use super::id::TrashId;
use super::keep::OldFile;
use super::measure::measure;
use super::new_entry::NewEntry;
use super::record::TrashRecord;
use super::state::Trash;
use super::store::{GONE, TrashStore};
use super::written::Change;
use crate::folder::error::Error;
use crate::folder::mounts::Mounts;
use crate::folder::remover::Remover;
use crate::folder::root::{self, Root};
use crate::folder::temporary::{rename_to_free, set_aside};

/// How something is removed.
pub(in crate::folder) enum Removal<'t> {
    /// The file or directory is renamed into the trash.
    Kept(NewEntry<'t>),
    /// A directory gets this name in the trash, and is removed later.
    Purged(Arc<TrashStore>, String),
    /// A file is removed.
    AtOnce,
}

impl Trash {
    /// Prepares a removal by this client. It uses the trash of the mount if the trash of the file system cannot be
    /// used.
    pub(in crate::folder) fn begin_removal<'t>(
        &'t self,
        (root, mounts): (&Root, &Mounts),
        old: &OldFile<'_>,
        remover: &Remover,
        by_mount: bool,
    ) -> Result<Removal<'t>, Error> {
        let OldFile { dir, path, name, stat } = old;
        let is_directory = root::is_directory(stat);
        let is_dispensable = || {
            let now = Instant::now();
            self.written().is_dispensable(stat, name, Change::Removed, remover, now)
        };
        if !is_directory && (!self.is_on() || is_dispensable()) {
            return Ok(Removal::AtOnce);
        }
        if is_directory {
            mounts.refuse_at_or_below(root.dir(), dir, name)?;
        }
        let parent = path.parent().unwrap_or_default();
        let store = if by_mount {
            self.stores.of_mount(root, dir, &parent)?
        } else {
            self.stores.of(root, dir, &parent, stat.st_dev)?
        };
        if !self.is_on() {
            return Ok(Removal::Purged(store, format!("{}{GONE}", TrashId::new(SystemTime::now()))));
        }
        let size = match (is_directory, self.limit) {
            (true, None) => None,
            (true, Some(_)) => Some(measure(dir, name)),
            (false, _) => Some(u64::try_from(stat.st_size).unwrap_or(0)),
        };
        self.make_room(root, size.unwrap_or(0), true, &remover.share)?;
        let record = TrashRecord::new((*path).clone(), size, is_directory, remover);
        Ok(Removal::Kept(NewEntry::begin(self, root, &store, record, &remover.share)?))
    }
}

impl Removal<'_> {
    /// Syncs what keeps it, if the folder is durable.
    pub(in crate::folder) fn sync(&mut self) -> Result<(), Errno> {
        match self {
            Self::Kept(entry) => entry.sync(None),
            Self::Purged(..) | Self::AtOnce => Ok(()),
        }
    }

    /// Moves this entry away, and calls `arrive`, which gives the name to another entry. If `arrive` fails, the first
    /// entry is put back, and the inner error is the error of `arrive`.
    pub(in crate::folder) fn displace(
        self,
        dir: &Dir,
        name: &OsStr,
        arrive: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<Result<Option<TrashId>, Errno>, Errno> {
        match self {
            Self::Kept(entry) => {
                let store = Arc::clone(entry.store());
                let begun = store.begin();
                fs::renameat(dir, name.as_bytes(), &**store.dir(), entry.name())?;
                if let Err(error) = arrive() {
                    // If that fails, the entry stays in the trash.
                    if store.put_back(&entry.name(), dir, name).is_err() {
                        entry.finish();
                    }
                    return Ok(Err(error));
                }
                let id = entry.finish();
                store.sync(begun, None)?;
                Ok(Ok(Some(id)))
            }
            Self::Purged(store, gone) => {
                fs::renameat(dir, name.as_bytes(), &**store.dir(), &*gone)?;
                let arrived = arrive().inspect_err(|_| {
                    let _ = store.put_back(&gone, dir, name);
                });
                Ok(arrived.map(|()| None))
            }
            Self::AtOnce => {
                let aside = set_aside(dir, name)?;
                let arrived = arrive();
                let done = match arrived {
                    Ok(()) => fs::unlinkat(dir, aside.as_str(), AtFlags::empty()),
                    Err(_) => rename_to_free(dir, OsStr::new(&aside), name),
                };
                if let Err(error) = done {
                    log::warn!("cannot remove or rename {aside}: {error}");
                }
                Ok(arrived.map(|()| None))
            }
        }
    }
}

impl NewEntry<'_> {
    /// Renames this entry into the trash. When this returns, the change of the trash's directory is on the disk.
    pub(in crate::folder) fn take(self, dir: &Dir, name: &OsStr) -> Result<TrashId, Errno> {
        let store = Arc::clone(self.store());
        let begun = store.begin();
        fs::renameat(dir, name.as_bytes(), &**store.dir(), self.name())?;
        let id = self.finish();
        store.sync(begun, None)?;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_would_not_be_kept_stays_if_nothing_replaces_it() {
        let home = tempfile::TempDir::new().expect("a directory");
        let at = |name: &str| home.path().join(name);
        let dir = Dir::open_ambient_dir(home.path(), cap_std::ambient_authority()).expect("a directory");
        let names = || fs::read_dir(home.path()).expect("a directory").count();
        fs::write(at("a"), "old").expect("a file");
        let displaced = Removal::AtOnce.displace(&dir, OsStr::new("a"), || Err(Errno::ACCESS));
        assert!(matches!(displaced, Ok(Err(Errno::ACCESS))), "{displaced:?}");
        assert_eq!(fs::read_to_string(at("a")).expect("a file"), "old");
        assert_eq!(names(), 1);
        let appear = || fs::create_dir(at("a")).map_err(|_| Errno::EXIST);
        let displaced = Removal::AtOnce.displace(&dir, OsStr::new("a"), appear);
        assert!(matches!(displaced, Ok(Ok(None))), "{displaced:?}");
        assert_eq!((at("a").is_dir(), names()), (true, 1));
    }
}
