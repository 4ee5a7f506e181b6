//! The shared folder: every file that the server opens, lists or saves goes through here, under one set of rules.
//!
//! A [`Grant`] is the only way to name a file: it states what a principal may do with a path. Where the folder finds
//! the paths, in a walk or by an upload's token, it asks a [`Judge`].
//!
//! [`Folder::open`] returns a file together with its facts; [`Folder::scan`] lists one directory, [`Folder::walk`]
//! everything below it. [`Folder::receive`] saves a file, which is whole or absent; [`Folder::begin_upload`] saves one
//! that may arrive in pieces, over days if necessary. [`Folder::make_directory`] creates a directory.
//!
//! Nothing outside the folder is ever read or written: all paths are resolved beneath its handle, so links and races
//! cannot escape it. What is not shared (hidden names, the server's own files, devices, links that lead out) looks
//! absent. The folder is the directory that its path names; if the path comes to name another directory, the folder
//! [follows](Folder::follow).
//!
//! A link's target needs the right both at the requested path and at its real path. The root's handle opens
//! nothing without a grant, and judges what it has opened before it returns it (`real_path`). A directory in
//! which a file is saved is judged by its `Place`, when it is found and again when the file gets its name.
//!
//! Hidden is a property of the name, not of the file: a visible link inside the folder shows a hidden file, because
//! anyone who may create links there may also copy. [`Rules::shares`] decides who may use hidden names.
//!
//! Knows nothing of protocols: of requests, status codes or sockets.

mod abilities;
mod acl;
mod arrive;
mod attributes;
mod claims;
mod commit;
mod commit_lock;
mod copy;
mod current;
#[cfg(feature = "dav")]
mod describe;
#[cfg(feature = "dav")]
mod empty_file;
mod entries;
mod entry;
mod error;
mod facts;
mod guard;
mod id;
mod incoming;
mod listing;
mod litter;
#[cfg(feature = "dav")]
mod lock_files;
#[cfg(feature = "dav")]
mod lock_operations;
mod make_directory;
mod mounts;
mod numbering;
mod open;
mod place;
#[cfg(feature = "dav")]
mod properties;
#[cfg(feature = "dav")]
mod property_files;
#[cfg(feature = "dav")]
mod property_operations;
mod real_path;
mod remove;
mod remover;
mod rename;
mod replicas;
mod reserve;
mod restore;
mod root;
mod rules;
mod save_method;
mod search;
mod set_aside;
mod shared;
mod spelling;
mod stale;
#[cfg(feature = "dav")]
mod stored_form;
mod sweep;
mod taken_parent;
mod temporary;
mod temporary_tree;
#[cfg(test)]
mod tests;
mod trash;
mod trash_operations;
mod upload_operations;
mod uploads;
mod walk;
#[cfg(feature = "dav")]
mod whereabouts;

pub use abilities::Abilities;
pub use arrive::{IfTaken, NewName};
pub use commit::Saved;
pub use copy::{Copying, Extent, Relocated};
pub use error::{CannotShare, Error, TrashBound};
pub use facts::{Facts, FileVersion};
pub use guard::{Expected, Guard};
pub use id::FolderId;
pub use incoming::Incoming;
pub use listing::{Candidate, Description, DirEntry, EntryKind, Scan};
pub use litter::is_litter;
#[cfg(feature = "dav")]
pub use lock_files::{LockFiles, LockFilesMark, LockFilesToChange};
pub use open::{Named, Node, OpenFile};
#[cfg(feature = "dav")]
pub use properties::{MAX_PROPERTIES, PropertyError};
pub use remove::Removed;
pub use remover::Remover;
pub use rename::{Moved, Renamed};
pub use replicas::Others;
pub use rules::{Litter, OnConflict, Rules};
pub use search::{Search, SearchStep};
#[cfg(feature = "dav")]
pub use stored_form::unicode_forms;
pub use trash::{Emptied, Restored, TrashId, TrashItem, Whose};
pub use uploads::{
    Appending, Completed, EMPTY_LIFETIME, Ended, LIFETIME, Piece, Plan, Standing, UploadError, UploadToken,
};
pub use walk::{Walk, WalkStep};
#[cfg(feature = "dav")]
pub use whereabouts::{NameKind, Whereabouts};

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use std::{fmt, io};

use crate::access::{Grant, Judge, ToList, ToMakeDirectory, ToRead, ToRemove, ToWrite};
use crate::blocking::Blocking;
use current::Source;
use save_method::SaveMethod;

