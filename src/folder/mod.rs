//! The shared folder: every file that any door opens, lists or saves goes through here, under one policy.
//!
//! A [`SharePath`] names a file, and only that can. [`Folder::open`] gives the file and its facts together;
//! [`Folder::scan`] tells what a directory holds,
//! [`Folder::walk`] all that is below it; [`Folder::receive`] takes a file in, which is there whole
//! or not at all; [`Folder::begin_upload`] takes one in that may come in pieces, over days if it must.
//!
//! Nothing outside the folder is ever read or written: all paths are resolved beneath its handle, whatever
//! links and races there are. What is not shared (hidden names, the server's own, devices, links that lead
//! out) looks as if it was not there. The folder is the directory that its path names: if that comes to be another
//! one, the folder [follows](Folder::follow).
//!
//! A name is hidden, not a file: a visible link inside the folder to a hidden file shows it, since whoever
//! may make links there may also copy.
//!
//! Knows no protocol: no requests, no statuses, no sockets.

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
pub use listing::{Candidate, Entry, Kind, Scan};
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

/// How often in a row a name that is opened may have been held for a file that got it just then. Where inodes change by
/// themselves it always looks so.
const CLAIMS_IN_A_ROW: usize = 4;

/// What the folder's owner allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether names that begin with a dot are served and accepted.
    pub hidden: bool,
    /// Whether nothing may be saved.
    pub read_only: bool,
    /// What becomes of an upload whose name is taken.
    pub on_conflict: OnConflict,
    /// The largest upload, in bytes; none for no limit but the disk's.
    pub max_upload: Option<u64>,
    /// How many bytes of the disk uploads leave free.
    pub reserve: u64,
    /// Whether a saved file is on the disk before it is said to be. Off is for measurements, and for folders
    /// that one can afford to lose: a file is still there whole or not at all, as long as the power stays.
    pub durable: bool,
    /// For how long nothing may arrive of an upload before it is given up. What an upload has left behind is not removed
    /// before that.
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

/// What becomes of an upload whose name is taken by a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// It takes the file's place.
    Overwrite,
    /// It is refused.
    Refuse,
    /// It is saved beside it, as `name (1).ext`.
    Rename,
}

/// A folder that is shared. Clones are the same folder.
#[derive(Clone)]
pub struct Folder {
    source: Arc<Source>,
}

/// A directory that the folder is, or was, and what the files on their way into it have in common.
struct Shared {
    /// What named it when it was opened.
    path: PathBuf,
    root: Root,
    /// Whether the folder is another directory by now.
    is_replaced: AtomicBool,
    rules: Rules,
    save_methods: SaveMethods,
    umask: Mode,
    reserve: Reserve,
    uploads: Uploads,
    commits: CommitLock,
    claims: Claims,
}

/// Something that was opened.
#[derive(Debug)]
pub enum Node {
    /// A file, ready to be read.
    File(OpenFile),
    /// A directory. [`Folder::scan`] tells what it holds.
    Directory {
        /// When an entry was last made, removed or renamed.
        modified: SystemTime,
    },
}

/// A regular file, open for reading, and its facts: both of the same file, whatever has its name by now.
#[derive(Debug)]
pub struct OpenFile {
    /// Open for reading, at its beginning.
    pub file: File,
    /// The facts at the moment of opening.
    pub facts: Facts,
}

impl Folder {
    /// Opens the folder at `path`, and removes what an earlier run may have left half-written there (unless
    /// the folder is shared read-only).
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

    /// Opens a file or a directory. Two system calls: one opens, one tells what it is.
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
