//! Files outside the shared folder that the server reads again when they change.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fs, io};

/// Whether a file may be used: a file in the shared folder may not.
pub(super) type Check = Box<dyn Fn(&Path) -> io::Result<()> + Send + Sync>;

/// A file as it was last seen. `None` if the file cannot be found.
pub(super) type Stamp = Option<FileState>;

/// What shows that a file has changed. The change time also covers permissions and hard links, because these may have
/// been the reason why the file could not be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileState {
    id: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
}

/// The present state of a file.
pub(super) fn stamp(path: &Path) -> Stamp {
    let facts = fs::metadata(path).ok()?;
    Some(FileState {
        id: (facts.dev(), facts.ino()),
        modified: (facts.mtime(), facts.mtime_nsec()),
        changed: (facts.ctime(), facts.ctime_nsec()),
        size: facts.size(),
    })
}
