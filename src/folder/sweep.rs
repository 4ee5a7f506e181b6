//! Removes leftovers from earlier runs at start-up: files that were being received, and directories that were
//! being copied.
//!
//! A crash can leave a `.wharf-HEX.tmp`: always on file systems without anonymous files, and elsewhere only
//! between a link and its rename. A running server holds a lock on each of its own temporaries. But many file
//! systems do not show locks to other machines or mounts, so a recently written file is kept too: another
//! server may be receiving it.
//!
//! The sweep is best effort and never prevents the folder from being shared. It follows no links and enters no mount
//! points: those are other file systems, possibly slow or endless.

use super::Facts;
use super::entries::{Entries, RawEntry};
use super::root::{Root, look_in};
use super::set_aside::{is_holder, recover};
use crate::path::is_temporary;
use cap_std::fs::Dir;
use log::{info, warn};
use rustix::fs::{self, AtFlags, FileType, FlockOperation, Mode, OFlags, Statx, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The maximum number of entries examined; that takes about a second. Beyond it a leftover may stay; it is
/// never served.
const MOST_ENTRIES: usize = 1_000_000;

/// A file that was written within this time may be an upload in progress: other machines may write late, and their clocks
/// may differ.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// A server aborts an upload that stalls for its stall time, which may be longer than `FRESH`. Twice that time also
/// allows for syncing the file.
const STALLS: u32 = 2;

/// How long the name of a directory that is being copied is. Other directories with such names are left alone.
const TREE_NAME: usize = ".wharf-0123456789abcdef.tmp".len();

/// Removes stale temporaries below the root, the shallowest first. The servers of this folder abort uploads
/// that stall for `stall`.
pub(super) fn sweep(root: &Root, stall: Duration, now: SystemTime) {
    // If the stall time is so long that no such time can be represented, no file is stale.
    let Some(before) = now.checked_sub(FRESH.max(stall.saturating_mul(STALLS))) else { return };
    let mut waiting = VecDeque::from([PathBuf::from(".")]);
    let mut left = MOST_ENTRIES;
    let Some(home) = root.entries_for_server(Path::new(".")).ok().and_then(|dir| identity(dir.handle()))
    else {
        return;
    };
    while let Some(path) = waiting.pop_front() {
        let Ok(dir) = root.entries_for_server(&path) else { continue };
        if path.as_os_str() != "." && !is_same_mount(&home, dir.handle()) {
            continue;
        }
        sweep_directory(dir, &path, before, &mut waiting, &mut left);
        if left == 0 {
            warn!("more than {MOST_ENTRIES} entries: not all were searched for stale temporaries");
            return;
        }
    }
}

fn sweep_directory(
    mut dir: Entries,
    path: &Path,
    before: SystemTime,
    waiting: &mut VecDeque<PathBuf>,
    left: &mut usize,
) {
    while *left > 0 {
        let Some(Ok(entry)) = dir.next() else { return };
        *left -= 1;
        let name = &entry.name;
        match dir.kind(&entry) {
            FileType::Directory if is_temporary(name) && name.len() == TREE_NAME => {
                log_removal(discard_tree(dir.handle(), &entry, before), &path.join(name));
            }
            FileType::Directory if is_holder(name) => recover_and_log(dir.handle(), name, path, before),
            FileType::Directory => waiting.push_back(path.join(name)),
            FileType::RegularFile if is_temporary(name) => {
                log_removal(discard(dir.handle(), &entry, before), &path.join(name));
            }
            _ => {}
        }
    }
}

fn log_removal(removed: Result<bool, Errno>, path: &Path) {
    if removed == Ok(true) {
        info!("removed {}, left behind by an earlier run", path.to_string_lossy().escape_debug());
    }
}

/// Puts back what a crash has left set aside before this time.
fn recover_and_log(dir: &OwnedFd, holder: &OsStr, path: &Path, before: SystemTime) {
    if !look_in(dir, holder).is_ok_and(|stat| Facts::new(&stat, 0).modified < before) {
        return;
    }
    let shown = path.to_string_lossy();
    match recover(dir, holder) {
        Ok(true) => info!("put back what an earlier run had set aside in {}", shown.escape_debug()),
        Ok(false) => {}
        Err(error) => warn!("cannot put back {} in {}: {error}", holder.display(), shown.escape_debug()),
    }
}

/// Removes a temporary, unless its server is still running, or it was written after `before`. Returns whether
/// it was removed.
fn discard(dir: &OwnedFd, entry: &RawEntry, before: SystemTime) -> Result<bool, Errno> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = fs::openat(dir, entry.name.as_os_str(), flags, Mode::empty())?;
    // Without lock support, only its age counts.
    if fs::flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(false);
    }
    let is_stale = Facts::new(&fs::fstat(&file)?, 0).modified < before;
    if is_stale {
        fs::unlinkat(dir, entry.name.as_os_str(), AtFlags::empty())?;
    }
    Ok(is_stale)
}

/// Like [`discard`], for a directory: an incomplete copy.
fn discard_tree(dir: &OwnedFd, entry: &RawEntry, before: SystemTime) -> Result<bool, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let tree = fs::openat(dir, entry.name.as_os_str(), flags, Mode::empty())?;
    if fs::flock(&tree, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
        return Ok(false);
    }
    let is_stale = Facts::new(&fs::fstat(&tree)?, 0).modified < before;
    if is_stale {
        let above = Dir::reopen_dir(dir).map_err(|error| errno(&error))?;
        above.remove_dir_all(&entry.name).map_err(|error| errno(&error))?;
    }
    Ok(is_stale)
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

fn identity(dir: impl AsFd) -> Option<Statx> {
    fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()
}

/// Bind mounts of the same file system have its device number, but they are marked.
fn is_same_mount(home: &Statx, dir: impl AsFd) -> bool {
    identity(dir).is_some_and(|it| {
        (it.stx_dev_major, it.stx_dev_minor) == (home.stx_dev_major, home.stx_dev_minor)
            && !it.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)
    })
}
