//! The shared folder: every file that the server opens, lists or saves goes through here, under one set of rules.
//!
//! A [`SharePath`] is the only way to name a file. [`Folder::open`] returns a file together with its facts;
//! [`Folder::scan`] lists one directory, [`Folder::walk`] everything below it. [`Folder::receive`] saves a file, which is
//! whole or absent; [`Folder::begin_upload`] saves one that may arrive in pieces, over days if necessary.
//!
//! Nothing outside the folder is ever read or written: all paths are resolved beneath its handle, so links and races
//! cannot escape it. What is not shared (hidden names, the server's own files, devices, links that lead out) looks
//! absent. The folder is the directory that its path names; if the path comes to name another directory, the folder
//! [follows](Folder::follow).
//!
//! Hidden is a property of the name, not of the file: a visible link inside the folder shows a hidden file, because
//! anyone who may create links there may also copy.
//!
//! Knows no protocol: no requests, no status codes, no sockets.

mod acl;
mod attributes;
mod claims;
mod commit;
mod commit_lock;
mod current;
mod error;
mod facts;
mod incoming;
mod listing;
mod numbering;
mod path;
mod place;
mod reserve;
mod root;
mod save_method;
mod stale;
mod sweep;
mod temporary;
#[cfg(test)]
mod tests;
mod uploads;
mod walk;

pub use error::{CannotShare, Error};
pub use facts::{Facts, FileVersion};
pub use incoming::{Guard, Incoming, Saved};
pub use listing::{Candidate, DirEntry, EntryKind, Scan};
pub use path::{LONGEST_PATH, LONGEST_SEGMENT, PathError, SharePath};
pub use uploads::{
    Appending, EMPTY_LIFETIME, Ended, LIFETIME, Piece, Plan, Standing, UploadError, UploadToken,
};
pub use walk::{Walk, WalkStep};

use claims::Claims;
use commit_lock::CommitLock;
use current::Source;
use place::Place;
use reserve::Reserve;
use root::Root;
use rustix::fs::{FileType, Mode, Stat};
use save_method::{SaveMethod, SaveMethods};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};
use uploads::Uploads;

/// How often in a row an open may find a placeholder instead of the file that replaces it. On file systems whose
/// inodes change by themselves, every open looks like that.
const CLAIMS_IN_A_ROW: usize = 4;

/// What the owner of the folder allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether names that begin with a dot are served and accepted.
    pub hidden: bool,
    /// Whether saving is disabled.
    pub read_only: bool,
    /// What to do with an upload whose name is taken.
    pub on_conflict: OnConflict,
    /// The largest upload, in bytes; `None` for no limit.
    pub max_upload: Option<u64>,
    /// Bytes of disk space that uploads must leave free.
    pub reserve: u64,
    /// Whether a saved file is synced to the disk before its upload succeeds. Turn it off for measurements and for
    /// data you can afford to lose: without a power failure, a file is still whole or absent.
    pub durable: bool,
    /// How long an upload may stall before it is aborted. Leftovers of uploads are not removed earlier than that.
    pub stall: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            hidden: false,
            read_only: false,
            on_conflict: OnConflict::Overwrite,
            max_upload: None,
            reserve: 0,
            durable: true,
            stall: Duration::from_secs(60),
        }
    }
}

impl Rules {
    fn admit_path(&self, path: &SharePath) -> Result<(), Error> {
        let shared = !path.has_hidden_segment() || (self.hidden && !path.is_reserved());
        if shared { Ok(()) } else { Err(Error::NotFound) }
    }

    fn admit_size(&self, size: u64) -> Result<(), Error> {
        match self.max_upload {
            Some(limit) if size > limit => Err(Error::TooLarge { limit }),
            _ => Ok(()),
        }
    }
}

/// What to do with an upload when a file has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Replace the file.
    Overwrite,
    /// Reject the upload.
    Refuse,
    /// Save it as `name (1).ext`.
    Rename,
}

/// A shared folder. Clones refer to the same folder.
#[derive(Clone)]
pub struct Folder {
    source: Arc<Source>,
}

/// The directory that the folder is, or was, and the state that its uploads share.
struct Shared {
    /// The path that it was opened by.
    path: PathBuf,
    root: Root,
    /// Whether the folder is now another directory.
    is_replaced: AtomicBool,
    rules: Rules,
    save_methods: SaveMethods,
    umask: Mode,
    reserve: Reserve,
    uploads: Uploads,
    commits: CommitLock,
    claims: Claims,
}

/// The result of opening a path.
#[derive(Debug)]
pub enum Node {
    /// A file, ready to be read.
    File(OpenFile),
    /// A directory. [`Folder::scan`] lists it.
    Directory {
        /// When an entry was last created, removed or renamed.
        modified: SystemTime,
    },
}

/// A regular file, open for reading, and the facts of the same file, even if another file has its name by now.
#[derive(Debug)]
pub struct OpenFile {
    /// Open for reading, at its beginning.
    pub file: File,
    /// The facts at the moment of opening.
    pub facts: Facts,
}

impl Folder {
    /// Opens the folder at `path` and removes incomplete files of earlier runs (unless the folder is shared
    /// read-only).
    pub fn open_at(path: &Path, rules: Rules) -> Result<Self, CannotShare> {
        Self::open_with(path, rules, SaveMethod::of_this_system(), SystemTime::now())
    }

