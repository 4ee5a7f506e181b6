//! Links in addresses: `http://host/.wharf/l/SECRET` and below.
//!
//! Below an open link, all sessions of this process send the link's cookie, and no other credentials.

use std::sync::{Mutex, PoisonError};

use super::address::Endpoint;
use super::credentials::SecretText;
use super::link_path::link_of;

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
