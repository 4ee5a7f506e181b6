//! Properties of clients where an extended attribute cannot keep them: the file system has none, or too little room.
//!
//! ```text
//! .wharf/props/HASH   a path, a zero byte, and the properties of what has the path
//! ```
//!
//! They go with what is copied, moved or removed through the folder. A folder without such files pays nothing: whether
//! there are any is remembered. Where other servers have the folder, it is checked each time, because they may have made
//! some.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::properties::{MAX_PROPERTIES, PropertyError};
use super::root::{OWN, Root, enter, make};
use super::shared::Shared;
use crate::path::SharePath;

/// The directory of the files, below [`OWN`].
const NAME: &str = "props";
/// What the name of a file ends in before it is complete.
const DRAFT: &str = ".new";
/// How many there may be. A move and a removal look at all of them.
const MAX_FILES: usize = 10_000;
/// The longest path that is read, with the byte behind it.
const LONGEST_PATH: u64 = 8 * 1024;
/// How often another server may remove the empty directory before it is entered.
const TRIES: usize = 16;

/// The files of one directory that is shared.
pub(super) struct PropertyFiles {
    may_exist: AtomicBool,
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
    pub(super) fn read(&self, shared: &Shared, path: &SharePath) -> Option<Vec<u8>> {
        let dir = self.open(shared)?;
        let mut file = open_for(&dir, path)?;
        let mut properties = Vec::new();
        file.by_ref().take(MAX_PROPERTIES as u64).read_to_end(&mut properties).ok()?;
        Some(properties)
    }

    /// The properties of the entry of this name in an open directory.
    pub(super) fn read_below(&self, shared: &Shared, dir: &OwnedFd, name: &OsStr) -> Option<Vec<u8>> {
        if !self.may_exist(shared) {
            return None;
        }
        self.read(shared, &shared.root.real_path_of_handle(dir)?.join(name).ok()?)
    }

    /// Keeps properties for what has this real path; none are removed. Call it while the commit lock is held.
    pub(super) fn write(
        &self,
        shared: &Shared,
        path: &SharePath,
        properties: &[u8],
    ) -> Result<(), PropertyError> {
        if properties.is_empty() {
            if let Some(dir) = self.open(shared) {
                remove(&dir, &shared.root, &name_of(path));
            }
            return Ok(());
        }
        let dir = make_directory(&shared.root).map_err(|error| PropertyError::Other(error.into()))?;
        self.may_exist.store(true, Ordering::Relaxed);
        let is_new = open_for(&dir, path).is_none();
        if properties.len() > MAX_PROPERTIES || (is_new && names(&dir).count() >= MAX_FILES) {
            return Err(PropertyError::NoRoom);
        }
        write(shared, &dir, path, properties).map_err(|error| match error {
            Error::NoSpace => PropertyError::NoRoom,
            error => PropertyError::Other(error),
        })
    }

    /// What had one path has the other one now, a directory with everything below it. What had that before is gone.
    pub(super) fn moved(&self, shared: &Shared, from: &SharePath, to: &SharePath, is_directory: bool) {
        if self.may_exist(shared) {
            let from = shared.root.real_path_of_name(from);
            let from = from.as_ref().map(|path| (path, is_directory));
            self.follow(shared, from, to, |_| MAX_FILES, |dir, name| remove(dir, &shared.root, name));
        }
    }

    /// What has one path was copied to the other one, a directory with everything below it.
    pub(super) fn copied(&self, shared: &Shared, from: &SharePath, to: &SharePath, is_directory: bool) {
        if self.may_exist(shared) {
            // A copy of a link is a copy of its target.
            let from = shared.root.real_path_at(from);
            let from = from.as_ref().map(|path| (path, is_directory));
            self.follow(shared, from, to, |dir| MAX_FILES.saturating_sub(names(dir).count()), |_, _| {});
        }
    }

    /// What had this path is gone, a directory with everything below it. Also call it for a new entry: another program may
    /// have removed what had the path before.
    pub(super) fn ended(&self, shared: &Shared, path: &SharePath, is_directory: bool) {
        let Some(dir) = self.open(shared) else { return };
        let Some(path) = shared.root.real_path_of_name(path) else { return };
        for (name, _) in at_or_below(&dir, &path, is_directory) {
            remove(&dir, &shared.root, &name);
        }
    }

