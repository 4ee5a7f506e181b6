//! Properties of clients where an extended attribute cannot keep them: the file system has none, or too little room.
//!
//! ```text
//! .wharf/props/HASH   a path, a hash of the client that it counts for, and the properties of what has the path
//! ```
//!
//! Zero bytes separate them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

use super::error::Error;
use super::properties::MAX_PROPERTIES;
use super::root::{OWN, Root, enter, make};
use crate::path::SharePath;

/// The directory of the files, below [`OWN`].
const NAME: &str = "props";
/// What the name of a file ends in before it is complete.
const DRAFT: &str = ".new";
/// How many there may be. The move and the removal of a directory look at all of them.
const MAX_FILES: usize = 10_000;
/// How many one user, link or address may have, so that others have room.
const MAX_FILES_EACH: usize = 2_000;
/// The longest path that is read, with the byte behind it.
const LONGEST_PATH: u64 = 8 * 1024;
/// How often another server may remove the empty directory before it is entered.
const TRIES: usize = 16;

/// The files of a directory that is shared, as far as this server knows.
pub(super) struct PropertyFiles {
    may_exist: AtomicBool,
    /// The clients of the files, by the names of these. `None` if they must be read again.
    clients: Mutex<Option<HashMap<String, ClientHash>>>,
}

/// A hash of the client that a file counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClientHash(String);

/// A file that was opened.
pub(super) struct PropertyFile {
    path: SharePath,
    pub(super) client: ClientHash,
    /// Where the properties begin.
    content: BufReader<File>,
}

impl ClientHash {
    /// The hash of this client: of a user, a link or an address.
    pub(super) fn of(client: &str) -> Self {
        Self(hash(client.as_bytes(), 8))
    }
}

impl PropertyFile {
    /// The properties.
    pub(super) fn read(self) -> Option<Vec<u8>> {
        let mut properties = Vec::new();
        self.content.take(MAX_PROPERTIES as u64).read_to_end(&mut properties).ok()?;
        Some(properties)
    }
}

impl PropertyFiles {
    pub(super) fn new(root: &Root) -> Self {
        let files = Self { may_exist: AtomicBool::new(false), clients: Mutex::default() };
        files.look(root);
        files
    }

    /// Checks whether there are any. Call it once a minute.
    pub(super) fn look(&self, root: &Root) {
        if !matches!(open(root), Err(Errno::NOENT)) {
            self.may_exist.store(true, Ordering::Relaxed);
        }
        // Other servers may have changed them.
        *self.clients() = None;
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

    /// Whether this client may have a file for this path.
    pub(super) fn have_room(&self, dir: &Dir, path: &SharePath, client: &ClientHash) -> bool {
        let mut clients = self.clients();
        let clients = clients.get_or_insert_with(|| {
            let files = names(dir).take(MAX_FILES);
            files.filter_map(|name| open_file(dir, &name).map(|file| (name, file.client))).collect()
        });
        let own = || clients.values().filter(|its| *its == client).count();
        clients.contains_key(&name_of(path)) || (clients.len() < MAX_FILES && own() < MAX_FILES_EACH)
    }

    /// Writes the file for this path. When this returns, it is on the disk if it must be durable.
    pub(super) fn write(
        &self,
        dir: &Dir,
        path: &SharePath,
        client: &ClientHash,
        properties: &[u8],
        is_durable: bool,
    ) -> Result<(), Error> {
        let name = name_of(path);
        let content = [path.as_bytes(), client.0.as_bytes(), properties].join(&0);
        write(dir, &name, &content, is_durable)?;
        if let Some(clients) = &mut *self.clients() {
            clients.insert(name, client.clone());
        }
        Ok(())
    }

    /// Removes a file. The directory stays: it says that files may have properties, also in attributes.
    pub(super) fn remove(&self, dir: &Dir, name: &str) {
        let _ = fs::unlinkat(dir, name, AtFlags::empty());
        if let Some(clients) = &mut *self.clients() {
            clients.remove(name);
        }
    }

    fn clients(&self) -> MutexGuard<'_, Option<HashMap<String, ClientHash>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
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

fn names(dir: &Dir) -> impl Iterator<Item = String> {
    let entries = dir.entries().into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.ends_with(DRAFT))
}

/// The names of the files for this path, and for those below it if it is a directory, with the paths.
pub(super) fn at_or_below(dir: &Dir, path: &SharePath, is_directory: bool) -> Vec<(String, SharePath)> {
    if !is_directory {
        return open_for(dir, path).map(|_| (name_of(path), path.clone())).into_iter().collect();
    }
    let files = names(dir).filter_map(|name| open_file(dir, &name).map(|file| (name, file.path)));
    files.filter(|(_, found)| found.is_below(path)).collect()
}

/// The file for this path.
pub(super) fn open_for(dir: &Dir, path: &SharePath) -> Option<PropertyFile> {
    open_file(dir, &name_of(path)).filter(|file| file.path == *path)
}

fn open_file(dir: &Dir, name: &str) -> Option<PropertyFile> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut content = BufReader::new(File::from(fs::openat(dir, name, flags, Mode::empty()).ok()?));
    let mut part = || {
        let mut part = Vec::new();
        content.by_ref().take(LONGEST_PATH).read_until(0, &mut part).ok()?;
        part.pop().filter(|last| *last == 0).map(|_| part)
    };
    let (path, client) = (SharePath::parse(&part()?).ok()?, String::from_utf8(part()?).ok()?);
    Some(PropertyFile { path, client: ClientHash(client), content })
}

