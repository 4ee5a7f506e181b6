//! The daemon of a [`Mount`](super::Mount): a file system that forwards every operation to a directory.
//!
//! An inode is a descriptor opened with `O_PATH` and is accessed through `/proc/self/fd`. One thread handles
//! all operations, so events are recorded in the order in which they happened.

mod operations;

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use fuser::{Config, FileAttr, FileHandle, FileType, Generation, INodeNo, RenameFlags, Session, TimeOrNow};
use rustix::fs::{CWD, Mode, OFlags, Timespec, Timestamps};
use rustix::process::{Signal, set_parent_process_death_signal, umask};

use super::{PLACE, faults as words};
use crate::common::raise_open_files;
use operations::Daemon;

/// The name of the test [`serve`].
pub const TEST: &str = "common::fuse::daemon::serve";
/// The first line of the events.
pub const READY: &str = "mounted";
/// The file of events, in the mount's place.
pub const EVENTS: &str = "events";
/// The file with the faults that are set.
pub const WORDS: &str = "words";

/// How long the kernel caches names and attributes, with the fault [`words::CACHES`]. Without it, every lookup asks the daemon.
const CACHED: Duration = Duration::from_secs(60);
const GENERATION: Generation = Generation(0);
/// The longest name with [`words::SHORT_NAMES`].
const LONGEST_SHORT_NAME: usize = 64;
const READ_ONLY: (&str, rustix::io::Errno) = (words::READ_ONLY, rustix::io::Errno::ROFS);

#[test]
#[ignore = "the daemon of the tests that use a FUSE mount, which start it themselves"]
fn serve() {
    let Some(place) = std::env::var_os(PLACE) else { return };
    // It must not outlive its test, even if that is killed.
    set_parent_process_death_signal(Some(Signal::KILL)).expect("set");
    umask(Mode::empty());
    raise_open_files();
    let place = PathBuf::from(place);
    let passthrough = Arc::new(Passthrough::new(&place).expect("a directory"));
    let session = Session::new(Daemon(Arc::clone(&passthrough)), place.join("share"), &Config::default());
    let session = session.expect("mounted");
    passthrough.record(READY);
    session.run().expect("served");
}

struct Passthrough {
    place: PathBuf,
    root: PathBuf,
    inner: Mutex<Inner>,
    /// How many operations could have failed with ESTALE.
    staleable: AtomicUsize,
}

struct Inner {
    events: File,
    /// By inode: its descriptor, opened with `O_PATH`, and the kernel's lookup count.
    nodes: HashMap<u64, (Arc<File>, u64)>,
    /// Open files, by handle.
    open: HashMap<u64, Arc<File>>,
    last_handle: u64,
}

