//! The operations of the file system, as the kernel requests them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirEntryExt, FileExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, INodeNo, LockOwner, OpenFlags,
    RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow, WriteFlags,
};
use rustix::fs::{CWD, Mode, OFlags, XattrFlags};

use super::super::faults as words;
use super::{GENERATION, Passthrough, READ_ONLY, Set, access};

pub(super) struct Daemon(pub(super) Arc<Passthrough>);

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
            self.0.may_create(name)?;
            rustix::fs::mkdirat(CWD, self.0.path(parent)?.join(name), Mode::from_raw_mode(mode))?;
            let found = self.0.look_up(parent, name)?;
            self.0.happened("mkdir", found.ino.0, &self.0.shown(parent)?.join(name));
            Ok(found)
        };
        entry(&self.0, make(), reply);
    }

    fn symlink(&self, _: &Request, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        let make = || {
            self.0.may_create(name)?;
            std::os::unix::fs::symlink(target, self.0.path(parent)?.join(name))?;
            self.0.look_up(parent, name)
        };
        entry(&self.0, make(), reply);
    }

    fn link(&self, _: &Request, inode: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(&self.0, self.0.link(inode, parent, name), reply);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.0.refuse(&[READ_ONLY]).and_then(|()| self.0.path(parent));
        done(removed.and_then(|dir| fs::remove_file(dir.join(name))), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let removed = self.0.refuse(&[READ_ONLY]).and_then(|()| self.0.path(parent));
        done(removed.and_then(|dir| fs::remove_dir(dir.join(name))), reply);
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
        let writes = OFlags::from_bits_retain(flags.0 as u32) & OFlags::RWMODE != OFlags::RDONLY;
        let may_open = if writes { self.0.refuse(&[READ_ONLY]) } else { Ok(()) };
        let may_open = may_open.and_then(|()| self.0.be_stale(words::STALE_OPENS, words::STALE_OPENS_MOSTLY));
        let path = may_open.and_then(|()| self.0.path(inode));
        opened(&self.0, path.and_then(|path| access(flags.0).open(path)), reply);
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
        let file = self.0.refuse(&[(words::NO_SPACE, rustix::io::Errno::NOSPC)]);
        let file = file.and_then(|()| self.0.file(handle));
        match file.and_then(|file| file.write_all_at(data, offset)) {
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
