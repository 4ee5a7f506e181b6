//! Properties that clients keep with a file or directory, as one extended attribute.
//!
//! The attribute moves with the file, is copied to a file that replaces it, and ends with it.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::buffer::spare_capacity;
use rustix::fs::{self, XattrFlags};
use rustix::io::Errno;

use super::error::Error;
use crate::durable::name::OPEN_FILES;

/// The attribute.
const NAME: &str = "user.wharf.properties";

/// The longest value, in bytes (`XATTR_SIZE_MAX` in `linux/limits.h`). ext4 has room for 4 KB.
pub const MAX_PROPERTIES: usize = 64 * 1024;

/// Why properties are not saved.
#[derive(Debug)]
pub enum PropertyError {
    /// The file system has too little room for them, or none.
    NoRoom,
    /// Another error.
    Other(Error),
}

/// A path for an open file, because some file systems of the system accept only paths.
pub(super) fn path_of(file: &File) -> String {
    format!("{OPEN_FILES}/{}", file.as_raw_fd())
}

/// The attribute of the file at this path, which links to it.
pub(super) fn read(path: &str) -> Option<Vec<u8>> {
    if !exists(fs::getxattr_query(path, NAME)) {
        return None;
    }
    let mut value = Vec::with_capacity(MAX_PROPERTIES);
    fs::getxattr(path, NAME, spare_capacity(&mut value)).ok()?;
    value.shrink_to_fit();
    Some(value).filter(|value| !value.is_empty())
}

/// The attribute of an entry of this directory. A link has none.
pub(super) fn read_entry(dir: &OwnedFd, name: &OsStr) -> Option<Vec<u8>> {
    let path = [format!("{OPEN_FILES}/{}/", dir.as_raw_fd()).as_bytes(), name.as_bytes()].concat();
    if !exists(fs::lgetxattr_query(&path[..], NAME)) {
        return None;
    }
    let mut value = Vec::with_capacity(MAX_PROPERTIES);
    fs::lgetxattr(path, NAME, spare_capacity(&mut value)).ok()?;
    Some(value).filter(|value| !value.is_empty())
}

/// Whether there is an attribute of this length. To read it, the kernel allocates and clears as much memory as the buffer has, which
/// takes longer than the rest of the call. Most files have no attribute, so its length is asked for first.
fn exists(length: rustix::io::Result<usize>) -> bool {
    length.is_ok_and(|length| length > 0)
}

/// Gives a copy exactly the properties of its source (RFC 4918 §9.8.2), if the copy's file system can keep them.
pub(super) fn copy(from: &File, to: &File) {
    let _ = write(&path_of(to), &read(&path_of(from)).unwrap_or_default());
}

/// Sets the attribute; an empty value removes it.
pub(super) fn write(path: &str, value: &[u8]) -> Result<(), PropertyError> {
    let written = if value.is_empty() {
        match fs::removexattr(path, NAME) {
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
            other => other,
        }
    } else if value.len() > MAX_PROPERTIES {
        return Err(PropertyError::NoRoom);
    } else {
        fs::setxattr(path, NAME, value, XattrFlags::empty())
    };
    written.map_err(|error| match error {
        Errno::NOSPC | Errno::TOOBIG | Errno::RANGE | Errno::DQUOT | Errno::OPNOTSUPP | Errno::NOSYS => {
            PropertyError::NoRoom
        }
        error => PropertyError::Other(error.into()),
    })
}
