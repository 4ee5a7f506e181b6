//! What a file keeps when its content is replaced: permissions, owner, group, access control list, extended attributes.
//!
//! An upload is a new file that takes the place of the old file, so all of this has to be copied. An upload never fails
//! because something cannot be copied: what the system forbids is left out. But no user may gain access to the file
//! because of that, so permissions that depend on something that was left out are removed too.
//!
//! What describes the old content is not copied: the bits set-user-ID, set-group-ID and sticky, file capabilities, and the
//! kernel's own checksums (IMA, EVM). The kernel drops most of them when a file is written in place, too.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};

use cap_std::fs::Dir;
use rustix::buffer::spare_capacity;
use rustix::fs::{self, Gid, Mode, Stat, Uid, XattrFlags};
use rustix::io::Errno;
use rustix::process::getegid;

use super::acl::{self, Acl};
use crate::durable::name::OPEN_FILES;

/// The longest value and the longest list of names on Linux (`linux/limits.h`).
const MOST_BYTES: usize = 64 * 1024;
/// The maximum number of bytes of values that are copied for one file: another program could give it
/// gigabytes of values.
const MOST_IN_ALL: usize = 1024 * 1024;
/// The mode of a new file, before the umask.
pub(super) const NEW_FILE: Mode =
    Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::WGRP).union(Mode::ROTH).union(Mode::WOTH);
/// The permissions: reading, writing, executing.
const PERMISSIONS: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);
/// The permissions, and set-user-ID, set-group-ID and sticky.
const EVERY_BIT: u32 = 0o7777;
/// Prefixes of the attributes that are copied.
const KEPT: [&[u8]; 2] = [b"user.", b"security."];
/// Attributes that describe the old content.
const OF_CONTENT: [&[u8]; 3] = [b"security.capability", b"security.ima", b"security.evm"];

/// A file's attributes.
pub(super) struct Attributes {
    mode: Mode,
    owner: Uid,
    group: Gid,
    list: List,
    extended: Vec<(CString, Vec<u8>)>,
}

/// A file's access control list.
enum List {
    None,
    Some(Acl),
    /// It cannot be read, so the group's part of the mode may be a mask.
    Unknown,
}

impl Attributes {
    /// The attributes of a file that is open with any flags.
    pub(super) fn of(file: impl AsFd) -> Result<Self, Errno> {
        let stat = fs::fstat(&file)?;
        let (list, extended) = extended(&path_of(file));
        Ok(Self {
            mode: Mode::from_raw_mode(stat.st_mode) & PERMISSIONS,
            owner: Uid::from_raw(stat.st_uid),
            group: Gid::from_raw(stat.st_gid),
            list,
            extended,
        })
    }

    /// The attributes of a new file in `dir`, if the directory has no default list: the mode that the umask leaves, and the
    /// group of this process, or of the directory if it has the set-group-ID bit. A file that was created there has its
    /// group already.
    pub(super) fn of_new(file: &File, dir: &Dir, was_made_there: bool, umask: Mode) -> Result<Self, Errno> {
        let (stat, dir) = (fs::fstat(file)?, fs::fstat(dir)?);
        let inherits = Mode::from_raw_mode(dir.st_mode).contains(Mode::SGID);
        let group = match (was_made_there, inherits) {
            (true, _) => Gid::from_raw(stat.st_gid),
            (false, true) => Gid::from_raw(dir.st_gid),
            (false, false) => getegid(),
        };
        let (mode, owner) = (NEW_FILE - umask, Uid::from_raw(stat.st_uid));
        Ok(Self { mode, owner, group, list: List::None, extended: Vec::new() })
    }

    /// Sets them on a file that no other user can open yet. Returns whether that has changed the file.
    pub(super) fn give_to(self, file: &File) -> Result<bool, Errno> {
        if self.are_those_of(&fs::fstat(file)?) {
            // Checked first, because removing a list that does not exist succeeds too.
            let has_list = fs::fgetxattr(file, acl::ACCESS, &mut [0; 1]) == Err(Errno::RANGE);
            return Ok(has_list && fs::fremovexattr(file, acl::ACCESS).is_ok());
        }
        // The extended attributes are set while this user still owns the file and may write to it.
        for (name, value) in &self.extended {
            let _ = fs::fsetxattr(file, name.as_c_str(), value, XattrFlags::empty());
        }
        // Before the owner changes: if this user may not change the mode afterwards, only the owner has access.
        let _ = fs::fchmod(file, self.mode & Mode::RWXU);
        let keeps_group = self.give_owner(file)?;
        let mode = self.give_list(file, keeps_group);
        let _ = fs::fchmod(file, mode);
        Ok(true)
    }

