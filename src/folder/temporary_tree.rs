//! A directory with a temporary name, and everything below it.
//!
//! It is a copy that is not complete yet, or the source of a completed move to another file system. The name
//! is that of a [temporary](super::temporary): it is never served, and a sweep removes what a crash leaves
//! behind. The directory is locked while its server runs.

use std::ffi::OsStr;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, FlockOperation, Mode};
use rustix::io::Errno;

use super::root;
use super::shared::Shared;
use super::temporary::{TRIES, random_name, rename_to_free, set_aside};
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

    /// Renames a directory to a temporary name, so that nobody sees it any more.
    pub(super) fn take(shared: &Arc<Shared>, parent: &Arc<Dir>, path: &SharePath) -> Result<Self, Errno> {
        let old = path.name().ok_or(Errno::INVAL)?;
        let name = set_aside(parent, old)?;
        Self::open(shared, parent, path, name.clone()).inspect_err(|_| {
            let _ = rename_to_free(parent, OsStr::new(&name), old);
        })
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
        let above = path.parent().unwrap_or_default();
        if let Err(error) = shared.trash.purge_tree(&shared.root, parent, &above, name) {
            log::debug!("cannot move a directory into the trash, to remove it there: {error}");
            let _ = parent.remove_dir_all(name);
        }
    }
}
