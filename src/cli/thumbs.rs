//! Where `wharf serve` keeps thumbnails.

use std::env;
use std::path::{Path, PathBuf};

use super::containment;
use crate::printable::Printable;
use crate::server::Thumbs;

/// Thumbnails, kept in `$XDG_CACHE_HOME/wharf/thumbs` (XDG Base Directory Specification) unless that is in the shared folder:
/// clients could read the thumbnails of other folders there.
pub(super) fn kept_outside(root: &Path) -> Thumbs {
    let directory = directory().filter(|directory| match ensure_outside(directory, root) {
        Ok(()) => true,
        Err(error) => {
            log::warn!("thumbnails are not kept: cannot use {}: {error}", Printable::path(directory));
            false
        }
    });
    Thumbs::new(directory)
}

/// The directory of this user, if the environment names one.
fn directory() -> Option<PathBuf> {
    let path = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = path("XDG_CACHE_HOME").or_else(|| path("HOME").map(|home| home.join(".cache")))?;
    Some(caches.join("wharf/thumbs"))
}

/// Fails if the directory is in the folder, or would be created there.
fn ensure_outside(directory: &Path, root: &Path) -> std::io::Result<()> {
    let existing = directory.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(directory);
    containment::ensure_directory_outside(existing, root)
}
