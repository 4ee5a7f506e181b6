//! Everything below a directory, one step at a time.
//!
//! A [`Walk`] looks at one entry per call, so the caller may stop after any of them and continue later. Of each
//! directory, it shows the same entries as [`Folder::scan`](super::Folder::scan). It skips hidden and reserved names,
//! devices, links that lead out or nowhere, and entries that its principal may not list or read. A link to a file
//! counts as that file. A link to a directory is skipped: following it could loop, or show the same files again.
//!
//! A walk can also show only chosen entries of its first directory, and everything below them. A link to a directory is followed
//! if it was chosen.
//!
//! One directory is open at a time, and entries come in the order of the disk. A walk stores only the paths of
//! directories that it has seen and not entered yet; [`WAITING_LIMIT`] bounds their memory.

use super::entries::Entries;
use super::error::Error;
use super::open::{self, Node, OpenFile};
use super::root;
use super::shared::Shared;
use super::stale;
use crate::access::{Grant, Judge, Operation, ToArchive, ToList};
use crate::blocking::Blocking;
use crate::path::SharePath;
use rustix::fs::FileType;
use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;
use std::vec;

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
    /// The entries of the first directory to which the walk is limited.
    chosen: Option<Chosen>,
    here: Option<Here>,
    waiting: Waiting,
}

/// The directory that is being read.
#[derive(Debug)]
struct Here {
    path: SharePath,
    entries: Entries,
}

/// Names of entries in a directory.
#[derive(Debug)]
struct Chosen {
    directory: SharePath,
    names: vec::IntoIter<OsString>,
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
    /// There is no such entry among the chosen ones, or the principal may not list or read it.
    Missing(OsString),
    /// Nothing to show; the walk continues.
    Nothing,
    /// The walk is complete.
    End,
}

impl Walk {
    /// Starts at this directory, which must exist. With `chosen`, only these of its entries are shown.
    pub(super) fn begin(
        shared: Arc<Shared>,
        grant: &Grant<'_, ToList>,
        chosen: Option<Vec<OsString>>,
        judge: Judge,
    ) -> Result<Self, Error> {
        let path = grant.path();
        let entries = stale::retry(|| shared.root.entries(grant))?;
        let chosen = chosen.map(|names| Chosen { directory: path.clone(), names: names.into_iter() });
        let start = Some(Here { path: path.clone(), entries });
        Ok(Self { shared, judge, start, chosen, here: None, waiting: Waiting::default() })
    }

    /// Looks at one more entry. Fails only on a system error that is not about this entry.
    pub fn step(&mut self, _: Blocking<'_>) -> Result<WalkStep, Error> {
        let Some(here) = &mut self.here else {
            let next = self.chosen.as_mut().filter(|_| self.start.is_none()).and_then(Chosen::next);
            return match next {
                Some((path, name)) => self.see_chosen(path, name),
                None => self.enter(),
            };
        };
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
        if let Some(start) = self.start.take() {
            let step = self.enter_at(start);
            if self.chosen.is_some() {
                self.here = None;
            }
            return step;
        }
        let Some(path) = self.waiting.pop() else { return Ok(WalkStep::End) };
        let Ok(grant) = self.judge.check::<ToList>(&path) else { return Ok(WalkStep::Nothing) };
        match stale::retry(|| self.shared.root.entries_no_link(&grant)) {
            Ok(entries) => self.enter_at(Here { path, entries }),
            Err(error) => lost(path, error),
        }
    }

    /// Shows this directory; its entries come next.
    fn enter_at(&mut self, here: Here) -> Result<WalkStep, Error> {
        let stat = rustix::fs::fstat(here.entries.handle()).map_err(Error::from)?;
        let (path, modified) = (here.path.clone(), self.shared.root.facts(&stat).modified);
        self.here = Some(here);
        Ok(WalkStep::Directory { path, modified })
    }

    /// Looks at a chosen entry.
    fn see_chosen(&mut self, path: Option<SharePath>, name: OsString) -> Result<WalkStep, Error> {
        let Some(path) = path.filter(|_| self.shared.rules.lists(&name)) else {
            return Ok(WalkStep::Missing(name));
        };
        if let Some(grant) = self.shared_grant::<ToList>(&path) {
            match stale::retry(|| self.shared.root.entries(&grant)) {
                Ok(entries) => return self.enter_at(Here { path, entries }),
                Err(error @ Error::Io(_)) => return Err(error),
                Err(_) => {}
            }
        }
        let Some(grant) = self.shared_grant::<ToArchive>(&path).filter(|grant| self.leads_to_file(grant))
        else {
            return Ok(WalkStep::Missing(name));
        };
        match self.open(&grant)? {
            step @ WalkStep::File { .. } => Ok(step),
            _ => Ok(WalkStep::Missing(name)),
        }
    }

    /// The grant for this path, if it is shared with the principal.
    fn shared_grant<'p, O: Operation>(&self, path: &'p SharePath) -> Option<Grant<'p, O>> {
        self.judge.check::<O>(path).ok().filter(|grant| self.shared.rules.shares(grant))
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

impl Chosen {
    /// The path and the name of the next entry. Something that cannot be a name has no path.
    fn next(&mut self) -> Option<(Option<SharePath>, OsString)> {
        let name = self.names.next()?;
        let path = self.directory.join(&name).ok().filter(|path| path.name() == Some(name.as_os_str()));
        Some((path.filter(|_| !name.is_empty()), name))
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
