//! The handle of the folder, and every way from it to something inside.
//!
//! A path is resolved beneath the handle, by the kernel (`openat2` with `RESOLVE_BENEATH`, through cap-std): links are
//! followed as long as they stay inside, and neither a spelling nor a race leads out. An absolute link counts as leading
//! out, even if its target is inside. A single segment is resolved from the handle of its directory.
//!
//! Nothing is opened for a principal without its grant; what was opened is judged by its real path before the
//! caller gets it. Callers decide which names are shared.

use super::entries::Entries;
use super::error::Error;
use super::facts::Facts;
use super::real_path::{self, Judged};
use super::rules::Rules;
use crate::access::{Grant, Operation, ToList};
use crate::path::SharePath;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{self, Access, AtFlags, FileType, Mode, OFlags, Stat, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// The flags for opening anything unknown: a FIFO must not block, and a terminal must not become the controlling
/// terminal.
const HARMLESS: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);

/// The directory for the server's own files, below the folder's root.
pub(super) const OWN: &str = ".wharf";

/// The shared folder's own directory.
pub(super) struct Root {
    /// Unlike other directories, it is open for reading, so it can be synced.
    dir: Arc<Dir>,
    identity: Identity,
    /// Whether a file system is mounted there.
    is_mount: bool,
    /// Whether hidden names are shared with everybody.
    shares_hidden: bool,
}

/// Identifies a file or a directory among all that exist at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

/// What a path led to.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) file: File,
    /// Whether it is known to lie at another path.
    pub(super) is_alias: bool,
}

/// A directory whose real path has not been judged yet.
pub(super) struct Unjudged(Arc<Dir>);

/// Whether an open directory can be synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CanSync {
    Yes,
    No,
}

impl Identity {
    /// The identity of whatever has this path.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self::of(&fs::stat(path)?))
    }

    pub(super) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, inode: stat.st_ino }
    }

    /// Its device and its inode.
    pub(super) fn parts(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// The device number of its file system, as far as it has one.
    pub(super) fn device(&self) -> u64 {
        self.device
    }
}

