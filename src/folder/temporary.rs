//! The bytes of a file that nobody can see yet.
//!
//! Where the file system can, the file has no name at all (`O_TMPFILE`): a crash leaves nothing, the kernel
//! sees to that. Elsewhere it is called `.wharf-HEX.tmp`, which is never served, and goes when it is dropped.
//! A new name is given in one step that fails when the name is taken, or else by way of a [claim](super::claims); an old
//! file is replaced by a rename. A file with a name is this user's alone until it gets its [`Attributes`].
//!
//! Whatever bears a temporary name is locked (`flock`) as long as its server lives, so that another server's
//! [sweep](super::sweep) can tell what was left behind from what is being written.
//!
//! Knows nothing of rules, nor of what the final name means.

use super::attributes::{self, Attributes};
use super::claims::Claims;
use super::save_method::{OPEN_FILES, SaveMethod, is_unsupported};
use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Seek as _, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// How often a random name of 64 bits may turn out taken, or swept away, before something else must be wrong.
const TRIES: usize = 16;
/// What a new file may be, before the umask takes its part.
pub(super) const MODE: Mode =
    Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::WGRP).union(Mode::ROTH).union(Mode::WOTH);

/// A file on its way in. Dropped, it is gone.
pub(super) struct Temporary {
    file: File,
    method: SaveMethod,
    /// The directory where it was made without a name: there it already has what any new file has.
    home: Option<Arc<Dir>>,
    name: Option<Name>,
    /// Whether all of it is on the disk.
    is_synced: bool,
}

impl Temporary {
    /// Makes an empty one in `dir`, or on the same file system at least.
    pub(super) fn create(dir: &Arc<Dir>, method: SaveMethod) -> Result<Self, Errno> {
        // Others could open one that has a name, and read on when it is no longer for them.
        Self::create_as(dir, method, Mode::RUSR | Mode::WUSR)
    }

    /// What any program would give a file that it makes in `dir`: one is made and dropped again, and stays empty.
    fn sample(dir: &Arc<Dir>, method: SaveMethod) -> Result<Attributes, Errno> {
        Attributes::of(&Self::create_as(dir, method, MODE)?.file)
    }

    fn create_as(dir: &Arc<Dir>, method: SaveMethod, mode_with_name: Mode) -> Result<Self, Errno> {
        // Whatever the error, the attempt with a name shows whether it is a real one.
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        if method == SaveMethod::Anonymous
            && let Ok(file) = fs::openat(dir, ".", flags, MODE)
        {
            return Ok(Self {
                file: file.into(),
                method,
                home: Some(Arc::clone(dir)),
                name: None,
                is_synced: false,
            });
        }
        Self::create_named(dir, method, mode_with_name)
    }

