//! Properties of clients where an extended attribute cannot keep them: the file system has none, or too little room.
//!
//! ```text
//! .wharf/props/HASH   a path, a zero byte, and the properties of what has the path
//! ```

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::root::{OWN, Root, enter, make};
use crate::path::SharePath;

/// The directory of the files, below [`OWN`].
const NAME: &str = "props";
/// What the name of a file ends in before it is complete.
const DRAFT: &str = ".new";
/// How many there may be. A move and a removal look at all of them.
pub(super) const MAX_FILES: usize = 10_000;
/// The longest path that is read, with the byte behind it.
const LONGEST_PATH: u64 = 8 * 1024;
/// How often another server may remove the empty directory before it is entered.
const TRIES: usize = 16;

/// Whether a directory that is shared has such files.
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
        if !matches!(open(root), Err(Errno::NOENT)) {
            self.may_exist.store(true, Ordering::Relaxed);
        }
    }

    /// Whether there may be some, as far as this server knows.
    pub(super) fn may_exist(&self) -> bool {
        self.may_exist.load(Ordering::Relaxed)
    }

    /// Creates the directory, which tells all servers that files may have properties. A server that may not create it remembers
    /// that by itself.
    pub(super) fn mark(&self, root: &Root) {
        if let Err(error) = make_directory(root) {
            log::debug!("cannot make {OWN}/{NAME}: {error}");
        }
        self.may_exist.store(true, Ordering::Relaxed);
    }

    /// Creates the directory.
    pub(super) fn make_directory(&self, root: &Root) -> Result<Dir, Errno> {
        let dir = make_directory(root)?;
        self.may_exist.store(true, Ordering::Relaxed);
        Ok(dir)
    }
}

/// The path below `to` that corresponds to this path at or below `from`.
pub(super) fn relocated(path: &SharePath, from: &SharePath, to: &SharePath) -> Option<SharePath> {
    let rest = path.segments().skip(from.segments().count());
    rest.into_iter().try_fold(to.clone(), |path, name| path.join(name).ok())
}

/// Opens the directory.
pub(super) fn open(root: &Root) -> Result<Dir, Errno> {
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

/// The names of the files.
pub(super) fn names(dir: &Dir) -> impl Iterator<Item = String> {
    let entries = dir.entries().into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.ends_with(DRAFT))
}

/// The names of the files for this path, and for those below it if it is a directory, with the paths.
pub(super) fn at_or_below(dir: &Dir, path: &SharePath, is_directory: bool) -> Vec<(String, SharePath)> {
    if !is_directory {
        return open_for(dir, path).map(|_| (name_of(path), path.clone())).into_iter().collect();
    }
    let files = names(dir).filter_map(|name| open_file(dir, &name).map(|(path, _)| (name, path)));
    files.filter(|(_, found)| found.is_below(path)).collect()
}

/// The file for this path, behind the path.
pub(super) fn open_for(dir: &Dir, path: &SharePath) -> Option<BufReader<File>> {
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

/// Writes the file for this path. When this returns, it is on the disk if it must be durable.
pub(super) fn write(dir: &Dir, path: &SharePath, properties: &[u8], is_durable: bool) -> Result<(), Error> {
    let name = name_of(path);
    let draft = format!("{name}{DRAFT}");
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(dir, draft.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
    let written = file.write_all(&[path.as_bytes(), b"\0", properties].concat());
    let written = written.and_then(|()| if is_durable { file.sync_all() } else { Ok(()) });
    let named = written
        .map_err(Error::from)
        .and_then(|()| Ok(fs::renameat(dir, draft.as_str(), dir, name.as_str())?))
        .and_then(|()| if is_durable { Ok(fs::fsync(dir)?) } else { Ok(()) });
    if named.is_err() {
        let _ = fs::unlinkat(dir, draft.as_str(), AtFlags::empty());
    }
    named
}

/// Removes a file. The directory stays: it says that files may have properties, also in attributes.
pub(super) fn remove(dir: &Dir, name: &str) {
    let _ = fs::unlinkat(dir, name, AtFlags::empty());
}

/// The name of the file for a path: a hash, because a path may be longer than a name.
pub(super) fn name_of(path: &SharePath) -> String {
    let sum = Sha256::digest(path.as_bytes());
    sum.iter().take(16).fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}
