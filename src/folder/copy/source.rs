//! The source of a move to another file system: it is copied, and then removed.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, Stat};

use crate::access::{Grant, ToRemove};
use crate::durable::group::PendingSync;
use crate::folder::copy::walk::{Found, SeenEntries, TreeWalk, read_link};
use crate::folder::error::Error;
use crate::folder::guard::Guard;
use crate::folder::place::Place;
use crate::folder::real_path::Judged;
use crate::folder::root::{self, Identity};
use crate::folder::set_aside::SetAside;
use crate::folder::shared::Shared;
use crate::folder::stale::MayBeStale as _;
use crate::folder::temporary_tree;
use crate::path::SharePath;

/// The source of the move.
pub(super) struct MovedSource {
    place: Place,
    stat: Stat,
    lay_at: Option<SharePath>,
}

impl MovedSource {
    pub(super) fn find(shared: &Shared, from: &Grant<'_, ToRemove>, guard: Guard) -> Result<Self, Error> {
        let root = &shared.root;
        let (place, grant) = Place::find(root, from).map_err(Error::of_source)?;
        if !place.has_directory() {
            return Err(Error::NotFound);
        }
        let Judged { real: lay_at, .. } = place.judge_in(root, place.nearest(), &grant)?;
        let stat = root::look_in(&**place.nearest(), place.name())?;
        if root::file_type(&stat) != FileType::Symlink {
            guard.check(Some(root.facts(&stat).version))?;
        }
        if root::is_directory(&stat) {
            shared.mounts.refuse_at_or_below(root.dir(), place.nearest(), place.name())?;
        }
        Ok(Self { place, stat, lay_at })
    }

    pub(super) fn is_directory(&self) -> bool {
        root::is_directory(&self.stat)
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
        open_directory(self.place.nearest(), self.place.name())
    }

    /// Fails if the source is no longer what was copied, because another client has changed it.
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
        self.holds(shared, self.open_directory()?, seen)
    }

    fn holds(&self, shared: &Arc<Shared>, top: Dir, seen: &SeenEntries) -> Result<bool, Error> {
        let mut walk = TreeWalk::begin(shared, top, self.place.path(), None, true, seen.alike())?;
        while !matches!(walk.step()?, Found::End) {}
        Ok(walk.seen().is(seen))
    }

    /// Removes the source, if it is still what was copied. First the source gets a hidden name, so that nothing more is
    /// saved in it. If something was saved in it just before, the source gets its name back. Returns the path that the
    /// source had.
    pub(super) fn give_up(
        self,
        shared: &Arc<Shared>,
        seen: Option<&SeenEntries>,
    ) -> Result<(SharePath, Option<SharePath>), Error> {
        let dir = self.place.nearest();
        let names = shared.syncs().map(|syncs| syncs.begin(&**dir)).transpose()?;
        let removed = match seen {
            None => self.remove_file(shared),
            Some(seen) => self.remove_tree(shared, seen),
        };
        names.map_or(Ok(()), PendingSync::finish)?;
        removed?;
        Ok((self.place.path().clone(), self.lay_at))
    }

    fn remove_file(&self, shared: &Shared) -> Result<(), Error> {
        let Self { place, stat, .. } = self;
        let dir = place.nearest();
        let _lock = shared.commits.within_process();
        place.confirm(&shared.root, dir)?;
        let now = root::look_in(&**dir, place.name())?;
        if shared.root.facts(&now).version != shared.root.facts(stat).version {
            return Err(Error::Changed);
        }
        let aside = SetAside::take(dir, place.name())?;
        // Other programs do not wait for the lock. The new name has changed the file's version.
        let content = |stat: &Stat| (Identity::of(stat), stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        let removed = match root::look_in(aside.dir(), place.name()) {
            Ok(now) if content(&now) == content(stat) => {
                let name = place.name().as_bytes();
                fs::unlinkat(aside.dir(), name, AtFlags::empty()).map_err(Error::from)
            }
            Ok(_) => Err(Error::Changed),
            Err(error) => Err(error.into()),
        };
        removed.inspect_err(|_| self.put_back(&aside))
    }

    fn remove_tree(&self, shared: &Arc<Shared>, seen: &SeenEntries) -> Result<(), Error> {
        let Self { place, stat, .. } = self;
        let aside = {
            let _lock = shared.commits.within_process();
            place.confirm(&shared.root, place.nearest())?;
            SetAside::take(place.nearest(), place.name())?
        };
        let is_same = || -> Result<bool, Error> {
            let tree = open_directory(aside.dir(), place.name())?;
            let is_same = Identity::of(&fs::fstat(&tree)?) == Identity::of(stat);
            Ok(is_same && self.holds(shared, tree, seen)?)
        };
        let changed = match is_same() {
            Ok(true) => {
                temporary_tree::remove_tree(shared, aside.dir(), place.path(), place.name());
                return Ok(());
            }
            Ok(false) => Error::Changed,
            Err(error) => error,
        };
        let _lock = shared.commits.within_process();
        self.put_back(&aside);
        Err(changed)
    }

    fn put_back(&self, aside: &SetAside) {
        if aside.put_back().is_err() {
            let (path, aside) = (self.place.path().as_path().display(), aside.shown());
            log::warn!("{path} has changed while it was moved, and is called {aside} now (rename it)");
        }
    }
}

