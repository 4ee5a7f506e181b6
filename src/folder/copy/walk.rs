//! Everything below a directory that is copied, one entry at a time.
//!
//! A copy for a client has what the client may list and read. Names that begin with a dot are in it only if the client may use
//! such names at both ends. What is moved to another file system is the whole tree. Links are found as links; none is followed.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use rustix::fs::{self, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::access::{Grant, Judge, Operation, ToArchive, ToList};
use crate::folder::attributes::Attributes;
use crate::folder::entries::Entries;
use crate::folder::error::Error;
use crate::folder::root;
use crate::folder::shared::Shared;
use crate::folder::walk::Waiting;
use crate::path::SharePath;

/// A walk through everything below a directory.
pub(super) struct TreeWalk {
    shared: Arc<Shared>,
    /// Decides what is found; `None` finds everything.
    judge: Option<Judge>,
    /// Whether the judge may decide that hidden names are found.
    finds_hidden: bool,
    /// The path of the directory, as it was asked for.
    path: SharePath,
    top: Dir,
    here: Option<(SharePath, Entries)>,
    waiting: Waiting,
    seen: SeenEntries,
    /// Whether the walk only compares: then it reads directories and the names in them, but no files.
    is_comparison: bool,
}

/// Everything that a walk has seen, as a number. Two walks have the same number if they have found the same names, and
/// the same directories in the same state. For a move, the files must be in the same state too.
#[derive(Clone)]
pub(super) struct SeenEntries {
    key: RandomState,
    sum: u64,
}

/// The result of one step.
pub(super) enum Found {
    /// The next entries are in this directory. Its path is relative to the first directory.
    Enter(SharePath),
    /// A directory of this name, which is entered later.
    Directory(OsString),
    /// A file, open for reading.
    File(OsString, File, Stat),
    /// A link, and its text.
    Link(OsString, CString),
    /// Nothing; the walk continues.
    Nothing,
    /// The walk is complete.
    End,
}

impl SeenEntries {
    pub(super) fn new() -> Self {
        Self { key: RandomState::new(), sum: 0 }
    }

    /// An empty record for another walk, which can be compared with this one.
    pub(super) fn alike(&self) -> Self {
        Self { key: self.key.clone(), sum: 0 }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.sum == other.sum
    }

    fn add(&mut self, path: &SharePath, state: Option<&Stat>) {
        let state = state.map(|stat| {
            // A move gives the first directory another name before it compares, which changes its ctime.
            let changed = if path.is_root() { (0, 0) } else { (stat.st_ctime, stat.st_ctime_nsec) };
            (stat.st_dev, stat.st_ino, stat.st_size, (stat.st_mtime, stat.st_mtime_nsec), changed)
        });
        self.sum = self.sum.wrapping_add(self.key.hash_one((path, state)));
    }
}

