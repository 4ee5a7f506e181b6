//! The place of one file below the directory for downloads: what is there now, and whether it may be replaced.

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

/// The place of one file: its directory is open.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) dir: Arc<Dir>,
    pub(super) name: OsString,
    /// Its whole path, for people.
    pub(super) path: PathBuf,
    /// The address of what is kept there.
    pub(super) from: Arc<str>,
    pub(super) replace: bool,
    pub(super) local: PathBuf,
    pub(super) claims: Arc<ClaimedNames>,
}

impl Spot {
    /// The facts of the regular file that is there. Something else that is there is in the way: a link is not followed,
    /// and a directory not replaced.
    pub(super) fn look(&self) -> Result<Option<Stat>, ClientError> {
        match statat(&self.dir, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(ClientError::Local("look at", self.path.clone(), error.into())),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(Some(stat)),
            Ok(_) => Err(ClientError::Occupied(self.path.clone())),
        }
    }

    /// Whether a file is there; an error if it is one that is not to be replaced.
    pub(super) fn may_be_taken(&self) -> Result<bool, ClientError> {
        let is_there = self.look()?.is_some();
        if is_there && !self.replace && !self.is_download() {
            return Err(ClientError::Exists(self.path.clone()));
        }
        Ok(is_there)
    }

    /// Whether what is there is a download of this address that nobody has changed since.
    fn is_download(&self) -> bool {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        openat(&self.dir, &self.name, flags, Mode::empty())
            .is_ok_and(|file| record::is_of(&File::from(file), &self.from))
    }
}

/// Removes a file; that it is not there, or cannot be removed, does no harm.
pub(super) fn remove(dir: &Dir, name: &OsStr) {
    // Mostly it is not there. To look costs little, and to remove shuts the directory to all others meanwhile.
    if statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
        let _ = unlinkat(dir, name, AtFlags::empty());
    }
}

/// The length and time of a local file, as a server tells them: in whole seconds.
pub(super) fn facts(stat: &Stat) -> (u64, SystemTime) {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    (u64::try_from(stat.st_size).unwrap_or(0), modified)
}
