//! What a path stands for, and what clients keep with it: properties, as one extended attribute of the file or directory.
//!
//! The attribute moves with the file, is copied to a file that replaces it, and ends with it.

use std::fs::{File, FileTimes};
use std::os::fd::AsRawFd as _;
use std::time::SystemTime;

use rustix::buffer::spare_capacity;
use rustix::fs::{self, XattrFlags};
use rustix::io::Errno;

use super::error::Error;
use super::listing::EntryKind;
use super::root::Opened;
use super::{Facts, Folder, open, root};
use crate::access::{Grant, Operation, ToChangeProperties};
use crate::blocking::Blocking;
use crate::durable::name::OPEN_FILES;

/// The attribute.
const NAME: &str = "user.wharf.properties";

/// The longest value, in bytes (`XATTR_SIZE_MAX` in `linux/limits.h`). ext4 has room for 4 KB.
pub const MAX_PROPERTIES: usize = 64 * 1024;

/// What a path stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its type.
    pub kind: EntryKind,
    /// Its metadata.
    pub facts: Facts,
}

/// Why properties are not saved.
#[derive(Debug)]
pub enum PropertyError {
    /// The file system has too little room for them, or none.
    NoRoom,
    /// Another error.
    Other(Error),
}

impl Folder {
    /// What the path of the grant stands for. A link stands for its target.
    pub fn describe<O: Operation>(
        &self,
        grant: &Grant<'_, O>,
        _: Blocking<'_>,
    ) -> Result<Description, Error> {
        let shared = self.source.current();
        let (_, stat) = open::opened(&shared, grant)?;
        let facts = shared.root.facts(&stat);
        let kind = super::listing::kind_of(&stat, facts).ok_or(Error::NotFound)?;
        Ok(Description { kind, facts })
    }

    /// How many bytes can still be saved in the folder, and how many its file system uses.
    pub fn space(&self, _: Blocking<'_>) -> Result<(u64, u64), Error> {
        let shared = self.source.current();
        let facts = fs::fstatvfs(shared.root.dir())?;
        let used = facts.f_blocks.saturating_sub(facts.f_bfree).saturating_mul(facts.f_frsize);
        let available = facts.f_bavail.saturating_mul(facts.f_frsize).saturating_sub(shared.rules.reserve);
        Ok((available, used))
    }

    /// The properties that clients keep with a file or a directory; `None` if there are none, or if the file system cannot
    /// keep any.
    pub fn properties<O: Operation>(
        &self,
        grant: &Grant<'_, O>,
        _: Blocking<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let (Opened { file, .. }, _) = open::opened(&self.source.current(), grant)?;
        Ok(read(&path_of(&file)))
    }

    /// Changes the properties of a file or a directory, and its time if one is given. When this returns, they are on the disk
    /// (unless [`Rules::durable`](super::Rules::durable) is off). `change` makes the new properties from the old ones;
    /// `None` leaves them as they are.
    pub fn change_properties(
        &self,
        grant: &Grant<'_, ToChangeProperties>,
        change: impl FnOnce(Option<&[u8]>) -> Option<Vec<u8>>,
        modified: Option<SystemTime>,
        _: Blocking<'_>,
    ) -> Result<(), PropertyError> {
        let shared = self.source.current();
        shared.may_change().map_err(PropertyError::Other)?;
        let _commits = shared.commits.across_servers(&shared.root).map_err(PropertyError::Other)?;
        let (Opened { file, .. }, stat) = open::opened(&shared, grant).map_err(PropertyError::Other)?;
        if !matches!(root::file_type(&stat), fs::FileType::RegularFile | fs::FileType::Directory) {
            return Err(PropertyError::Other(Error::NotFound));
        }
        let path = path_of(&file);
        if let Some(value) = change(read(&path).as_deref()) {
            write(&path, &value)?;
        }
        if let Some(modified) = modified {
            let times = FileTimes::new().set_modified(modified);
            file.set_times(times).map_err(|error| PropertyError::Other(error.into()))?;
        }
        if shared.rules.durable {
            file.sync_all().map_err(|error| PropertyError::Other(error.into()))?;
        }
        Ok(())
    }
}

/// A path for an open file, because some file systems of the system accept only paths.
fn path_of(file: &File) -> String {
    format!("{OPEN_FILES}/{}", file.as_raw_fd())
}

/// The attribute of the file at this path, which links to it.
pub(super) fn read(path: &str) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(MAX_PROPERTIES);
    fs::getxattr(path, NAME, spare_capacity(&mut value)).ok()?;
    value.shrink_to_fit();
    Some(value).filter(|value| !value.is_empty())
}

/// Sets the attribute; an empty value removes it.
fn write(path: &str, value: &[u8]) -> Result<(), PropertyError> {
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