    fn open_with(path: &Path, rules: Rules, best: SaveMethod, now: SystemTime) -> Result<Self, CannotShare> {
        Ok(Self { source: Arc::new(Source::open(path, rules, best, now)?) })
    }

    /// The rules that the folder is shared under.
    pub fn rules(&self) -> &Rules {
        &self.source.rules
    }

    /// Opens a file or a directory, with two system calls: open and stat.
    pub fn open(&self, path: &SharePath) -> Result<Node, Error> {
        self.source.current().open_node(path)
    }

    /// Whether what has this path is still this version: one look, and nothing is opened. It tells nothing of
    /// anything but a file that was opened here before.
    pub fn is_still(&self, path: &SharePath, version: &FileVersion) -> bool {
        let root = &self.source.current().root;
        stale::retry(|| root.glance(path)).is_ok_and(|stat| root.facts(&stat).version == *version)
    }

    /// Begins to read a directory: its names in the order of the disk, and what is known of each, one look at a time. A
    /// link to something inside is shown as that; hidden and reserved names, devices, and links that lead out or nowhere
    /// are left out.
    pub fn scan(&self, path: &SharePath) -> Result<Scan, Error> {
        let shared = self.source.current();
        shared.rules.admit_path(path)?;
        Scan::begin(shared, path)
    }

    /// What is the same for two paths of one directory, and tells nothing else: a client that follows links recognises
    /// by it a directory that it has seen. It is good as long as this process runs.
    pub fn directory_id(&self, path: &SharePath) -> Result<String, Error> {
        let shared = self.source.current();
        shared.rules.admit_path(path)?;
        stale::retry(|| listing::id(&shared.root, path))
    }

    /// Everything below a directory that is shared, one look at a time.
    pub fn walk(&self, path: &SharePath) -> Result<Walk, Error> {
        let shared = self.source.current();
        shared.rules.admit_path(path)?;
        Walk::begin(shared, path)
    }

    /// Begins to take in a file of `size` bytes, if that is known. What can be refused is refused now, before
    /// the first byte, in this order: [`ReadOnly`](Error::ReadOnly); [`NotFound`](Error::NotFound) for a name
    /// that is not shared; [`Replaced`](Error::Replaced); [`NotDirectory`](Error::NotDirectory) and
    /// [`IsDirectory`](Error::IsDirectory);
    /// [`Exists`](Error::Exists); [`TooLarge`](Error::TooLarge); [`NoSpace`](Error::NoSpace). Missing parents
    /// are made when it is committed.
    pub fn receive(&self, path: &SharePath, size: Option<u64>) -> Result<Incoming, Error> {
        let shared = self.source.current();
        stale::retry(|| {
            let place = shared.find_place(path, size)?;
            shared.reserve.admit(size, place.nearest())?;
            Incoming::new(Arc::clone(&shared), place)
        })
    }

    /// Refuses what [`Folder::receive`] would refuse, and opens nothing for what it would take.
    pub fn may_receive(&self, path: &SharePath, size: Option<u64>) -> Result<(), Error> {
        let shared = self.source.current();
        let place = shared.admit(path, size)?;
        shared.reserve.admit(size, place.nearest())
    }
}

impl Shared {
    fn open_node(&self, path: &SharePath) -> Result<Node, Error> {
        self.rules.admit_path(path)?;
        let (file, stat) = stale::retry(|| self.open_file(path))?;
        let facts = self.root.facts(&stat);
        match root::file_type(&stat) {
            FileType::RegularFile => Ok(Node::File(OpenFile { file, facts })),
            FileType::Directory => Ok(Node::Directory { modified: facts.modified }),
            _ => Err(Error::NotFound),
        }
    }

    /// Opens for reading whatever is there. An empty file may only hold the name for one that is about to get it, or have
    /// held it until now; neither is what the client asked for.
    fn open_file(&self, path: &SharePath) -> Result<(File, Stat), Error> {
        let mut opened = self.open_once(path)?;
        for _ in 0..CLAIMS_IN_A_ROW {
            let (_, stat) = &opened;
            let is_there = || self.root.glance(path).is_ok_and(|now| now.st_ino == stat.st_ino);
            if !self.claims.may_be(stat) || is_there() {
                break;
            }
            opened = self.open_once(path)?;
        }
        Ok(opened)
    }

    fn open_once(&self, path: &SharePath) -> Result<(File, Stat), Error> {
        let file = self.root.open(path)?;
        let stat = rustix::fs::fstat(&file)?;
        if self.claims.holds(&stat) { Err(Error::NotFound) } else { Ok((file, stat)) }
    }

    /// Where a file of this size may be saved, as far as the rules say; of space they know nothing.
    fn admit(&self, path: &SharePath, size: Option<u64>) -> Result<Place, Error> {
        stale::retry(|| self.find_place(path, size))
    }

    fn find_place(&self, path: &SharePath, size: Option<u64>) -> Result<Place, Error> {
        let Self { root, rules, .. } = self;
        if rules.read_only {
            return Err(Error::ReadOnly);
        }
        rules.admit_path(path)?;
        self.stays()?;
        let place = Place::find(root, path)?;
        let taken = place.has_directory() && place.occupant(root, place.nearest())?.is_some();
        if taken && rules.on_conflict == OnConflict::Refuse {
            return Err(Error::Exists);
        }
        if let Some(size) = size {
            rules.admit_size(size)?;
        }
        Ok(place)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("rules", self.rules()).finish_non_exhaustive()
    }
}