    /// Writes files for the new path and those below it, as many as there is room for, and then does something with each
    /// of the old ones. The source is a path, and whether a directory is there.
    fn follow(
        &self,
        shared: &Shared,
        from: Option<(&SharePath, bool)>,
        to: &SharePath,
        room: impl Fn(&Dir) -> usize,
        then: impl Fn(&Dir, &str),
    ) {
        // What had the name before may have been a directory.
        self.ended(shared, to, true);
        let Some(dir) = self.open(shared) else { return };
        let Some(((from, is_directory), to)) = from.zip(shared.root.real_path_of_name(to)) else { return };
        let mut room = room(&dir);
        for (name, path) in at_or_below(&dir, from, is_directory) {
            // Not everything is copied: names that are not shared, and with `Depth: 0` nothing below.
            let new = relocated(&path, from, &to).filter(|new| room > 0 && shared.root.has(new));
            if let Some((new, properties)) = new.zip(self.read(shared, &path)) {
                room -= 1;
                if let Err(error) = write(shared, &dir, &new, &properties) {
                    log::warn!("cannot keep the properties of {}: {error}", new.display());
                }
            }
            then(&dir, &name);
        }
    }

    fn may_exist(&self, shared: &Shared) -> bool {
        self.may_exist.load(Ordering::Relaxed) || shared.replicas.has_others()
    }

    fn open(&self, shared: &Shared) -> Option<Dir> {
        if self.may_exist(shared) { open(&shared.root).ok() } else { None }
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
    for _ in 0..TRIES {
        root.make_own(OWN)?;
        let own = root.own(OWN)?;
        match make(&own, NAME).and_then(|()| enter(&own, NAME)) {
            // Another server has removed the empty directory.
            Err(Errno::NOENT) => {}
            made => return made,
        }
    }
    Err(Errno::NOENT)
}

fn names(dir: &Dir) -> impl Iterator<Item = String> {
    let entries = dir.entries().into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.ends_with(DRAFT))
}

/// The names of the files for this path, and for those below it if it is a directory, with the paths.
fn at_or_below(dir: &Dir, path: &SharePath, is_directory: bool) -> Vec<(String, SharePath)> {
    if !is_directory {
        return open_for(dir, path).map(|_| (name_of(path), path.clone())).into_iter().collect();
    }
    let files = names(dir).filter_map(|name| open_file(dir, &name).map(|(path, _)| (name, path)));
    files.filter(|(_, found)| found.is_below(path)).collect()
}

/// The file for this path, behind the path.
fn open_for(dir: &Dir, path: &SharePath) -> Option<BufReader<File>> {
    open_file(dir, &name_of(path)).filter(|(found, _)| found == path).map(|(_, file)| file)
}

/// The path in a file, and the file behind it.
fn open_file(dir: &Dir, name: &str) -> Option<(SharePath, BufReader<File>)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = BufReader::new(File::from(fs::openat(dir, name, flags, Mode::empty()).ok()?));
    let mut path = Vec::new();
    file.by_ref().take(LONGEST_PATH).read_until(0, &mut path).ok()?;
    Some((SharePath::parse(path.strip_suffix(b"\0")?).ok()?, file))
}

fn write(shared: &Shared, dir: &Dir, path: &SharePath, properties: &[u8]) -> Result<(), Error> {
    shared.reserve.admit(Some(properties.len() as u64), dir)?;
    let name = name_of(path);
    let draft = format!("{name}{DRAFT}");
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(dir, draft.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
    let written = file.write_all(&[path.as_bytes(), b"\0", properties].concat());
    let written = written.and_then(|()| if shared.rules.durable { file.sync_all() } else { Ok(()) });
    let named = written
        .map_err(Error::from)
        .and_then(|()| Ok(fs::renameat(dir, draft.as_str(), dir, name.as_str())?))
        .and_then(|()| if shared.rules.durable { Ok(fs::fsync(dir)?) } else { Ok(()) });
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
