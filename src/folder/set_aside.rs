//! An entry that is about to be removed, out of sight: it is moved into a new directory with a temporary name, and
//! keeps its own name there.
//!
//! As long as something may have been saved in it, it can be the only copy. So it keeps its name, and the sweep puts
//! back what a crash leaves there, and removes nothing of it.

use std::ffi::{OsStr, OsString};
use std::iter;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::entries::Entries;
use super::numbering::{MOST_COPIES, numbered};
use super::root;
use super::temporary::{TRIES, move_to_free, random_number};
use crate::path::is_temporary;

/// The length of the name of such a directory: no other temporary has such a long name.
const NAME: usize = ".wharf-0123456789abcdef0123456789abcdef.tmp".len();

/// An entry that was set aside. When this is dropped, the directory is removed if it is empty.
pub(super) struct SetAside {
    parent: Arc<Dir>,
    holder: String,
    dir: Dir,
    name: OsString,
}

impl SetAside {
    /// Sets the entry of this name aside. The lock on the new directory tells sweeps that its server is running.
    pub(super) fn take(parent: &Arc<Dir>, name: &OsStr) -> Result<Self, Errno> {
        let (holder, dir) = make_holder(parent)?;
        // Without lock support no sweep can get a lock either.
        let _ = fs::flock(&dir, FlockOperation::NonBlockingLockExclusive);
        let aside = Self { parent: Arc::clone(parent), holder, dir, name: name.to_owned() };
        move_to_free(&**parent, name, &aside.dir, name)?;
        Ok(aside)
    }

    /// The directory that it is in.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Its path below the directory that it was in, as text for the user.
    pub(super) fn shown(&self) -> String {
        format!("{}/{}", self.holder, self.name.display())
    }

    /// Gives the entry its name back, or the next free name if another client has taken the name meanwhile.
    pub(super) fn put_back(&self) -> Result<(), Errno> {
        put_back(&self.dir, &self.name, &*self.parent)
    }
}

impl Drop for SetAside {
    fn drop(&mut self) {
        // Only if it is empty.
        let _ = fs::unlinkat(&*self.parent, self.holder.as_str(), AtFlags::REMOVEDIR);
    }
}

fn make_holder(parent: &Dir) -> Result<(String, Dir), Errno> {
    for _ in 0..TRIES {
        let holder = format!(".wharf-{:016x}{:016x}.tmp", random_number(), random_number());
        match fs::mkdirat(parent, holder.as_str(), Mode::RWXU) {
            Err(Errno::EXIST) => {}
            made => {
                made?;
                let dir = root::enter(parent, &holder)?;
                return Ok((holder, dir));
            }
        }
    }
    Err(Errno::EXIST)
}

fn put_back(from: &Dir, name: &OsStr, to: impl AsFd) -> Result<(), Errno> {
    let beside = (1..=MOST_COPIES).map(|number| numbered(name, number));
    let mut back = iter::once(name.to_owned()).chain(beside).map(|free| move_to_free(from, name, &to, &free));
    back.find(|back| *back != Err(Errno::EXIST)).unwrap_or(Err(Errno::EXIST))
}

/// Whether a directory of this name holds such an entry.
pub(super) fn is_holder(name: &OsStr) -> bool {
    name.len() == NAME && is_temporary(name)
}

/// Puts back what a crash has left in this directory, unless its server is still running. Returns whether anything was
/// there.
pub(super) fn recover(parent: &OwnedFd, holder: &OsStr) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = Dir::from_std_file(fs::openat(parent, holder.as_bytes(), flags, Mode::empty())?.into());
    if fs::flock(&dir, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(false);
    }
    let entries = fs::openat(&dir, ".", flags, Mode::empty())?;
    let names: Vec<_> = Entries::of(entries)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?
        .filter_map(|entry| Some(entry.ok()?.name))
        .collect();
    for name in &names {
        put_back(&dir, name, parent)?;
    }
    fs::unlinkat(parent, holder.as_bytes(), AtFlags::REMOVEDIR)?;
    Ok(!names.is_empty())
}
