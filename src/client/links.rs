//! Links in addresses: `http://host/.wharf/l/SECRET` and below.
//!
//! All sessions of this process send the cookie of an open link below it, and no other credentials there: the link has its own.

use std::sync::{Mutex, PoisonError};

use super::address::Endpoint;
use super::credentials::SecretText;
use crate::own_paths::LINK;

/// The links that were opened.
static OPENED: Mutex<Vec<OpenLink>> = Mutex::new(Vec::new());

/// A link that was opened.
#[derive(Debug)]
pub(super) struct OpenLink {
    pub(super) server: Endpoint,
    /// The path of the link.
    pub(super) path: String,
    /// The field `Cookie`.
    pub(super) cookie: SecretText,
}

/// The path of the link that a target is about, up to the end of its secret.
pub(super) fn link_of(target: &str) -> Option<&str> {
    let secret = target.find(LINK)? + LINK.len();
    let rest = target.get(secret..)?;
    target.get(..secret + rest.find(['/', '?']).unwrap_or(rest.len()))
}

/// Sends the cookie of this link from now on.
pub(super) fn remember(link: OpenLink) {
    let mut all = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|open| open.server != link.server || open.path != link.path);
    all.push(link);
}

/// The field `Cookie` for a request.
pub(super) fn cookie(server: &Endpoint, target: &str) -> Option<SecretText> {
    let link = link_of(target)?;
    let all = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let open = all.iter().find(|open| open.server == *server && open.path == link);
    open.map(|open| open.cookie.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_of_a_target() {
        let table = [
            ("/.wharf/l/aB9", Some("/.wharf/l/aB9")),
            ("/.wharf/l/aB9/a/b?c", Some("/.wharf/l/aB9")),
            ("/base/.wharf/l/aB9?c", Some("/base/.wharf/l/aB9")),
            ("/.wharf/links/x", None),
            ("/a", None),
        ];
        for (target, expected) in table {
            assert_eq!(link_of(target), expected, "{target}");
        }
    }
}
