//! Everything below a directory, one step at a time.
//!
//! A [`Walk`] looks at one entry per call, so the caller may stop after any of them and continue later. Of each
//! directory, it shows the same entries as [`Folder::scan`](super::Folder::scan). It skips hidden and reserved names,
//! devices, links that lead out or nowhere, and entries that its principal may not list or read. A link to a file
//! counts as that file. A link to a directory is skipped: following it could loop, or show the same files again.
//!
//! One directory is open at a time, and entries come in the order of the disk. A walk stores only the paths of
//! directories that it has seen and not entered yet; [`WAITING_LIMIT`] bounds their memory.

use super::entries::Entries;
use super::error::Error;
use super::open::{self, Node, OpenFile};
use super::root;
use super::shared::Shared;
use super::stale;
use crate::access::{Grant, Judge, ToArchive, ToList};
use crate::blocking::Blocking;
use crate::path::SharePath;
use rustix::fs::FileType;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

/// Memory for the paths of directories seen and not entered yet, in bytes: enough for a few hundred thousand
/// directories in one directory.
const WAITING_LIMIT: usize = 16 << 20;

/// A walk through everything below a directory.
#[derive(Debug)]
pub struct Walk {
    shared: Arc<Shared>,
    judge: Judge,
    /// The first directory, until it is entered.
    start: Option<Here>,
    here: Option<Here>,
    waiting: Waiting,
}

/// The directory that is being read.
#[derive(Debug)]
struct Here {
    path: SharePath,
    entries: Entries,
}

/// The result of one step.
#[derive(Debug)]
pub enum WalkStep {
    /// A directory; its entries come next. The first is the one where the walk begins.
    Directory {
        /// Its path in the folder.
        path: SharePath,
        /// When an entry was last created, removed or renamed.
        modified: SystemTime,
    },
    /// A file.
    File {
        /// Its path in the folder.
        path: SharePath,
        /// Open for reading, and its facts.
        open: OpenFile,
    },
    /// An entry that cannot be read, or that was removed meanwhile.
    Lost(SharePath, Error),
    /// Nothing to show; the walk continues.
    Nothing,
    /// The walk is complete.
    End,
}

impl Walk {
    /// Starts at this directory, which must exist.
    pub(super) fn begin(shared: Arc<Shared>, grant: &Grant<'_, ToList>, judge: Judge) -> Result<Self, Error> {
        let path = grant.path();
        let entries = stale::retry(|| shared.root.entries(grant))?;
        let start = Here { path: path.clone(), entries };
        Ok(Self { shared, judge, start: Some(start), here: None, waiting: Waiting::default() })
    }

    /// Looks at one more entry. Fails only on a system error that is not about this entry.
    pub fn step(&mut self, _: Blocking<'_>) -> Result<WalkStep, Error> {
        let Some(here) = &mut self.here else { return self.enter() };
        match here.entries.next() {
            None => {
                self.here = None;
                Ok(WalkStep::Nothing)
            }
            Some(entry) => {
                let entry = entry?;
                let kind = here.entries.kind(&entry);
                let name = entry.name;
                let Ok(path) = here.path.join(&name) else { return Ok(WalkStep::Nothing) };
                if !self.shared.rules.lists(&name) {
                    return Ok(WalkStep::Nothing);
                }
                self.see(&path, kind)
            }
        }
    }

    /// Enters the next directory.
    fn enter(&mut self) -> Result<WalkStep, Error> {
        let here = if let Some(start) = self.start.take() {
            start
        } else {
            let Some(path) = self.waiting.pop() else { return Ok(WalkStep::End) };
            let Ok(grant) = self.judge.check::<ToList>(&path) else { return Ok(WalkStep::Nothing) };
            match stale::retry(|| self.shared.root.entries_no_link(&grant)) {
                Ok(entries) => Here { path, entries },
                Err(error) => return lost(path, error),
            }
        };
        let stat = rustix::fs::fstat(here.entries.handle()).map_err(Error::from)?;
        let (path, modified) = (here.path.clone(), self.shared.root.facts(&stat).modified);
        self.here = Some(here);
        Ok(WalkStep::Directory { path, modified })
    }