/// A shared folder. Clones refer to the same folder.
#[derive(Clone)]
pub struct Folder {
    source: Arc<Source>,
}

impl Folder {
    /// Opens the folder at `path` and removes incomplete files from earlier runs (unless the folder is shared
    /// read-only).
    pub fn open_at(path: &Path, rules: Rules) -> Result<Self, CannotShare> {
        Self::open_with(path, rules, SaveMethod::of_this_system(), SystemTime::now())
    }

    fn open_with(path: &Path, rules: Rules, best: SaveMethod, now: SystemTime) -> Result<Self, CannotShare> {
        Ok(Self { source: Arc::new(Source::open(path, rules, best, now)?) })
    }

    /// The rules that the folder is shared under.
    pub fn rules(&self) -> &Rules {
        &self.source.rules
    }

    /// The id of the folder, for what is kept for it elsewhere. A folder without one gets these bytes as its
    /// id, unless it is shared read-only or cannot be written: then a hash of its path is the id. It fails if
    /// the folder is gone.
    pub fn id(&self, random: [u8; 16], _: Blocking<'_>) -> io::Result<FolderId> {
        FolderId::of(&self.source.current(), random)
    }

    /// From now on the folder follows its path to another directory only where `may_follow` allows it. Only
    /// the first call counts.
    pub fn follow_if(&self, may_follow: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
        self.source.follow_if(may_follow);
    }

    /// Checks whether the path still names the directory that the folder is, and follows it to another one. Returns
    /// whether it did. Call it from time to time. It may wait for the disk.
    pub fn follow(&self, _: Blocking<'_>) -> bool {
        self.source.follow()
    }

    /// Fails if the folder's path does not name the folder, or if the folder cannot be read. For writing, it also fails
    /// if the folder cannot be written, or if the disk is full or has less free space than the reserve.
    pub fn check(&self, for_writing: bool, _: Blocking<'_>) -> Result<(), Error> {
        let shared = self.source.current();
        shared.stays()?;
        shared.root.check(for_writing)?;
        if for_writing { shared.reserve.admit(Some(1), shared.root.dir()) } else { Ok(()) }
    }

    /// What the file system can do, and which other servers have the folder now. It makes files and removes them.
    pub fn survey(&self, _: Blocking<'_>) -> Result<(Abilities, Others), Error> {
        let shared = self.source.current();
        shared.may_change()?;
        Ok(shared.replicas.survey(&shared.root)?)
    }

    /// Opens a file or a directory, with two system calls: open and stat.
    pub fn open(&self, grant: &Grant<'_, ToRead>, _: Blocking<'_>) -> Result<Node, Error> {
        open::open(&self.source.current(), grant)
    }

    /// Fails if this is not a directory that can be listed.
    pub fn find_directory(&self, grant: &Grant<'_, ToList>, _: Blocking<'_>) -> Result<(), Error> {
        match open::open(&self.source.current(), grant)? {
            Node::File(_) => Err(Error::NotDirectory),
            Node::Directory { .. } => Ok(()),
        }
    }

