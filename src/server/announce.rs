//! Saved files are announced here and nowhere else: to the log, the cache and the chat room. New directories are logged.

use std::path::PathBuf;

use crate::chat::event::Uploader;
use crate::folder::Saved;
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
    state.observers.recorder.as_ref().map(|_| state.root.join(saved.path.as_path()))
}

/// Announces a directory that was created. The chat room announces only files.
pub(crate) fn made_directory(by: &Uploader, path: &SharePath, state: &State) {
    state.cache.invalidate(Moment::now());
    log::info!("{by} created {}/", Printable(path.as_bytes()));
}