fn open_directory(above: &Dir, name: &OsStr) -> Result<Dir, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(Dir::from_std_file(fs::openat(above, name.as_bytes(), flags, Mode::empty())?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Access, Principal, Rights};
    use crate::folder::current::Source;
    use crate::folder::rules::Rules;
    use crate::folder::save_method::SaveMethod;
    use std::time::SystemTime;

    #[test]
    fn what_is_saved_before_its_place_is_given_up_stays() {
        let home = tempfile::TempDir::new().expect("a directory");
        let at = |name: &str| home.path().join(name);
        let best = SaveMethod::of_this_system();
        let source = Source::open(home.path(), Rules::default(), best, SystemTime::now());
        let shared = source.expect("a folder").current();
        let judge = Access::new(Rights::EDIT).judge(&Principal::anonymous(None));
        let find = |name: &str| {
            let path = SharePath::parse(name.as_bytes()).expect("a path");
            let from: Grant<'_, ToRemove> = judge.check(&path).expect("allowed");
            MovedSource::find(&shared, &from, Guard::None).expect("found")
        };
        let seen_in = |found: &MovedSource| {
            let (top, path) = (found.open_directory().expect("open"), found.place.path());
            let walk = TreeWalk::begin(&shared, top, path, None, true, SeenEntries::new());
            let mut walk = walk.expect("begun");
            while !matches!(walk.step().expect("a step"), Found::End) {}
            walk.seen().clone()
        };
        std::fs::create_dir(at("dir")).expect("a directory");
        std::fs::write(at("file"), "old").expect("a file");
        std::fs::write(at("dir/old"), "old").expect("a file");

        let (file, dir) = (find("file"), find("dir"));
        let seen = seen_in(&dir);
        std::fs::write(at("new"), "new").expect("a file");
        std::fs::rename(at("new"), at("file")).expect("saved");
        std::fs::write(at("dir/new"), "new").expect("saved");
        let given_up = file.give_up(&shared, None);
        assert!(matches!(given_up, Err(Error::Changed)), "{given_up:?}");
        let given_up = dir.give_up(&shared, Some(&seen));
        assert!(matches!(given_up, Err(Error::Changed)), "{given_up:?}");
        for name in ["file", "dir/new"] {
            assert_eq!(std::fs::read_to_string(at(name)).expect("still there"), "new", "{name}");
        }

        let (file, dir) = (find("file"), find("dir"));
        let seen = seen_in(&dir);
        file.give_up(&shared, None).expect("unchanged");
        dir.give_up(&shared, Some(&seen)).expect("unchanged");
        assert!(!at("file").exists() && !at("dir").exists());
    }
}