impl Root {
    pub(super) fn open_at(path: &Path, rules: &Rules) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = fs::open(path, flags, Mode::empty())?;
        // Opening needs the right to read. Entering needs another right, without which every file would be
        // denied.
        let identity = Identity::of(&fs::statat(&handle, ".", AtFlags::empty())?);
        let is_mount = fs::statx(&handle, "", AtFlags::EMPTY_PATH, StatxFlags::empty())
            .is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
        let dir = Arc::new(Dir::from_std_file(handle.into()));
        Ok(Self { dir, identity, is_mount, shares_hidden: rules.hidden })
    }

    /// The facts of something below it, from its `stat`.
    pub(super) fn facts(&self, stat: &Stat) -> Facts {
        Facts::new(stat, self.identity.device)
    }

    /// The identity of the directory.
    pub(super) fn identity(&self) -> Identity {
        self.identity
    }

    /// Whether a file system was mounted there when it was opened.
    pub(super) fn is_mount(&self) -> bool {
        self.is_mount
    }

    /// The directory itself.
    pub(super) fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// Fails if entries of the directory cannot be read or, for writing, created.
    pub(super) fn check(&self, for_writing: bool) -> io::Result<()> {
        let write = if for_writing { Access::WRITE_OK } else { Access::empty() };
        let access = Access::READ_OK | Access::EXEC_OK | write;
        Ok(fs::accessat(&self.dir, ".", access, AtFlags::EACCESS)?)
    }

    /// Opens whatever has the grant's path for reading, even a directory. This takes one system call, unless
    /// rights differ by path.
    pub(super) fn open<O: Operation>(&self, grant: &Grant<'_, O>) -> Result<Opened, Error> {
        let file =
            self.open_as(grant.path().as_path(), HARMLESS).map_err(|error| self.unopened(grant, error))?;
        let Judged { real, .. } = self.judge(grant, &file, &[])?;
        Ok(Opened { file, is_alias: real.is_some() })
    }

    /// The `stat` of what a reader would get; it does not need the permission to read.
    pub(super) fn look<O: Operation>(&self, grant: &Grant<'_, O>) -> Result<Stat, Error> {
        let file = match self.open_as(grant.path().as_path(), OFlags::PATH).map_err(Error::from) {
            // The path leads through a directory that may not be entered. The principal may not be allowed to know that
            // this directory exists.
            Err(Error::Denied) if grant.depends_on_path() => return Err(Error::NotFound),
            other => other?,
        };
        self.judge(grant, &file, &[])?;
        Ok(fs::fstat(file)?)
    }

    /// Why something could not be opened. Only principals that may know about it learn that it exists.
    fn unopened<O: Operation>(&self, grant: &Grant<'_, O>, error: io::Error) -> Error {
        match error.into() {
            Error::Denied if grant.depends_on_path() => self.look(grant).err().unwrap_or(Error::Denied),
            error => error,
        }
    }

    /// The identity of whatever has this path now.
    pub(super) fn identity_at(&self, path: &SharePath) -> io::Result<Identity> {
        Ok(Identity::of(&fs::fstat(self.open_as(path.as_path(), OFlags::PATH)?)?))
    }

    /// The `stat` of whatever has this path now, even if a link on the path now leads out. Use it only for a comparison
    /// with the facts of a file that was opened. If both are equal, the file and its content are the same.
    pub(super) fn glance(&self, path: &SharePath) -> io::Result<Stat> {
        Ok(fs::statat(&self.dir, path.as_path(), AtFlags::empty())?)
    }

    /// Opens a directory to read its entries.
    pub(super) fn entries<O: Operation>(&self, grant: &Grant<'_, O>) -> Result<Entries, Error> {
        self.entries_as(grant, OFlags::DIRECTORY)
    }

    /// Like [`Root::entries`], but fails if a link has the name.
    pub(super) fn entries_no_link<O: Operation>(&self, grant: &Grant<'_, O>) -> Result<Entries, Error> {
        self.entries_as(grant, OFlags::DIRECTORY.union(OFlags::NOFOLLOW))
    }

    fn entries_as<O: Operation>(&self, grant: &Grant<'_, O>, flags: OFlags) -> Result<Entries, Error> {
        let file =
            self.open_as(grant.path().as_path(), flags).map_err(|error| self.unopened(grant, error))?;
        let Judged { real, .. } = self.judge(grant, &file, &[])?;
        Ok(Entries::of(file.into())?.lying_at(real))
    }

    /// Opens a directory to walk through it.
    pub(super) fn top(&self, grant: &Grant<'_, ToList>) -> Result<Dir, Error> {
        Ok(Dir::from_std_file(self.entries(grant)?.into_handle().into()))
    }

    /// Opens a directory to read its entries for the server itself.
    pub(super) fn entries_for_server(&self, path: &Path) -> io::Result<Entries> {
        Entries::of(self.open_as(path, OFlags::DIRECTORY)?.into())
    }

    /// Opens one of the server's own directories; a link is not followed.
    pub(super) fn own(&self, name: &str) -> Result<Dir, Errno> {
        enter(&self.dir, name)
    }

    /// Creates one of the server's own directories.
    pub(super) fn make_own(&self, name: &str) -> Result<(), Errno> {
        make(&self.dir, name)
    }

    /// Removes one of the server's own directories, if it is empty.
    pub(super) fn remove_own(&self, name: &str) {
        let _ = fs::unlinkat(&self.dir, name, AtFlags::REMOVEDIR);
    }

    /// Opens a directory to create entries in. It need not be readable.
    pub(super) fn directory(&self, path: &SharePath) -> io::Result<Unjudged> {
        if path.is_root() {
            return Ok(Unjudged(Arc::clone(&self.dir)));
        }
        self.dir.open_dir(path.as_path()).map(|dir| Unjudged(Arc::new(dir)))
    }

    /// Opens a directory to sync it, and otherwise only to examine it: a directory that cannot be read cannot be synced.
    pub(super) fn directory_to_sync(&self, path: &SharePath) -> io::Result<(File, CanSync)> {
        match self.open_as(path.as_path(), OFlags::DIRECTORY) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::ACCESS) => {
                self.open_as(path.as_path(), OFlags::PATH).map(|file| (file, CanSync::No))
            }
            opened => opened.map(|file| (file, CanSync::Yes)),
        }
    }

    /// Opens a directory for the server itself.
    pub(super) fn directory_for_server(&self, path: &SharePath) -> io::Result<Dir> {
        self.dir.open_dir(path.as_path())
    }

    /// The real path of an open directory, as far as the system tells it.
    pub(super) fn real_path_of(&self, dir: &Dir) -> Option<SharePath> {
        real_path::below(&self.dir, dir).ok()
    }

    /// The real path of whatever has this path now, if it lies inside. Use it only for a comparison with other real paths.
    #[cfg(feature = "dav")]
    pub(super) fn real_path_at(&self, path: &SharePath) -> Option<SharePath> {
        real_path::below(&self.dir, self.open_as(path.as_path(), OFlags::PATH).ok()?).ok()
    }

    /// The path at which this name really lies. A link that has the name is not resolved.
    #[cfg(feature = "dav")]
    pub(super) fn real_path_of_name(&self, path: &SharePath) -> Option<SharePath> {
        match (path.parent(), path.name()) {
            (Some(parent), Some(name)) => self.real_path_at(&parent)?.join(name).ok(),
            _ => Some(path.clone()),
        }
    }

    /// The real path of an open file or directory, if it lies inside. Use it as that of [`Root::real_path_at`].
    #[cfg(feature = "dav")]
    pub(super) fn real_path_of_handle(&self, handle: impl AsFd) -> Option<SharePath> {
        real_path::below(&self.dir, handle).ok()
    }

    /// Whether anything has this path. Its principal must not learn that without a right to see names.
    #[cfg(feature = "dav")]
    pub(super) fn has(&self, path: &SharePath) -> bool {
        match self.open_as(path.as_path(), OFlags::PATH.union(OFlags::NOFOLLOW)) {
            Ok(_) => true,
            Err(error) => Errno::from_io_error(&error) != Some(Errno::NOENT),
        }
    }

    /// The `stat` of whatever has this path, without judging it: its principal must not learn more than that it exists.
    #[cfg(feature = "dav")]
    pub(super) fn stat_of(&self, path: &SharePath) -> io::Result<Stat> {
        Ok(fs::fstat(self.open_as(path.as_path(), OFlags::PATH)?)?)
    }

    /// The `stat` of the target of a link at this path, if the target is shared. Otherwise it looks absent, so that
    /// nobody learns which hidden entries exist.
    pub(super) fn target_of(&self, path: &SharePath, rules: &Rules) -> Result<Stat, Error> {
        let target =
            self.open_as(path.as_path(), OFlags::PATH).map_err(|error| Error::from(error).of_source())?;
        if let Ok(real) = real_path::below(&self.dir, &target) {
            rules.admit_path(&real)?;
        }
        Ok(fs::fstat(target)?)
    }

    /// The grant, narrowed to what its principal may do at the real path of this handle: see [`real_path::judge`]. A hidden
    /// name needs the right to use such names at both paths.
    pub(super) fn judge<'g, O: Operation>(
        &self,
        grant: &'g Grant<'_, O>,
        handle: impl AsFd,
        missing: &[&OsStr],
    ) -> Result<Judged<'g, O>, Error> {
        let judged = real_path::judge(&self.dir, grant, handle, missing)?;
        let needs_more = judged.real.is_some() && !self.shares_hidden && grant.path().has_hidden_segment();
        if needs_more && !judged.grant.may_use_hidden_names() {
            return Err(Error::NotFound);
        }
        Ok(judged)
    }

    fn open_as(&self, path: &Path, flags: OFlags) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags.bits().cast_signed());
        Ok(self.dir.open_with(path, &options)?.into_std())
    }
}

