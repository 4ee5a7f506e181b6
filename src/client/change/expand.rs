//! What an address stands for: itself, or the names that match its last segment.

use crate::client::change_error::RemoteChangeError;
use crate::client::error::ClientError;
use crate::client::link_path::link_of;
use crate::client::listing;
use crate::client::pattern;
use crate::client::session::Session;
use crate::client::targets::{decode, target_of};

/// The targets that a target with or without a pattern stands for. As in a shell, names that begin with a dot match
/// only a pattern that begins with a dot. Fails for the root.
pub fn expand(session: &mut Session, target: &str) -> Result<Vec<String>, ClientError> {
    let (directory, last) = target.split_at(target.rfind('/').map_or(0, |slash| slash + 1));
    if !last.contains('*') {
        return if is_root(target) {
            Err(RemoteChangeError::Root.into())
        } else {
            Ok(vec![target.to_owned()])
        };
    }
    let pattern = decode(last)?;
    let listing = listing::fetch(session, directory)?;
    let is_shown = |name: &str| !name.starts_with('.') || pattern.starts_with('.');
    let fitting =
        listing.entries.iter().filter(|entry| pattern::fits(&pattern, &entry.name) && is_shown(&entry.name));
    let found: Vec<_> = fitting.map(|entry| target_of(directory, entry)).collect::<Result<_, _>>()?;
    if found.is_empty() { Err(ClientError::NoMatch) } else { Ok(found) }
}

/// Whether a target is the root of its server, or of a link.
pub(super) fn is_root(target: &str) -> bool {
    let path = target.trim_end_matches('/');
    path.is_empty() || link_of(path) == Some(path)
}
