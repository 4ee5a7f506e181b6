//! The copy of a directory, built under a temporary name.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode, OFlags, Stat};

use crate::access::Judge;
use crate::durable::sync;
use crate::folder::arrive::NewName;
use crate::folder::attributes::{Attributes, NEW_FILE};
use crate::folder::commit::Saved;
use crate::folder::copy::complete::CompleteCopy;
use crate::folder::copy::content::{FileContent, PIECE};
use crate::folder::copy::place::{Extent, of_new, of_target, place_of};
use crate::folder::copy::walk::{Found, SeenEntries, TreeWalk};
use crate::folder::error::Error;
use crate::folder::place::Place;
use crate::folder::shared::Shared;
use crate::folder::stale::MayBeStale as _;
use crate::folder::temporary_tree::TemporaryTree;
use crate::path::SharePath;

/// How many entries are copied in one piece at most.
const ENTRIES: usize = 256;

/// For how many files with several names (hard links) a move keeps the names together. For further files, each name
/// becomes a file of its own.
const MOST_LINKED: usize = 16_384;

/// A directory that is being copied.
pub(super) struct TreeCopy {
    stage: Stage,
    /// What was found in the source, once this is known.
    seen: SeenEntries,
    place: Place,
    /// `None` once it has its name.
    tree: Option<TemporaryTree>,
    /// The directory that is being filled, and the attributes that it gets when it is full, if it is moved.
    here: Option<(Arc<Dir>, Option<Attributes>)>,
    /// Its path below the top.
    below: SharePath,
    /// Files with several names that were moved, and the first name of each in the copy.
    names: HashMap<(u64, u64), SharePath>,
    /// The file that is being copied.
    file: Option<(FileContent, File, SystemTime)>,
    /// Complete files that are not on the disk yet.
    unsynced: Vec<File>,
    /// The size of all files.
    size: u64,
    /// Whether the directory is moved to another file system; otherwise it is copied.
    is_moved: bool,
}

/// How far the copy is.
enum Stage {
    /// It is being copied.
    Copies(TreeWalk),
    /// Everything was copied, and is compared with what the source has now. Otherwise a file that another client moves
    /// within the source during the copy could be missing from the copy, or be in it twice.
    Compares(TreeWalk),
    /// It is complete.
    Complete,
}

/// The error of a comparison: if something cannot be found any more, the source has changed.
fn of_comparison(error: Error) -> Error {
    match error {
        Error::NotFound | Error::NotDirectory => Error::TreeChanged,
        error if error.is_stale() => Error::TreeChanged,
        error => error,
    }
}

