//! A directory with a temporary name, and everything below it.
//!
//! It is a copy that is not complete yet, or what is left where something was before it moved to another file system. The
//! name is that of a [temporary](super::temporary): it is never served, and a sweep removes what a crash leaves behind. The
//! directory is locked while its server lives.

use std::ffi::OsStr;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, FlockOperation, Mode, RenameFlags};
use rustix::io::Errno;

use super::root;
use super::save_method::is_unsupported;
use super::temporary::{TRIES, random_name};

/// A directory with a temporary name. Removed on drop, with everything below it.
pub(super) struct TemporaryTree {
    parent: Arc<Dir>,
    name: String,
    dir: Arc<Dir>,
    is_ours: bool,
}

impl TemporaryTree {
    /// Creates an empty one in this directory, with the attributes of any new directory there.
    pub(super) fn create(parent: &Arc<Dir>) -> Result<Self, Errno> {
        for _ in 0..TRIES {
            let name = random_name();
            match fs::mkdirat(&**parent, name.as_str(), Mode::RWXU | Mode::RWXG | Mode::RWXO) {
                Err(Errno::EXIST) => {}
                made => {
                    made?;
                    return Self::open(parent, name);
                }
            }
        }
        Err(Errno::EXIST)
    }

    /// Renames a directory to a temporary name, so that nobody sees it any more.
    pub(super) fn take(parent: &Arc<Dir>, old: &OsStr) -> Result<Self, Errno> {
        for _ in 0..TRIES {
            let name = random_name();
            match fs::renameat_with(&**parent, old, &**parent, name.as_str(), RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => {}
                // No other program uses such names.
                Err(error) if is_unsupported(error) => {
                    fs::renameat(&**parent, old, &**parent, name.as_str())?;
                    return Self::open(parent, name);
                }
                renamed => {
                    renamed?;
                    return Self::open(parent, name);
                }
            }
        }
        Err(Errno::EXIST)
    }

    fn open(parent: &Arc<Dir>, name: String) -> Result<Self, Errno> {
        let dir = root::enter(parent, &name)?;
        // Without lock support no sweep can get a lock either.
        let _ = fs::flock(&dir, FlockOperation::NonBlockingLockExclusive);
        Ok(Self { parent: Arc::clone(parent), name, dir: Arc::new(dir), is_ours: true })
    }

    /// The directory.
    pub(super) fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// The directory that it is in, and its name there.
    pub(super) fn place(&self) -> (&Arc<Dir>, &OsStr) {
        (&self.parent, OsStr::new(&self.name))
    }

    /// It has another name now, and is not removed.
    pub(super) fn leave(mut self) {
        self.is_ours = false;
    }
}

impl Drop for TemporaryTree {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = self.parent.remove_dir_all(&self.name);
        }
    }
}
