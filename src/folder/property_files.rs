//! Properties of clients where an extended attribute cannot keep them: the file system has none, or too little room.
//!
//! ```text
//! .wharf/props/HASH   a path, a zero byte, and the properties of what has the path
//! ```
//!
//! They go with what is copied, moved or removed through the folder. A folder without such files pays nothing: whether
//! there are any is remembered, and checked once a minute, because another server may have made some.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::properties::{MAX_PROPERTIES, PropertyError};
use super::root::{OWN, Root, enter, make};
use crate::path::SharePath;

/// The directory of the files, below [`OWN`].
const NAME: &str = "props";
/// What the name of a file ends in before it is complete.
const DRAFT: &str = ".new";
/// How many there may be. A move and a removal look at all of them.
const MAX_FILES: usize = 10_000;
/// The largest file: the longest path, and the longest properties.
const LARGEST: u64 = (MAX_PROPERTIES + 8 * 1024) as u64;

/// The files of one directory that is shared.
pub(super) struct PropertyFiles {
    may_exist: AtomicBool,
}

/// Properties, and the path of what has them.
struct PropertyFile {
    path: SharePath,
    properties: Vec<u8>,
}

impl PropertyFiles {
    pub(super) fn new(root: &Root) -> Self {
        let files = Self { may_exist: AtomicBool::new(false) };
        files.look(root);
        files
    }

    /// Checks whether there are any. Call it once a minute.
    pub(super) fn look(&self, root: &Root) {
        let is_there = !matches!(open(root), Err(Errno::NOENT));
        self.may_exist.store(is_there, Ordering::Relaxed);
    }

    /// The properties of what has this real path.
    pub(super) fn read(&self, root: &Root, path: &SharePath) -> Option<Vec<u8>> {
        let dir = self.open(root)?;
        read(&dir, &name_of(path)).filter(|found| found.path == *path).map(|found| found.properties)
    }

    /// The properties of the entry of this name in an open directory.
    pub(super) fn read_below(&self, root: &Root, dir: &OwnedFd, name: &OsStr) -> Option<Vec<u8>> {
        if !self.may_exist() {
            return None;
        }
        self.read(root, &root.real_path_of_handle(dir)?.join(name).ok()?)
    }

    /// Keeps properties for what has this real path; none are removed.
    pub(super) fn write(
        &self,
        root: &Root,
        path: &SharePath,
        properties: &[u8],
    ) -> Result<(), PropertyError> {
        let name = name_of(path);
        if properties.is_empty() {
            if let Some(dir) = self.open(root) {
                remove(&dir, root, &name);
            }
            return Ok(());
        }
        let dir = make_directory(root).map_err(|error| PropertyError::Other(error.into()))?;
        self.may_exist.store(true, Ordering::Relaxed);
        let has_name = fs::statat(&dir, name.as_str(), AtFlags::SYMLINK_NOFOLLOW).is_ok();
        if properties.len() > MAX_PROPERTIES || (!has_name && names(&dir).count() >= MAX_FILES) {
            return Err(PropertyError::NoRoom);
        }
        write(&dir, &name, path, properties).map_err(|error| match Error::from(error) {
            Error::NoSpace => PropertyError::NoRoom,
            error => PropertyError::Other(error),
        })
    }

    /// What had one path, with everything below it, has the other one now. What had that before is gone.
    pub(super) fn moved(&self, root: &Root, from: &SharePath, to: &SharePath) {
        if !self.may_exist() {
            return;
        }
        self.ended(root, to);
        self.follow(root, root.real_path_of_name(from), to, |dir, name| remove(dir, root, name));
    }

    /// What has one path, with everything below it, was copied to the other one.
    pub(super) fn copied(&self, root: &Root, from: &SharePath, to: &SharePath) {
        if !self.may_exist() {
            return;
        }
        self.ended(root, to);
        // A copy of a link is a copy of its target.
        self.follow(root, root.real_path_at(from), to, |_, _| {});
    }

