//! Opening what a path names.

use std::fs::File;
use std::time::SystemTime;

use rustix::fs::{FileType, Stat};

use super::error::Error;
use super::facts::Facts;
use super::shared::Shared;
use super::{root, stale};
use crate::path::SharePath;

/// How often in a row an open may find a placeholder instead of the file that replaces it. On file systems whose
/// inodes change by themselves, every open looks like that.
const CLAIMS_IN_A_ROW: usize = 4;

/// The result of opening a path.
#[derive(Debug)]
pub enum Node {
    /// A file, ready to be read.
    File(OpenFile),
    /// A directory. [`Folder::scan`](super::Folder::scan) lists it.
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

/// Opens a file or a directory that is shared. The caller has a grant for the path.
pub(super) fn open(shared: &Shared, path: &SharePath) -> Result<Node, Error> {
    shared.rules.admit_path(path)?;
    let (file, stat) = stale::retry(|| open_unclaimed(shared, path))?;
    let facts = shared.root.facts(&stat);
    match root::file_type(&stat) {
        FileType::RegularFile => Ok(Node::File(OpenFile { file, facts })),
        FileType::Directory => Ok(Node::Directory { modified: facts.modified }),
        _ => Err(Error::NotFound),
    }
}

/// Opens whatever has this path. An empty file may be a placeholder that claims the name for a file that is about to be
/// saved, or that did so until now; neither is what the client asked for.
fn open_unclaimed(shared: &Shared, path: &SharePath) -> Result<(File, Stat), Error> {
    let mut opened = open_once(shared, path)?;
    for _ in 0..CLAIMS_IN_A_ROW {
        let (_, stat) = &opened;
        let is_there = || shared.root.glance(path).is_ok_and(|now| now.st_ino == stat.st_ino);
        if !shared.claims.may_be(stat) || is_there() {
            break;
        }
        opened = open_once(shared, path)?;
    }
    Ok(opened)
}

fn open_once(shared: &Shared, path: &SharePath) -> Result<(File, Stat), Error> {
    let file = shared.root.open(path)?;
    let stat = rustix::fs::fstat(&file)?;
    if shared.claims.holds(&stat) { Err(Error::NotFound) } else { Ok((file, stat)) }
}
