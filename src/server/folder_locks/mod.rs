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
use self::known::{KnownLocks, Reading};
pub(crate) use self::token::new_token;
use crate::blocking::Blocking;
use crate::dav::locks::{Lock, NoLock, NoUnlock, TokenClaim};
use crate::dav::{LockTable, PathChange};
use crate::folder::{Error, FileVersion, Folder, LockFilesToChange, Whereabouts};
use crate::path::SharePath;
use crate::server::intent::{IntendedChange, Intent};
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

    /// Reads what other servers have changed. It takes one system call if they have changed nothing.
    pub(crate) fn catch_up(&self, disk: Blocking<'_>) -> Result<(), Error> {
        let (mark, is_settled) = self.folder.mark_of_lock_files(disk)?;
        let is_current = |known: &mut KnownLocks| is_settled && known.have_seen(mark);
        if self.with(is_current) {
            return Ok(());
        }
        // Nobody changes the locks of a folder that is only read here, or their files may not be locked.
        let reading = if self.folder.rules().read_only { Reading::Alone } else { Reading::Shared };
        let files = self.folder.lock_files(disk)?;
        if self.with(|known| known.read(&files, reading))? {
            return Ok(());
        }
        self.change(disk, |_, _| Ok(()))
    }

    /// Begins a change. Locks that are added while it is held wait for it. Call it before [`Dav::admit`].
    pub(crate) fn begin_change(&self) -> ChangeInProgress {
        self.changes.begin()
    }

    /// Fails if locks forbid this change at the place where its path lies, with the locked paths.
    pub(crate) fn admit(
        &self,
        place: &Whereabouts,
        change: &IntendedChange<'_>,
    ) -> Result<(), Vec<SharePath>> {
        let Whereabouts { path, target, directory, kind } = place;
        let IntendedChange { intent, tokens, principal, .. } = *change;
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

    /// Whether this lock still exists, as far as this server knows.
    pub(crate) fn has(&self, lock: &Lock) -> bool {
        self.with(|known| known.table.find(&lock.path, &lock.token).is_some())
    }

    /// Adds a lock, and waits for the changes that began before it.
    pub(crate) fn add(&self, lock: &Lock, now: SystemTime, disk: Blocking<'_>) -> Result<(), LockError> {
        let added = self.change(disk, |known, files| match known.table.add(lock.clone(), now) {
            Ok(()) => known.keep(lock, None, files).map(Ok),
            Err(no) => Ok(Err(no)),
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

    /// Records that the LOCK has made an empty file. Fails with [`Changed`](Error::Changed) if the lock has ended meanwhile.
    pub(crate) fn has_made(
        &self,
        lock: &Lock,
        version: FileVersion,
        disk: Blocking<'_>,
    ) -> Result<(), Error> {
        self.change(disk, |known, files| match known.table.find(&lock.path, &lock.token).cloned() {
            Some(lock) => known.keep(&lock, Some(version), files),
            None => Err(Error::Changed),
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
        self.change(disk, |known, files| {
            let Some(lock) = known.table.refresh(path, claim, time, now) else { return Ok(None) };
            known.keep(&lock, None, files)?;
            Ok(Some(lock))
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
        self.change(disk, |known, files| match known.table.unlock(path, token, may_end) {
            Ok(lock) => known.discard(&[lock], files).map(Ok),
            Err(no) => Ok(Err(no)),
        })
    }

    /// The locks on a path and below it.
    pub(crate) fn at_or_below(&self, path: &SharePath) -> Vec<Lock> {
        self.with(|known| known.table.at_or_below(path).cloned().collect())
    }

    /// Ends these locks, because what they covered is gone. If that fails, they end when their time is up.
    pub(crate) fn end(&self, locks: &[Lock], disk: Blocking<'_>) {
        if !locks.is_empty() {
            self.end_those(disk, |table| table.end(locks));
        }
    }

    /// Ends the locks whose time is up, and removes the files that they have created and nobody has filled.
    pub(crate) fn expire(&self, disk: Blocking<'_>) {
        if self.folder.rules().read_only {
            return;
        }
        if let Err(error) = self.catch_up(disk) {
            log::warn!("cannot read the locks of the folder: {error}");
        }
        let now = SystemTime::now();
        let expired = self.with(|known| {
            let expired = known.table.iter().filter(|lock| !lock.is_valid(now));
            expired.map(|lock| (lock.path.clone(), known.made(&lock.token))).collect::<Vec<_>>()
        });
        for (path, made) in &expired {
            // Somebody else may have a shared lock on the file.
            if let Some(version) = made.filter(|_| self.on(path, now).is_empty()) {
                self.discard_empty(path, version, disk);
            }
        }
        if !expired.is_empty() {
            self.end_those(disk, |table| table.expire(now));
        }
    }

    /// Removes the empty file that a LOCK has created, unless somebody has filled it.
    pub(crate) fn discard_empty(&self, path: &SharePath, version: FileVersion, disk: Blocking<'_>) {
        match self.folder.discard_empty(path, version, disk) {
            Ok(()) | Err(Error::NotFound | Error::Changed) => {}
            Err(error) => log::warn!("cannot remove the empty file of a lock: {error}"),
        }
    }

    fn end_those(&self, disk: Blocking<'_>, end: impl FnOnce(&mut LockTable) -> Vec<Lock>) {
        let ended = self.change(disk, |known, files| {
            let ended = end(&mut known.table);
            known.discard(&ended, files)
        });
        if let Err(error) = ended {
            log::warn!("cannot remove locks of the folder: {error}");
        }
    }

    /// Changes the locks, while no other server changes them and all their changes are known.
    fn change<T>(
        &self,
        disk: Blocking<'_>,
        change: impl FnOnce(&mut KnownLocks, &mut LockFilesToChange<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.folder.change_lock_files(disk, |files| {
            self.with(|known| {
                known.read(files.files(), Reading::Alone)?;
                change(known, files)
            })
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut KnownLocks) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut known);
        self.has_locks.store(!known.table.is_empty(), Ordering::Relaxed);
        done
    }
}
