//! Permissions of a file that replaces another: the same users can read and write it as before.
//!
//! Owner and group are kept if the system allows it. An access control list is not kept: the group then gets no more
//! rights than others.

use std::fs::File;

use rustix::fs::{Gid, Mode, OFlags, Stat, Uid, fchmod, fchown, fgetxattr, fstat, openat};
use rustix::io::Errno;

use super::spot::Spot;

/// The extended attribute of an access control list on Linux.
const LIST: &str = "system.posix_acl_access";

/// The mode of a new file, before the umask.
pub(super) const NEW_FILE: Mode =
    Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::WGRP).union(Mode::ROTH).union(Mode::WOTH);

/// Copies owner, group and mode from the file that will be replaced, if there is one, and adds `least`. Errors are
/// ignored: the system may forbid some of it.
pub(super) fn keep(file: &File, spot: &Spot, least: Mode) {
    let (Ok(Some(old)), Ok(new)) = (spot.look(), fstat(file)) else { return };
    let keeps_group = give_owner(file, &old, &new) && !may_have_list(spot);
    let mode = Mode::from_raw_mode(old.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
    let others = Mode::from_raw_mode((mode & Mode::RWXO).as_raw_mode() << 3);
    let mode = if keeps_group { mode } else { mode - (Mode::RWXG - others) };
    let _ = fchmod(file, mode | least);
}

/// Copies owner and group; true if the file has the group now.
fn give_owner(file: &File, old: &Stat, new: &Stat) -> bool {
    let (owner, group) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
    if old.st_uid != new.st_uid && fchown(file, Some(owner), Some(group)).is_ok() {
        return true;
    }
    old.st_gid == new.st_gid || fchown(file, None, Some(group)).is_ok()
}

/// With an access control list, the group's bits of the mode are a mask.
fn may_have_list(spot: &Spot) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let list = openat(&spot.dir, &spot.name, flags, Mode::empty())
        .and_then(|file| fgetxattr(file, LIST, &mut [0; 0]));
    !matches!(list, Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS))
}
