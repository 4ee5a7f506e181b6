//! Files outside the shared folder that the server reads again when they change.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fs, io};

/// Whether a file may be used: one in the shared folder may not.
pub(super) type Check = Box<dyn Fn(&Path) -> io::Result<()> + Send + Sync>;

/// A file as it was last seen. `None`: it cannot be found.
pub(super) type Stamp = Option<FileState>;

/// What changes with a file. Its change time does so too when only its permissions or its hard links change, and they may be
/// why it could not be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileState {
    id: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
}

/// What a file is now.
pub(super) fn stamp(path: &Path) -> Stamp {
    let facts = fs::metadata(path).ok()?;
    Some(FileState {
        id: (facts.dev(), facts.ino()),
        modified: (facts.mtime(), facts.mtime_nsec()),
        changed: (facts.ctime(), facts.ctime_nsec()),
        size: facts.size(),
    })
}