impl TreeWalk {
    /// Begins in this directory, which has this path.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        top: Dir,
        path: &SharePath,
        judge: Option<Judge>,
        finds_hidden: bool,
        seen: SeenEntries,
    ) -> Result<Self, Error> {
        let mut waiting = Waiting::default();
        waiting.push(&SharePath::root())?;
        Ok(Self {
            shared: Arc::clone(shared),
            judge,
            finds_hidden,
            path: path.clone(),
            top,
            here: None,
            waiting,
            seen,
            is_comparison: false,
        })
    }

    /// Begins again at the same path, to compare: it enters the same directories, and opens no files.
    pub(super) fn again(&self, judge: &Judge) -> Result<Self, Error> {
        let top = self.shared.root.top(&judge.check::<ToList>(&self.path)?)?;
        let (judge, seen) = (Some(judge.clone()), self.seen.alike());
        let walk = Self::begin(&self.shared, top, &self.path, judge, self.finds_hidden, seen)?;
        Ok(Self { is_comparison: true, ..walk })
    }

    /// The judge of the principal that copies; `None` for the walk of a move.
    pub(super) fn judge(&self) -> Option<&Judge> {
        self.judge.as_ref()
    }

    /// The attributes of the directory that was entered, if it is moved.
    pub(super) fn moved_attributes(&self) -> Result<Option<Attributes>, Errno> {
        self.handle().filter(|_| self.judge.is_none()).map(Attributes::of).transpose()
    }

    /// What the walk has seen.
    pub(super) fn seen(&self) -> &SeenEntries {
        &self.seen
    }

    /// Looks at one more entry.
    pub(super) fn step(&mut self) -> Result<Found, Error> {
        let Some((below, entries)) = &mut self.here else { return self.enter() };
        let Some(entry) = entries.next() else {
            self.here = None;
            return Ok(Found::Nothing);
        };
        let entry = entry?;
        let kind = entries.kind(&entry);
        let name = entry.name;
        let at = below.join(&name);
        match at {
            Ok(at) => self.see(&at, name, kind),
            Err(_) => Err(Error::TooDeep),
        }
    }

    fn enter(&mut self) -> Result<Found, Error> {
        let Some(below) = self.waiting.pop() else { return Ok(Found::End) };
        match self.open_directory(&below) {
            Ok(entries) => {
                self.seen.add(&below, Some(&fs::fstat(entries.handle())?));
                self.here = Some((below.clone(), entries));
                Ok(Found::Enter(below))
            }
            // The directory was removed or replaced meanwhile.
            Err(Error::NotFound | Error::NotDirectory | Error::NoRight(_)) if !below.is_root() => {
                if self.judge.is_some() { Ok(Found::Nothing) } else { Err(Error::Changed) }
            }
            Err(error) => Err(error),
        }
    }

    fn open_directory(&self, below: &SharePath) -> Result<Entries, Error> {
        let mut options = OpenOptions::new();
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let handle = self.top.open_with(below.as_path(), &options)?.into_std();
        if let Some(judge) = &self.judge {
            let path = self.full(below)?;
            let grant = judge.check::<ToList>(&path)?;
            self.shared.root.judge(&grant, &handle, &[])?;
        }
        Ok(Entries::of(handle.into())?)
    }

    fn see(&mut self, at: &SharePath, name: OsString, kind: FileType) -> Result<Found, Error> {
        // A file system's clock may be too coarse to show that an entry came or went.
        self.seen.add(at, None);
        if self.is_comparison && kind != FileType::Directory {
            return Ok(Found::Nothing);
        }
        let found = match &self.judge {
            Some(judge) => {
                if !self.finds_hidden && !self.shared.rules.lists(&name) {
                    return Ok(Found::Nothing);
                }
                self.visible(judge, &self.full(at)?, name, kind)?
            }
            None => self.anything(name, kind)?,
        };
        match &found {
            Found::Directory(_) => self.waiting.push(at)?,
            Found::File(_, _, stat) if self.judge.is_none() => self.seen.add(at, Some(stat)),
            _ => {}
        }
        Ok(found)
    }

    /// The entry, if the client may see and read it.
    fn visible(
        &self,
        judge: &Judge,
        path: &SharePath,
        name: OsString,
        kind: FileType,
    ) -> Result<Found, Error> {
        let root = &self.shared.root;
        match kind {
            FileType::Directory if self.grant::<ToList>(judge, path).is_some() => Ok(Found::Directory(name)),
            FileType::RegularFile => {
                let Some(grant) = self.grant::<ToArchive>(judge, path) else { return Ok(Found::Nothing) };
                let found = self.open(name)?;
                let Found::File(_, file, _) = &found else { return Ok(found) };
                match root.judge(&grant, file, &[]) {
                    Ok(_) => Ok(found),
                    Err(Error::NotFound | Error::NoRight(_)) => Ok(Found::Nothing),
                    Err(error) => Err(error),
                }
            }
            FileType::Symlink => {
                let leads_inside = self.grant::<ToArchive>(judge, path).is_some_and(|grant| {
                    let kind = root.look(&grant).map(|stat| root::file_type(&stat));
                    matches!(kind, Ok(FileType::RegularFile | FileType::Directory))
                });
                if leads_inside { self.link(name) } else { Ok(Found::Nothing) }
            }
            _ => Ok(Found::Nothing),
        }
    }

    /// The grant for an entry that is shared with the client.
    fn grant<'p, O: Operation>(&self, judge: &Judge, path: &'p SharePath) -> Option<Grant<'p, O>> {
        judge.check(path).ok().filter(|grant| self.shared.rules.shares(grant))
    }

    /// The entry, whatever it is.
    fn anything(&self, name: OsString, kind: FileType) -> Result<Found, Error> {
        match kind {
            FileType::Directory => Ok(Found::Directory(name)),
            FileType::RegularFile => self.open(name),
            FileType::Symlink => self.link(name),
            _ => Err(Error::CannotCopy),
        }
    }

    /// Opens a file; nothing if it was removed meanwhile.
    fn open(&self, name: OsString) -> Result<Found, Error> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Some(handle) = self.handle() else { return Ok(Found::Nothing) };
        let file = match fs::openat(handle, name.as_bytes(), flags | OFlags::RDONLY, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            other => File::from(other?),
        };
        let stat = fs::fstat(&file)?;
        let is_file = root::file_type(&stat) == FileType::RegularFile && !self.shared.claims.holds(&stat);
        Ok(if is_file { Found::File(name, file, stat) } else { Found::Nothing })
    }

    fn link(&self, name: OsString) -> Result<Found, Error> {
        let Some(handle) = self.handle() else { return Ok(Found::Nothing) };
        match read_link(handle, &name) {
            Err(Errno::NOENT) => Ok(Found::Nothing),
            text => Ok(Found::Link(name, text?)),
        }
    }

    fn handle(&self) -> Option<&std::os::fd::OwnedFd> {
        self.here.as_ref().map(|(_, entries)| entries.handle())
    }

    fn full(&self, below: &SharePath) -> Result<SharePath, Error> {
        let segments = self.path.segments().chain(below.segments()).map(OsStrExt::as_bytes);
        SharePath::from_segments(segments).map_err(|_| Error::TooDeep)
    }
}

/// The text of a link.
pub(super) fn read_link(dir: impl std::os::fd::AsFd, name: &OsStr) -> Result<CString, Errno> {
    fs::readlinkat(dir, name.as_bytes(), Vec::new())
}
