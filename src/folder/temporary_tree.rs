//! A directory with a temporary name, and everything below it.
//!
//! It is a copy that is not complete yet. The name is that of a [temporary](super::temporary): it is never
//! served, and a sweep removes what a crash leaves behind. The directory is locked while its server runs.

use std::ffi::OsStr;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, FlockOperation, Mode};
use rustix::io::Errno;

use super::root;
use super::shared::Shared;
use super::temporary::{TRIES, random_name};
use crate::path::SharePath;

/// A directory with a temporary name. Removed on drop, with everything below it: it moves into the trash, which is swept in pieces.
pub(super) struct TemporaryTree {
    shared: Arc<Shared>,
    parent: Arc<Dir>,
    /// The path that it has or had, or will have.
    path: SharePath,
    name: String,
    dir: Arc<Dir>,
    is_ours: bool,
}

impl TemporaryTree {
    /// Creates an empty one in this directory, with the attributes of any new directory there.
    pub(super) fn create(shared: &Arc<Shared>, parent: &Arc<Dir>, path: &SharePath) -> Result<Self, Errno> {
        for _ in 0..TRIES {
            let name = random_name();
            match fs::mkdirat(&**parent, name.as_str(), Mode::RWXU | Mode::RWXG | Mode::RWXO) {
                Err(Errno::EXIST) => {}
                made => {
                    made?;
                    return Self::open(shared, parent, path, name);
                }
            }
        }
        Err(Errno::EXIST)
    }

    fn open(shared: &Arc<Shared>, parent: &Arc<Dir>, path: &SharePath, name: String) -> Result<Self, Errno> {
        let dir = root::enter(parent, &name)?;
        // Without lock support no sweep can get a lock either.
        let _ = fs::flock(&dir, FlockOperation::NonBlockingLockExclusive);
        let (shared, parent, path) = (Arc::clone(shared), Arc::clone(parent), path.clone());
        Ok(Self { shared, parent, path, name, dir: Arc::new(dir), is_ours: true })
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// The directory that it is in, and its name there.
    pub(super) fn place(&self) -> (&Arc<Dir>, &OsStr) {
        (&self.parent, OsStr::new(&self.name))
    }

    /// Keeps the directory, which has another name now.
    pub(super) fn leave(mut self) {
        self.is_ours = false;
    }
}

impl Drop for TemporaryTree {
    fn drop(&mut self) {
        if !self.is_ours {
            return;
        }
        let Self { shared, parent, path, name, .. } = self;
        remove_tree(shared, parent, path, OsStr::new(name));
    }
}

/// Removes a directory: it moves into the trash, which is swept in pieces. `path` is that which it had or was to have.
pub(super) fn remove_tree(shared: &Shared, parent: &Dir, path: &SharePath, name: &OsStr) {
    let above = path.parent().unwrap_or_default();
    if let Err(error) = shared.trash.purge_tree(&shared.root, parent, &above, name) {
        log::debug!("cannot move a directory into the trash, to remove it there: {error}");
        let _ = parent.remove_dir_all(name);
    }
}
