//! The bytes of a file that nobody can see yet.
//!
//! Where the file system can, the file has no name at all (`O_TMPFILE`): a crash leaves nothing, the kernel
//! sees to that. Elsewhere it is called `.wharf-HEX.tmp`, which is never served, and goes when it is dropped.
//! A new name is given in one step that fails when the name is taken; an old file is replaced by a rename.
//!
//! Whatever bears a temporary name is locked (`flock`) as long as its server lives, so that another server's
//! [sweep](super::sweep) can tell what was left behind from what is being written.
//!
//! Knows nothing of rules, nor of what the final name means.

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Seek as _, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// How often a random name of 64 bits may turn out taken, or swept away, before something else must be wrong.
const TRIES: usize = 16;
/// What a new file may be, before the umask takes its part.
pub(super) const MODE: Mode =
    Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::WGRP).union(Mode::ROTH).union(Mode::WOTH);
/// Where the system shows this process's open files. A file without a name gets one by way of it.
const OPEN_FILES: &str = "/proc/self/fd";

/// Whether temporaries go without a name where they can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// Without a name, or with one where the file system cannot do that.
    Nameless,
    /// Always with a name.
    Named,
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

/// A file on its way in. Dropped, it is gone.
pub(super) struct Temporary {
    file: File,
    name: Option<Name>,
}

impl Temporary {
    /// Makes an empty one in `dir`, or on the same file system at least.
    pub(super) fn create(dir: &Arc<Dir>, manner: Manner) -> Result<Self, Errno> {
        // Whatever the reason why it cannot be nameless, the attempt with a name tells whether it is a real
        // one.
        if manner == Manner::Nameless
            && let Ok(file) = fs::openat(dir, ".", OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC, MODE)
        {
            return Ok(Self { file: file.into(), name: None });
        }
        Self::create_named(dir)
    }

    fn create_named(dir: &Arc<Dir>) -> Result<Self, Errno> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        for _ in 0..TRIES {
            let name = Name::random(dir);
            let file = match fs::openat(dir, name.text.as_str(), flags, MODE) {
                Ok(file) => File::from(file),
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(error),
            };
            let name = name.taken();
            if is_ours(&file) {
                return Ok(Self { file, name: Some(name) });
            }
        }
        Err(Errno::EXIST)
    }

    /// Takes over a file of that name in `dir`, which is open for reading and writing.
    pub(super) fn adopt(file: File, dir: &Arc<Dir>, name: String) -> Self {
        Self { file, name: Some(Name { dir: Arc::clone(dir), text: name, taken: true }) }
    }

    /// Lets go of it: it keeps the name that it has.
    pub(super) fn leave(mut self) {
        if let Some(name) = &mut self.name {
            name.taken = false;
        }
    }

    /// The same bytes in `dir`, for a file that cannot be renamed to there.
    pub(super) fn copy_to(&self, dir: &Arc<Dir>, manner: Manner) -> io::Result<Self> {
        let mut copy = Self::create(dir, manner)?;
        (&self.file).seek(SeekFrom::Start(0))?;
        io::copy(&mut &self.file, &mut copy.file)?;
        Ok(copy)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Puts the content on the disk.
    pub(super) fn sync(&self) -> Result<(), Errno> {
        fs::fsync(&self.file)
    }

    /// Gives the file a name that must be free: `EEXIST` if it is not.
    pub(super) fn appear(&self, dir: &Dir, name: &OsStr) -> Result<(), Errno> {
        let Some(old) = &self.name else { return self.link(dir, name.as_bytes()) };
        let from = old.text.as_str();
        let name = name.as_bytes();
        match fs::renameat_with(&*old.dir, from, dir, name, RenameFlags::NOREPLACE) {
            // NFS, for one, cannot rename so, but it can link; FAT the other way round.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                fs::linkat(&*old.dir, from, dir, name, AtFlags::empty())
            }
            other => other,
        }
    }

    /// Takes the place of the file of that name, in one step.
    pub(super) fn replace(&mut self, dir: &Arc<Dir>, name: &OsStr) -> Result<(), Errno> {
        let mut old = match self.name.take() {
            Some(old) => old,
            None => self.give_name(dir)?,
        };
        let renamed = fs::renameat(&*old.dir, old.text.as_str(), &**dir, name.as_bytes());
        if renamed.is_ok() {
            old.taken = false;
        } else {
            self.name = Some(old);
        }
        renamed
    }

    /// A nameless file cannot be renamed, so it is given a temporary name first.
    fn give_name(&self, dir: &Arc<Dir>) -> Result<Name, Errno> {
        // Where there are no locks, no sweep can get one either, and leaves the file alone.
        let _ = fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive);
        for _ in 0..TRIES {
            let name = Name::random(dir);
            match self.link(dir, name.text.as_bytes()) {
                Ok(()) => return Ok(name.taken()),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Errno::EXIST)
    }

    fn link(&self, dir: &Dir, name: &[u8]) -> Result<(), Errno> {
        let file = format!("{OPEN_FILES}/{}", self.file.as_raw_fd());
        fs::linkat(CWD, file, dir, name, AtFlags::SYMLINK_FOLLOW)
    }
}

/// Locks a file that has just got its name. A sweep may have been faster: then it has the lock, or the file
/// is gone.
fn is_ours(file: &File) -> bool {
    let swept = fs::flock(file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK);
    !swept && fs::fstat(file).is_ok_and(|stat| stat.st_nlink > 0)
}

/// A temporary name.
struct Name {
    dir: Arc<Dir>,
    text: String,
    /// Whether the name is ours, so that it goes when this is dropped.
    taken: bool,
}

impl Name {
    /// Std's hasher is seeded from the system, once a thread, and anew for each instance.
    fn random(dir: &Arc<Dir>) -> Self {
        let number = RandomState::new().build_hasher().finish();
        Self { dir: Arc::clone(dir), text: format!(".wharf-{number:016x}.tmp"), taken: false }
    }

    fn taken(mut self) -> Self {
        self.taken = true;
        self
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if self.taken {
            let _ = fs::unlinkat(&*self.dir, self.text.as_str(), AtFlags::empty());
        }
    }
}
