//! What callers learn about an entry of the trash.

use std::time::SystemTime;

use super::id::TrashId;
use crate::path::SharePath;

/// An entry of the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashItem {
    /// Its id.
    pub id: TrashId,
    /// The path that it had.
    pub path: SharePath,
    /// How many bytes it holds; `None` for a directory that was not measured yet.
    pub size: Option<u64>,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// When it was removed or replaced.
    pub time: SystemTime,
    /// The name of the user that removed or replaced it.
    pub principal: Option<String>,
}

/// Whose entries of the trash an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'o> {
    /// The entries of this [owner](super::super::Remover::owner).
    Owner(&'o str),
    /// All entries.
    Everybody,
}

/// The result of one piece of emptying the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Emptied {
    /// How many entries it has discarded.
    pub count: usize,
    /// Where the next piece begins: before this entry; `None` if this piece was the last.
    pub rest: Option<TrashId>,
}

/// What was restored from the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Where it is now.
    pub path: SharePath,
    /// Its real path, if known and different.
    pub lies_at: Option<SharePath>,
    /// Whether it is a directory.
    pub is_directory: bool,
}
