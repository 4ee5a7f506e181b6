//! Every change of the folder (saving, removing, moving, restoring) is announced here and nowhere else: to the log, the
//! cache, the chat room, and those who follow the directory. New directories are not announced in the chat room, nor are names that begin with a dot, unless
//! everybody may use them.
//!
//! The cache checks every entry again, so a directory needs nothing more than a file does.

use std::fmt;
use std::path::PathBuf;

use crate::chat::event::{FileChange, Uploader};
use crate::folder::{Moved, Removed, Restored, Saved};
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::moment::Moment;
use crate::server::state::State;

/// Announces a file that was saved over HTTP or TFTP. Returns its path if requests are recorded.
pub(crate) fn saved(by: &Uploader, saved: &Saved, state: &State) -> Option<PathBuf> {
    let Saved { path, lies_at, size, .. } = saved;
    note([Some(path), lies_at.as_ref()], state);
    log::info!("{by} saved {} ({size} bytes)", Printable(path.as_bytes()));
    arrived(by, path, lies_at.as_ref(), *size, state);
    state.observers.recorder.as_ref().map(|_| state.root.join(saved.path.as_path()))
}

/// Announces a copy. A copied file is announced like an upload.
pub(crate) fn copied(by: &Uploader, saved: &Saved, is_directory: bool, state: &State) {
    if !is_directory {
        let _ = self::saved(by, saved, state);
        return;
    }
    note([Some(&saved.path), saved.lies_at.as_ref()], state);
    log::info!("{by} copied a directory to {}/ ({} bytes)", Printable(saved.path.as_bytes()), saved.size);
}

/// Announces something that was moved.
pub(crate) fn moved(by: &Uploader, moved: &Moved, state: &State) {
    let Moved { from, lay_at, path, lies_at, is_directory, size, .. } = moved;
    let [old, new] = [from, path].map(|path| Shown { path, is_directory: *is_directory });
    log::info!("{by} moved {old} to {new}");
    note([Some(from), lay_at.as_ref(), Some(path), lies_at.as_ref()], state);
    // A name that is not for everybody looks absent.
    let rules = state.folder.rules();
    match (rules.shows(from), rules.shows(path)) {
        (true, true) => {
            let change = FileChange::Moved { from: from.as_bytes().to_vec() };
            changed(by, path, *is_directory, change, lay_at.iter().chain(lies_at), state);
        }
        (true, false) => changed(by, from, *is_directory, FileChange::Removed, lay_at, state),
        (false, true) if !is_directory => arrived(by, path, lies_at.as_ref(), *size, state),
        (false, _) => {}
    }
}

/// Announces a directory that was created. The chat room announces only files.
pub(crate) fn made_directory(by: &Uploader, path: &SharePath, state: &State) {
    note([Some(path)], state);
    log::info!("{by} created {}/", Printable(path.as_bytes()));
}

/// Announces a file or directory that was removed.
pub(crate) fn removed(by: &Uploader, removed: &Removed, state: &State) {
    let Removed { path, lay_at, is_directory, kept } = removed;
    let how = if kept.is_some() { "removed" } else { "removed for good" };
    note([Some(path), lay_at.as_ref()], state);
    log::info!("{by} {how} {}", Shown { path, is_directory: *is_directory });
    changed(by, path, *is_directory, FileChange::Removed, lay_at, state);
}

/// Announces a file or directory that was restored from the trash.
pub(crate) fn restored(by: &Uploader, restored: &Restored, state: &State) {
    let Restored { path, lies_at, is_directory } = restored;
    note([Some(path), lies_at.as_ref()], state);
    log::info!("{by} restored {}", Shown { path, is_directory: *is_directory });
    changed(by, path, *is_directory, FileChange::Restored, lies_at, state);
}

/// Tells the cache that something has changed, and the followers of the directories what has: a path in two spellings, if
/// links lead to it. Names that are not for everybody look absent.
fn note<'p>(paths: impl IntoIterator<Item = Option<&'p SharePath>>, state: &State) {
    state.cache.invalidate(Moment::now());
    let rules = state.folder.rules();
    for path in paths.into_iter().flatten().filter(|path| rules.shows(path)) {
        state.changes.announce(path.as_bytes());
    }
}

/// Tells the chat room about a new or changed file, unless its name is not for everybody.
fn arrived(by: &Uploader, path: &SharePath, lies_at: Option<&SharePath>, size: u64, state: &State) {
    if let Some(chat) = state.chat.as_ref().filter(|_| state.folder.rules().shows(path)) {
        let lies_at = lies_at.map(|path| path.as_bytes().to_vec());
        chat.announce(by.clone(), path.as_bytes().to_vec(), lies_at, size);
    }
}

/// Tells the chat room about another change, unless its name is not for everybody.
fn changed<'p>(
    by: &Uploader,
    path: &SharePath,
    is_directory: bool,
    change: FileChange,
    also_at: impl IntoIterator<Item = &'p SharePath>,
    state: &State,
) {
    if let Some(chat) = state.chat.as_ref().filter(|_| state.folder.rules().shows(path)) {
        let also_at = also_at.into_iter().map(|path| path.as_bytes().to_vec()).collect();
        chat.announce_change(by.clone(), (path.as_bytes().to_vec(), is_directory), change, also_at);
    }
}

/// A path in the log; a directory ends in a slash.
struct Shown<'p> {
    path: &'p SharePath,
    is_directory: bool,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Printable(self.path.as_bytes()), if self.is_directory { "/" } else { "" })
    }
}