    /// The facts of the file that an upload would replace. `None` if no file has the name, or if the principal may not
    /// know that.
    pub fn occupant(&self, grant: &Grant<'_, ToWrite>, _: Blocking<'_>) -> Result<Option<Facts>, Error> {
        if grant.hides_names() {
            return Ok(None);
        }
        match open::open(&self.source.current(), grant) {
            Ok(Node::File(open)) => Ok(Some(open.facts)),
            Ok(Node::Directory { .. }) | Err(Error::NotFound | Error::BadName) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether this version of a file, which was opened before, still has this path. It takes one system call and opens
    /// nothing.
    pub fn is_still(&self, grant: &Grant<'_, ToRead>, version: &FileVersion, _: Blocking<'_>) -> bool {
        let root = &self.source.current().root;
        stale::retry(|| root.glance(grant.path())).is_ok_and(|stat| root.facts(&stat).version == *version)
    }

    /// Begins to read a directory: its names in the order of the disk, and the facts of each on demand. A link to
    /// something inside is shown as its target; hidden and reserved names, devices, and links that lead out or nowhere are
    /// left out.
    pub fn scan(&self, grant: &Grant<'_, ToList>, _: Blocking<'_>) -> Result<Scan, Error> {
        let shared = self.source.current();
        shared.rules.admit(grant)?;
        Scan::begin(shared, grant)
    }

    /// An id that is equal for all paths of one directory and reveals nothing else. By this id, a client that
    /// follows links recognises a directory that it has seen. It is valid while this process runs.
    pub fn directory_id(&self, grant: &Grant<'_, ToList>, _: Blocking<'_>) -> Result<String, Error> {
        let shared = self.source.current();
        shared.rules.admit(grant)?;
        stale::retry(|| listing::id(&shared.root, grant))
    }

    /// Walks through everything shared below a directory, one entry at a time. The judge decides about each.
    pub fn walk(&self, grant: &Grant<'_, ToList>, judge: Judge, _: Blocking<'_>) -> Result<Walk, Error> {
        let shared = self.source.current();
        shared.rules.admit(grant)?;
        Walk::begin(shared, grant, None, judge)
    }

    /// Like [`Folder::walk`], but of the first directory's entries it shows only those with these names.
    pub fn walk_chosen(
        &self,
        grant: &Grant<'_, ToList>,
        names: Vec<std::ffi::OsString>,
        judge: Judge,
        _: Blocking<'_>,
    ) -> Result<Walk, Error> {
        let shared = self.source.current();
        shared.rules.admit(grant)?;
        Walk::begin(shared, grant, Some(names), judge)
    }

    /// Searches everything shared below a directory by name, the nearest first. The judge decides about each directory.
    pub fn search(&self, grant: &Grant<'_, ToList>, judge: Judge, _: Blocking<'_>) -> Result<Search, Error> {
        let shared = self.source.current();
        shared.rules.admit(grant)?;
        Search::begin(shared, grant, judge)
    }

    /// Begins to receive a file of `size` bytes, if the size is known. An upload that cannot be saved is rejected
    /// before its first byte, with the first of these errors that applies: [`ReadOnly`](Error::ReadOnly);
    /// [`NotFound`](Error::NotFound) and [`Litter`](Error::Litter) for a name that is not shared or not saved;
    /// [`Replaced`](Error::Replaced); [`NotDirectory`](Error::NotDirectory) and [`IsDirectory`](Error::IsDirectory); [`Exists`](Error::Exists);
    /// [`NoRight`](Error::NoRight); [`TooLarge`](Error::TooLarge); [`NoSpace`](Error::NoSpace). The grant is kept for
    /// the commit, which creates missing parents.
    pub fn receive(
        &self,
        grant: &Grant<'_, ToWrite>,
        size: Option<u64>,
        _: Blocking<'_>,
    ) -> Result<Incoming, Error> {
        Incoming::begin(&self.source.current(), grant, size)
    }

    /// Fails as [`Folder::receive`] would, and creates nothing.
    pub fn may_receive(
        &self,
        grant: &Grant<'_, ToWrite>,
        size: Option<u64>,
        _: Blocking<'_>,
    ) -> Result<(), Error> {
        let shared = self.source.current();
        let place = shared.admit(grant, size)?;
        shared.admit_space(size, place.nearest(), grant.may_remove())
    }

    /// Creates a directory. When this returns, the directory is on the disk (unless [`Rules::durable`] is off). It may
    /// wait for the disk, for a second or more. The first of these errors that applies: [`ReadOnly`](Error::ReadOnly);
    /// [`NotFound`](Error::NotFound) for a name that is not shared; [`Replaced`](Error::Replaced);
    /// [`NotDirectory`](Error::NotDirectory); [`Exists`](Error::Exists); [`NoParent`](Error::NoParent);
    /// [`Changed`](Error::Changed); [`NoSpace`](Error::NoSpace).
    pub fn make_directory(
        &self,
        grant: &Grant<'_, ToMakeDirectory>,
        guard: Guard,
        _: Blocking<'_>,
    ) -> Result<(), Error> {
        let shared = self.source.current();
        make_directory::make(&shared, grant, guard)?;
        #[cfg(feature = "dav")]
        shared.properties_ended(grant.path(), false);
        Ok(())
    }

    /// Whether [`Folder::make_directory`] would fail because the name is taken. It changes nothing.
    pub fn is_name_taken(&self, grant: &Grant<'_, ToMakeDirectory>, _: Blocking<'_>) -> bool {
        make_directory::is_taken(&self.source.current(), grant)
    }

    /// Removes a file, a link or a whole directory: into the trash, or for good if [`Rules::trash`] is off. When this
    /// returns, the removal is on the disk (unless [`Rules::durable`] is off). It may wait for the disk, for a second
    /// or more. The first of these errors that applies: [`ReadOnly`](Error::ReadOnly); [`NotFound`](Error::NotFound)
    /// for a name that is not shared; [`Denied`](Error::Denied) for the root; [`Replaced`](Error::Replaced);
    /// [`NotFound`](Error::NotFound) if it does not exist; [`NoRight`](Error::NoRight) if a rule below the directory
    /// takes the right away; [`Changed`](Error::Changed); [`TooLargeForTrash`](Error::TooLargeForTrash);
    /// [`TrashFull`](Error::TrashFull); [`CannotKeep`](Error::CannotKeep).
    pub fn remove(
        &self,
        grant: &Grant<'_, ToRemove>,
        expected: impl Into<Expected>,
        remover: &Remover,
        _: Blocking<'_>,
    ) -> Result<Removed, Error> {
        remove::remove(&self.source.current(), grant, expected.into(), remover)
    }

    /// Begins to copy a file, or a directory with everything that an archive of it would have; links in it
    /// are copied as links. The copy appears when it is complete, with the name that an upload would get; an
    /// existing entry of that name goes into the trash. The first of these errors that applies:
    /// [`ReadOnly`](Error::ReadOnly); those of [`Folder::open`]; [`OntoItself`](Error::OntoItself);
    /// [`IntoItself`](Error::IntoItself); [`NoParent`](Error::NoParent); those of [`Folder::receive`]. Later, it fails with
    /// [`TreeChanged`](Error::TreeChanged) or [`ParentGone`](Error::ParentGone) if other clients change these directories.
    pub fn copy(
        &self,
        from: &Grant<'_, ToRead>,
        judge: &Judge,
        extent: Extent,
        wanted: NewName<'_>,
        _: Blocking<'_>,
    ) -> Result<Copying, Error> {
        let shared = self.source.current();
        stale::retry(|| Copying::begin(&shared, from, judge, extent, wanted))
    }

    /// Begins to move something to another file system, which [`Folder::rename`] cannot do: the source is copied, and
    /// removed once the copy is complete. The move fails with [`Changed`](Error::Changed) if the source changes
    /// meanwhile.
    pub fn move_by_copy(
        &self,
        from: &Grant<'_, ToRemove>,
        guard: Guard,
        wanted: NewName<'_>,
        _: Blocking<'_>,
    ) -> Result<Copying, Error> {
        let shared = self.source.current();
        stale::retry(|| Copying::begin_move(&shared, from, guard, wanted))
    }

    /// What a reader of the path gets, before it is copied.
    pub fn what_is_read(&self, grant: &Grant<'_, ToRead>, _: Blocking<'_>) -> Result<Named, Error> {
        open::read(&self.source.current(), grant)
    }

    /// What the path of the grant stands for, before it is removed or moved.
    pub fn look(&self, grant: &Grant<'_, ToRemove>, _: Blocking<'_>) -> Result<Named, Error> {
        let shared = self.source.current();
        stale::retry(|| open::look(&shared, grant))
    }

    /// Moves a file, a link or a whole directory to another path, by one rename; an existing entry of the new name goes
    /// into the trash. When this returns, the move is on the disk (unless [`Rules::durable`] is off). What is expected
    /// applies to the source. It may wait for the disk, for a second or more. The first of these errors that applies:
    /// [`ReadOnly`](Error::ReadOnly); [`NotFound`](Error::NotFound) for a name that is not shared;
    /// [`Denied`](Error::Denied) for the root; [`Replaced`](Error::Replaced); [`NotFound`](Error::NotFound) if it does
    /// not exist; [`OntoItself`](Error::OntoItself); [`IntoItself`](Error::IntoItself); [`NoParent`](Error::NoParent);
    /// [`Changed`](Error::Changed); [`NoRight`](Error::NoRight); [`Exists`](Error::Exists); those of [`Folder::remove`]
    /// for what is replaced.
    pub fn rename(
        &self,
        from: &Grant<'_, ToRemove>,
        expected: impl Into<Expected>,
        wanted: NewName<'_>,
        _: Blocking<'_>,
    ) -> Result<Renamed, Error> {
        rename::rename(&self.source.current(), from, expected.into(), wanted)
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder").field("rules", self.rules()).finish_non_exhaustive()
    }
}
