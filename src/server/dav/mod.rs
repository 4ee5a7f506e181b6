//! What the server keeps for WebDAV: the locks of its folder.

pub(super) mod hrefs;
pub(super) mod tokens;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::access::{Grant, Principal, ToWrite};
use crate::blocking::Blocking;
use crate::dav::{LockTable, PathChange};
use crate::folder::{Error, FileVersion, Folder};
use crate::http::status::Status;
use crate::path::SharePath;
use crate::server::response::Response;
use crate::server::state::State;

use self::tokens::SubmittedTokens;

/// The locks of the folder.
#[derive(Debug, Default)]
pub(super) struct Dav {
    locks: Mutex<LockTable>,
    /// The empty files that LOCK has created, by the tokens of their locks.
    placeholders: Mutex<HashMap<String, Placeholder>>,
}

/// An empty file that LOCK has created.
#[derive(Debug)]
pub(super) struct Placeholder {
    pub grant: Grant<'static, ToWrite>,
    pub version: FileVersion,
}

impl Dav {
    /// The empty files that LOCK has created.
    pub(super) fn placeholders(&self) -> MutexGuard<'_, HashMap<String, Placeholder>> {
        self.placeholders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the locks whose time is up, and removes the files that they have created and nobody has filled.
    pub(super) fn expire(&self, folder: &Folder, disk: Blocking<'_>) {
        let expired = self.locks().expire(SystemTime::now());
        for lock in expired {
            let Some(placeholder) = self.placeholders().remove(&lock.token) else { continue };
            let Placeholder { grant, version } = placeholder;
            match folder.discard_empty(&grant, version, disk) {
                Ok(()) | Err(Error::NotFound | Error::Changed) => {}
                Err(error) => log::warn!("cannot remove the empty file of a lock: {error}"),
            }
        }
    }

    /// The locks.
    pub(super) fn locks(&self) -> MutexGuard<'_, LockTable> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails if locks forbid one of these changes, with the locked paths.
    pub(super) fn admit(
        &self,
        changes: &[PathChange<'_>],
        tokens: &SubmittedTokens,
        principal: &Principal,
    ) -> Result<(), Vec<SharePath>> {
        let locks = self.locks();
        if locks.is_empty() {
            return Ok(());
        }
        let (holder, now) = (principal.owner(), SystemTime::now());
        let claim = tokens.claim(holder.as_deref());
        let mut locked = Vec::new();
        for change in changes {
            let found = locks.admit(*change, claim, now).err().unwrap_or_default();
            locked.extend(found.into_iter().filter(|path| !locked.contains(path)).collect::<Vec<_>>());
        }
        if locked.is_empty() { Ok(()) } else { Err(locked) }
    }
}

/// Refuses to save a file whose path was locked while it was received.
pub(super) fn ensure_unlocked(
    path: &SharePath,
    tokens: &SubmittedTokens,
    principal: &Principal,
    state: &State,
) -> Result<(), Response> {
    let Some(dav) = &state.dav else { return Ok(()) };
    dav.admit(&[PathChange::Content(path)], tokens, principal).map_err(|_| locked())
}

/// The response to a change that a lock forbids.
pub(super) fn locked() -> Response {
    let text = "another client has locked that (wait until its lock ends, or send the token of the lock)\n";
    Response::text(Status::LOCKED, text)
}

/// Ends the locks on a path and below it, because what they covered is gone.
pub(super) fn end_locks(path: &SharePath, state: &State) {
    if let Some(dav) = &state.dav {
        dav.locks().end(path);
    }
}

/// Whether somebody has locked a path, for clients that cannot submit tokens.
pub(super) fn is_locked(path: &SharePath, state: &State) -> bool {
    state.dav.as_ref().is_some_and(|dav| dav.locks().on(path, SystemTime::now()).next().is_some())
}
