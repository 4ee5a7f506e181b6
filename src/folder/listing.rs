//! What a directory holds, as far as it is shared.

use super::root::{self, Entries, Root, name_of};
use super::{Error, Facts, Folder, SharePath};
use rustix::fs::{FileType, Stat};
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::time::SystemTime;

/// One line of a listing: something that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last segment of its path.
    pub name: OsString,
    /// What it is, or what the link leads to.
    pub kind: Kind,
    /// When its content last changed.
    pub modified: SystemTime,
}

/// What an entry is. Directories sort before files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Its size in bytes.
        len: u64,
    },
}

/// A directory that is being read, in the order of the disk.
#[derive(Debug)]
pub struct Scan {
    folder: Folder,
    path: SharePath,
    entries: Entries,
}

/// A name in a directory, which may or may not be shared.
#[derive(Debug)]
pub struct Candidate {
    name: OsString,
    kind: FileType,
}

impl Scan {
    pub(super) fn begin(folder: Folder, path: &SharePath) -> Result<Self, Error> {
        let entries = folder.shared.root.entries(path.as_path())?;
        Ok(Self { folder, path: path.clone(), entries })
    }

    /// What is known of a name; `None` if it is not shared, or has gone.
    pub fn look(&self, candidate: Candidate) -> Option<Entry> {
        let Candidate { name, kind } = candidate;
        let shared = &self.folder.shared;
        let path = self.path.join(&name).ok()?;
        shared.rules.admit_path(&path).ok()?;
        let stat = match kind {
            FileType::RegularFile | FileType::Directory => {
                root::look_in(self.entries.handle(), &name).ok()?
            }
            // From the root, because it may lead up and still stay inside.
            FileType::Symlink => shared.root.look(&path).ok()?,
            _ => return None,
        };
        let kind = kind_of(&stat)?;
        Some(Entry { name, kind, modified: Facts::from(&stat).modified })
    }
}

/// The names in it.
impl Iterator for Scan {
    type Item = Result<Candidate, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some(entry.map_err(Error::from).map(|entry| {
            let kind = self.entries.kind(&entry);
            Candidate { name: name_of(&entry), kind }
        }))
    }
}

impl Candidate {
    /// The name.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Whether it is a directory, where that is known without a look.
    pub fn is_directory(&self) -> Option<bool> {
        match self.kind {
            FileType::Directory => Some(true),
            FileType::RegularFile => Some(false),
            _ => None,
        }
    }
}

/// A hash of the directory's device and inode, with a key of this process, so that it tells neither.
pub(super) fn id(root: &Root, path: &SharePath) -> Result<String, Error> {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let stat = root.look(path)?;
    Ok(format!("{:016x}", KEY.hash_one((stat.st_dev, stat.st_ino))))
}

fn kind_of(stat: &Stat) -> Option<Kind> {
    match root::file_type(stat) {
        FileType::RegularFile => Some(Kind::File { len: Facts::from(stat).len }),
        FileType::Directory => Some(Kind::Directory),
        _ => None,
    }
}
