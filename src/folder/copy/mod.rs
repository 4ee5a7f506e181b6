//! Copies a file or a directory, in pieces; moves what has to get to another file system.
//!
//! A copy is not visible before it is complete. A file becomes visible as an upload does: whole, with the same rules for its
//! name. A directory is built under a temporary name beside its target, and gets its name by one rename. Dropped before that, a
//! copy leaves nothing.
//!
//! The copy of a directory shows the directory at one moment. Before the copy gets its name, the names in the source
//! and the times of its directories are compared with those that were found first. If another program writes to a file
//! in place meanwhile, the copy may contain old and new bytes.
//!
//! A move copies the source first, and then removes it. If it stops in between, both remain.
//!
//! Knows nothing of requests or jobs.

mod complete;
mod content;
mod file;
mod link;
mod place;
mod source;
mod tree;
mod walk;

use std::fmt;
use std::sync::Arc;

use super::arrive::{IfTaken, NewName};
use super::commit::Saved;
use super::error::Error;
use super::guard::Guard;
use super::open::{self, Node};
#[cfg(feature = "dav")]
use super::property_files::ClientHash;
use super::remover::Remover;
use super::rename::{Moved, refuse_nested};
use super::shared::Shared;
use crate::access::{Grant, Judge, ToList, ToRead, ToRemove, ToWrite};
use crate::blocking::Blocking;
use crate::path::SharePath;
use file::FileCopy;
use link::LinkCopy;
pub use place::Extent;
use source::MovedSource;
use tree::TreeCopy;
use walk::SeenEntries;

/// Something that is being copied. If it is dropped before its end, nothing is left.
pub struct Copying {
    shared: Arc<Shared>,
    from: SharePath,
    to: Arc<Grant<'static, ToWrite>>,
    conflict: IfTaken,
    remover: Remover,
    work: Work,
    /// The source, if it is moved and has to be removed.
    source: Option<MovedSource>,
}

enum Work {
    File(FileCopy),
    Link(LinkCopy),
    Tree(Box<TreeCopy>),
}

impl Work {
    /// What was found in the source, if the source is a directory.
    fn seen(&self) -> Option<&SeenEntries> {
        match self {
            Self::File(_) | Self::Link(_) => None,
            Self::Tree(tree) => Some(tree.seen()),
        }
    }
}

/// What was copied, or moved by copying.
#[derive(Debug)]
pub enum Relocated {
    /// Both the source and the copy exist now.
    Copied {
        /// The copy; its size is the total of all its files.
        saved: Saved,
        /// Whether it is a directory.
        is_directory: bool,
    },
    /// Only the new place has it now.
    Moved(Moved),
}

impl Copying {
    /// Begins a copy, as [`Folder::copy`](super::Folder::copy) says.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        from: &Grant<'_, ToRead>,
        judge: &Judge,
        extent: Extent,
        wanted: NewName<'_>,
    ) -> Result<Self, Error> {
        if shared.rules.read_only {
            return Err(Error::ReadOnly);
        }
        let node = open::open(shared, from).map_err(Error::of_source)?;
        shared.rules.admit_new(wanted.to)?;
        refuse_nested(from.path(), wanted.to.path())?;
        let work = match node {
            Node::File(open) => Work::File(FileCopy::begin(shared, open.file, wanted, false)?),
            Node::Directory { .. } => {
                let list: Grant<'_, ToList> = judge.check(from.path())?;
                let top = shared.root.top(&list)?;
                let path = from.path().clone();
                let judge = Some(judge.clone());
                let tree = TreeCopy::begin(shared, top, &path, judge, extent, wanted)?;
                Work::Tree(Box::new(tree))
            }
        };
        Ok(Self::new(shared, from.path(), wanted, work, None))
    }

    /// Begins to move something to another file system, as [`Folder::move_by_copy`](super::Folder::move_by_copy) says.
    pub(super) fn begin_move(
        shared: &Arc<Shared>,
        from: &Grant<'_, ToRemove>,
        guard: Guard,
        wanted: NewName<'_>,
    ) -> Result<Self, Error> {
        shared.stays()?;
        let source = MovedSource::find(shared, from, guard)?;
        let work = if let Some(text) = source.link_text()? {
            Work::Link(LinkCopy::begin(shared, &text, wanted.to)?)
        } else if source.is_directory() {
            let (top, path) = (source.open_directory()?, from.path());
            let tree = TreeCopy::begin(shared, top, path, None, Extent::Everything, wanted)?;
            Work::Tree(Box::new(tree))
        } else {
            Work::File(FileCopy::begin(shared, source.open_file()?, wanted, true)?)
        };
        Ok(Self::new(shared, from.path(), wanted, work, Some(source)))
    }

    fn new(
        shared: &Arc<Shared>,
        from: &SharePath,
        wanted: NewName<'_>,
        work: Work,
        source: Option<MovedSource>,
    ) -> Self {
        let NewName { to, conflict, remover } = wanted;
        let to = Arc::new(to.clone().into_owned());
        Self {
            shared: Arc::clone(shared),
            from: from.clone(),
            to,
            conflict,
            remover: remover.clone(),
            work,
            source,
        }
    }

    /// Copies the next piece. Returns what was copied once that is complete; `None` if there is more to do. After an error,
    /// nothing is left, and it can only be dropped.
    pub fn step(&mut self, _: Blocking<'_>) -> Result<Option<Relocated>, Error> {
        let Self { shared, to, conflict, remover, work, source, .. } = self;
        shared.was_not_replaced()?;
        let is_copied = match work {
            Work::File(file) => file.copy(shared)?,
            Work::Link(_) => true,
            Work::Tree(tree) => tree.copy(shared)?,
        };
        if !is_copied {
            return Ok(None);
        }
        if let Some(source) = source {
            source.ensure_unchanged(shared, work.seen())?;
        }
        let is_directory = matches!(work, Work::Tree(_));
        let wanted = NewName { to, conflict: *conflict, remover };
        let saved = match work {
            Work::File(file) => file.finish(shared, wanted)?,
            Work::Link(link) => link.finish(shared, wanted)?,
            Work::Tree(tree) => tree.finish(shared, wanted)?,
        };
        let relocated = match source.take() {
            None => Relocated::Copied { saved, is_directory },
            Some(source) => {
                let (from, lay_at) = source.give_up(shared, work.seen())?;
                let Saved { path, asked_for, lies_at, created, kept, size, .. } = saved;
                Relocated::Moved(Moved {
                    from,
                    lay_at,
                    path,
                    asked_for,
                    lies_at,
                    is_directory,
                    size,
                    created,
                    kept,
                })
            }
        };
        #[cfg(feature = "dav")]
        self.take_properties_along(&relocated);
        Ok(Some(relocated))
    }

    /// Does for properties in files what was done for those in attributes.
    #[cfg(feature = "dav")]
    fn take_properties_along(&self, relocated: &Relocated) {
        let Self { shared, from, remover, .. } = self;
        match relocated {
            Relocated::Copied { saved, is_directory } => {
                let client = ClientHash::of(&remover.share);
                shared.properties_copied(from, saved, *is_directory, &client);
            }
            Relocated::Moved(moved) => shared.properties_moved(moved),
        }
    }
}

impl fmt::Debug for Copying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copying")
            .field("from", &self.from)
            .field("to", self.to.path())
            .finish_non_exhaustive()
    }
}
