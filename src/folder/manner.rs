//! How a file is kept out of sight until it is whole, and how it gets its name: the best that its file system can do.
//!
//! What a file system cannot do shows only when it is tried, in many ways ([`is_unsupported`]). One thing is
//! remembered, because finding it out costs a copy of the whole file: that a file without a name cannot get one there.

use cap_std::fs::Dir;
use rustix::fs;
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where the system shows this process's open files. A file without a name gets one by way of it.
pub(super) const OPEN_FILES: &str = "/proc/self/fd";

/// The ways to keep a file unseen, from the best to the one that works everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Manner {
    /// Without a name (`O_TMPFILE`), or with one where the file system cannot do that.
    Nameless,
    /// With a temporary name, which is then renamed or linked to a name that is free.
    Named,
    /// With a temporary name; a name that is free is first taken by an empty file, and then renamed over. It is also what
    /// the manners above come to where nothing else works.
    Claimed,
}

impl Manner {
    /// Without `/proc` a nameless file could never be given a name.
    pub(super) fn of_this_system() -> Self {
        match fs::access(OPEN_FILES, fs::Access::EXISTS) {
            Ok(()) => Self::Nameless,
            Err(_) => Self::Named,
        }
    }
}

/// The manner for each file system of the folder.
pub(super) struct Manners {
    best: Manner,
    /// The devices where nameless files cannot be given a name. There are no more than there are mounts.
    named: Mutex<BTreeSet<u64>>,
}

impl Manners {
    pub(super) fn new(best: Manner) -> Self {
        Self { best, named: Mutex::default() }
    }

    /// The manner for files in `dir`.
    pub(super) fn of(&self, dir: &Dir) -> Manner {
        let named = self.named();
        let is_known = !named.is_empty() && fs::fstat(dir).is_ok_and(|stat| named.contains(&stat.st_dev));
        if is_known { self.best.max(Manner::Named) } else { self.best }
    }

    /// Remembers that nameless files in `dir` cannot be given a name.
    pub(super) fn give_up_nameless(&self, dir: &Dir) {
        let device = fs::fstat(dir).map(|stat| stat.st_dev);
        let _ = device.map(|device| self.named().insert(device));
    }

    fn named(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this may mean that the file system, or what guards it, has no such call: FAT and `AppArmor` say that it is
/// not permitted, FUSE that it is not there or (rclone) that the disk has failed, NFS that its flags are wrong, and
/// overlays that it leads to another disk.
/// Where it means what it says, the next attempt in another way says it again.
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
    fn what_a_file_system_cannot_do_is_remembered_for_it_alone() {
        let place = tempfile::tempdir().expect("a folder");
        let open =
            |path: &std::path::Path| Dir::open_ambient_dir(path, ambient_authority()).expect("a folder");
        let (here, elsewhere) = (open(place.path()), open(std::path::Path::new("/proc")));
        let manners = Manners::new(Manner::Nameless);
        assert_eq!(manners.of(&here), Manner::Nameless);
        manners.give_up_nameless(&here);
        assert_eq!((manners.of(&here), manners.of(&elsewhere)), (Manner::Named, Manner::Nameless));
        let claimed = Manners::new(Manner::Claimed);
        claimed.give_up_nameless(&here);
        assert_eq!(claimed.of(&here), Manner::Claimed);
    }
}
