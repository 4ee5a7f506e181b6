//! The records file on the disk. It is in a directory that only its owner may change, and is replaced as a
//! whole under a lock.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::file::{WrongRecordLine, parse};
use super::limits::FILE_LIMIT;
use super::record::Record;
use crate::blocking::Blocking;
use crate::durable::{lock, whole};
use crate::printable::Printable;

/// The beginning of the file's name; the id of the folder follows.
const FILE_PREFIX: &str = "records-";

/// The end of the lock file's name, after the name of the records file.
const LOCK_SUFFIX: &str = ".lock";

/// The permissions of other users to change the directory, and all of their permissions.
const CHANGE: u32 = 0o022;
const OTHERS: u32 = 0o077;

/// Why the records cannot be read or written. Displayed as one line.
#[derive(Debug)]
pub struct RecordsError {
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    System(io::Error),
    Locked,
    Unsafe(&'static str),
    TooLarge,
    Line(WrongRecordLine),
}

/// The directory of the file.
#[derive(Debug)]
pub(super) struct RecordStore {
    directory: PathBuf,
    name: OsString,
}

/// The directory, open. No other program changes the file until this is dropped.
#[derive(Debug)]
pub(super) struct LockedStore<'s> {
    store: &'s RecordStore,
    dir: File,
    _lock: File,
}

/// The file, if there is one, and its records.
pub(super) type ReadRecords = (Option<ReadFile>, Vec<Record>);

/// A file that was read. It stays open, so that no other file gets its inode number, and it can be recognised.
#[derive(Debug)]
pub(super) struct ReadFile {
    file: File,
    stamp: Stamp,
}

/// The metadata that differ between two files, or between two states of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    number: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl RecordStore {
    pub(super) fn new(directory: &Path, folder: &str) -> Self {
        Self { directory: directory.to_owned(), name: format!("{FILE_PREFIX}{folder}").into() }
    }

    /// Reads the file.
    pub(super) fn read(&self, disk: Blocking<'_>) -> Result<ReadRecords, RecordsError> {
        self.read_in(&self.open()?, disk)
    }

    /// Reads the file, unless it is the file that is already known. On a network file system, the check may use a
    /// cache.
    pub(super) fn read_if_new(
        &self,
        known: Option<&ReadFile>,
        disk: Blocking<'_>,
    ) -> Result<Option<ReadRecords>, RecordsError> {
        let is_known = match fs::symlink_metadata(self.directory.join(&self.name)) {
            Ok(now) => known.is_some_and(|known| known.stamp == Stamp::of(&now)),
            // If the directory is missing too, reading reports the error.
            Err(error) => error.kind() == ErrorKind::NotFound && known.is_none() && self.directory.is_dir(),
        };
        if is_known { Ok(None) } else { self.read(disk).map(Some) }
    }

    /// Removes drafts of the file that were left by crashes. They are only in the way.
    pub(super) fn clean(&self, disk: Blocking<'_>) -> Result<(), RecordsError> {
        let locked = self.lock(disk)?;
        whole::remove_drafts(&locked.dir, &self.name).map_err(|error| self.system(error))
    }

    /// Waits until no other program changes the file. The lock is a separate file, which is never removed: NFS locks no
    /// directories, and the records file is replaced.
    pub(super) fn lock(&self, _: Blocking<'_>) -> Result<LockedStore<'_>, RecordsError> {
        let dir = self.open()?;
        let mut name = self.name.clone();
        name.push(LOCK_SUFFIX);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let lock = openat(&dir, &name, flags, Mode::RUSR | Mode::WUSR).map(File::from);
        let lock = lock.map_err(|error| self.system(error.into()))?;
        match lock::exclusive(&lock) {
            Ok(()) => Ok(LockedStore { store: self, dir, _lock: lock }),
            Err(Errno::WOULDBLOCK) => Err(self.because(Reason::Locked)),
            // Without a lock, two programs could both take the last use of a link.
            Err(error) => Err(self.system(error.into())),
        }
    }

    fn open(&self) -> Result<File, RecordsError> {
        let dir = File::open(&self.directory).map_err(|error| self.system(error))?;
        let facts = dir.metadata().map_err(|error| self.system(error))?;
        if !facts.is_dir() {
            return Err(self.system(Errno::NOTDIR.into()));
        }
        if !is_own(&facts) || facts.mode() & CHANGE != 0 {
            return Err(self.because(Reason::Unsafe(
                "its directory must belong to the server's user, and nobody else may write to it (chmod 700)",
            )));
        }
        Ok(dir)
    }

    fn read_in(&self, dir: &File, disk: Blocking<'_>) -> Result<ReadRecords, RecordsError> {
        self.open_file(dir)?.map_or(Ok((None, Vec::new())), |file| self.content(file, disk))
    }

    fn content(&self, file: ReadFile, _: Blocking<'_>) -> Result<ReadRecords, RecordsError> {
        let mut bytes = Vec::new();
        let content = (&file.file).take(FILE_LIMIT + 1).read_to_end(&mut bytes);
        content.map_err(|error| self.system(error))?;
        if bytes.len() as u64 > FILE_LIMIT {
            return Err(self.because(Reason::TooLarge));
        }
        let records = parse(&bytes).map_err(|line| self.because(Reason::Line(line)))?;
        Ok((Some(file), records))
    }

    fn open_file(&self, dir: &File) -> Result<Option<ReadFile>, RecordsError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(dir, &self.name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(self.because(Reason::Unsafe("it is a symlink"))),
            other => File::from(other.map_err(|error| self.system(error.into()))?),
        };
        let facts = file.metadata().map_err(|error| self.system(error))?;
        if !facts.is_file() {
            return Err(self.because(Reason::Unsafe("it is not a file")));
        }
        if !is_own(&facts) || facts.mode() & OTHERS != 0 {
            return Err(self.because(Reason::Unsafe(
                "it must belong to the server's user, and nobody else may read or write it (chmod 600)",
            )));
        }
        Ok(Some(ReadFile { stamp: Stamp::of(&facts), file }))
    }

    fn system(&self, error: io::Error) -> RecordsError {
        self.because(Reason::System(error))
    }

    fn because(&self, reason: Reason) -> RecordsError {
        RecordsError { path: self.directory.join(&self.name), reason }
    }
}

