//! The shared entries of a directory.

use super::entries::Entries;
use super::error::Error;
use super::facts::Facts;
#[cfg(feature = "dav")]
use super::properties;
use super::root::{self, Root};
use super::shared::Shared;
use super::stale;
use crate::access::{Grant, ToList};
use crate::blocking::Blocking;
use crate::path::{LONGEST_PATH, LONGEST_SEGMENT, SharePath};
use rustix::fs::{FileType, Stat};
#[cfg(feature = "dav")]
use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::hash::{BuildHasher as _, RandomState};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

/// An entry of a listing, which can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    /// The last segment of its path.
    pub name: OsString,
    /// Its type, or that of the link's target.
    pub kind: EntryKind,
    /// When its content last changed.
    pub modified: SystemTime,
}

/// The type of an entry. Directories sort before files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Its size in bytes.
        len: u64,
    },
}

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its type.
    pub kind: EntryKind,
    /// Its metadata.
    pub facts: Facts,
}

/// Reads a directory, in the order of the disk.
#[derive(Debug)]
pub struct Scan {
    shared: Arc<Shared>,
    grant: Grant<'static, ToList>,
    entries: Entries,
    /// Whether each entry is shown whose name does not begin with a dot: nothing else depends on its path.
    shows_usual_names: bool,
    /// Whether any entry may have properties; found out when they are first asked for.
    #[cfg(feature = "dav")]
    has_properties: OnceCell<bool>,
}

/// A name in a directory. It is not checked yet whether the entry is shared.
#[derive(Debug)]
pub struct Candidate {
    name: OsString,
    kind: FileType,
}

impl Scan {
    pub(super) fn begin(shared: Arc<Shared>, grant: &Grant<'_, ToList>) -> Result<Self, Error> {
        let entries = stale::retry(|| shared.root.entries(grant))?;
        Ok(Self::of(shared, grant, entries))
    }

    /// Like [`Scan::begin`], but fails if a link has the name.
    pub(super) fn begin_no_link(shared: Arc<Shared>, grant: &Grant<'_, ToList>) -> Result<Self, Error> {
        let entries = stale::retry(|| shared.root.entries_no_link(grant))?;
        Ok(Self::of(shared, grant, entries))
    }

    fn of(shared: Arc<Shared>, grant: &Grant<'_, ToList>, entries: Entries) -> Self {
        let grant = grant.clone().into_owned();
        let has_room = |path: &SharePath| path.as_bytes().len() + 1 + LONGEST_SEGMENT <= LONGEST_PATH;
        let shows_usual_names = !grant.depends_on_path()
            && [Some(grant.path()), entries.real()].into_iter().flatten().all(has_room)
            && shared.rules.shares_entry(&grant, grant.path(), entries.real());
        Self {
            shared,
            grant,
            entries,
            shows_usual_names,
            #[cfg(feature = "dav")]
            has_properties: OnceCell::new(),
        }
    }

    /// The entry of this name; `None` if it is not shared, must not be shown to the principal, or was removed. A name that
    /// begins with a dot needs [`Rules::hidden`](super::Rules::hidden), whoever asks.
    pub fn look(&self, candidate: Candidate, _: Blocking<'_>) -> Option<DirEntry> {
        if !self.shared.rules.lists(&candidate.name) {
            return None;
        }
        let Candidate { name, kind } = candidate;
        let Description { kind, facts } = self.described(&name, kind)?;
        Some(DirEntry { name, kind, modified: facts.modified })
    }

