//! Which directory of the trash is on which file system, and what each file system supports.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, StatxFlags};
use rustix::io::Errno;

use super::store::TrashStore;
use crate::folder::error::Error;
use crate::folder::root::Root;
use crate::path::SharePath;

/// For how many mounts the trash is kept open, with two descriptors each. Beyond that number, it is searched for each
/// time.
const MOST: usize = 8;

/// The directories of the trash that were used.
pub(super) struct Stores {
    durable: bool,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    home: Option<Arc<TrashStore>>,
    away: BTreeMap<FileSystem, Arc<TrashStore>>,
    /// The file systems where files cannot have a second name.
    without_links: BTreeSet<u64>,
}

/// A mount of a file system: within one, files can be renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct FileSystem {
    device: (u32, u32),
    mount: u64,
}

impl FileSystem {
    fn of(dir: &Dir) -> Result<Self, Errno> {
        let stat = fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)?;
        // Before Linux 5.8, the mount is not reported: then this number is zero everywhere.
        let is_reported = stat.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        let mount = if is_reported { stat.stx_mnt_id } else { 0 };
        Ok(Self { device: (stat.stx_dev_major, stat.stx_dev_minor), mount })
    }
}

impl Stores {
    pub(super) fn new(durable: bool) -> Self {
        Self { durable, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The trash of the folder's root, which has the records; it is made if it is missing.
    pub(super) fn home(&self, root: &Root) -> Result<Arc<TrashStore>, Error> {
        if let Some(home) = &self.known().home {
            return Ok(Arc::clone(home));
        }
        let home = Arc::new(TrashStore::make(root.dir(), None, self.durable)?);
        self.known().home = Some(Arc::clone(&home));
        Ok(home)
    }

    /// The trash of the folder's root, if it exists.
    pub(super) fn existing_home(&self, root: &Root) -> Result<Option<Arc<TrashStore>>, Error> {
        if let Some(home) = &self.known().home {
            return Ok(Some(Arc::clone(home)));
        }
        match TrashStore::open(root.dir(), None, self.durable) {
            Ok(home) => {
                let home = Arc::new(home);
                self.known().home = Some(Arc::clone(&home));
                Ok(Some(home))
            }
            Err(Error::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Somebody has removed the directory.
    pub(super) fn forget_home(&self) {
        self.known().home = None;
    }

    /// The trash for entries of this directory, which has this path. For a file on the root's `device`, it is the trash
    /// of the root.
    pub(super) fn of(
        &self,
        root: &Root,
        dir: &Dir,
        path: &SharePath,
        device: u64,
    ) -> Result<Arc<TrashStore>, Error> {
        let home = root.identity().device();
        // In an overlay, a file may have another device than its directory.
        if device == home || fs::fstat(dir)?.st_dev == home {
            return self.home(root);
        }
        self.of_mount(root, dir, path)
    }

    /// The trash of the mount that this directory is on. It is in the topmost directory of that mount within the
    /// folder.
    pub(super) fn of_mount(
        &self,
        root: &Root,
        dir: &Dir,
        path: &SharePath,
    ) -> Result<Arc<TrashStore>, Error> {
        let wanted = FileSystem::of(dir)?;
        if wanted == FileSystem::of(root.dir())? {
            return self.home(root);
        }
        if let Some(store) = self.known().away.get(&wanted) {
            return Ok(Arc::clone(store));
        }
        let real = root.real_path_of(dir);
        let mut above = Vec::new();
        let mut next = Some(real.unwrap_or_else(|| path.clone()));
        while let Some(path) = next.filter(|path| !path.is_root()) {
            next = path.parent();
            above.push(path);
        }
        for path in above.into_iter().rev() {
            let dir = root.directory_for_server(&path)?;
            if FileSystem::of(&dir)? == wanted {
                let store = Arc::new(TrashStore::make(&dir, Some(path), self.durable)?);
                let mut known = self.known();
                if known.away.len() >= MOST {
                    known.away.clear();
                }
                known.away.insert(wanted, Arc::clone(&store));
                return Ok(store);
            }
        }
        Err(Error::CannotKeep)
    }

    /// The trash that has the content of an entry whose record names this directory.
    pub(super) fn named(&self, root: &Root, away: Option<&SharePath>) -> Result<Arc<TrashStore>, Error> {
        let Some(path) = away else { return self.home(root) };
        let dir = root.directory_for_server(path)?;
        Ok(Arc::new(TrashStore::open(&dir, Some(path.clone()), self.durable)?))
    }

    /// The mounts whose trash was used.
    pub(super) fn away(&self) -> Vec<Arc<TrashStore>> {
        self.known().away.values().cloned().collect()
    }

    /// Whether files of this file system may have a second name, as far as is known.
    pub(super) fn may_link(&self, device: u64) -> bool {
        !self.known().without_links.contains(&device)
    }

    /// Remembers that no file of this file system can have a second name.
    pub(super) fn give_up_links(&self, device: u64) {
        self.known().without_links.insert(device);
    }
}
