//! Removing directories that were discarded, in pieces.
//!
//! Each subdirectory is first moved up into the trash, under its own name there. So no path becomes too long, one
//! directory is open at a time, and the removal can be interrupted anywhere. A mount point below cannot be moved, and
//! is left alone.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::time::SystemTime;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, Mode};
use rustix::io::Errno;

use super::id::TrashId;
use super::list::names;
use super::state::Trash;
use super::store::{GONE, TrashStore};
use crate::folder::error::Error;
use crate::folder::root::{self, Root};
use crate::path::SharePath;

/// How many files and directories of a discarded directory are removed immediately; the sweep removes the others.
const AT_ONCE: usize = 4_096;

impl Trash {
    /// Moves a directory out of sight, into the trash of its mount, and removes the first part of its content. `path`
    /// is the path of its parent directory.
    pub(in crate::folder) fn purge_tree(
        &self,
        root: &Root,
        dir: &Dir,
        path: &SharePath,
        name: &OsStr,
    ) -> Result<(), Error> {
        let store = self.stores.of_mount(root, dir, path)?;
        let gone = format!("{}{GONE}", TrashId::new(SystemTime::now()));
        fs::renameat(dir, name.as_bytes(), &**store.dir(), gone)?;
        purge(&store, &mut { AT_ONCE });
        Ok(())
    }

    /// Removes at most this many files and directories that were discarded. Returns whether it has removed any.
    pub(super) fn purge_some(&self, root: &Root, most: usize) -> bool {
        let mut left = most;
        for store in self.stores.existing_home(root).ok().flatten().into_iter().chain(self.stores.away()) {
            purge(&store, &mut left);
        }
        left < most
    }
}

/// Removes what was discarded, until nothing is left of this number.
pub(super) fn purge(store: &TrashStore, left: &mut usize) {
    let mut waiting: Vec<_> =
        names(store).unwrap_or_default().into_iter().filter(|name| name.ends_with(GONE)).collect();
    while let Some(name) = waiting.pop() {
        if *left == 0 {
            return;
        }
        match store.unlink(&name) {
            Ok(()) => *left -= 1,
            Err(Errno::ISDIR | Errno::PERM) => {
                empty(store, &name, left, &mut waiting);
                if fs::unlinkat(&**store.dir(), &*name, AtFlags::REMOVEDIR).is_ok() {
                    *left = left.saturating_sub(1);
                }
            }
            Err(_) => {}
        }
    }
}

/// Removes what is in a directory, and moves the directories that are not empty into the trash.
fn empty(store: &TrashStore, name: &str, left: &mut usize, waiting: &mut Vec<String>) {
    // It may have been read-only. It is a directory, because a link would have been removed by `unlink`.
    let _ = fs::chmodat(&**store.dir(), name, Mode::RWXU, AtFlags::empty());
    let Ok(dir) = root::enter(store.dir(), name) else { return };
    let Ok(entries) = fs::Dir::read_from(&dir) else { return };
    for entry in entries.map_while(Result::ok) {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if *left == 0 {
            return;
        }
        if remove_or_move(store, &dir, name, waiting) {
            *left -= 1;
        }
    }
}

fn remove_or_move(store: &TrashStore, dir: &Dir, name: &CStr, waiting: &mut Vec<String>) -> bool {
    if fs::unlinkat(dir, name, AtFlags::empty()).is_ok()
        || fs::unlinkat(dir, name, AtFlags::REMOVEDIR).is_ok()
    {
        return true;
    }
    let gone = format!("{}{GONE}", TrashId::new(SystemTime::now()));
    let mut moved = fs::renameat(dir, name, &**store.dir(), &*gone);
    let is_directory = || {
        let stat = fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.is_ok_and(|stat| root::is_directory(&stat))
    };
    if moved == Err(Errno::ACCESS) && is_directory() {
        // Moving a directory needs the permission to write it. Older kernels cannot change the mode without following
        // links.
        let _ = fs::chmodat(dir, name, Mode::RWXU, AtFlags::empty());
        moved = fs::renameat(dir, name, &**store.dir(), &*gone);
    }
    if moved.is_ok() {
        waiting.push(gone);
    }
    moved.is_ok()
}