    /// Whether a file has these attributes; its access control list is not compared.
    fn are_those_of(&self, stat: &Stat) -> bool {
        let bits = Mode::from_raw_mode(stat.st_mode & EVERY_BIT);
        let is_plain = matches!(self.list, List::None) && self.extended.is_empty();
        let has_owner = self.owner.as_raw() == stat.st_uid && self.group.as_raw() == stat.st_gid;
        is_plain && has_owner && bits == self.mode
    }

    /// Sets the owner and the group. Returns whether the file has the group now.
    fn give_owner(&self, file: &File) -> Result<bool, Errno> {
        let now = fs::fstat(file)?;
        let (owner, group) = (self.owner.as_raw() == now.st_uid, self.group.as_raw() == now.st_gid);
        if !owner && fs::fchown(file, Some(self.owner), Some(self.group)).is_ok() {
            return Ok(true);
        }
        Ok(group || fs::fchown(file, None, Some(self.group)).is_ok())
    }

    /// Sets the list, or removes one that the file got elsewhere. Returns the mode to set.
    fn give_list(self, file: &File, keeps_group: bool) -> Mode {
        let others = Mode::from_raw_mode((self.mode & Mode::RWXO).as_raw_mode() << 3);
        let narrow = |group: Mode| {
            let group = if keeps_group { group } else { group & others };
            (self.mode - Mode::RWXG) | group
        };
        let acl = match self.list {
            List::Some(acl) if keeps_group => acl,
            List::Some(acl) => acl.for_other_group(),
            List::None | List::Unknown => {
                let _ = fs::fremovexattr(file, acl::ACCESS);
                let is_mask = matches!(self.list, List::Unknown);
                return if is_mask {
                    narrow(self.mode & Mode::RWXG & others)
                } else {
                    narrow(self.mode & Mode::RWXG)
                };
            }
        };
        if fs::fsetxattr(file, acl::ACCESS, acl.as_bytes(), XattrFlags::empty()).is_ok() {
            return self.mode;
        }
        let _ = fs::fremovexattr(file, acl::ACCESS);
        narrow(acl.group_mode())
    }
}

/// Whether a directory has a default list for new files.
pub(super) fn has_default_list(dir: &Dir) -> bool {
    fs::getxattr(path_of(dir), acl::DEFAULT, &mut [0; 1]) == Err(Errno::RANGE)
}

/// A path for calls that do not accept an `O_PATH` handle.
fn path_of(file: impl AsFd) -> String {
    format!("{OPEN_FILES}/{}", file.as_fd().as_raw_fd())
}

/// The umask of this process, read from `/proc`, because `umask(2)` would change it. If it cannot be read, only this user
/// gets access to new files.
pub(super) fn umask() -> Mode {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let bits = line.and_then(|octal| u32::from_str_radix(octal.trim(), 8).ok());
    bits.map_or(Mode::RWXG | Mode::RWXO, Mode::from_raw_mode)
}

/// The list of the file at this path, and its attributes to copy.
fn extended(path: &str) -> (List, Vec<(CString, Vec<u8>)>) {
    let mut names = Vec::with_capacity(MOST_BYTES);
    match fs::listxattr(path, spare_capacity(&mut names)) {
        Ok(_) => {}
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return (List::None, Vec::new()),
        Err(_) => return (List::Unknown, Vec::new()),
    }
    let names =
        names.split_inclusive(|&byte| byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    let (mut list, mut kept, mut room) = (List::None, Vec::new(), MOST_IN_ALL);
    for name in names {
        if name.to_bytes() == acl::ACCESS.as_bytes() {
            list = value(path, name).and_then(Acl::parse).map_or(List::Unknown, List::Some);
        } else if is_kept(name.to_bytes())
            && let Some(value) = value(path, name)
            && let Some(left) = room.checked_sub(value.len())
        {
            room = left;
            kept.push((name.to_owned(), value));
        }
    }
    (list, kept)
}

fn is_kept(name: &[u8]) -> bool {
    KEPT.iter().any(|start| name.starts_with(start)) && !OF_CONTENT.contains(&name)
}

fn value(path: &str, name: &CStr) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(MOST_BYTES);
    fs::getxattr(path, name, spare_capacity(&mut value)).ok()?;
    value.shrink_to_fit();
    Some(value)
}
