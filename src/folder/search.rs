//! The entries below a directory whose names are wanted, the nearest first, one step at a time.
//!
//! A [`Search`] shows what a listing of each directory would show ([`Scan`]). It enters the directories that its principal may
//! list, but no links: following them could loop, or show the same files again. A name that is not wanted costs no system
//! call, unless the file system does not tell the types of entries.
//!
//! One directory is open at a time. The names of directories that were seen and not entered yet are in memory;
//! [`WAITING_LIMIT`] bounds it. A directory that cannot be read is skipped.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use super::error::Error;
use super::listing::{Candidate, DirEntry, Scan};
use super::shared::Shared;
use crate::access::{Grant, Judge, ToList};
use crate::blocking::Blocking;
use crate::path::{LONGEST_PATH, SharePath};

/// Memory for the names of directories seen and not entered yet, in bytes: enough for a few hundred thousand.
const WAITING_LIMIT: usize = 4 << 20;

/// Directories this many levels below the first are not entered. Real trees are not so deep.
const DEEPEST: usize = 100;

/// A search below a directory.
#[derive(Debug)]
pub struct Search {
    shared: Arc<Shared>,
    judge: Judge,
    /// The path of the directory where it begins.
    start: SharePath,
    here: Option<Here>,
    waiting: Waiting,
    left_out: bool,
}

/// The directory that is being read.
#[derive(Debug)]
struct Here {
    scan: Scan,
    /// The directories in it, which are entered later.
    group: Group,
}

/// The result of one step.
#[derive(Debug)]
pub enum SearchStep {
    /// An entry that is wanted.
    Found {
        /// The path of its directory, relative to the directory where the search begins.
        directory: SharePath,
        /// The entry.
        entry: DirEntry,
    },
    /// Nothing; the search continues.
    Nothing,
    /// A directory was read completely. The next step may wait until another one is opened.
    DirectoryDone,
    /// The search is complete.
    End,
}

impl Search {
    /// Starts in this directory, which must exist.
    pub(super) fn begin(shared: Arc<Shared>, grant: &Grant<'_, ToList>, judge: Judge) -> Result<Self, Error> {
        let scan = Scan::begin(Arc::clone(&shared), grant)?;
        let here = Here { scan, group: Group::of(SharePath::root()) };
        Ok(Self {
            shared,
            judge,
            start: grant.path().clone(),
            here: Some(here),
            waiting: Waiting::default(),
            left_out: false,
        })
    }

    /// Whether directories were left out because they are too many or too deep.
    pub fn has_left_out(&self) -> bool {
        self.left_out
    }

    /// Looks at one more name. `wants` gets the path of its directory, relative to the directory where the search begins.
    pub fn step(
        &mut self,
        wants: impl FnOnce(&SharePath, &Candidate) -> bool,
        disk: Blocking<'_>,
    ) -> SearchStep {
        let Some(here) = &mut self.here else { return self.enter(disk) };
        let candidate = match here.scan.next() {
            Some(Ok(candidate)) => candidate,
            // The rest of a directory that cannot be read further is skipped.
            Some(Err(_)) => {
                self.left_out = true;
                return self.leave();
            }
            None => return self.leave(),
        };
        if !self.shared.rules.lists(candidate.name()) {
            return SearchStep::Nothing;
        }
        if candidate.is_directory() == Some(true) {
            self.left_out |= !self.waiting.admit(&mut here.group, candidate.name());
        }
        if !wants(&here.group.parent, &candidate) {
            return SearchStep::Nothing;
        }
        match here.scan.look(candidate, disk) {
            Some(entry) => SearchStep::Found { directory: here.group.parent.clone(), entry },
            None => SearchStep::Nothing,
        }
    }

    fn leave(&mut self) -> SearchStep {
        if let Some(here) = self.here.take() {
            self.waiting.push(here.group);
        }
        SearchStep::DirectoryDone
    }

    /// Enters the next directory, if the principal may list it and it can be read.
    fn enter(&mut self, _: Blocking<'_>) -> SearchStep {
        let Some(below) = self.waiting.pop() else { return SearchStep::End };
        self.here = self.open(&below).map(|scan| Here { scan, group: Group::of(below) });
        SearchStep::Nothing
    }

    fn open(&mut self, below: &SharePath) -> Option<Scan> {
        let segments = self.start.segments().chain(below.segments()).map(OsStrExt::as_bytes);
        let path = SharePath::from_segments(segments).ok()?;
        let grant = self.judge.check::<ToList>(&path).ok()?;
        self.shared.rules.admit(&grant).ok()?;
        match Scan::begin_no_link(Arc::clone(&self.shared), &grant) {
            Ok(scan) => Some(scan),
            // It was removed or replaced meanwhile.
            Err(Error::NotFound | Error::NotDirectory | Error::NoRight(_)) => None,
            Err(_) => {
                self.left_out = true;
                None
            }
        }
    }
}

