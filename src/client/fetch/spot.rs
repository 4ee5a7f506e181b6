//! The place of one file below the directory for downloads: what is there now, whether it may be replaced, and where its
//! part may be kept.

use std::collections::hash_map::DefaultHasher;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{Hash as _, Hasher as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cap_std::fs::Dir;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, statat, unlinkat};
use rustix::io::Errno;

use super::downloads::{ClaimedNames, lock};
use super::part_name::PartName;
use super::record;
use crate::client::error::ClientError;

/// What is added to the name of a file that is not complete yet.
const PART: &str = ".part";

/// What is added to that for the notes about it.
const NOTES: &str = ".from";

/// How many names a part may have: its own, and others for where that is taken.
const PART_NAMES: usize = 4;

/// The longest name that file systems take, in bytes.
const LONGEST_NAME: usize = 255;

/// The longest end that a name gets, in bytes: `.1.part.from`.
const LONGEST_END: usize = 2 + PART.len() + NOTES.len();

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
    pub(super) claims: Arc<Mutex<ClaimedNames>>,
}

impl Spot {
    /// Where its part may be kept, the usual place first. A name that another order has is left to that.
    pub(super) fn part_names(&self) -> Vec<PartName> {
        let claims = lock(&self.claims);
        let is_free = |name: &OsString| {
            !claims.has_parts || !claims.orders.contains_key(&self.local.with_file_name(name))
        };
        let names = (0..PART_NAMES).map(|number| numbered(&self.name, number));
        let free = names.filter(|(part, notes)| is_free(part) && is_free(notes));
        free.map(|(part, notes)| PartName::new(self, part, notes)).collect()
    }

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

/// One of the names of a part, and that of its notes.
fn numbered(name: &OsStr, number: usize) -> (OsString, OsString) {
    let part = if number == 0 { PART.to_owned() } else { format!(".{number}{PART}") };
    (with_end(name, &part), with_end(name, &[&part, NOTES].concat()))
}

/// Whether a part or its notes could have this name.
pub(super) fn is_name_of_part(local: &Path) -> bool {
    let name = local.file_name().unwrap_or_default().as_bytes();
    name.ends_with(PART.as_bytes()) || name.ends_with(NOTES.as_bytes())
}

/// A name with something behind it. One that would be too long is cut, and told apart by a hash of the whole.
fn with_end(name: &OsStr, end: &str) -> OsString {
    let bytes = name.as_bytes();
    let mut longer = if bytes.len() + LONGEST_END <= LONGEST_NAME {
        name.to_owned()
    } else {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let hash = format!("~{:016x}", hasher.finish());
        let kept = LONGEST_NAME - LONGEST_END - hash.len();
        let mut cut = OsStr::from_bytes(bytes.get(..kept).unwrap_or(bytes)).to_owned();
        cut.push(hash);
        cut
    };
    longer.push(end);
    longer
}

/// The length and time of a local file, as a server tells them: in whole seconds.
pub(super) fn facts(stat: &Stat) -> (u64, std::time::SystemTime) {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    let modified = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    (u64::try_from(stat.st_size).unwrap_or(0), modified)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_part() {
        let name = |name: &str, number| {
            let (part, notes) = numbered(OsStr::new(name), number);
            (part.into_string().expect("text"), notes.into_string().expect("text"))
        };
        assert_eq!(name("a.txt", 0), ("a.txt.part".to_owned(), "a.txt.part.from".to_owned()));
        assert_eq!(name("a.txt", 3), ("a.txt.3.part".to_owned(), "a.txt.3.part.from".to_owned()));
        let long = "x".repeat(LONGEST_NAME);
        assert_eq!(name(&long, 1).1.len(), LONGEST_NAME);
        assert_ne!(name(&long, 0), name(&format!("{}y", "x".repeat(LONGEST_NAME - 1)), 0));
    }
}
