//! What changes in the folder is announced here and nowhere else: to the log, the cache and the chat room. New directories are
//! only logged.

use std::path::PathBuf;

use crate::chat::event::{FileMove, Uploader};
use crate::folder::{Moved, Saved};
use crate::path::SharePath;
use crate::printable::Printable;
use crate::server::moment::Moment;
use crate::server::state::State;

/// Announces a file that was saved over HTTP or TFTP. Returns its path if requests are recorded.
pub(crate) fn saved(by: &Uploader, saved: &Saved, state: &State) -> Option<PathBuf> {
    state.cache.invalidate(Moment::now());
    let path = saved.path.as_bytes();
    log::info!("{by} saved {} ({} bytes)", Printable(path), saved.size);
    if let Some(chat) = &state.chat {
        let lies_at = saved.lies_at.as_ref().map(|path| path.as_bytes().to_vec());
        chat.announce(by.clone(), path.to_vec(), lies_at, saved.size);
    }
    state.recorder.as_ref().map(|_| state.root.join(saved.path.as_path()))
}

/// Announces a copy. That of a file is as if it had been uploaded.
pub(crate) fn copied(by: &Uploader, saved: &Saved, is_directory: bool, state: &State) {
    if !is_directory {
        let _ = self::saved(by, saved, state);
        return;
    }
    state.cache.invalidate(Moment::now());
    log::info!("{by} copied a directory to {}/ ({} bytes)", Printable(saved.path.as_bytes()), saved.size);
}

/// Announces something that was moved.
pub(crate) fn moved(by: &Uploader, moved: &Moved, state: &State) {
    state.cache.invalidate(Moment::now());
    let [from, to] = [&moved.from, &moved.path].map(|path| Printable(path.as_bytes()));
    let slash = if moved.is_directory { "/" } else { "" };
    log::info!("{by} moved {from}{slash} to {to}{slash}");
    if let Some(chat) = &state.chat {
        let bytes = |path: &SharePath| path.as_bytes().to_vec();
        let lie_at = moved.lay_at.iter().chain(&moved.lies_at).map(bytes).collect();
        let (from, path, is_directory) = (bytes(&moved.from), bytes(&moved.path), moved.is_directory);
        chat.announce_move(by.clone(), FileMove { from, path, lie_at, is_directory });
    }
}

/// Announces a directory that was created. The chat room announces only files.
pub(crate) fn made_directory(by: &Uploader, path: &SharePath, state: &State) {
    state.cache.invalidate(Moment::now());
    log::info!("{by} created {}/", Printable(path.as_bytes()));
}