impl Unjudged {
    /// The directory, and what [`Root::judge`] says.
    pub(super) fn judge<'g, O: Operation>(
        self,
        root: &Root,
        grant: &'g Grant<'_, O>,
        missing: &[&OsStr],
    ) -> Result<(Arc<Dir>, Judged<'g, O>), Error> {
        let judged = root.judge(grant, &*self.0, missing)?;
        Ok((self.0, judged))
    }
}

/// Opens a directory, without following a link.
pub(super) fn enter(dir: &Dir, name: &str) -> Result<Dir, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = fs::openat(dir, name, flags, Mode::empty())?;
    Ok(Dir::from_std_file(handle.into()))
}

/// Creates a directory for this user alone, unless it exists already.
pub(super) fn make(dir: &Dir, name: &str) -> Result<(), Errno> {
    match fs::mkdirat(dir, name, Mode::RWXU) {
        Err(Errno::EXIST) => Ok(()),
        other => other,
    }
}

/// The type of the file that was examined.
pub(super) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Whether a directory was examined, not a link to one.
pub(super) fn is_directory(stat: &Stat) -> bool {
    file_type(stat) == FileType::Directory
}

/// The `stat` of `name` in `dir`; for a link, that of the link itself, not of its target.
pub(super) fn look_in(dir: impl AsFd, name: &OsStr) -> Result<Stat, Errno> {
    fs::statat(dir, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW)
}

/// Makes a network file system say what has this name now. Otherwise [`look_in`] may find what it has said up to some
/// seconds ago, while another machine has replaced the file. `ENOENT` may also mean that it has.
pub(super) fn refresh(dir: impl AsFd, name: &OsStr) -> Result<(), Errno> {
    // Some file systems do not count links.
    let is_counted = look_in(&dir, name).is_ok_and(|stat| stat.st_nlink > 0);
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_FORCE_SYNC;
    match fs::statx(dir, name.as_bytes(), flags, StatxFlags::BASIC_STATS) {
        // On GlusterFS, all else about a file that is open here is as before it was replaced.
        Ok(stat) if is_counted && stat.stx_nlink == 0 => Err(Errno::NOENT),
        // A kernel without `statx`.
        Ok(_) | Err(Errno::NOSYS) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How many bytes a user other than root may still write.
pub(super) fn space(dir: &Dir) -> Result<u64, Errno> {
    let space = fs::fstatvfs(dir)?;
    // A file system that reports no blocks at all (some in user space) does not know how much space it has.
    let known = space.f_blocks > 0;
    Ok(if known { space.f_bavail.saturating_mul(space.f_frsize) } else { u64::MAX })
}
