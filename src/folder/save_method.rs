//! How an incomplete file stays invisible, and how it gets its final name: the best method that its file system has.
//!
//! Missing features of a file system show only when a call fails, with one of many errors
//! ([`is_unsupported`]). Only one result is cached: that anonymous files cannot be named there. Finding that
//! out costs a copy of the whole file.

use cap_std::fs::Dir;
use rustix::fs;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::durable::name;

/// The ways to keep an incomplete file invisible, from the best to the one that works everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SaveMethod {
    /// An anonymous file (`O_TMPFILE`), or a named one if the file system has none.
    Anonymous,
    /// A temporary name, then renamed or linked to the final name if that is free.
    Named,
    /// A temporary name; an empty file first claims the final name if it is free, and is then renamed over. The methods
    /// above fall back to this one.
    Claimed,
}

impl SaveMethod {
    pub(super) fn of_this_system() -> Self {
        if name::can_link() { Self::Anonymous } else { Self::Named }
    }
}

/// The method to use on each file system of the folder.
pub(super) struct SaveMethods {
    best: SaveMethod,
    /// The devices where anonymous files cannot be named: at most one per mount.
    named: Mutex<BTreeSet<u64>>,
}

impl SaveMethods {
    pub(super) fn new(best: SaveMethod) -> Self {
        Self { best, named: Mutex::default() }
    }

    /// The method for files in `dir`.
    pub(super) fn of(&self, dir: &Dir) -> SaveMethod {
        let named = self.named();
        let is_known = !named.is_empty() && fs::fstat(dir).is_ok_and(|stat| named.contains(&stat.st_dev));
        if is_known { self.best.max(SaveMethod::Named) } else { self.best }
    }

    /// Remembers that anonymous files in `dir` cannot be named.
    pub(super) fn give_up_anonymous(&self, dir: &Dir) {
        let device = fs::fstat(dir).map(|stat| stat.st_dev);
        let _ = device.map(|device| self.named().insert(device));
    }

    fn named(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this error may mean that the file system, or a security module, does not support the call. FAT and
/// `AppArmor` return `EPERM` or `EACCES`, FUSE `ENOSYS` or (rclone) `EIO`, NFS `EINVAL`, overlays `EXDEV`. If the error
/// has its usual meaning instead, the next method fails with the same error.
pub(super) fn is_unsupported(error: Errno) -> bool {
    matches!(
        error,
        Errno::PERM
            | Errno::ACCESS
            | Errno::OPNOTSUPP
            | Errno::NOSYS
            | Errno::INVAL
            | Errno::MLINK
            | Errno::XDEV
            | Errno::NOTTY
            | Errno::IO
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;

    #[test]
    fn a_failed_method_is_remembered_for_its_file_system_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let open =
            |path: &std::path::Path| Dir::open_ambient_dir(path, ambient_authority()).expect("a folder");
        let (here, elsewhere) = (open(place.path()), open(std::path::Path::new("/proc")));
        let save_methods = SaveMethods::new(SaveMethod::Anonymous);
        assert_eq!(save_methods.of(&here), SaveMethod::Anonymous);
        save_methods.give_up_anonymous(&here);
        assert_eq!(
            (save_methods.of(&here), save_methods.of(&elsewhere)),
            (SaveMethod::Named, SaveMethod::Anonymous)
        );
        let claimed = SaveMethods::new(SaveMethod::Claimed);
        claimed.give_up_anonymous(&here);
        assert_eq!(claimed.of(&here), SaveMethod::Claimed);
    }
}