    /// What had this path is gone, with everything below it.
    pub(super) fn ended(&self, root: &Root, path: &SharePath) {
        let Some((dir, path)) = self.open(root).zip(root.real_path_of_name(path)) else { return };
        for (name, _) in below(&dir, &path) {
            remove(&dir, root, &name);
        }
    }

    fn follow(&self, root: &Root, from: Option<SharePath>, to: &SharePath, then: impl Fn(&Dir, &str)) {
        let Some(dir) = self.open(root) else { return };
        let Some((from, to)) = from.zip(root.real_path_of_name(to)) else { return };
        for (name, PropertyFile { path, properties }) in below(&dir, &from) {
            let Some(path) = relocated(&path, &from, &to) else { continue };
            // Not everything is copied: names that are not shared, and with `Depth: 0` nothing below.
            if !root.has(&path) {
                continue;
            }
            if let Err(error) = write(&dir, &name_of(&path), &path, &properties) {
                log::warn!("cannot keep the properties of {}: {error}", path.display());
            }
            then(&dir, &name);
        }
    }

    fn may_exist(&self) -> bool {
        self.may_exist.load(Ordering::Relaxed)
    }

    fn open(&self, root: &Root) -> Option<Dir> {
        if self.may_exist() { open(root).ok() } else { None }
    }
}

/// The path below `to` that corresponds to this path at or below `from`.
fn relocated(path: &SharePath, from: &SharePath, to: &SharePath) -> Option<SharePath> {
    let rest = path.segments().skip(from.segments().count());
    rest.into_iter().try_fold(to.clone(), |path, name| path.join(name).ok())
}

fn open(root: &Root) -> Result<Dir, Errno> {
    enter(&root.own(OWN)?, NAME)
}

fn make_directory(root: &Root) -> Result<Dir, Errno> {
    root.make_own(OWN)?;
    let own = root.own(OWN)?;
    make(&own, NAME)?;
    enter(&own, NAME)
}

fn names(dir: &Dir) -> impl Iterator<Item = String> {
    let entries = dir.entries().into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.ends_with(DRAFT))
}

/// The files of everything at or below this path, with their names.
fn below(dir: &Dir, path: &SharePath) -> Vec<(String, PropertyFile)> {
    let files = names(dir).take(MAX_FILES).filter_map(|name| read(dir, &name).map(|file| (name, file)));
    files.filter(|(_, file)| file.path.is_below(path)).collect()
}

fn read(dir: &Dir, name: &str) -> Option<PropertyFile> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(fs::openat(dir, name, flags, Mode::empty()).ok()?);
    let mut content = Vec::new();
    file.take(LARGEST).read_to_end(&mut content).ok()?;
    let end = content.iter().position(|byte| *byte == 0)?;
    let properties = content.split_off(end + 1);
    Some(PropertyFile { path: SharePath::parse(content.get(..end)?).ok()?, properties })
}

fn write(dir: &Dir, name: &str, path: &SharePath, properties: &[u8]) -> Result<(), std::io::Error> {
    let draft = format!("{name}{DRAFT}");
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(dir, draft.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
    let written = file.write_all(&[path.as_bytes(), b"\0", properties].concat());
    let named = written.and_then(|()| Ok(fs::renameat(dir, draft.as_str(), dir, name)?));
    if named.is_err() {
        let _ = fs::unlinkat(dir, draft.as_str(), AtFlags::empty());
    }
    named
}

/// Removes a file, and the directory if it is empty then.
fn remove(dir: &Dir, root: &Root, name: &str) {
    let _ = fs::unlinkat(dir, name, AtFlags::empty());
    if let Ok(own) = root.own(OWN) {
        let _ = fs::unlinkat(own, NAME, AtFlags::REMOVEDIR);
    }
}

/// The name of the file for a path: a hash, because a path may be longer than a name.
fn name_of(path: &SharePath) -> String {
    let sum = Sha256::digest(path.as_bytes());
    sum.iter().take(16).fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}