impl Passthrough {
    fn new(place: &Path) -> io::Result<Self> {
        let root = place.join("behind").canonicalize()?;
        let events = File::options().create(true).append(true).open(place.join(EVENTS))?;
        let nodes = HashMap::from([(INodeNo::ROOT.0, (Arc::new(open_path(&root)?), 1))]);
        let inner = Inner { events, nodes, open: HashMap::new(), last_handle: 0 };
        Ok(Self { place: place.to_owned(), root, inner: Mutex::new(inner), staleable: AtomicUsize::new(0) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no thread has panicked")
    }

    fn is(&self, word: &str) -> bool {
        fs::read_to_string(self.place.join(WORDS)).is_ok_and(|text| text.lines().any(|line| line == word))
    }

    /// Fails if one of these faults is set: always, or five times out of six.
    fn be_stale(&self, always: &str, mostly: &str) -> io::Result<()> {
        let is_next = || self.staleable.fetch_add(1, Ordering::Relaxed) % 6 != 5;
        let is_stale = self.is(always) || self.is(mostly) && is_next();
        if is_stale { Err(rustix::io::Errno::STALE.into()) } else { Ok(()) }
    }

    /// How long the kernel may cache a name or attributes.
    fn time_to_live(&self) -> Duration {
        if self.is(words::CACHES) { CACHED } else { Duration::ZERO }
    }

    fn record(&self, line: &str) {
        self.inner().events.write_all(format!("{line}\n").as_bytes()).expect("recorded");
    }

    /// Records an event for an inode at this path of the underlying directory.
    fn happened(&self, what: &str, inode: u64, path: &Path) {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        self.record(&format!("{what} {inode} {}", below.display()));
    }

    fn node(&self, inode: INodeNo) -> io::Result<Arc<File>> {
        let node = self.inner().nodes.get(&inode.0).map(|(node, _)| Arc::clone(node));
        node.ok_or_else(|| rustix::io::Errno::STALE.into())
    }

    /// A path to the inode, whatever its current name.
    fn path(&self, inode: INodeNo) -> io::Result<PathBuf> {
        Ok(format!("/proc/self/fd/{}", self.node(inode)?.as_raw_fd()).into())
    }

    /// Its current path.
    fn shown(&self, inode: INodeNo) -> io::Result<PathBuf> {
        fs::read_link(self.path(inode)?)
    }

    fn handle(&self, file: File) -> FileHandle {
        let mut inner = self.inner();
        inner.last_handle += 1;
        let handle = inner.last_handle;
        inner.open.insert(handle, Arc::new(file));
        FileHandle(handle)
    }

    fn file(&self, handle: FileHandle) -> io::Result<Arc<File>> {
        let file = self.inner().open.get(&handle.0).map(Arc::clone);
        file.ok_or_else(|| rustix::io::Errno::BADF.into())
    }

    /// Fails if one of these faults is set, with its error.
    fn refuse(&self, faults: &[(&str, rustix::io::Errno)]) -> io::Result<()> {
        match faults.iter().find(|(word, _)| self.is(word)) {
            Some((_, error)) => Err((*error).into()),
            None => Ok(()),
        }
    }

    /// The directory of the root that this path is in; empty for an entry of the root.
    fn top(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        below.parent().and_then(|above| above.iter().next()).map(PathBuf::from).unwrap_or_default()
    }

    /// Fails if a new name cannot be made.
    fn may_create(&self, name: &OsStr) -> io::Result<()> {
        self.is_possible(name)?;
        self.refuse(&[READ_ONLY, (words::NO_SPACE, rustix::io::Errno::NOSPC)])
    }

    /// Fails if the name is too long.
    fn is_possible(&self, name: &OsStr) -> io::Result<()> {
        let is_long = name.len() > LONGEST_SHORT_NAME;
        if is_long { self.refuse(&[(words::SHORT_NAMES, rustix::io::Errno::NAMETOOLONG)]) } else { Ok(()) }
    }

    fn look_up(&self, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        self.is_possible(name)?;
        let parent = self.path(parent)?;
        let file = open_path(&parent.join(name)).or_else(|missing| {
            let name = name.to_string_lossy();
            let name = name.trim_end_matches('.');
            let is_alike = |entry: &fs::DirEntry| entry.file_name().eq_ignore_ascii_case(name);
            let mut entries = fs::read_dir(&parent)?.flatten();
            let alike = entries.find(|entry| self.is(words::LIKE_FAT) && is_alike(entry));
            alike.map_or(Err(missing), |entry| open_path(&entry.path()))
        })?;
        let metadata = file.metadata()?;
        let mut inner = self.inner();
        inner.nodes.entry(metadata.ino()).or_insert_with(|| (Arc::new(file), 0)).1 += 1;
        drop(inner);
        Ok(self.attributes(&metadata, metadata.ino()))
    }

    fn forget(&self, inode: INodeNo, lookups: u64) {
        let mut inner = self.inner();
        if let Some((_, count)) = inner.nodes.get_mut(&inode.0) {
            *count = count.saturating_sub(lookups);
            if *count == 0 {
                inner.nodes.remove(&inode.0);
            }
        }
    }

    fn attributes(&self, metadata: &Metadata, inode: u64) -> FileAttr {
        let whole = self.is(words::WHOLE_SECONDS);
        let time = |seconds: i64, nanoseconds: i64| {
            let nanoseconds = if whole { 0 } else { nanoseconds };
            SystemTime::UNIX_EPOCH + Duration::new(seconds as u64, nanoseconds as u32)
        };
        FileAttr {
            ino: INodeNo(inode),
            size: metadata.size(),
            blocks: metadata.blocks(),
            atime: time(metadata.atime(), metadata.atime_nsec()),
            mtime: time(metadata.mtime(), metadata.mtime_nsec()),
            ctime: time(metadata.ctime(), metadata.ctime_nsec()),
            crtime: SystemTime::UNIX_EPOCH,
            kind: FileType::from_std(metadata.file_type()).expect("a kind"),
            perm: (metadata.mode() & 0o7777) as u16,
            nlink: metadata.nlink() as u32,
            uid: metadata.uid(),
            gid: metadata.gid(),
            rdev: metadata.rdev() as u32,
            blksize: 4096,
            flags: 0,
        }
    }

    fn create(
        &self,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        flags: i32,
    ) -> io::Result<(FileAttr, FileHandle)> {
        self.may_create(name)?;
        let exclusive = flags & OFlags::EXCL.bits().cast_signed();
        let mut options = access(flags);
        options.custom_flags(exclusive).mode(mode).write(true).create(true);
        let file = options.open(self.path(parent)?.join(name))?;
        let attributes = self.look_up(parent, name)?;
        self.happened("name", attributes.ino.0, &self.shown(parent)?.join(name));
        Ok((attributes, self.handle(file)))
    }

    fn set_attributes(&self, inode: INodeNo, set: &Set) -> io::Result<FileAttr> {
        self.refuse(&[READ_ONLY])?;
        let path = self.path(inode)?;
        if let Some(mode) = set.mode {
            fs::set_permissions(&path, Permissions::from_mode(mode & 0o7777))?;
        }
        if set.uid.is_some() || set.gid.is_some() {
            std::os::unix::fs::chown(&path, set.uid, set.gid)?;
        }
        if let Some(size) = set.size {
            File::options().write(true).open(&path)?.set_len(size)?;
        }
        if set.atime.is_some() || set.mtime.is_some() {
            let times =
                Timestamps { last_access: timespec(set.atime), last_modification: timespec(set.mtime) };
            rustix::fs::utimensat(CWD, &path, &times, rustix::fs::AtFlags::empty())?;
        }
        Ok(self.attributes(&self.node(inode)?.metadata()?, inode.0))
    }

    fn link(&self, inode: INodeNo, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        self.may_create(name)?;
        self.refuse(&[(words::NO_LINKS, rustix::io::Errno::OPNOTSUPP)])?;
        if self.top(&self.shown(inode)?) != self.top(&self.shown(parent)?.join(name)) {
            self.refuse(&[(words::APART, rustix::io::Errno::XDEV)])?;
        }
        let target = self.path(parent)?.join(name);
        let follow = rustix::fs::AtFlags::SYMLINK_FOLLOW;
        rustix::fs::linkat(CWD, self.path(inode)?, CWD, target, follow)?;
        self.happened("name", inode.0, &self.shown(parent)?.join(name));
        self.look_up(parent, name)
    }

    fn rename(&self, from: (INodeNo, &OsStr), to: (INodeNo, &OsStr), flags: RenameFlags) -> io::Result<()> {
        self.is_possible(to.1)?;
        self.refuse(&[READ_ONLY, (words::NO_SPACE_TO_RENAME, rustix::io::Errno::NOSPC)])?;
        if !flags.is_empty() {
            self.refuse(&[(words::NO_NOREPLACE, rustix::io::Errno::INVAL)])?;
        }
        if self.top(&self.shown(from.0)?.join(from.1)) != self.top(&self.shown(to.0)?.join(to.1)) {
            self.refuse(&[(words::APART, rustix::io::Errno::XDEV)])?;
        }
        let (source, target) = (self.path(from.0)?.join(from.1), self.path(to.0)?.join(to.1));
        let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
        rustix::fs::renameat_with(CWD, source, CWD, &target, flags)?;
        self.happened("name", fs::symlink_metadata(target)?.ino(), &self.shown(to.0)?.join(to.1));
        Ok(())
    }

    fn fsync(&self, inode: INodeNo, handle: FileHandle) -> io::Result<()> {
        if self.is(words::FSYNC_EIO) {
            return Err(rustix::io::Errno::IO.into());
        }
        self.file(handle)?.sync_all()?;
        self.happened("fsync", inode.0, &self.shown(inode)?);
        Ok(())
    }

    fn fsync_dir(&self, inode: INodeNo) -> io::Result<()> {
        if self.is(words::FSYNCDIR_EIO) {
            return Err(rustix::io::Errno::IO.into());
        }
        if self.is(words::FSYNCDIR_EINVAL) {
            return Err(rustix::io::Errno::INVAL.into());
        }
        self.happened("fsyncdir", inode.0, &self.shown(inode)?);
        Ok(())
    }

    /// The path, if extended attributes are supported.
    fn with_xattrs(&self, inode: INodeNo) -> io::Result<PathBuf> {
        if self.is(words::NO_XATTRS) {
            return Err(rustix::io::Errno::NOTSUP.into());
        }
        self.path(inode)
    }

    fn xattr(&self, inode: INodeNo, name: Option<&OsStr>) -> io::Result<Vec<u8>> {
        let path = self.with_xattrs(inode)?;
        let mut value = vec![0; 65_536];
        let length = match name {
            Some(name) => rustix::fs::getxattr(path, name, &mut value[..])?,
            None => rustix::fs::listxattr(path, &mut value[..])?,
        };
        value.truncate(length);
        Ok(value)
    }
}

/// The attributes that `setattr` sets.
struct Set {
    mode: Option<u32>,
    uid: Option<u32>,
    gid: Option<u32>,
    size: Option<u64>,
    atime: Option<TimeOrNow>,
    mtime: Option<TimeOrNow>,
}

fn open_path(path: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// Opens with these flags of open(2), except for those that the kernel has handled.
fn access(flags: i32) -> fs::OpenOptions {
    let flags = OFlags::from_bits_retain(flags as u32);
    let mode = flags & OFlags::RWMODE;
    let mut options = File::options();
    options.read(mode != OFlags::WRONLY).write(mode != OFlags::RDONLY);
    options.truncate(flags.contains(OFlags::TRUNC) && mode != OFlags::RDONLY);
    options
}

fn timespec(time: Option<TimeOrNow>) -> Timespec {
    let (seconds, nanoseconds) = match time {
        None => (0, rustix::fs::UTIME_OMIT),
        Some(TimeOrNow::Now) => (0, rustix::fs::UTIME_NOW),
        Some(TimeOrNow::SpecificTime(time)) => {
            let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            (since.as_secs().cast_signed(), i64::from(since.subsec_nanos()))
        }
    };
    Timespec { tv_sec: seconds, tv_nsec: nanoseconds }
}