    /// Looks at the entry with this path and type.
    fn see(&mut self, path: &SharePath, kind: FileType) -> Result<WalkStep, Error> {
        let rules = &self.shared.rules;
        match kind {
            FileType::Directory
                if self.judge.check::<ToList>(path).is_ok_and(|grant| rules.shares(&grant)) =>
            {
                self.waiting.push(path).map(|()| WalkStep::Nothing)
            }
            FileType::RegularFile | FileType::Symlink => {
                let grant = self.judge.check::<ToArchive>(path);
                let Some(grant) = grant.ok().filter(|grant| rules.shares(grant)) else {
                    return Ok(WalkStep::Nothing);
                };
                if kind == FileType::Symlink && !self.leads_to_file(&grant) {
                    return Ok(WalkStep::Nothing);
                }
                self.open(&grant)
            }
            _ => Ok(WalkStep::Nothing),
        }
    }

    /// Whether a link leads to a file in the folder. A device must not be opened to find out: that could activate it.
    fn leads_to_file(&self, grant: &Grant<'_, ToArchive>) -> bool {
        let stat = stale::retry(|| self.shared.root.look(grant));
        stat.is_ok_and(|stat| root::file_type(&stat) == FileType::RegularFile)
    }

    fn open(&self, grant: &Grant<'_, ToArchive>) -> Result<WalkStep, Error> {
        let path = grant.path().clone();
        match open::open(&self.shared, grant) {
            Ok(Node::File(open)) => Ok(WalkStep::File { path, open }),
            // It became a directory after its name was read.
            Ok(Node::Directory { .. }) => Ok(WalkStep::Nothing),
            Err(error) => lost(path, error),
        }
    }
}

/// An error about this path alone does not end the walk.
fn lost(path: SharePath, error: Error) -> Result<WalkStep, Error> {
    match error {
        Error::Io(_) => Err(error),
        error => Ok(WalkStep::Lost(path, error)),
    }
}

/// The paths of directories that were seen and not entered yet, the last one first. Each ends with a NUL, which no path
/// contains.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<u8>);

impl Waiting {
    pub(super) fn push(&mut self, path: &SharePath) -> Result<(), Error> {
        let bytes = path.as_bytes();
        if self.0.len() + bytes.len() >= WAITING_LIMIT {
            let what = "too many directories in one directory";
            return Err(Error::Io(io::Error::new(io::ErrorKind::OutOfMemory, what)));
        }
        self.0.extend_from_slice(bytes);
        self.0.push(0);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<SharePath> {
        let end = self.0.len().checked_sub(1)?;
        let start = self.0[..end].iter().rposition(|&byte| byte == 0).map_or(0, |nul| nul + 1);
        let path = SharePath::parse(&self.0[start..end]).ok();
        self.0.truncate(start);
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_directory_seen_is_entered_first() {
        let mut waiting = Waiting::default();
        let paths = [&b"a"[..], b"a/b", b"\xff", b"c d/e"].map(|text| SharePath::parse(text).expect("legal"));
        for path in &paths {
            waiting.push(path).expect("room");
        }
        let back: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        assert!(back.iter().eq(paths.iter().rev()), "{back:?}");
    }

    #[test]
    fn memory_for_paths_is_bounded() {
        let mut waiting = Waiting::default();
        let path = SharePath::parse(&[b'a'; 250]).expect("legal");
        let taken = std::iter::from_fn(|| waiting.push(&path).ok()).count();
        assert!(waiting.0.len() <= WAITING_LIMIT && taken >= WAITING_LIMIT / 251 - 1, "{taken}");
        assert_eq!(waiting.pop(), Some(path), "the earlier paths are kept");
    }
}
