//! The place of one file in the directory for downloads: what exists there, and whether it may be replaced.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::claims::ClaimedNames;
use super::record;
use crate::client::error::ClientError;

/// The place of one file. Its directory is open.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) dir: Arc<Dir>,
    pub(super) name: OsString,
    /// Its path, for messages.
    pub(super) path: PathBuf,
    /// The address of the download.
    pub(super) from: Arc<str>,
    pub(super) replace: bool,
    pub(super) local: PathBuf,
    pub(super) claims: Arc<ClaimedNames>,
}

impl Spot {
    /// The metadata of the existing file, if there is one. Anything else there is an error: symlinks are not followed, and
    /// directories are not replaced.
    pub(super) fn look(&self) -> Result<Option<Stat>, ClientError> {
        match statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(ClientError::Local("read", self.path.clone(), error.into())),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Some(stat)),
            Ok(_) => Err(ClientError::Occupied(self.path.clone())),
        }
    }

    /// Whether a file exists; an error if it must not be replaced.
    pub(super) fn may_be_taken(&self) -> Result<bool, ClientError> {
        let is_there = self.look()?.is_some();
        if is_there && !self.replace && !self.is_download() {
            return Err(ClientError::Exists(self.path.clone()));
        }
        Ok(is_there)
    }

    /// Whether the existing file is an unchanged download of this address.
    fn is_download(&self) -> bool {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&self.dir, &self.name, flags, Mode::empty())
            .is_ok_and(|file| record::is_of(&File::from(file), &self.from))
    }
}

/// Removes a file if it exists. Errors are ignored.
pub(super) fn remove(dir: &Dir, name: &OsStr) {
    // Usually it does not exist. `statat` is cheap, but `unlinkat` locks the directory.
    if statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        let _ = unlinkat(dir, name, AtFlags::empty());
    }
}

/// The length and time of a local file, in whole seconds as in HTTP.
pub(super) fn facts(stat: &Stat) -> (u64, SystemTime) {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    (u64::try_from(stat.st_size).unwrap_or(0), modified)
}
