//! The locks of the folder, and the empty files that they have created.
//!
//! They are in files of the folder, so they hold for all servers that share it, and outlive each of them.

mod changes;
mod known;
mod token;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub(crate) use self::changes::ChangeInProgress;
use self::changes::Changes;
use self::known::KnownLocks;
pub(crate) use self::token::new_token;
use crate::access::Principal;
use crate::blocking::Blocking;
use crate::dav::PathChange;
use crate::dav::locks::{Lock, NoLock, NoUnlock, TokenClaim};
use crate::folder::{Error, FileVersion, Folder, Whereabouts};
use crate::path::SharePath;
use crate::server::intent::Intent;
use crate::server::lock_tokens::SubmittedTokens;

/// The locks of the folder.
#[derive(Debug)]
pub(crate) struct Dav {
    folder: Folder,
    /// Held while files are read and written, so only threads that may wait lock it.
    known: Mutex<KnownLocks>,
    /// Whether there were locks when the files were last read.
    has_locks: AtomicBool,
    changes: Changes,
}

/// Why there is no new lock.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Other locks forbid it.
    No(NoLock),
    /// Changes that began earlier are still being made.
    Busy,
    /// It cannot be kept.
    Folder(Error),
}

impl Dav {
    /// The locks of this folder. Its files are read when they are first needed.
    pub(crate) fn new(folder: Folder) -> Self {
        let (known, changes) = (Mutex::default(), Changes::default());
        Self { folder, known, has_locks: AtomicBool::new(false), changes }
    }

    /// Whether there were locks when this server last looked. It does not access the disk.
    pub(crate) fn has_locks(&self) -> bool {
        self.has_locks.load(Ordering::Relaxed)
    }

    /// Reads what other servers have changed.
    pub(crate) fn catch_up(&self, disk: Blocking<'_>) {
        self.with(|known| known.catch_up(&self.folder, disk));
    }

    /// Begins a change. Locks that are added while it is held wait for it. Call it before [`Dav::admit`].
    pub(crate) fn begin_change(&self) -> ChangeInProgress {
        self.changes.begin()
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
        let locked = self.with(|known| {
            let locked =
                changes.map(|change| known.table.admit(change, claim, now).err().unwrap_or_default());
            locked.flatten().collect::<Vec<_>>()
        });
        if locked.is_empty() { Ok(()) } else { Err(locked) }
    }

    /// The locks that cover a path.
    pub(crate) fn on(&self, path: &SharePath, now: SystemTime) -> Vec<Lock> {
        if !self.has_locks() {
            return Vec::new();
        }
        self.with(|known| known.table.on(path, now).cloned().collect())
    }

    /// The version of the empty file at this path that a LOCK has made, if its token is submitted.
    pub(crate) fn made_at(&self, path: &SharePath, tokens: &SubmittedTokens) -> Option<FileVersion> {
        self.with(|known| known.made_at(path, tokens))
    }

    /// Adds a lock, and waits for the changes that began before it.
    pub(crate) fn add(&self, lock: &Lock, now: SystemTime, disk: Blocking<'_>) -> Result<(), LockError> {
        let added = self.folder.change_lock_files(disk, |files| {
            self.with(|known| {
                known.read(files.files());
                if let Err(no) = known.table.add(lock.clone(), now) {
                    return Ok(Err(no));
                }
                let kept = known.keep(lock, None, files);
                if kept.is_err() {
                    known.table.remove(&lock.path, &lock.token);
                }
                kept.map(Ok)
            })
        });
        added.map_err(LockError::Folder)?.map_err(LockError::No)?;
        if !self.changes.wait_for_earlier() {
            self.withdraw(lock, disk);
            return Err(LockError::Busy);
        }
        Ok(())
    }

    /// Removes a lock again, because its client does not hear of it.
    pub(crate) fn withdraw(&self, lock: &Lock, disk: Blocking<'_>) {
        if let Err(error) = self.unlock(&lock.path, &lock.token, |_| true, disk) {
            log::warn!("cannot remove a lock of the folder: {error}");
        }
    }

    /// Records that the LOCK has made an empty file.
    pub(crate) fn has_made(
        &self,
        lock: &Lock,
        version: FileVersion,
        disk: Blocking<'_>,
    ) -> Result<(), Error> {
        self.folder.change_lock_files(disk, |files| {
            self.with(|known| {
                known.read(files.files());
                known.keep(lock, Some(version), files)
            })
        })
    }

    /// Gives a lock that covers the path more time. `None` if there is no such lock, or if it is another principal's.
    pub(crate) fn refresh(
        &self,
        path: &SharePath,
        claim: TokenClaim<'_>,
        time: Duration,
        now: SystemTime,
        disk: Blocking<'_>,
    ) -> Result<Option<Lock>, Error> {
        self.folder.change_lock_files(disk, |files| {
            self.with(|known| {
                known.read(files.files());
                let Some(lock) = known.table.refresh(path, claim, time, now) else { return Ok(None) };
                known.keep(&lock, None, files)?;
                Ok(Some(lock))
            })
        })
    }

    /// Ends the lock with this token that covers the path. `may_end` decides whether the request may.
    pub(crate) fn unlock(
        &self,
        path: &SharePath,
        token: &str,
        may_end: impl Fn(&Lock) -> bool,
        disk: Blocking<'_>,
    ) -> Result<Result<(), NoUnlock>, Error> {
        self.folder.change_lock_files(disk, |files| {
            self.with(|known| {
                known.read(files.files());
                let ended = known.table.unlock(path, token, may_end);
                Ok(ended.map(|lock| known.discard(&[lock], files)))
            })
        })
    }

    /// Ends the locks on a path and below it, because what they covered is gone.
    pub(crate) fn end(&self, path: &SharePath, disk: Blocking<'_>) {
        if self.has_locks() {
            let ended = self.with(|known| known.table.end(path));
            self.discard(&ended, disk);
        }
    }

    /// Ends the locks whose time is up, and removes the files that they have created and nobody has filled.
    pub(crate) fn expire(&self, disk: Blocking<'_>) {
        let now = SystemTime::now();
        let expired = self.with(|known| {
            known.catch_up(&self.folder, disk);
            let expired = known.table.expire(now);
            expired.into_iter().map(|lock| (known.made(&lock.token), lock)).collect::<Vec<_>>()
        });
        for (made, lock) in &expired {
            // Somebody else may have a shared lock on the file.
            if let Some(version) = made.filter(|_| self.on(&lock.path, now).is_empty()) {
                match self.folder.discard_empty(&lock.path, version, disk) {
                    Ok(()) | Err(Error::NotFound | Error::Changed) => {}
                    Err(error) => log::warn!("cannot remove the empty file of a lock: {error}"),
                }
            }
        }
        let ended: Vec<_> = expired.into_iter().map(|(_, lock)| lock).collect();
        self.discard(&ended, disk);
    }

    /// Removes the files of locks that have ended.
    fn discard(&self, ended: &[Lock], disk: Blocking<'_>) {
        if ended.is_empty() {
            return;
        }
        let discarded = self.folder.change_lock_files(disk, |files| {
            files.tidy();
            self.with(|known| known.discard(ended, files));
            Ok(())
        });
        if let Err(error) = discarded {
            log::warn!("cannot remove locks of the folder: {error}");
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut KnownLocks) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut known);
        self.has_locks.store(!known.table.is_empty(), Ordering::Relaxed);
        done
    }
}