impl TreeCopy {
    /// Begins to copy the directory at this path, unless it is already known that the copy cannot be saved.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        top: Dir,
        path: &SharePath,
        judge: Option<Judge>,
        extent: Extent,
        wanted: NewName<'_>,
    ) -> Result<Self, Error> {
        shared.stays()?;
        let place = place_of(shared, wanted.to)?;
        let tree = TemporaryTree::create(shared, place.nearest(), place.path()).map_err(of_new)?;
        let is_moved = judge.is_none();
        if is_moved {
            // Until it has the attributes of what is moved.
            fs::fchmod(&**tree.dir(), Mode::RWXU).map_err(of_new)?;
        }
        let seen = SeenEntries::new();
        let stage = match extent {
            Extent::Itself => Stage::Complete,
            Extent::Everything => {
                let finds_hidden = is_moved || wanted.to.may_use_hidden_names();
                Stage::Copies(TreeWalk::begin(shared, top, path, judge, finds_hidden, seen.alike())?)
            }
        };
        let copy = Self {
            stage,
            seen,
            place,
            tree: Some(tree),
            here: None,
            below: SharePath::root(),
            names: HashMap::new(),
            file: None,
            unsynced: Vec::new(),
            size: 0,
            is_moved,
        };
        // What is known to fail need not be copied.
        copy.complete(shared, wanted)?.check()?;
        shared.reserve.admit(None, copy.place.nearest())?;
        Ok(copy)
    }

    /// What was found in the source.
    pub(super) fn seen(&self) -> &SeenEntries {
        &self.seen
    }

    /// Copies the next piece. Returns whether that was the last.
    pub(super) fn copy(&mut self, shared: &Shared) -> Result<bool, Error> {
        self.touch();
        let (mut bytes, mut entries) = (0, 0);
        while bytes < PIECE && entries < ENTRIES {
            if let Some((mut content, target, modified)) = self.file.take() {
                let before = content.copied();
                let _in_flight = shared.reserve.begin(PIECE.min(content.left()?), self.place.nearest())?;
                let is_complete = content.copy_to(&target)?;
                bytes += content.copied() - before;
                self.size += content.copied() - before;
                shared.rules.admit_size(content.copied())?;
                if !self.is_moved {
                    shared.rules.admit_tree_size(self.size)?;
                }
                if is_complete {
                    target.set_modified(modified.min(SystemTime::now()))?;
                    self.keep_for_sync(target, shared)?;
                } else {
                    self.file = Some((content, target, modified));
                }
                continue;
            }
            entries += 1;
            let walk = match &mut self.stage {
                Stage::Copies(walk) => walk,
                Stage::Compares(walk) => {
                    if matches!(walk.step().map_err(of_comparison)?, Found::End) {
                        if !walk.seen().is(&self.seen) {
                            return Err(Error::TreeChanged);
                        }
                        self.stage = Stage::Complete;
                    }
                    continue;
                }
                Stage::Complete => {
                    self.leave_directory(shared)?;
                    return Ok(true);
                }
            };
            match walk.step()? {
                Found::Enter(below) => {
                    let attributes = walk.moved_attributes()?;
                    self.leave_directory(shared)?;
                    self.here = Some((self.directory(&below)?, attributes));
                    self.below = below;
                }
                Found::Directory(name) => {
                    let everybody = Mode::RWXU | Mode::RWXG | Mode::RWXO;
                    // A directory that is moved gets its attributes when it is full.
                    let mode = if walk.judge().is_none() { Mode::RWXU } else { everybody };
                    fs::mkdirat(self.here()?, name.as_bytes(), mode).map_err(of_target)?;
                }
                Found::File(name, file, stat) => {
                    let is_moved = walk.judge().is_none();
                    if is_moved && stat.st_nlink > 1 && self.link_again(&name, &stat)? {
                        continue;
                    }
                    self.begin_file(shared, &name, file, &stat, is_moved)?;
                }
                Found::Link(name, text) => {
                    fs::symlinkat(text, self.here()?, name.as_bytes()).map_err(of_target)?;
                }
                Found::Nothing => {}
                Found::End => {
                    self.seen = walk.seen().clone();
                    let again = walk.judge().map(|judge| walk.again(judge)).transpose();
                    self.stage = again.map_err(of_comparison)?.map_or(Stage::Complete, Stage::Compares);
                }
            }
        }
        Ok(false)
    }

    fn here(&self) -> Result<&Dir, Error> {
        self.here.as_ref().map(|(dir, _)| &**dir).ok_or(Error::NotFound)
    }

    fn begin_file(
        &mut self,
        shared: &Shared,
        name: &OsStr,
        source: File,
        stat: &Stat,
        is_moved: bool,
    ) -> Result<(), Error> {
        let facts = shared.root.facts(stat);
        shared.rules.admit_size(facts.len)?;
        if !is_moved {
            shared.rules.admit_tree_size(self.size.saturating_add(facts.len))?;
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = if is_moved { Mode::RUSR | Mode::WUSR } else { NEW_FILE };
        let target = fs::openat(self.here()?, name.as_bytes(), flags, mode).map_err(of_target)?;
        let target = File::from(target);
        if is_moved {
            Attributes::of(&source)?.give_to(&target)?;
        } else if Mode::from_raw_mode(stat.st_mode).contains(Mode::XUSR) {
            // All users who may read the copy of a program may run it.
            let mode = Mode::from_raw_mode(fs::fstat(&target)?.st_mode);
            let readers = (mode & (Mode::RUSR | Mode::RGRP | Mode::ROTH)).as_raw_mode();
            let _ = fs::fchmod(&target, mode | Mode::from_raw_mode(readers >> 2));
        }
        self.file = Some((FileContent::of(source), target, facts.modified));
        Ok(())
    }

    /// Gives a file that was copied before this name too. Its content is complete. Returns false if the file was not
    /// copied before.
    fn link_again(&mut self, name: &OsStr, stat: &Stat) -> Result<bool, Error> {
        let file = (stat.st_dev, stat.st_ino);
        if let (Some(first), Some(tree)) = (self.names.get(&file), &self.tree) {
            let linked =
                fs::linkat(&**tree.dir(), first.as_path(), self.here()?, name.as_bytes(), AtFlags::empty());
            // If the link fails, the file is copied again: the file system has no hard links, or the file has too many
            // names.
            return Ok(linked.is_ok());
        }
        if self.names.len() < MOST_LINKED {
            let path = self.below.join(name).map_err(|_| Error::TooDeep)?;
            self.names.insert(file, path);
        }
        Ok(false)
    }

    /// Keeps the file, to sync it later together with others.
    fn keep_for_sync(&mut self, file: File, shared: &Shared) -> Result<(), Error> {
        if shared.syncs().is_some() {
            self.unsynced.push(file);
            if self.unsynced.len() >= sync::AT_ONCE {
                self.sync_files()?;
            }
        }
        Ok(())
    }

    fn sync_files(&mut self) -> Result<(), Error> {
        let results = sync::at_once(&self.unsynced, |file| fs::fsync(file));
        self.unsynced.clear();
        results.into_iter().try_for_each(|synced| synced.map_err(Error::from))
    }

    /// Syncs the directory that was filled.
    fn leave_directory(&mut self, shared: &Shared) -> Result<(), Error> {
        let (here, attributes) = self.here.take().unzip();
        if let (Some(dir), Some(Some(attributes))) = (&here, attributes) {
            // An `O_PATH` handle cannot change anything.
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            attributes.give_to(&fs::openat(&**dir, ".", flags, Mode::empty())?.into())?;
        }
        if shared.syncs().is_some() {
            self.sync_files()?;
            let here = here.as_ref().or_else(|| self.tree.as_ref().map(TemporaryTree::dir));
            here.map_or(Ok(()), sync::directory)?;
        }
        Ok(())
    }

    fn directory(&self, below: &SharePath) -> Result<Arc<Dir>, Error> {
        let top = self.tree.as_ref().ok_or(Error::NotFound)?.dir();
        if below.is_root() {
            return Ok(Arc::clone(top));
        }
        Ok(Arc::new(top.open_dir(below.as_path()).map_err(of_target)?))
    }

    /// A sweep on another machine, which may not see the lock, must not consider the copy to be left behind.
    fn touch(&self) {
        let Some(tree) = &self.tree else { return };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = fs::Timespec {
            tv_sec: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: now.subsec_nanos().into(),
        };
        let _ = fs::futimens(&**tree.dir(), &fs::Timestamps { last_access: now, last_modification: now });
    }

    fn complete<'s, 'a>(
        &'a self,
        shared: &'s Shared,
        wanted: NewName<'a>,
    ) -> Result<CompleteCopy<'s, 'a>, Error> {
        let from = self.tree.as_ref().ok_or(Error::NotFound)?.place();
        Ok(CompleteCopy { shared, from, target: &self.place, wanted })
    }

    /// Gives the copy its name.
    pub(super) fn finish(&mut self, shared: &Shared, wanted: NewName<'_>) -> Result<Saved, Error> {
        let saved = self.complete(shared, wanted)?.finish(self.size)?;
        if let Some(tree) = self.tree.take() {
            tree.leave();
        }
        Ok(saved)
    }
}
