//! What is moved to another file system: it is copied, and then its old place is given up.

use std::ffi::CString;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};

use crate::access::{Grant, ToRemove};
use crate::durable::group::PendingSync;
use crate::folder::copy::place::of_source;
use crate::folder::copy::walk::{Found, SeenEntries, TreeWalk, read_link};
use crate::folder::error::Error;
use crate::folder::guard::Guard;
use crate::folder::place::Place;
use crate::folder::real_path::Judged;
use crate::folder::root::{self, Identity};
use crate::folder::shared::Shared;
use crate::folder::stale::MayBeStale as _;
use crate::folder::temporary_tree::TemporaryTree;
use crate::path::SharePath;

/// What is moved.
pub(super) struct MovedSource {
    place: Place,
    stat: Stat,
    lay_at: Option<SharePath>,
}

impl MovedSource {
    pub(super) fn find(shared: &Shared, from: &Grant<'_, ToRemove>, guard: Guard) -> Result<Self, Error> {
        let root = &shared.root;
        let (place, grant) = Place::find(root, from).map_err(of_source)?;
        if !place.has_directory() {
            return Err(Error::NotFound);
        }
        let Judged { real: lay_at, .. } = place.judge_in(root, place.nearest(), &grant)?;
        let stat = root::look_in(&**place.nearest(), place.name())?;
        if root::file_type(&stat) != FileType::Symlink {
            guard.check(Some(root.facts(&stat).version))?;
        }
        Ok(Self { place, stat, lay_at })
    }

    pub(super) fn is_directory(&self) -> bool {
        root::file_type(&self.stat) == FileType::Directory
    }

    /// The text of the link, if it is one.
    pub(super) fn link_text(&self) -> Result<Option<CString>, Error> {
        let is_link = root::file_type(&self.stat) == FileType::Symlink;
        Ok(is_link.then(|| read_link(&**self.place.nearest(), self.place.name())).transpose()?)
    }

    /// Opens the file itself.
    pub(super) fn open_file(&self) -> Result<File, Error> {
        if root::file_type(&self.stat) != FileType::RegularFile {
            return Err(Error::CannotCopy);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let name = self.place.name().as_bytes();
        Ok(File::from(fs::openat(&**self.place.nearest(), name, flags, Mode::empty())?))
    }

    /// Opens the directory itself.
    pub(super) fn open_directory(&self) -> Result<Dir, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = self.place.name().as_bytes();
        let handle = fs::openat(&**self.place.nearest(), name, flags, Mode::empty())?;
        Ok(Dir::from_std_file(handle.into()))
    }

    /// Fails if it is no longer what was copied: another client has changed it meanwhile.
    pub(super) fn ensure_unchanged(
        &self,
        shared: &Arc<Shared>,
        seen: Option<&SeenEntries>,
    ) -> Result<(), Error> {
        let Self { place, stat, .. } = self;
        let confirmed = place.confirm(&shared.root, place.nearest());
        let now = confirmed.and_then(|()| Ok(root::look_in(&**place.nearest(), place.name())?));
        let now = match now {
            Err(Error::NotFound) => return Err(Error::Changed),
            Err(error) if error.is_stale() => return Err(Error::Changed),
            now => now?,
        };
        let is_same = match seen {
            None => shared.root.facts(&now).version == shared.root.facts(stat).version,
            Some(seen) => Identity::of(&now) == Identity::of(stat) && self.is_as_seen(shared, seen)?,
        };
        if is_same { Ok(()) } else { Err(Error::Changed) }
    }

    fn is_as_seen(&self, shared: &Arc<Shared>, seen: &SeenEntries) -> Result<bool, Error> {
        let (top, path) = (self.open_directory()?, self.place.path());
        let mut walk = TreeWalk::begin(shared, top, path, None, seen.alike())?;
        while !matches!(walk.step()?, Found::End) {}
        Ok(walk.seen().is(seen))
    }

    /// Removes it: a directory first gets a name that nobody sees. Returns where it was.
    pub(super) fn give_up(self, shared: &Arc<Shared>) -> Result<(SharePath, Option<SharePath>), Error> {
        let Self { place, lay_at, .. } = &self;
        let dir = place.nearest();
        let names = shared.syncs().map(|syncs| syncs.begin(&**dir)).transpose()?;
        let tree = if self.is_directory() {
            Some(TemporaryTree::take(shared, dir, place.path())?)
        } else {
            fs::unlinkat(&**dir, place.name().as_bytes(), AtFlags::empty())?;
            None
        };
        names.map_or(Ok(()), PendingSync::finish)?;
        drop(tree);
        Ok((place.path().clone(), lay_at.clone()))
    }
}
