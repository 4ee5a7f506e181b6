//! What a directory holds, as far as it is shared.

use super::root::{self, Entries, name_of};
use super::{Error, Facts, SharePath, Shared};
use rustix::fs::{DirEntry, FileType, Stat};
use std::ffi::{OsStr, OsString};
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

/// The shared entries of a directory, directories first, then by the bytes of their names.
pub(super) fn list(shared: &Shared, path: &SharePath) -> Result<Vec<Entry>, Error> {
    let mut dir = shared.root.entries(path.as_path())?;
    let mut entries = Vec::new();
    while let Some(entry) = dir.next() {
        let entry = entry?;
        entries.extend(show(shared, path, &dir, &entry));
    }
    entries.sort_unstable_by(|a: &Entry, b| (is_file(a), &a.name).cmp(&(is_file(b), &b.name)));
    Ok(entries)
}

/// None for what is not shared, and for what has gone meanwhile.
fn show(shared: &Shared, path: &SharePath, dir: &Entries, entry: &DirEntry) -> Option<Entry> {
    let name = name_of(entry);
    let path = path.join(&name).ok()?;
    shared.rules.admit_path(&path).ok()?;
    let stat = match dir.kind(entry) {
        FileType::RegularFile | FileType::Directory => root::look_in(dir.handle(), &name).ok()?,
        // From the root, because it may lead up and still stay inside.
        FileType::Symlink => shared.root.look(&path).ok()?,
        _ => return None,
    };
    let stat = if shared.claims.may_be(&stat) { settled(shared, dir, &name, &stat)? } else { stat };
    let kind = kind_of(&stat)?;
    Some(Entry { name, kind, modified: Facts::from(&stat).modified })
}

/// An empty file may only hold the name for one that gets it at this moment: the facts of what has it now.
fn settled(shared: &Shared, dir: &Entries, name: &OsStr, stat: &Stat) -> Option<Stat> {
    if shared.claims.holds(stat) {
        return None;
    }
    let now = root::look_in(dir.handle(), name).ok()?;
    if root::file_type(&now) == FileType::Symlink { Some(*stat) } else { Some(now) }
}

fn kind_of(stat: &Stat) -> Option<Kind> {
    match root::file_type(stat) {
        FileType::RegularFile => Some(Kind::File { len: Facts::from(stat).len }),
        FileType::Directory => Some(Kind::Directory),
        _ => None,
    }
}

fn is_file(entry: &Entry) -> bool {
    entry.kind != Kind::Directory
}
