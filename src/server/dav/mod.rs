//! WebDAV in the server: which changes the locks of the folder forbid, and paths as clients see them.

pub(super) mod hrefs;

use crate::access::{Grant, Principal, Rights, ToList, ToRead, ToRemove, ToWrite};
use crate::blocking::Blocking;
use crate::folder::{Error, OnConflict, Whereabouts};
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::error_response;
use crate::server::intent::Intent;
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::response::Response;
use crate::server::state::State;

/// The media type of all bodies of WebDAV.
pub(super) const XML: &str = "application/xml; charset=utf-8";

/// A place whose locks end with what is there. Without locks, nothing is known about the place.
#[derive(Debug)]
pub(super) struct UnlockedPlace(Option<SharePath>);

impl UnlockedPlace {
    /// Ends the locks on the place and below it, because what they covered is gone.
    pub(super) fn end_locks(&self, state: &State) {
        if let (Some(dav), Some(path)) = (&state.dav, &self.0) {
            dav.end(path);
        }
    }
}

/// Fails if locks forbid this at a path. Call it at the moment of the change: the gate has asked before the body arrived.
pub(super) fn ensure_unlocked(
    path: &SharePath,
    intent: Intent,
    tokens: &SubmittedTokens,
    principal: &Principal,
    state: &State,
    disk: Blocking<'_>,
) -> Result<UnlockedPlace, Response> {
    admit(path, intent, tokens, principal, state, disk).map_err(|_| locked())
}

/// Like [`ensure_unlocked`]; the error has the locked paths.
pub(super) fn admit(
    path: &SharePath,
    intent: Intent,
    tokens: &SubmittedTokens,
    principal: &Principal,
    state: &State,
    disk: Blocking<'_>,
) -> Result<UnlockedPlace, Vec<SharePath>> {
    let Some(dav) = state.dav.as_ref().filter(|dav| !dav.locks().is_empty()) else {
        return Ok(UnlockedPlace(None));
    };
    if intent == Intent::Save && hides_names(principal, path, state) {
        return Ok(UnlockedPlace(None));
    }
    // If the place cannot be found, the change will fail, and say why.
    let Some(place) = whereabouts(path, principal, state, disk) else { return Ok(UnlockedPlace(None)) };
    dav.admit(&place, intent, tokens, principal)?;
    Ok(UnlockedPlace(Some(place.path)))
}

/// Makes room for the file for which the client has made an empty one by LOCK: filling that is not replacing, which the
/// client may not be allowed to do. `check` fails if the conditions of the request do not hold for the empty file.
/// Returns whether the name is free now; its lock keeps it for the client.
pub(super) fn make_room(
    grant: &Grant<'_, ToWrite>,
    tokens: &SubmittedTokens,
    check: impl FnOnce() -> Result<(), Response>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<bool, Response> {
    let may_replace = state.folder.rules().on_conflict(grant) == OnConflict::Overwrite;
    let Some(dav) = state.dav.as_ref().filter(|_| !may_replace) else { return Ok(false) };
    let Some(version) = dav.placeholder(grant.path(), tokens) else { return Ok(false) };
    check()?;
    match state.folder.discard_empty(grant, version, disk) {
        Ok(()) => Ok(true),
        Err(Error::NotFound | Error::Changed) => Ok(false),
        Err(error) => Err(error_response::of(&error)),
    }
}

/// Where a path really lies; `None` if the principal may do nothing there.
pub(super) fn whereabouts(
    path: &SharePath,
    principal: &Principal,
    state: &State,
    disk: Blocking<'_>,
) -> Option<Whereabouts> {
    let (access, folder) = (&state.access, &state.folder);
    if let Ok(grant) = access.check::<ToWrite>(principal, path) {
        folder.whereabouts(&grant, disk).ok()
    } else if let Ok(grant) = access.check::<ToRemove>(principal, path) {
        folder.whereabouts(&grant, disk).ok()
    } else {
        folder.whereabouts(&access.check::<ToRead>(principal, path).ok()?, disk).ok()
    }
}

/// The path in the form in which its names exist: see [`Folder::stored_form`](crate::folder::Folder::stored_form). `None` if
/// nothing changes, or if the principal must not learn which names exist.
pub(super) fn stored_form(
    path: &SharePath,
    principal: &Principal,
    state: &State,
    disk: Blocking<'_>,
) -> Option<SharePath> {
    state.dav.as_ref()?;
    let stored = state.folder.stored_form(path, disk)?;
    state.access.rights(principal, &stored).has_any(Rights::VIEW).then_some(stored)
}

/// Whether the principal must not learn which names are taken. Its files get other names then, so locks do not concern them.
fn hides_names(principal: &Principal, path: &SharePath, state: &State) -> bool {
    state.access.check::<ToWrite>(principal, path).is_ok_and(|grant| grant.hides_names())
}

/// This locked path, or the path that the principal has asked for if it must not see the locked path.
pub(super) fn shown<'p>(
    locked: &'p SharePath,
    asked_for: &'p SharePath,
    principal: &Principal,
    state: &State,
) -> &'p SharePath {
    let grant = state.access.check::<ToList>(principal, locked);
    if grant.is_ok_and(|grant| state.folder.rules().shares(&grant)) { locked } else { asked_for }
}

/// The response to a change that a lock forbids.
fn locked() -> Response {
    let text = "another client has locked that (wait until its lock ends, or send the token of the lock)\n";
    Response::text(Status::LOCKED, text)
}
