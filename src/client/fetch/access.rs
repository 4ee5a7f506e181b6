//! Who may read and write a file that replaces another: whoever could before, and nobody else.
//!
//! Owner and group are kept where the system allows it. An access control list is not: the group then gets no more than
//! all others.

use std::fs::File;

use rustix::fs::{Gid, Mode, OFlags, Stat, Uid, fchmod, fchown, fgetxattr, fstat, openat};
use rustix::io::Errno;

use super::spot::Spot;

/// A file's access control list, as Linux keeps it.
const LIST: &str = "system.posix_acl_access";

/// What a new file may be, before the umask takes its part.
pub(super) const NEW_FILE: Mode =
    Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::WGRP).union(Mode::ROTH).union(Mode::WOTH);

/// Gives a file what the one has that it will replace, if there is one, and at least `least`. What the system forbids is
/// left out.
pub(super) fn keep(file: &File, spot: &Spot, least: Mode) {
    let (Ok(Some(old)), Ok(new)) = (spot.look(), fstat(file)) else { return };
    let keeps_group = give_owner(file, &old, &new) && !may_have_list(spot);
    let mode = Mode::from_raw_mode(old.st_mode) & (Mode::RWXU | Mode::RWXG | Mode::RWXO);
    let others = Mode::from_raw_mode((mode & Mode::RWXO).as_raw_mode() << 3);
    let mode = if keeps_group { mode } else { mode - (Mode::RWXG - others) };
    let _ = fchmod(file, mode | least);
}

/// Whether the file has the group now.
fn give_owner(file: &File, old: &Stat, new: &Stat) -> bool {
    let (owner, group) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
    if old.st_uid != new.st_uid && fchown(file, Some(owner), Some(group)).is_ok() {
        return true;
    }
    old.st_gid == new.st_gid || fchown(file, None, Some(group)).is_ok()
}

/// With a list, the group's part of the mode is a mask.
fn may_have_list(spot: &Spot) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let list = openat(&spot.dir, &spot.name, flags, Mode::empty())
        .and_then(|file| fgetxattr(file, LIST, &mut [0; 0]));
    !matches!(list, Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS))
}
