//! The daemon of a [`Mount`](super::Mount): a file system that forwards every operation to a directory.
//!
//! An inode is a descriptor opened with `O_PATH` and is accessed through `/proc/self/fd`. One thread handles
//! all operations, so events are recorded in the order in which they happened.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirEntryExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner,
    OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry,
    ReplyOpen, ReplyStatfs, ReplyWrite, ReplyXattr, Request, Session, TimeOrNow, WriteFlags,
};
use rustix::fs::{CWD, Mode, OFlags, Timespec, Timestamps, XattrFlags};
use rustix::process::{Signal, set_parent_process_death_signal, umask};

use super::{PLACE, faults as words};
use crate::common::raise_open_files;

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

struct Daemon(Arc<Passthrough>);

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

    fn look_up(&self, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
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
        let exclusive = flags & OFlags::EXCL.bits().cast_signed();
        let mut options = access(flags);
        options.custom_flags(exclusive).mode(mode).write(true).create(true);
        let file = options.open(self.path(parent)?.join(name))?;
        let attributes = self.look_up(parent, name)?;
        self.happened("name", attributes.ino.0, &self.shown(parent)?.join(name));
        Ok((attributes, self.handle(file)))
    }

    fn set_attributes(&self, inode: INodeNo, set: &Set) -> io::Result<FileAttr> {
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
        if self.is(words::NO_LINKS) {
            return Err(rustix::io::Errno::OPNOTSUPP.into());
        }
        let target = self.path(parent)?.join(name);
        let follow = rustix::fs::AtFlags::SYMLINK_FOLLOW;
        rustix::fs::linkat(CWD, self.path(inode)?, CWD, target, follow)?;
        self.happened("name", inode.0, &self.shown(parent)?.join(name));
        self.look_up(parent, name)
    }

    fn rename(&self, from: (INodeNo, &OsStr), to: (INodeNo, &OsStr), flags: RenameFlags) -> io::Result<()> {
        if !flags.is_empty() && self.is(words::NO_NOREPLACE) {
            return Err(rustix::io::Errno::INVAL.into());
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

impl Filesystem for Daemon {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(&self.0, self.0.look_up(parent, name), reply);
    }

    fn forget(&self, _: &Request, inode: INodeNo, lookups: u64) {
        self.0.forget(inode, lookups);
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let metadata = self.0.node(inode).and_then(|node| node.metadata());
        attr(&self.0, metadata.map(|metadata| self.0.attributes(&metadata, inode.0)), reply);
    }

    fn setattr(
        &self,
        _: &Request,
        inode: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        attr(&self.0, self.0.set_attributes(inode, &Set { mode, uid, gid, size, atime, mtime }), reply);
    }

    fn readlink(&self, _: &Request, inode: INodeNo, reply: ReplyData) {
        let node = self.0.node(inode);
        let target = node.and_then(|node| Ok(rustix::fs::readlinkat(&*node, "", Vec::new())?));
        data(target.map(std::ffi::CString::into_bytes), reply);
    }

    fn mkdir(&self, _: &Request, parent: INodeNo, name: &OsStr, mode: u32, _: u32, reply: ReplyEntry) {
        let make = || {
            rustix::fs::mkdirat(CWD, self.0.path(parent)?.join(name), Mode::from_raw_mode(mode))?;
            let found = self.0.look_up(parent, name)?;
            self.0.happened("mkdir", found.ino.0, &self.0.shown(parent)?.join(name));
            Ok(found)
        };
        entry(&self.0, make(), reply);
    }

    fn symlink(&self, _: &Request, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        let make = || {
            std::os::unix::fs::symlink(target, self.0.path(parent)?.join(name))?;
            self.0.look_up(parent, name)
        };
        entry(&self.0, make(), reply);
    }

    fn link(&self, _: &Request, inode: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(&self.0, self.0.link(inode, parent, name), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.0.path(parent).and_then(|dir| fs::remove_file(dir.join(name))), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        done(self.0.path(parent).and_then(|dir| fs::remove_dir(dir.join(name))), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        done(self.0.rename((parent, name), (new_parent, new_name), flags), reply);
    }

    fn open(&self, _: &Request, inode: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let file = self.0.be_stale(words::STALE_OPENS, words::STALE_OPENS_MOSTLY);
        let file = file.and_then(|()| self.0.path(inode)).and_then(|path| access(flags.0).open(path));
        opened(&self.0, file, reply);
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        match self.0.create(parent, name, mode, flags) {
            Ok((attributes, handle)) => {
                reply.created(&self.0.time_to_live(), &attributes, GENERATION, handle, FopenFlags::empty());
            }
            Err(error) => reply.error(error.into()),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut content = vec![0; size as usize];
        let read = self.0.be_stale(words::STALE_READS, words::STALE_READS_MOSTLY);
        let read =
            read.and_then(|()| self.0.file(handle)).and_then(|file| file.read_at(&mut content, offset));
        data(read.map(|length| content[..length].to_vec()), reply);
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.0.file(handle).and_then(|file| file.write_all_at(data, offset)) {
            Ok(()) => reply.written(data.len() as u32),
            Err(error) => reply.error(error.into()),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.0.inner().open.remove(&handle.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, inode: INodeNo, handle: FileHandle, _: bool, reply: ReplyEmpty) {
        if let Ok(path) = self.0.shown(inode) {
            self.0.happened("fsync-begins", inode.0, &path);
        }
        if !self.0.is(words::HOLD_FSYNC) {
            return done(self.0.fsync(inode, handle), reply);
        }
        let passthrough = Arc::clone(&self.0);
        std::thread::spawn(move || {
            while passthrough.is(words::HOLD_FSYNC) {
                std::thread::sleep(Duration::from_millis(5));
            }
            done(passthrough.fsync(inode, handle), reply);
        });
    }

    fn readdir(&self, _: &Request, inode: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let entries = self.0.path(inode).and_then(fs::read_dir);
        let entries = match entries {
            Ok(entries) => entries.flatten(),
            Err(error) => return reply.error(error.into()),
        };
        for (number, entry) in (1..).zip(entries).skip(offset as usize) {
            let kind = entry.file_type().ok().and_then(FileType::from_std).expect("a kind");
            if reply.add(INodeNo(entry.ino()), number, kind, entry.file_name()) {
                break;
            }
        }
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, inode: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        done(self.0.fsync_dir(inode), reply);
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        match rustix::fs::statvfs(&self.0.root) {
            Ok(s) => {
                let (size, fragment) = (s.f_bsize as u32, s.f_frsize as u32);
                reply.statfs(s.f_blocks, s.f_bfree, s.f_bavail, s.f_files, s.f_ffree, size, 255, fragment);
            }
            Err(error) => reply.error(io::Error::from(error).into()),
        }
    }

    fn setxattr(
        &self,
        _: &Request,
        inode: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _: u32,
        reply: ReplyEmpty,
    ) {
        let flags = XattrFlags::from_bits_retain(flags as u32);
        let path = self.0.with_xattrs(inode);
        done(path.and_then(|path| Ok(rustix::fs::setxattr(path, name, value, flags)?)), reply);
    }

    fn getxattr(&self, _: &Request, inode: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        xattr(self.0.xattr(inode, Some(name)), size, reply);
    }

    fn listxattr(&self, _: &Request, inode: INodeNo, size: u32, reply: ReplyXattr) {
        xattr(self.0.xattr(inode, None), size, reply);
    }

    fn removexattr(&self, _: &Request, inode: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let path = self.0.with_xattrs(inode);
        done(path.and_then(|path| Ok(rustix::fs::removexattr(path, name)?)), reply);
    }
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

fn entry(passthrough: &Passthrough, outcome: io::Result<FileAttr>, reply: ReplyEntry) {
    match outcome {
        Ok(attributes) => reply.entry(&passthrough.time_to_live(), &attributes, GENERATION),
        Err(error) => reply.error(error.into()),
    }
}

fn attr(passthrough: &Passthrough, outcome: io::Result<FileAttr>, reply: ReplyAttr) {
    match outcome {
        Ok(attributes) => reply.attr(&passthrough.time_to_live(), &attributes),
        Err(error) => reply.error(error.into()),
    }
}

fn data(outcome: io::Result<Vec<u8>>, reply: ReplyData) {
    match outcome {
        Ok(content) => reply.data(&content),
        Err(error) => reply.error(error.into()),
    }
}

fn done(outcome: io::Result<()>, reply: ReplyEmpty) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error.into()),
    }
}

fn opened(passthrough: &Passthrough, outcome: io::Result<File>, reply: ReplyOpen) {
    match outcome {
        Ok(file) => reply.opened(passthrough.handle(file), FopenFlags::empty()),
        Err(error) => reply.error(error.into()),
    }
}

fn xattr(outcome: io::Result<Vec<u8>>, size: u32, reply: ReplyXattr) {
    match outcome {
        Ok(value) if size == 0 => reply.size(value.len() as u32),
        Ok(value) if value.len() > size as usize => reply.error(Errno::ERANGE),
        Ok(value) => reply.data(&value),
        Err(error) => reply.error(error.into()),
    }
}
