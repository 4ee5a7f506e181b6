//! Keeping a file that is replaced.
//!
//! It gets a second name in the trash, a hard link, before the new file is renamed over it. Where files cannot have two
//! names, the new file first gets a name in the trash, `ID.new`. Then both files are exchanged in one step, and the old
//! file is renamed from `ID.new` to `ID`. A crash in between leaves `ID.new` behind: the old file, or a new file whose
//! upload was not acknowledged.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::Instant;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FileType, RenameFlags, Stat};
use rustix::io::Errno;

use super::id::TrashId;
use super::new_entry::NewEntry;
use super::record::TrashRecord;
use super::state::Trash;
use super::store::NEW;
use super::written::Change;
use crate::durable::rounds::RoundMember;
use crate::folder::error::Error;
use crate::folder::remover::Remover;
use crate::folder::root::{Identity, Root, file_type};
use crate::folder::save_method::is_unsupported;
use crate::folder::temporary::Temporary;
use crate::path::{SharePath, is_temporary};

/// A file that is about to be replaced.
pub(in crate::folder) struct OldFile<'f> {
    /// Its directory.
    pub(in crate::folder) dir: &'f Arc<Dir>,
    /// Its path.
    pub(in crate::folder) path: &'f SharePath,
    /// Its name in the directory.
    pub(in crate::folder) name: &'f OsStr,
    /// Its `stat`; for a link, the `stat` of the link itself.
    pub(in crate::folder) stat: Stat,
}

/// What was done to keep a file that is about to be replaced.
pub(in crate::folder) struct Kept<'t> {
    of: Identity,
    how: How<'t>,
}

enum How<'t> {
    /// It is not kept: the trash is off, or the file is [dispensable](super::written).
    Not,
    /// It has a second name in the trash.
    Linked(NewEntry<'t>),
    /// It will be exchanged.
    Exchanged(NewEntry<'t>),
}

impl Trash {
    /// Prepares to keep a file that this client replaces.
    pub(in crate::folder) fn keep<'t>(
        &'t self,
        root: &Root,
        old: &OldFile<'_>,
        remover: &Remover,
        may_push_out: bool,
    ) -> Result<Kept<'t>, Error> {
        let OldFile { dir, path, name, stat } = old;
        let of = Identity::of(stat);
        let kind = file_type(stat);
        // Other types of files are never replaced.
        let is_kept = matches!(kind, FileType::RegularFile | FileType::Symlink)
            && self.is_on()
            && !self.written().is_dispensable(stat, name, Change::Replaced, remover, Instant::now());
        if !is_kept {
            return Ok(Kept { of, how: How::Not });
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.make_room(root, size, may_push_out, &remover.share)?;
        let parent = path.parent().unwrap_or_default();
        let record = || TrashRecord::new((*path).clone(), Some(size), false, remover);
        let mut store = self.stores.of(root, dir, &parent, stat.st_dev)?;
        let mut entry = NewEntry::begin(self, root, &store, record(), &remover.share)?;
        if self.stores.may_link(stat.st_dev) {
            let link = |entry: &NewEntry<'_>| {
                let trash = &**entry.store().dir();
                fs::linkat(&**dir, name.as_bytes(), trash, entry.name(), AtFlags::empty())
            };
            let mut linked = link(&entry);
            if linked == Err(Errno::XDEV) {
                drop(entry);
                store = self.stores.of_mount(root, dir, &parent)?;
                entry = NewEntry::begin(self, root, &store, record(), &remover.share)?;
                linked = link(&entry);
            }
            match linked {
                Ok(()) => {
                    entry.link();
                    return Ok(Kept { of, how: How::Linked(entry) });
                }
                // This file alone has too many names, or it can be renamed into the trash, but not linked.
                Err(Errno::MLINK | Errno::XDEV) => {}
                Err(error) if is_unsupported(error) => self.stores.give_up_links(stat.st_dev),
                // The old file was removed or renamed. The code that gives the new file its name detects this.
                Err(Errno::NOENT) => return Ok(Kept { of, how: How::Not }),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Kept { of, how: How::Exchanged(entry) })
    }
}