/// The directories that were seen and not entered yet, the first one first: each with the names of those in it.
#[derive(Debug, Default)]
struct Waiting {
    groups: VecDeque<Group>,
    bytes: usize,
}

/// Directories in one directory.
#[derive(Debug)]
struct Group {
    parent: SharePath,
    /// Each ends with a NUL, which no name contains.
    names: Vec<u8>,
    /// How many bytes of the names have been taken.
    taken: usize,
}

impl Group {
    fn of(parent: SharePath) -> Self {
        Self { parent, names: Vec::new(), taken: 0 }
    }

    /// How much memory it needs.
    fn weight(&self) -> usize {
        size_of::<Self>() + self.parent.as_bytes().len() + self.names.len()
    }
}

impl Waiting {
    /// Adds a directory to a group that will be pushed. False if it is left out.
    fn admit(&self, group: &mut Group, name: &OsStr) -> bool {
        let weight = group.weight() + name.len() + 1;
        let is_long = group.parent.as_bytes().len() + 1 + name.len() > LONGEST_PATH;
        if is_long || self.bytes + weight > WAITING_LIMIT || group.parent.segments().count() >= DEEPEST {
            return false;
        }
        group.names.extend_from_slice(name.as_bytes());
        group.names.push(0);
        true
    }

    /// Adds the directories of a group.
    fn push(&mut self, mut group: Group) {
        if !group.names.is_empty() {
            group.names.shrink_to_fit();
            self.bytes += group.weight();
            self.groups.push_back(group);
        }
    }

    /// The next directory. Those whose path is too long are skipped.
    fn pop(&mut self) -> Option<SharePath> {
        loop {
            let group = self.groups.front_mut()?;
            let rest = group.names.get(group.taken..).unwrap_or_default();
            let end = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
            let below = group.parent.join(OsStr::from_bytes(rest.get(..end).unwrap_or_default()));
            group.taken += end + 1;
            if group.taken >= group.names.len() {
                self.bytes -= group.weight();
                self.groups.pop_front();
            }
            if let Ok(below) = below {
                return Some(below);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> SharePath {
        SharePath::parse(text.as_bytes()).expect("legal")
    }

    /// Adds directories; returns whether all were added.
    fn push(waiting: &mut Waiting, parent: &SharePath, names: &[&[u8]]) -> bool {
        let mut group = Group::of(parent.clone());
        let all = names.iter().all(|name| waiting.admit(&mut group, OsStr::from_bytes(name)));
        waiting.push(group);
        all
    }

    #[test]
    fn the_first_directory_seen_is_entered_first() {
        let mut waiting = Waiting::default();
        assert!(push(&mut waiting, &path(""), &[b"a", b"b c"]) && push(&mut waiting, &path("a"), &[]));
        assert!(push(&mut waiting, &path("a"), &[b"\xff"]));
        let all: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        let last = SharePath::parse(b"a/\xff").expect("legal");
        assert_eq!(all, [path("a"), path("b c"), last]);
        assert_eq!(waiting.bytes, 0);
    }

    #[test]
    fn memory_and_depth_are_bounded() {
        let mut waiting = Waiting::default();
        let names = vec![[b'n'; 255].as_slice(); 1000];
        let pushed = (0..100).take_while(|_| push(&mut waiting, &path("x"), &names)).count();
        assert!((10..20).contains(&pushed) && waiting.bytes <= WAITING_LIMIT, "{pushed}");
        assert!(waiting.pop().is_some(), "the earlier ones are kept");
        let deep = path(&"d/".repeat(DEEPEST));
        assert!(!push(&mut Waiting::default(), &deep, &[b"n"]));
        assert!(push(&mut Waiting::default(), &deep.parent().expect("above"), &[b"n"]));
    }

    #[test]
    fn a_path_that_is_too_long_is_left_out() {
        let mut waiting = Waiting::default();
        let long = path(&["d".repeat(250), "/".to_owned()].concat().repeat(16));
        assert!(!push(&mut waiting, &long, &[&[b'n'; 200]]), "the search is not complete");
        assert!(push(&mut waiting, &long, &[b"m"]));
        assert!(waiting.pop().is_some_and(|below| below.as_bytes().ends_with(b"/m")));
        assert!(waiting.pop().is_none());
    }
}
