//! WebDAV in the server: the locks of its folder, and paths as clients see them.

pub(super) mod hrefs;

use std::time::SystemTime;

use crate::access::{Principal, Right, ToWrite};
use crate::dav::PathChange;
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::response::Response;
use crate::server::state::State;

use crate::server::lock_tokens::SubmittedTokens;

/// The media type of all bodies of WebDAV.
pub(super) const XML: &str = "application/xml; charset=utf-8";

/// Refuses to save a file whose path was locked while it was received.
pub(super) fn ensure_unlocked(
    path: &SharePath,
    tokens: &SubmittedTokens,
    principal: &Principal,
    state: &State,
) -> Result<(), Response> {
    let Some(dav) = &state.dav else { return Ok(()) };
    if hides_names(principal, path, state) {
        return Ok(());
    }
    dav.admit(&[PathChange::Content(path)], tokens, principal).map_err(|_| locked())
}

/// Whether the principal must not learn which names are taken. Its files get other names then, so locks do not concern them.
pub(super) fn hides_names(principal: &Principal, path: &SharePath, state: &State) -> bool {
    state.access.check::<ToWrite>(principal, path).is_ok_and(|grant| grant.hides_names())
}

/// This locked path, or the path that the principal has asked for if it must not see the locked path.
pub(super) fn shown<'p>(
    locked: &'p SharePath,
    asked_for: &'p SharePath,
    principal: &Principal,
    state: &State,
) -> &'p SharePath {
    if state.access.rights(principal, locked).has(Right::List) { locked } else { asked_for }
}

/// The response to a change that a lock forbids.
pub(super) fn locked() -> Response {
    let text = "another client has locked that (wait until its lock ends, or send the token of the lock)\n";
    Response::text(Status::LOCKED, text)
}

/// Ends the locks on a path and below it, because what they covered is gone.
pub(super) fn end_locks(path: &SharePath, state: &State) {
    if let Some(dav) = &state.dav {
        dav.end(path);
    }
}

/// Whether somebody has locked a path, for clients that cannot submit tokens.
pub(super) fn is_locked(path: &SharePath, state: &State) -> bool {
    state.dav.as_ref().is_some_and(|dav| dav.locks().on(path, SystemTime::now()).next().is_some())
}
