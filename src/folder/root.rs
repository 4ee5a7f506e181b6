//! The handle of the folder, and every way from it to something inside.
//!
//! A path is resolved beneath the handle, by the kernel (`openat2` with `RESOLVE_BENEATH`, through cap-std):
//! a link is followed as long as it stays inside, and no spelling and no race leads out. An absolute link
//! counts as leading out, also when it leads back in. What is named by one segment is reached from the handle
//! of its directory.
//!
//! Knows nothing of rules: what may be opened, and by which name, was decided before.

use super::{Facts, SharePath};
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// What each open of something unknown carries. A FIFO must not make it wait, a terminal must not become
/// ours.
const HARMLESS: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// The directory that holds what is the server's own, below the folder.
pub(super) const OWN: &str = ".wharf";

/// The shared folder's own directory.
pub(super) struct Root {
    dir: Dir,
    identity: Identity,
}

/// What tells a directory from all others that there are at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of whatever has this path.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::stat(path)?))
    }

    fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }
}

impl Root {
    pub(super) fn open_at(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = fs::open(path, flags, Mode::empty())?;
        // Opening needs the right to read; entering is another, and without it each file would be refused.
        let identity = Identity::of(&fs::statat(&handle, ".", AtFlags::empty())?);
        Ok(Self { dir: Dir::from_std_file(handle.into()), identity })
    }

    /// The facts of something below it that was looked at.
    pub(super) fn facts(&self, stat: &Stat) -> Facts {
        Facts::new(stat, self.identity.device)
    }

    /// Which directory it is.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Opens for reading whatever is there, a directory too: one system call.
    pub(super) fn open(&self, path: &SharePath) -> io::Result<File> {
        self.open_as(path.as_path(), HARMLESS)
    }

    /// The facts of what a reader would get, without the right to read it.
    pub(super) fn look(&self, path: &SharePath) -> io::Result<Stat> {
        Ok(fs::fstat(self.open_as(path.as_path(), OFlags::PATH)?)?)
    }

    /// The facts of what has this path now, wherever a link may lead by now. They are good only for a comparison with
    /// the facts of something that was opened: equal ones are the same file, and so is what is in it.
    pub(super) fn glance(&self, path: &SharePath) -> io::Result<Stat> {
        Ok(fs::statat(&self.dir, path.as_path(), AtFlags::empty())?)
    }

    /// A directory to read the entries of.
    pub(super) fn entries(&self, path: &Path) -> io::Result<Entries> {
        Entries::of(self.open_as(path, OFlags::DIRECTORY)?.into())
    }

    /// As [`Root::entries`], but where a link has the name there is nothing.
    pub(super) fn entries_no_link(&self, path: &Path) -> io::Result<Entries> {
        Entries::of(self.open_as(path, OFlags::DIRECTORY.union(OFlags::NOFOLLOW))?.into())
    }

    /// One of the server's own directories, which is entered by its own name only.
    pub(super) fn own(&self, name: &str) -> Result<Dir, Errno> {
        enter(&self.dir, name)
    }

    /// Makes one of the server's own directories.
    pub(super) fn make_own(&self, name: &str) -> Result<(), Errno> {
        make(&self.dir, name)
    }

    /// Removes one of the server's own directories, if nothing is in it.
    pub(super) fn remove_own(&self, name: &str) {
        let _ = fs::unlinkat(&self.dir, name, AtFlags::REMOVEDIR);
    }

    /// A directory to make things in. It need not be readable.
    pub(super) fn directory(&self, path: &SharePath) -> io::Result<Dir> {
        self.dir.open_dir(path.as_path())
    }

    fn open_as(&self, path: &Path, flags: OFlags) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags.bits().cast_signed());
        Ok(self.dir.open_with(path, &options)?.into_std())
    }
}

/// Enters a directory, and follows no link.
pub(super) fn enter(dir: &Dir, name: &str) -> Result<Dir, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = fs::openat(dir, name, flags, Mode::empty())?;
    Ok(Dir::from_std_file(handle.into()))
}

/// Makes a directory for this user alone; another may be faster.
pub(super) fn make(dir: &Dir, name: &str) -> Result<(), Errno> {
    match fs::mkdirat(dir, name, Mode::RWXU) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

/// The entries of an open directory, in the order of the disk, without `.` and `..`.
#[derive(Debug)]
pub(super) struct Entries {
    handle: OwnedFd,
    dir: fs::Dir,
    first: Option<fs::DirEntry>,
}

impl Entries {
    fn of(handle: OwnedFd) -> io::Result<Self> {
        let mut dir = fs::Dir::read_from(&handle)?;
        // A handle that is stale shows it only now.
        let first = dir.read().transpose()?;
        Ok(Self { handle, dir, first })
    }

    /// The directory itself.
    pub(super) fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// The type of an entry. Some file systems leave it open, then it takes a look.
    pub(super) fn kind(&self, entry: &fs::DirEntry) -> FileType {
        match entry.file_type() {
            FileType::Unknown => fs::statat(&self.handle, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                .map_or(FileType::Unknown, |stat| file_type(&stat)),
            known => known,
        }
    }
}

impl Iterator for Entries {
    type Item = io::Result<fs::DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.first.take().map_or_else(|| self.dir.read(), |first| Some(Ok(first)))? {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                other => return Some(other.map_err(io::Error::from)),
            }
        }
    }
}

/// An entry's name.
pub(super) fn name_of(entry: &fs::DirEntry) -> OsString {
    OsString::from_vec(entry.file_name().to_bytes().to_vec())
}

/// What kind of thing was looked at.
pub(super) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The facts of `name` in `dir`, of a link itself and not of where it leads.
pub(super) fn look_in(dir: impl AsFd, name: &OsStr) -> Result<Stat, Errno> {
    fs::statat(dir, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW)
}

/// Makes what was done in a directory outlast a crash, as far as its file system can.
pub(super) fn sync(dir: &Dir) -> Result<(), Errno> {
    Sync::of(dir)?.now()
}

/// A directory whose names can be put on the disk.
pub(super) struct Sync(Option<OwnedFd>);

impl Sync {
    /// That directory, before anything is done in it: where no descriptor is left for this, nothing has been done. One that
    /// may be written but not read does without.
    pub(super) fn of(dir: &Dir) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match fs::openat(dir, ".", flags, Mode::empty()) {
            Ok(handle) => Ok(Self(Some(handle))),
            Err(Errno::ACCESS) => Ok(Self(None)),
            Err(error) => Err(error),
        }
    }

    /// Makes what was done in it outlast a crash. A file system that cannot do it does without.
    pub(super) fn now(self) -> Result<(), Errno> {
        match self.0.map_or(Ok(()), fs::fsync) {
            Err(Errno::ACCESS | Errno::INVAL) => Ok(()),
            other => other,
        }
    }
}

/// How many bytes a user who is not root may still write there.
pub(super) fn space(dir: &Dir) -> Result<u64, Errno> {
    let space = fs::fstatvfs(dir)?;
    // A file system that counts no blocks at all (some in user space) does not know.
    let known = space.f_blocks > 0;
    Ok(if known { space.f_bavail.saturating_mul(space.f_frsize) } else { u64::MAX })
}
