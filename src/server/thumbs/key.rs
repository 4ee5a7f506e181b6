//! The names of the files in the directory.

use std::ffi::OsStr;
use std::fs::File;
use std::io;

use rustix::fs::fstat;
use sha2::{Digest as _, Sha256};

use crate::folder::FileVersion;

/// Changes if thumbnails are made in another way, so that old ones are not used any more.
const FORMAT: &str = "wharf thumbnail 1";

/// How a file that is being written is named; random digits follow.
pub(super) const DRAFT: &str = "draft-";

/// Identifies a version of a picture on this machine: its device, inode, size, and its times of modification and of change.
/// Nobody can guess or list what is kept for files that they cannot open: the server opens the file first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct ThumbKey(String);

impl ThumbKey {
    /// The key for a version of an open file. The version lacks the device of the folder, and several folders share the
    /// directory.
    pub(in crate::server) fn of(version: &FileVersion, file: &File) -> io::Result<Self> {
        let device = fstat(file)?.st_dev;
        let hash: [u8; 32] = Sha256::digest(format!("{FORMAT}\n{device:x}\n{version}\n")).into();
        // Half of it is enough that no two versions share a key.
        let half = hash.first_chunk().copied().map_or(0, u128::from_be_bytes);
        Ok(Self(format!("{half:032x}")))
    }

    /// The name of its file.
    pub(super) fn name(&self) -> &OsStr {
        OsStr::new(&self.0)
    }
}

/// Whether a file of this name is a thumbnail.
pub(super) fn is_key(name: &[u8]) -> bool {
    name.len() == 32 && name.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