fn write(dir: &Dir, name: &str, content: &[u8], is_durable: bool) -> Result<(), Error> {
    let draft = format!("{name}{DRAFT}");
    let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(fs::openat(dir, draft.as_str(), flags, Mode::RUSR | Mode::WUSR)?);
    let written = file.write_all(content);
    let written = written.and_then(|()| if is_durable { file.sync_all() } else { Ok(()) });
    let named = written
        .map_err(Error::from)
        .and_then(|()| Ok(fs::renameat(dir, draft.as_str(), dir, name)?))
        .and_then(|()| if is_durable { Ok(fs::fsync(dir)?) } else { Ok(()) });
    if named.is_err() {
        let _ = fs::unlinkat(dir, draft.as_str(), AtFlags::empty());
    }
    named
}

/// The name of the file for a path: a hash, because a path may be longer than a name.
pub(super) fn name_of(path: &SharePath) -> String {
    hash(path.as_bytes(), 16)
}

/// The first bytes of the SHA-256, as hexadecimal digits.
fn hash(text: &[u8], bytes: usize) -> String {
    let sum = Sha256::digest(text);
    sum.iter().take(bytes).fold(String::new(), |name, byte| format!("{name}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::rules::Rules;

    #[test]
    fn one_client_leaves_room_for_others() {
        let place = tempfile::tempdir().expect("a folder");
        let root = Root::open_at(place.path(), &Rules::default()).expect("a root");
        let files = PropertyFiles::new(&root);
        let dir = files.make_directory(&root).expect("a directory");
        let path = |number: usize| SharePath::parse(format!("file{number}").as_bytes()).expect("a path");
        let (one, other) = (ClientHash::of("one"), ClientHash::of("other"));
        for number in 0..MAX_FILES_EACH {
            assert!(files.have_room(&dir, &path(number), &one), "{number}");
            files.write(&dir, &path(number), &one, b"<a/>", false).expect("written");
        }
        let more = path(MAX_FILES_EACH);
        for _ in 0..2 {
            assert!(!files.have_room(&dir, &more, &one) && files.have_room(&dir, &more, &other));
            assert!(files.have_room(&dir, &path(0), &one), "a file that exists can be written again");
            // From now on, what is on the disk counts.
            files.look(&root);
        }
        files.remove(&dir, &name_of(&path(0)));
        assert!(files.have_room(&dir, &more, &one), "what has gone does not count");
        assert_eq!(open_for(&dir, &path(1)).and_then(PropertyFile::read), Some(b"<a/>".to_vec()));
        assert!(open_for(&dir, &path(0)).is_none());
    }
}
