//! The files of the folder's locks, so that they outlive a server and hold for all servers that share the folder.
//!
//! ```text
//! .wharf/locks/ID.NUMBER   a lock. If it changes, it gets the next number.
//! ```
//!
//! A file is complete when it has its name, and is never changed. So the names alone tell a server what is new. They are
//! not synced: a lock may be lost if the machine crashes, and its client finds that out when it uses the token.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::error::Error;
use super::facts::Facts;
use super::root::{Identity, OWN, Root, enter, look_in, make};
use super::stale;

/// The directory of the files, below [`OWN`].
const NAME: &str = "locks";
/// What the name of a file ends in before it is complete.
const DRAFT: &str = "new";
/// The largest file that is read, in bytes: a long path and an owner, as JSON.
const LARGEST: u64 = 64 * 1024;
/// How many files are read. Nobody but servers makes files there, and they have fewer locks.
const MOST_FILES: usize = 20_000;
/// Two changes may have the same time. So a directory that has changed within this time is read again.
const COARSE: Duration = Duration::from_secs(2);
/// How many bytes of names are read at once. Most folders have few locks.
const BUFFER: usize = 4 * 1024;
/// How often another server may remove the empty directory before a file is made in it.
const TRIES: usize = 16;

/// A state of the directory of the locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockFilesMark {
    root: Identity,
    /// The directory, and its time; `None` if it does not exist.
    directory: Option<(Identity, SystemTime)>,
}

/// The files, as they are now.
#[derive(Debug)]
pub struct LockFiles {
    dir: Option<Dir>,
    mark: LockFilesMark,
}

/// The files, while no other server changes them.
pub struct LockFilesToChange<'s> {
    root: &'s Root,
    files: LockFiles,
}

impl LockFilesMark {
    pub(super) fn now(root: &Root) -> Result<Self, Error> {
        let path = format!("{OWN}/{NAME}");
        let directory = match stale::retry(|| look_in(&**root.dir(), path.as_ref())) {
            Ok(stat) => Some((Identity::of(&stat), Facts::new(&stat, 0).modified)),
            Err(error) if is_absent(error) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { root: root.identity(), directory })
    }

    /// Whether a change from now on gets another mark.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        self.directory.is_none_or(|(_, changed)| now.duration_since(changed).is_ok_and(|age| age > COARSE))
    }
}

impl LockFiles {
    pub(super) fn open(root: &Root, mark: LockFilesMark) -> Result<Self, Error> {
        let dir = match stale::retry(|| root.own(OWN).and_then(|own| enter(&own, NAME))) {
            Ok(dir) => Some(dir),
            Err(error) if is_absent(error) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { dir, mark })
    }

    /// The state that they have, or had shortly before.
    pub fn mark(&self) -> LockFilesMark {
        self.mark
    }

    /// The ids of all locks, with the number of the newest file of each.
    pub fn newest(&self) -> Result<HashMap<String, u64>, Error> {
        let mut newest = HashMap::new();
        for (id, number) in self.names()?.iter().filter_map(|name| parse(name)).take(MOST_FILES) {
            let found = newest.entry(id).or_insert(number);
            *found = number.max(*found);
        }
        Ok(newest)
    }

    /// The content of a file; `None` if it is gone.
    pub fn read(&self, id: &str, number: u64) -> Result<Option<Vec<u8>>, Error> {
        let Some(dir) = &self.dir else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(dir, name(id, number), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT | Errno::LOOP) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut content = Vec::new();
        match file.take(LARGEST).read_to_end(&mut content) {
            Ok(_) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::IsADirectory => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        let Some(dir) = &self.dir else { return Ok(Vec::new()) };
        // The handle is used again, because opening the directory for each reading would cost more than the reading.
        fs::seek(dir, fs::SeekFrom::Start(0))?;
        let (mut names, mut buffer) = (Vec::new(), [MaybeUninit::uninit(); BUFFER]);
        let mut entries = RawDir::new(dir, &mut buffer);
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) => names.extend(entry.file_name().to_str().ok().map(str::to_owned)),
                Err(Errno::INTR) => {}
                // The directory itself was removed.
                Err(Errno::NOENT) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(names)
    }
}

impl<'s> LockFilesToChange<'s> {
    /// The files. Call it while the commit lock is held.
    pub(super) fn open(root: &'s Root) -> Result<Self, Error> {
        Ok(Self { root, files: LockFiles::open(root, LockFilesMark::now(root)?)? })
    }

    /// Whether there is a directory of files now, or was one.
    pub(super) fn has_directory(&self) -> bool {
        self.files.dir.is_some()
    }

    /// The files.
    pub fn files(&self) -> &LockFiles {
        &self.files
    }

    /// Writes a file, and removes those with the numbers before.
    pub fn put(&mut self, id: &str, number: u64, content: &[u8]) -> Result<(), Error> {
        let name = name(id, number);
        let draft = format!("{name}.{DRAFT}");
        let file = self.create(&draft)?;
        let Some(dir) = &self.files.dir else { return Err(Errno::NOENT.into()) };
        let written = File::from(file).write_all(content).map_err(Error::Io);
        let named = written.and_then(|()| Ok(fs::renameat(dir, draft.as_str(), dir, name.as_str())?));
        if let Err(error) = named {
            let _ = fs::unlinkat(dir, draft.as_str(), AtFlags::empty());
            return Err(error);
        }
        if let Some(before) = number.checked_sub(1) {
            unlink(dir, &self::name(id, before))?;
        }
        Ok(())
    }

    /// Removes all files of these locks, and the directory if it is empty then. A crash may have left several of one lock, and
    /// files that are not complete.
    pub fn remove(&self, ids: &HashSet<&str>) -> Result<(), Error> {
        let Some(dir) = &self.files.dir else { return Ok(()) };
        let is_wanted = |name: &&String| {
            name.ends_with(DRAFT) || name.split_once('.').is_some_and(|(id, _)| ids.contains(id))
        };
        for name in self.files.names()?.iter().filter(is_wanted) {
            unlink(dir, name)?;
        }
        if let Ok(own) = self.root.own(OWN) {
            let _ = fs::unlinkat(own, NAME, AtFlags::REMOVEDIR);
        }
        Ok(())
    }

    /// Creates a file in the directory, which is made if necessary.
    fn create(&mut self, name: &str) -> Result<OwnedFd, Error> {
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Usually the directory still exists.
        let open = |dir: &Dir| fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR);
        if let Some(file) = self.files.dir.as_ref().and_then(|dir| open(dir).ok()) {
            return Ok(file);
        }
        for _ in 0..TRIES {
            self.root.make_own(OWN)?;
            let own = self.root.own(OWN)?;
            let dir = make(&own, NAME).and_then(|()| enter(&own, NAME));
            let made = dir.and_then(|dir| {
                let file = open(&dir)?;
                Ok((dir, file))
            });
            match made {
                Ok((dir, file)) => {
                    self.files.dir = Some(dir);
                    return Ok(file);
                }
                Err(Errno::NOENT | Errno::STALE) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Errno::NOENT.into())
    }
}

/// Whether this error means that this server has no such directory. One that may not use `.wharf` takes no locks, and must
/// go on without them.
fn is_absent(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS)
}

fn unlink(dir: &Dir, name: &str) -> Result<(), Error> {
    match fs::unlinkat(dir, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn name(id: &str, number: u64) -> String {
    format!("{id}.{number}")
}

/// The id and the number in the name of a complete file.
fn parse(name: &str) -> Option<(String, u64)> {
    let (id, number) = name.split_once('.')?;
    Some((id.to_owned(), number.parse().ok()?))
}
