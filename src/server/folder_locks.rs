//! The locks of the folder, and the empty files that they have created.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::access::{Grant, Principal, ToWrite};
use crate::blocking::Blocking;
use crate::dav::{LockTable, PathChange};
use crate::folder::{Error, FileVersion, Folder, Whereabouts};
use crate::path::SharePath;
use crate::server::intent::Intent;
use crate::server::lock_tokens::SubmittedTokens;
use crate::server::timing::{Active, IdleClock};

/// The locks of the folder.
#[derive(Debug, Default)]
pub(crate) struct Dav {
    locks: Mutex<LockTable>,
    /// The empty files that LOCK has created, by the tokens of their locks.
    placeholders: Mutex<HashMap<String, Placeholder>>,
    /// Present while there are locks: a server that exits would forget them.
    active: Mutex<Option<Active>>,
}

/// An empty file that LOCK has created.
#[derive(Debug)]
pub(crate) struct Placeholder {
    pub grant: Grant<'static, ToWrite>,
    pub version: FileVersion,
}

impl Dav {
    /// The empty files that LOCK has created.
    pub(crate) fn placeholders(&self) -> MutexGuard<'_, HashMap<String, Placeholder>> {
        self.placeholders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of the empty file at this path that a LOCK has made, if its token is submitted.
    pub(crate) fn placeholder(&self, path: &SharePath, tokens: &SubmittedTokens) -> Option<FileVersion> {
        let placeholders = self.placeholders();
        let mut found = tokens.iter().filter_map(|token| placeholders.get(token));
        found.find(|placeholder| placeholder.grant.path() == path).map(|placeholder| placeholder.version)
    }

    /// Call after a lock was added: the server is not idle from now on.
    pub(crate) fn stay(&self, idle: &Arc<IdleClock>) {
        self.active().get_or_insert_with(|| idle.begin());
    }

    /// Lets the server be idle if there are no locks.
    fn rest(&self) {
        let mut active = self.active();
        if self.locks().is_empty() {
            *active = None;
        }
    }

    fn active(&self) -> MutexGuard<'_, Option<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the locks whose time is up, and removes the files that they have created and nobody has filled.
    pub(crate) fn expire(&self, folder: &Folder, disk: Blocking<'_>) {
        let expired = self.locks().expire(SystemTime::now());
        for lock in expired {
            let Some(placeholder) = self.placeholders().remove(&lock.token) else { continue };
            if self.locks().on(&lock.path, SystemTime::now()).next().is_some() {
                // Somebody else has a shared lock on the file.
                continue;
            }
            let Placeholder { grant, version } = placeholder;
            match folder.discard_empty(&grant, version, disk) {
                Ok(()) | Err(Error::NotFound | Error::Changed) => {}
                Err(error) => log::warn!("cannot remove the empty file of a lock: {error}"),
            }
        }
        self.rest();
    }

    /// The locks.
    pub(crate) fn locks(&self) -> MutexGuard<'_, LockTable> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the locks on a path and below it, because what they covered is gone.
    pub(crate) fn end(&self, path: &SharePath) {
        let ended = self.locks().end(path);
        for lock in ended {
            self.placeholders().remove(&lock.token);
        }
    }

    /// Fails if locks forbid this at a place, with the locked paths.
    pub(crate) fn admit(
        &self,
        place: &Whereabouts,
        intent: Intent,
        tokens: &SubmittedTokens,
        principal: &Principal,
    ) -> Result<(), Vec<SharePath>> {
        let Whereabouts { path, target, directory, kind } = place;
        let change = match (intent, kind) {
            (Intent::Save, None) | (Intent::Replace, _) => PathChange::Entry { path, directory },
            (Intent::Save, Some(_)) | (Intent::Describe, _) => PathChange::Content(path),
        };
        // A client that has locked a file by a link to it relies on the link.
        let changes = [change].into_iter().chain(target.as_ref().map(PathChange::Content));
        let (holder, now) = (principal.owner(), SystemTime::now());
        let claim = tokens.claim(holder.as_deref());
        let locks = self.locks();
        let locked: Vec<_> =
            changes.flat_map(|change| locks.admit(change, claim, now).err().unwrap_or_default()).collect();
        if locked.is_empty() { Ok(()) } else { Err(locked) }
    }
}