    fn create_named(dir: &Arc<Dir>, method: SaveMethod, mode: Mode) -> Result<Self, Errno> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        for _ in 0..TRIES {
            let name = Name::random(dir);
            let file = match fs::openat(dir, name.text.as_str(), flags, mode) {
                Ok(file) => File::from(file),
                Err(Errno::EXIST) => continue,
                Err(error) => return Err(error),
            };
            let name = name.taken();
            if is_ours(&file) {
                return Ok(Self { file, method, home: None, name: Some(name), is_synced: false });
            }
        }
        Err(Errno::EXIST)
    }

    /// Takes over a file of that name in `dir`, which is open for reading and writing.
    pub(super) fn adopt(file: File, dir: &Arc<Dir>, name: String, method: SaveMethod) -> Self {
        let name = Name { dir: Arc::clone(dir), text: name, taken: true };
        Self { file, method, home: None, name: Some(name), is_synced: false }
    }

    /// Lets go of it: it keeps the name that it has. What it was to become may not be written; it must be, once more.
    pub(super) fn leave(mut self) {
        let _ = fs::fchmod(&self.file, Mode::RUSR | Mode::WUSR);
        if let Some(name) = &mut self.name {
            name.taken = false;
        }
    }

    /// The same bytes in `dir`, with a temporary name, for a file that cannot get to there or get a name at all.
    pub(super) fn copy_to(&self, dir: &Arc<Dir>) -> io::Result<Self> {
        let mut copy = Self::create(dir, self.method.max(SaveMethod::Named))?;
        (&self.file).seek(SeekFrom::Start(0))?;
        io::copy(&mut &self.file, &mut copy.file)?;
        Ok(copy)
    }

    /// Whether an error means that only a [copy](Self::copy_to) can get a name there.
    pub(super) fn needs_copy(&self, error: Errno) -> bool {
        error == Errno::XDEV || (self.name.is_none() && is_unsupported(error))
    }

    /// Whether an error means that no anonymous file of `dir` can get a name there.
    pub(super) fn cannot_be_named(&self, error: Errno, dir: &Arc<Dir>) -> bool {
        let is_from_here = self.home.as_ref().is_some_and(|home| Arc::ptr_eq(home, dir));
        self.name.is_none() && (is_from_here || error != Errno::XDEV)
    }

    /// Gives it what the file has that it will replace.
    pub(super) fn copy_attributes(&mut self, old: impl AsFd) -> Result<(), Errno> {
        self.home = None;
        self.set_attributes(Attributes::of(old)?)
    }

    /// Gives it what any program gives a file that it makes in `dir`.
    pub(super) fn set_default_attributes(&mut self, dir: &Arc<Dir>, umask: Mode) -> Result<(), Errno> {
        let is_new_there = self.home.as_ref().is_some_and(|home| Arc::ptr_eq(home, dir));
        if is_new_there {
            return Ok(());
        }
        let new = if attributes::has_default_list(dir) {
            Self::sample(dir, self.method)?
        } else {
            let was_made_there = self.name.as_ref().is_some_and(|name| Arc::ptr_eq(&name.dir, dir));
            Attributes::of_new(&self.file, dir, was_made_there, umask)?
        };
        self.set_attributes(new)
    }

    fn set_attributes(&mut self, attributes: Attributes) -> Result<(), Errno> {
        self.is_synced &= !attributes.give_to(&self.file)?;
        Ok(())
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.is_synced = false;
        self.file.write_all(bytes)
    }

    /// Puts the file on the disk, unless it is there.
    pub(super) fn sync(&mut self) -> Result<(), Errno> {
        if !self.is_synced {
            fs::fsync(&self.file)?;
            self.is_synced = true;
        }
        Ok(())
    }

    /// Gives the file a name that must be free: `EEXIST` if it is not.
    pub(super) fn appear(&mut self, dir: &Dir, name: &OsStr, claims: &Claims) -> Result<(), Errno> {
        let Some(old) = &mut self.name else { return self.link(dir, name.as_bytes()) };
        if self.method == SaveMethod::Claimed {
            return old.claim(dir, name, claims);
        }
        // NFS, for one, cannot rename so, but it can link; FAT the other way round; many in user space neither.
        match old.rename_to_free(dir, name) {
            Err(error) if error != Errno::XDEV && is_unsupported(error) => match old.link(dir, name) {
                Err(error) if error != Errno::XDEV && is_unsupported(error) => old.claim(dir, name, claims),
                other => other,
            },
            other => other,
        }
    }

    /// Takes the place of the file of that name, in one step.
    pub(super) fn replace(&mut self, dir: &Arc<Dir>, name: &OsStr) -> Result<(), Errno> {
        let old = match self.name.take() {
            Some(old) => old,
            None => self.give_name(dir)?,
        };
        self.name.insert(old).rename(dir, name)
    }

    /// An anonymous file cannot be renamed, so it is given a temporary name first.
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

    /// Becomes this name, whatever has it.
    fn rename(&mut self, dir: &Dir, name: &OsStr) -> Result<(), Errno> {
        fs::renameat(&*self.dir, self.text.as_str(), dir, name.as_bytes())?;
        self.taken = false;
        Ok(())
    }

    /// Becomes this name, if that is free.
    fn rename_to_free(&mut self, dir: &Dir, name: &OsStr) -> Result<(), Errno> {
        let old = self.text.as_str();
        fs::renameat_with(&*self.dir, old, dir, name.as_bytes(), RenameFlags::NOREPLACE)?;
        self.taken = false;
        Ok(())
    }

    /// Gives the file this name too, if that is free.
    fn link(&self, dir: &Dir, name: &OsStr) -> Result<(), Errno> {
        fs::linkat(&*self.dir, self.text.as_str(), dir, name.as_bytes(), AtFlags::empty())
    }

    /// Takes this name, if that is free, and becomes it.
    fn claim(&mut self, dir: &Dir, name: &OsStr, claims: &Claims) -> Result<(), Errno> {
        let claim = claims.take(dir, name)?;
        self.rename(dir, name)?;
        claim.fulfil();
        Ok(())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if self.taken {
            let _ = fs::unlinkat(&*self.dir, self.text.as_str(), AtFlags::empty());
        }
    }
}