impl Kept<'_> {
    /// Replaces the file by another file of the folder. The outer error is about the trash; the inner error means that
    /// the other file cannot get the name.
    pub(in crate::folder) fn replace_by(
        self,
        (from_dir, from): (&Dir, &OsStr),
        dir: &Dir,
        name: &OsStr,
    ) -> Result<Result<Option<TrashId>, Errno>, Error> {
        let rename = || fs::renameat(from_dir, from.as_bytes(), dir, name.as_bytes());
        let exchange =
            || fs::renameat_with(from_dir, from.as_bytes(), dir, name.as_bytes(), RenameFlags::EXCHANGE);
        match self.how {
            How::Not => Ok(rename().map(|()| None)),
            How::Linked(entry) => Ok(rename().map(|()| Some(entry.finish()))),
            // After a crash, the sweep would remove what has a temporary name.
            How::Exchanged(entry) if is_temporary(from) => {
                let (store, middle) = (Arc::clone(entry.store()), middle_name(&entry));
                let put_back = || fs::renameat(&**store.dir(), &*middle, from_dir, from.as_bytes());
                match fs::renameat(from_dir, from.as_bytes(), &**store.dir(), &*middle) {
                    Ok(()) => {}
                    // It is beside the old file, which cannot be moved to the trash either.
                    Err(Errno::XDEV) => return Err(Error::CannotKeep),
                    Err(error) => return Ok(Err(error)),
                }
                let flags = RenameFlags::EXCHANGE;
                match fs::renameat_with(&**store.dir(), &*middle, dir, name.as_bytes(), flags) {
                    Ok(()) => Ok(Ok(Some(settle(entry, &middle)?))),
                    Err(error) => {
                        // If this fails, the sweep turns the file into an entry.
                        let _ = put_back();
                        if is_unsupported(error) { Err(Error::CannotKeep) } else { Ok(Err(error)) }
                    }
                }
            }
            How::Exchanged(entry) => {
                match exchange() {
                    Ok(()) => {}
                    Err(Errno::XDEV) => return Ok(Err(Errno::XDEV)),
                    Err(error) if is_unsupported(error) => return Err(Error::CannotKeep),
                    Err(error) => return Ok(Err(error)),
                }
                // Until then, both are in the folder.
                match entry.take(from_dir, from) {
                    Ok(id) => Ok(Ok(Some(id))),
                    Err(error) => {
                        let _ = exchange();
                        Err(if error == Errno::XDEV { Error::CannotKeep } else { error.into() })
                    }
                }
            }
        }
    }

    /// The file that is kept.
    pub(in crate::folder) fn of(&self) -> Identity {
        self.of
    }

    /// Syncs what keeps the file, if the folder is durable.
    pub(in crate::folder) fn sync(&mut self, member: Option<&RoundMember<'_>>) -> Result<(), Errno> {
        match &mut self.how {
            How::Not => Ok(()),
            How::Linked(entry) | How::Exchanged(entry) => entry.sync(member),
        }
    }

    /// Replaces the file by the new one. The inner error only means that the new file cannot be named there.
    pub(in crate::folder) fn replace(
        self,
        new: &mut Temporary,
        dir: &Arc<Dir>,
        name: &OsStr,
    ) -> Result<Result<Option<TrashId>, Errno>, Error> {
        match self.how {
            How::Not => Ok(new.replace(dir, name).map(|()| None)),
            How::Linked(entry) => Ok(new.replace(dir, name).map(|()| Some(entry.finish()))),
            How::Exchanged(entry) => {
                let (store, middle) = (entry.store(), middle_name(&entry));
                let before = match new.move_to(store.dir(), &middle) {
                    Ok(before) => before,
                    Err(error) => return Ok(Err(error)),
                };
                match new.exchange(before, dir, name) {
                    Ok(()) => {}
                    Err(Errno::NOENT) => return Ok(Err(Errno::EXIST)),
                    Err(error) if is_unsupported(error) => return Err(Error::CannotKeep),
                    Err(error) => return Err(error.into()),
                }
                Ok(Ok(Some(settle(entry, &middle)?)))
            }
        }
    }
}

/// The name that a new file has in the trash before it is exchanged with the old one.
fn middle_name(entry: &NewEntry<'_>) -> String {
    format!("{}{NEW}", entry.name())
}

/// The old file has the middle name now: it becomes the content of the entry.
fn settle(entry: NewEntry<'_>, middle: &str) -> Result<TrashId, Errno> {
    let store = Arc::clone(entry.store());
    let begun = store.begin();
    // If this fails, the sweep renames it later.
    let _ = store.rename(middle, &entry.name());
    store.sync(begun, None)?;
    Ok(entry.finish())
}
