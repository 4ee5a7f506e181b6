//! WebDAV in the server: which changes the locks of the folder forbid, and paths as clients see them.

pub(super) mod hrefs;

use crate::access::{
    Grant, Operation, Principal, Rights, ToChangeProperties, ToList, ToRead, ToRemove, ToWrite,
};
use crate::blocking::Blocking;
use crate::dav::locks::Lock;
use crate::folder::{Error, NameKind, OnConflict, Whereabouts, unicode_forms};
use crate::path::SharePath;
use crate::server::error_response;
use crate::server::folder_locks::ChangeInProgress;
use crate::server::intent::{ChangeRefused, IntendedChange, Intent};
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::response::Response;
use crate::server::state::State;

/// The media type of all bodies of WebDAV.
pub(super) const XML: &str = "application/xml; charset=utf-8";

/// A place that may be changed. A new lock waits until this is dropped, so hold it until the change has been made.
#[derive(Debug)]
#[must_use]
pub(super) struct UnlockedPlace {
    /// The locks on it and below it.
    locks: Vec<Lock>,
    _change: Option<ChangeInProgress>,
}

impl UnlockedPlace {
    /// The place of another change by the same request.
    #[allow(clippy::unused_self, reason = "it proves that the request has begun to change something")]
    pub(super) fn also(
        &self,
        other: &IntendedChange<'_>,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Self, ChangeRefused> {
        Self::find(other, None, state, disk)
    }

    /// Ends the locks that were on the place and below it, because what they covered is gone. Another server may have granted
    /// new ones since.
    pub(super) fn end_locks(&self, state: &State, disk: Blocking<'_>) {
        if let Some(dav) = &state.dav {
            dav.end(&self.locks, disk);
        }
    }

    fn find(
        change: &IntendedChange<'_>,
        begun: Option<ChangeInProgress>,
        state: &State,
        disk: Blocking<'_>,
    ) -> Result<Self, ChangeRefused> {
        let place = admit(change, state, disk).map_err(|_| ChangeRefused::Locked)?;
        let locks = state.dav.as_ref().zip(place).map(|(dav, place)| dav.at_or_below(&place));
        Ok(Self { locks: locks.unwrap_or_default(), _change: begun })
    }
}

/// Fails if locks forbid this change. Call it at the moment of the change: the gate has asked before the body arrived.
pub(super) fn ensure_unlocked(
    change: &IntendedChange<'_>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<UnlockedPlace, ChangeRefused> {
    let Some(dav) = &state.dav else { return UnlockedPlace::find(change, None, state, disk) };
    let begun = dav.begin_change();
    dav.catch_up(disk).map_err(ChangeRefused::Folder)?;
    UnlockedPlace::find(change, Some(begun), state, disk)
}

/// The place that changes; `None` if no lock concerns it. The error has the locked paths.
pub(super) fn admit(
    change: &IntendedChange<'_>,
    state: &State,
    disk: Blocking<'_>,
) -> Result<Option<SharePath>, Vec<SharePath>> {
    let Some(dav) = state.dav.as_ref().filter(|dav| dav.has_locks()) else { return Ok(None) };
    let IntendedChange { path, intent, principal, .. } = *change;
    if intent == Intent::Save && hides_names(principal, path, state) {
        return Ok(None);
    }
    // If the place cannot be found, the change will fail, and say why.
    let Some(place) = whereabouts(path, principal, state, disk) else { return Ok(None) };
    if intent == Intent::Save && place.kind == Some(NameKind::Other) && renames(principal, path, state) {
        // What has the name stays, and the directory gets another one.
        let directory = Whereabouts { path: place.directory.clone(), target: None, ..place };
        dav.admit(&directory, change)?;
        return Ok(None);
    }
    dav.admit(&place, change)?;
    Ok(Some(place.path))
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
    let Some(dav) = state.dav.as_ref().filter(|dav| dav.has_locks()) else { return Ok(false) };
    if state.folder.rules().on_conflict(grant) == OnConflict::Overwrite {
        return Ok(false);
    }
    let Ok(place) = state.folder.whereabouts(grant, disk) else { return Ok(false) };
    let Some(version) = dav.made_at(&place.path, tokens) else { return Ok(false) };
    check()?;
    match state.folder.discard_empty(&place.path, version, disk) {
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
    // Rights may differ at the real path, so each right is tried at both.
    find::<ToWrite>(path, principal, state, disk)
        .or_else(|| find::<ToRemove>(path, principal, state, disk))
        .or_else(|| find::<ToChangeProperties>(path, principal, state, disk))
        .or_else(|| find::<ToRead>(path, principal, state, disk))
}

fn find<O: Operation>(
    path: &SharePath,
    principal: &Principal,
    state: &State,
    disk: Blocking<'_>,
) -> Option<Whereabouts> {
    let grant = state.access.check::<O>(principal, path).ok()?;
    state.folder.whereabouts(&grant, disk).ok()
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
    let may_see = |path: &SharePath| state.access.rights(principal, path).has_any(Rights::VIEW);
    // Without a right in any form, the disk is not looked at: how long that takes tells whether a name exists.
    if path.as_bytes().is_ascii() || !unicode_forms(path).any(|form| may_see(&form)) {
        return None;
    }
    state.folder.stored_form(path, disk).filter(may_see)
}

/// Whether the principal must not learn which names are taken. Its files get other names then, so locks do not concern them.
fn hides_names(principal: &Principal, path: &SharePath, state: &State) -> bool {
    state.access.check::<ToWrite>(principal, path).is_ok_and(|grant| grant.hides_names())
}

/// Whether a file that the principal saves under a taken name gets another name.
fn renames(principal: &Principal, path: &SharePath, state: &State) -> bool {
    let grant = state.access.check::<ToWrite>(principal, path);
    grant.is_ok_and(|grant| state.folder.rules().on_conflict(&grant) == OnConflict::Rename)
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