    /// The next entry that is shared and may be shown to the principal, with everything that is known about it; `None` at the end. `name` is set
    /// to its name. A user with the right `edit` also gets names that begin with a dot: clients that have the folder as a
    /// drive made them, and need them.
    #[cfg(feature = "dav")]
    pub fn describe_next(
        &mut self,
        name: &mut OsString,
        _: Blocking<'_>,
    ) -> Result<Option<Description>, Error> {
        loop {
            let Some((found, kind)) = self.entries.next_name().transpose()? else { return Ok(None) };
            name.clear();
            name.push(found);
            let found = self.described(name, kind);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    /// The properties that clients keep with the entry of this name; `None` if the principal may not read the entry.
    #[cfg(feature = "dav")]
    pub fn properties(&self, name: &OsStr, _: Blocking<'_>) -> Option<Vec<u8>> {
        if !*self.has_properties.get_or_init(|| self.shared.may_have_properties()) {
            return None;
        }
        let real = self.entries.real().map(|real| real.join(name)).transpose().ok()?;
        let path = self.grant.path().join(name).ok()?;
        if ![Some(&path), real.as_ref()].into_iter().flatten().all(|path| self.grant.lets_read(path)) {
            return None;
        }
        properties::read_entry(self.entries.handle(), name)
            .or_else(|| self.shared.stored_properties_below(self.entries.handle(), name))
    }

    fn described(&self, name: &OsStr, kind: FileType) -> Option<Description> {
        let shared = &self.shared;
        let is_usual = name.len() <= LONGEST_SEGMENT && !name.as_bytes().starts_with(b".");
        let is_shown = (self.shows_usual_names && is_usual) || self.shows(name);
        if !is_shown {
            return None;
        }
        let stat = match kind {
            FileType::RegularFile | FileType::Directory => root::look_in(self.entries.handle(), name).ok()?,
            // Resolved from the root, because the link may lead up and still stay inside.
            FileType::Symlink => {
                let path = self.grant.path().join(name).ok()?;
                shared.root.look(&self.grant.entry(&path).ok()?).ok()?
            }
            _ => return None,
        };
        let stat = if shared.claims.may_be(&stat) { self.settled(name, &stat)? } else { stat };
        let facts = shared.root.facts(&stat);
        let kind = kind_of(&stat, facts)?;
        Some(Description { kind, facts })
    }

    /// Whether an entry of this name is shared and may be shown to the principal.
    fn shows(&self, name: &OsStr) -> bool {
        let Ok(path) = self.grant.path().join(name) else { return false };
        let Ok(real) = self.entries.real().map(|real| real.join(name)).transpose() else { return false };
        self.shared.rules.shares_entry(&self.grant, &path, real.as_ref())
            && [Some(&path), real.as_ref()].into_iter().flatten().all(|path| self.grant.shows(path))
    }

    /// The facts of the file that has the name now. The empty file that was found may only have claimed the name for a
    /// file that is being saved.
    fn settled(&self, name: &OsStr, stat: &Stat) -> Option<Stat> {
        if self.shared.claims.holds(stat) {
            return None;
        }
        let now = root::look_in(self.entries.handle(), name).ok()?;
        if root::file_type(&now) == FileType::Symlink { Some(*stat) } else { Some(now) }
    }
}

/// The names in the directory.
impl Iterator for Scan {
    type Item = Result<Candidate, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        Some(entry.map_err(Error::from).map(|entry| {
            let kind = self.entries.kind(&entry);
            Candidate { name: entry.name, kind }
        }))
    }
}

impl Candidate {
    /// The name.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// Whether it is a directory, if that is known without a system call.
    pub fn is_directory(&self) -> Option<bool> {
        match self.kind {
            FileType::Directory => Some(true),
            FileType::RegularFile => Some(false),
            _ => None,
        }
    }
}

/// A hash of the directory's device and inode, with a key of this process, so that it reveals neither.
pub(super) fn id(root: &Root, grant: &Grant<'_, ToList>) -> Result<String, Error> {
    static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let stat = root.look(grant)?;
    Ok(format!("{:016x}", KEY.hash_one((stat.st_dev, stat.st_ino))))
}

pub(super) fn kind_of(stat: &Stat, facts: Facts) -> Option<EntryKind> {
    match root::file_type(stat) {
        FileType::RegularFile => Some(EntryKind::File { len: facts.len }),
        FileType::Directory => Some(EntryKind::Directory),
        _ => None,
    }
}