impl LockedStore<'_> {
    /// Reads the file.
    pub(super) fn read(&self, disk: Blocking<'_>) -> Result<ReadRecords, RecordsError> {
        self.store.read_in(&self.dir, disk)
    }

    /// Reads the file, unless it is the file that is already known. The check opens the file, so it uses no cache.
    pub(super) fn read_if_new(
        &self,
        known: Option<&ReadFile>,
        disk: Blocking<'_>,
    ) -> Result<Option<ReadRecords>, RecordsError> {
        match (self.store.open_file(&self.dir)?, known) {
            (None, _) => Ok(Some((None, Vec::new()))),
            (Some(file), Some(known)) if file.stamp == known.stamp => Ok(None),
            (Some(file), _) => self.store.content(file, disk).map(Some),
        }
    }

    /// Replaces the file. When it returns, the content is on the disk. After an error, the file has the old content or the new.
    pub(super) fn write(&self, text: &str, _: Blocking<'_>) -> Result<Option<ReadFile>, RecordsError> {
        let written = whole::replace(&self.dir, &self.store.name, text.as_bytes());
        written.map_err(|error| self.store.system(error))?;
        // If the file cannot be opened now, it is read again later.
        Ok(self.store.open_file(&self.dir).ok().flatten())
    }
}

impl Stamp {
    fn of(facts: &Metadata) -> Self {
        Self {
            device: facts.dev(),
            number: facts.ino(),
            length: facts.len(),
            modified: (facts.mtime(), facts.mtime_nsec()),
            changed: (facts.ctime(), facts.ctime_nsec()),
        }
    }
}

fn is_own(facts: &Metadata) -> bool {
    facts.uid() == geteuid().as_raw()
}

impl RecordsError {
    /// There are no random bytes for a secret.
    pub(super) fn random(error: io::Error) -> Self {
        Self { path: PathBuf::from("/dev/urandom"), reason: Reason::System(error) }
    }
}

impl fmt::Display for RecordsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = Printable::path(&self.path);
        match &self.reason {
            Reason::System(error) => write!(f, "{path}: {error}"),
            Reason::Locked => {
                let seconds = lock::LONGEST_WAIT.as_secs();
                write!(f, "{path}: another program has locked it for {seconds} s (is it stopped?)")
            }
            Reason::Unsafe(why) => write!(f, "{path}: {why}"),
            Reason::TooLarge => write!(f, "{path}: a file of records has at most {FILE_LIMIT} bytes"),
            Reason::Line(line) => write!(f, "{path}:{}: {line}", line.number),
        }
    }
}

impl std::error::Error for RecordsError {}
