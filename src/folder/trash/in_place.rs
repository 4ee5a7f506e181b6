//! Distinguishes a live file from trash: a crash between the link into the trash and the rename leaves a file that has
//! both names.
//!
//! Restoring such an entry would give the file a second name, so it does not count as an entry. Removing the entry
//! loses nothing, because the file is in its place.

use rustix::fs::Stat;

use super::record::TrashRecord;
use crate::folder::root::{self, Identity, Root};

/// Whether the content of this entry is still the file at its old path.
pub(super) fn is_in_place(root: &Root, record: &TrashRecord, content: &Stat) -> bool {
    // Directories have one name, and so have nearly all files.
    if content.st_nlink < 2 || root::is_directory(content) {
        return false;
    }
    let (Some(above), Some(name)) = (record.path.parent(), record.path.name()) else { return false };
    let Ok(dir) = root.directory_for_server(&above) else { return false };
    root::look_in(&dir, name).is_ok_and(|now| Identity::of(&now) == Identity::of(content))
}
