//! Where the client keeps its state.

use std::path::PathBuf;

/// A directory for the client's own files: this path below `$XDG_STATE_HOME`, or below `~/.local/state`. `None` if neither is known.
pub(super) fn path(below: &str) -> Option<PathBuf> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = path("XDG_STATE_HOME").or_else(|| path("HOME").map(|home| home.join(".local/state")));
    state.map(|state| state.join(below))
}
