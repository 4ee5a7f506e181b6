//! One directory of the trash: `.wharf/trash` below the folder's root, or below the root of a mount in the folder.
//!
//! ```text
//! ID.json   the record of an entry; in the root's only
//! ID        its content: a file, a link, or a directory
//! ID.new    content whose move here was not finished: see `keep`
//! ID.gone   content that was discarded, and is being removed
//! ```
//!
//! A record is written before its content comes, and removed after it has gone. Content is removed only under the name
//! `ID.gone`. Content that has lost its record, or belongs to another server that shares the mount, is left alone. Only
//! this user may enter the directory, and no link is followed on the way to it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::SystemTime;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::id::TrashId;
use crate::durable::group::{RunsBefore, SyncedDirectory};
use crate::durable::rounds::RoundMember;
use crate::folder::error::Error;
use crate::folder::root::{self, OWN};
use crate::path::SharePath;

/// Its path below a root.
const TRASH: &str = "trash";

/// The ends of the names of content that does not belong to an entry yet, or no longer does.
pub(super) const NEW: &str = ".new";
pub(super) const GONE: &str = ".gone";

/// An open directory of the trash.
pub(in crate::folder) struct TrashStore {
    dir: Arc<Dir>,
    /// `None` if it is not made durable.
    synced: Option<SyncedDirectory>,
    /// The mount that this trash belongs to; `None` for the folder's root.
    away: Option<SharePath>,
}

impl TrashStore {
    /// Opens the trash of this directory.
    pub(super) fn open(above: &Dir, away: Option<SharePath>, durable: bool) -> Result<Self, Error> {
        let dir = root::enter(&root::enter(above, OWN)?, TRASH)?;
        let synced = durable.then(|| SyncedDirectory::open(&dir)).transpose()?;
        Ok(Self { dir: Arc::new(dir), synced, away })
    }

    /// Opens the trash of this directory, and makes it if it is missing. When this returns, the directories are on the
    /// disk.
    pub(super) fn make(above: &Dir, away: Option<SharePath>, durable: bool) -> Result<Self, Error> {
        match Self::open(above, away.clone(), durable) {
            Err(Error::NotFound) => {}
            other => return other,
        }
        let begin = |dir: &Dir| durable.then(|| SyncedDirectory::open(dir)).transpose();
        let finish = |synced: Option<SyncedDirectory>| {
            synced.map_or(Ok(()), |synced| synced.finish(synced.begin(), None))
        };
        let syncs = begin(above)?;
        root::make(above, OWN)?;
        finish(syncs)?;
        let own = root::enter(above, OWN)?;
        let syncs = begin(&own)?;
        root::make(&own, TRASH)?;
        finish(syncs)?;
        Self::open(above, away, durable)
    }

    /// The directory itself.
    pub(in crate::folder) fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// The mount that this trash belongs to; `None` for the folder's root.
    pub(super) fn away(&self) -> Option<&SharePath> {
        self.away.as_ref()
    }

    /// Call it before a change.
    pub(super) fn begin(&self) -> Option<RunsBefore> {
        self.synced.as_ref().map(SyncedDirectory::begin)
    }

    /// Makes a change durable, if it has to be.
    pub(super) fn sync(
        &self,
        begun: Option<RunsBefore>,
        member: Option<&RoundMember<'_>>,
    ) -> Result<(), Errno> {
        match (&self.synced, begun) {
            (Some(synced), Some(begun)) => synced.finish(begun, member),
            _ => Ok(()),
        }
    }

    /// The name of the content of an entry, and its `stat`.
    pub(in crate::folder) fn content(&self, id: TrashId) -> Result<(String, Stat), Errno> {
        let name = id.to_string();
        match self.look(&name) {
            Err(Errno::NOENT) => {
                let name = format!("{id}{NEW}");
                self.look(&name).map(|stat| (name, stat))
            }
            other => other.map(|stat| (name, stat)),
        }
    }

    /// When an entry was last added or removed.
    pub(super) fn changed(&self) -> Result<SystemTime, Error> {
        let metadata = self.dir.dir_metadata()?;
        Ok(metadata.modified()?.into_std())
    }

    fn look(&self, name: &str) -> Result<Stat, Errno> {
        fs::statat(&*self.dir, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    /// Renames something in it; nothing is replaced.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), Errno> {
        match fs::renameat_with(&*self.dir, from, &*self.dir, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => match self.look(to) {
                // The names are random, so nobody else makes this one now.
                Err(Errno::NOENT) => fs::renameat(&*self.dir, from, &*self.dir, to),
                Ok(_) => Err(Errno::EXIST),
                Err(error) => Err(error),
            },
            other => other,
        }
    }

    /// Renames something in it to a name in another directory that is free.
    pub(super) fn put_back(&self, from: &str, dir: &Dir, name: &OsStr) -> Result<(), Errno> {
        let name = name.as_bytes();
        match fs::renameat_with(&*self.dir, from, dir, name, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => fs::renameat(&*self.dir, from, dir, name),
            other => other,
        }
    }

    /// Removes a file.
    pub(super) fn unlink(&self, name: &str) -> Result<(), Errno> {
        fs::unlinkat(&*self.dir, name, AtFlags::empty())
    }
}
