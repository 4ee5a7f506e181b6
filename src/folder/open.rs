//! Opening what a path names.

use std::fs::File;
use std::time::SystemTime;

use rustix::fs::{FileType, Stat};

use super::error::Error;
use super::facts::Facts;
use super::place::Place;
use super::root::Opened;
use super::shared::Shared;
use super::{root, stale};
use crate::access::{Grant, Operation, ToRead};

/// How often an open is repeated because it has found a placeholder instead of the file that replaces it. On file
/// systems whose inode numbers change by themselves, every open seems to find one.
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
    /// Whether others who may read the path may not get the file, so that a cached copy must not be sent to them. The
    /// path is hidden, or it differs from the real path, and the principal needed the right at both. The latter is known
    /// only where rights differ by path.
    pub is_personal: bool,
}

/// What a name stands for, before it is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file, or a link: the facts are those of its target.
    File(Facts),
    /// A directory.
    Directory,
}

impl Named {
    /// Whether it is a file or a link.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// What a reader of the name gets.
pub(super) fn read(shared: &Shared, grant: &Grant<'_, ToRead>) -> Result<Named, Error> {
    Ok(match open(shared, grant)? {
        Node::File(open) => Named::File(open.facts),
        Node::Directory { .. } => Named::Directory,
    })
}

/// What the name stands for. A link is not a directory, even if it leads to one.
pub(super) fn look<O: Operation>(shared: &Shared, grant: &Grant<'_, O>) -> Result<Named, Error> {
    shared.rules.admit(grant)?;
    if grant.path().is_root() {
        return Ok(Named::Directory);
    }
    let (place, _) = Place::find(&shared.root, grant)?;
    if !place.has_directory() {
        return Err(Error::NotFound);
    }
    let stat = root::look_in(&**place.nearest(), place.name())?;
    match root::file_type(&stat) {
        FileType::Directory => Ok(Named::Directory),
        FileType::RegularFile if !shared.claims.holds(&stat) => Ok(Named::File(shared.root.facts(&stat))),
        FileType::Symlink => {
            let stat = shared.root.target_of(place.path(), &shared.rules)?;
            Ok(Named::File(shared.root.facts(&stat)))
        }
        _ => Err(Error::NotFound),
    }
}

/// Opens a file or a directory that is shared.
pub(super) fn open<O: Operation>(shared: &Shared, grant: &Grant<'_, O>) -> Result<Node, Error> {
    let (Opened { file, is_alias }, stat) = opened(shared, grant)?;
    let facts = shared.root.facts(&stat);
    match root::file_type(&stat) {
        FileType::RegularFile => {
            let is_personal = is_alias || !shared.rules.shows(grant.path());
            Ok(Node::File(OpenFile { file, facts, is_personal }))
        }
        FileType::Directory => Ok(Node::Directory { modified: facts.modified }),
        _ => Err(Error::NotFound),
    }
}

/// Opens whatever is shared at this path.
pub(super) fn opened<O: Operation>(shared: &Shared, grant: &Grant<'_, O>) -> Result<(Opened, Stat), Error> {
    shared.rules.admit(grant)?;
    stale::retry(|| open_unclaimed(shared, grant))
}

/// Opens whatever has this path. An empty file may be a placeholder that claims the name for another file, or claimed
/// it until now. The client has not asked for the placeholder, so the path is opened again.
fn open_unclaimed<O: Operation>(shared: &Shared, grant: &Grant<'_, O>) -> Result<(Opened, Stat), Error> {
    let mut opened = open_once(shared, grant)?;
    for _ in 0..CLAIMS_IN_A_ROW {
        let (_, stat) = &opened;
        let is_there = || shared.root.glance(grant.path()).is_ok_and(|now| now.st_ino == stat.st_ino);
        if !shared.claims.may_be(stat) || is_there() {
            break;
        }
        opened = open_once(shared, grant)?;
    }
    Ok(opened)
}

fn open_once<O: Operation>(shared: &Shared, grant: &Grant<'_, O>) -> Result<(Opened, Stat), Error> {
    let opened = shared.root.open(grant)?;
    let stat = rustix::fs::fstat(&opened.file)?;
    if shared.claims.holds(&stat) { Err(Error::NotFound) } else { Ok((opened, stat)) }
}
