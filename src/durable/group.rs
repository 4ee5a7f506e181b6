//! One `fsync` for all the threads that wait at the same time (a group commit).
//!
//! ```text
//! begin ── change ── finish: no fsync runs ──> lead: fsync ─────────────────> result
//!                      └── one runs ──> wait for the next one, or lead it ──> result
//! ```
//!
//! An `fsync` that began before a change may miss it. So a thread that arrives while an `fsync` runs waits for the next
//! `fsync`. One of the waiting threads runs it for all of them.
//!
//! The system reports a failed `fsync` once, and success from then on. So every thread that called `begin` before the
//! failure gets the error, as if each had called `fsync` on its own descriptor.

use std::collections::HashMap;
use std::fmt;
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::fs::fstat;
use rustix::io::Errno;

use super::rounds::{RoundMember, Rounds};
use super::sync;

/// The longest time that threads wait for others before they sync, when many threads save files. They start earlier if
/// all of them wait, so this time expires only if a thread takes long to save its file. With 64 clients on two
/// processors, 1 ms costs 0.5 flushes per file; 4 ms costs 0.3.
const GATHER: Duration = Duration::from_millis(4);

/// The directories in which threads are creating names. All threads that create names in one directory share
/// its `fsync`.
#[derive(Debug)]
pub struct DirectorySyncs {
    directories: Mutex<HashMap<Identity, Arc<Directory>>>,
    rounds: Rounds,
}

/// A change in a directory that is to be made durable.
#[derive(Debug)]
pub struct PendingSync<'s> {
    syncs: &'s DirectorySyncs,
    identity: Identity,
    /// `None` if the directory cannot be read, and so cannot be synced.
    joined: Option<(Arc<Directory>, RunsBefore)>,
}

/// A directory that stays open, because its changes are synced often. All threads that change it share its `fsync`.
#[derive(Debug)]
pub struct SyncedDirectory(Directory);

/// Device and inode of a directory.
type Identity = (u64, u64);

#[derive(Debug)]
struct Directory {
    handle: Arc<dyn SyncHandle>,
    group: Group,
}

/// An open directory that can be synced.
trait SyncHandle: AsFd + fmt::Debug + Send + Sync {}

impl<T: AsFd + fmt::Debug + Send + Sync> SyncHandle for T {}

/// The threads that wait for one thing to be synced.
#[derive(Debug, Default)]
struct Group {
    runs: Mutex<Runs>,
    /// Signals the end of a run, separately for even and odd run numbers: a thread that waits for the next
    /// run need not wake when this one ends, except to lead the next.
    ended: [Condvar; 2],
}

/// The runs of `fsync`, numbered from 1. At most one runs at a time.
#[derive(Debug, Default)]
struct Runs {
    started: u64,
    ended: u64,
    /// Whether a thread is about to start the next run.
    is_gathering: bool,
    /// The last run that failed, and its error.
    failed: Option<(u64, Errno)>,
}

/// The number of runs that had ended before a change was made.
#[derive(Debug, Clone, Copy)]
pub struct RunsBefore(u64);

/// A run. If the thread panics, the run has failed.
struct Run<'g> {
    group: &'g Group,
    result: Result<(), Errno>,
}

impl Default for DirectorySyncs {
    fn default() -> Self {
        Self { directories: Mutex::default(), rounds: Rounds::new(GATHER, usize::MAX) }
    }
}

impl DirectorySyncs {
    /// Call this before the change: if it fails for lack of a descriptor, nothing has been changed. A
    /// directory that is writable but not readable is not synced.
    pub fn begin(&self, dir: impl AsFd) -> Result<PendingSync<'_>, Errno> {
        let stat = fstat(&dir)?;
        let identity = (stat.st_dev, stat.st_ino);
        let known = self.lock().get(&identity).map(Directory::join);
        let joined = match known {
            Some(joined) => Some(joined),
            // The lock is not held here, because opening may wait for the disk.
            None => match sync::open(dir) {
                Ok(handle) => {
                    let new = || Directory::open_as(Arc::new(handle));
                    Some(Directory::join(self.lock().entry(identity).or_insert_with(new)))
                }
                Err(Errno::ACCESS) => None,
                Err(error) => return Err(error),
            },
        };
        Ok(PendingSync { syncs: self, identity, joined })
    }

    /// Like [`Self::begin`], for a directory of this identity (device and inode). If no other thread changes it now, `open` returns
    /// a handle of it; `None` if it cannot be read.
    pub fn begin_with<H: AsFd + fmt::Debug + Send + Sync + 'static>(
        &self,
        identity: (u64, u64),
        open: impl FnOnce() -> Option<Arc<H>>,
    ) -> PendingSync<'_> {
        let mut directories = self.lock();
        let joined = match directories.get(&identity) {
            Some(known) => Some(known.join()),
            None => open().map(|handle| {
                directories.entry(identity).or_insert_with(|| Directory::open_as(handle)).join()
            }),
        };
        drop(directories);
        PendingSync { syncs: self, identity, joined }
    }

    /// Call this before writing something that will be synced.
    pub fn join(&self) -> RoundMember<'_> {
        self.rounds.join()
    }

    /// Syncs a directory that was changed before this call.
    pub fn sync(&self, dir: impl AsFd) -> Result<(), Errno> {
        self.begin(dir)?.finish()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, Arc<Directory>>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SyncedDirectory {
    /// Opens it again, for its `fsync`.
    pub fn open(dir: impl AsFd) -> Result<Self, Errno> {
        Ok(Self(Directory { handle: Arc::new(sync::open(dir)?), group: Group::default() }))
    }

    /// Call it before the change.
    pub fn begin(&self) -> RunsBefore {
        self.0.group.begin()
    }

    /// Syncs the directory after the change; in one round with other threads, if a member of the rounds is given. It is
    /// not an error if the file system cannot sync directories.
    pub fn finish(&self, begun: RunsBefore, member: Option<&RoundMember<'_>>) -> Result<(), Errno> {
        self.0.group.finish(begun, member, || sync::now(&self.0.handle))
    }
}

impl PendingSync<'_> {
    /// Syncs the directory after the change. It is not an error if the file system cannot sync directories.
    pub fn finish(self) -> Result<(), Errno> {
        self.finish_with(None)
    }

    /// Like [`Self::finish`], but in one round with other threads.
    pub fn finish_in_round(self, member: &RoundMember<'_>) -> Result<(), Errno> {
        self.finish_with(Some(member))
    }

    fn finish_with(&self, member: Option<&RoundMember<'_>>) -> Result<(), Errno> {
        match &self.joined {
            Some((directory, begun)) => {
                directory.group.finish(*begun, member, || sync::now(&directory.handle))
            }
            None => Ok(()),
        }
    }
}

impl Drop for PendingSync<'_> {
    /// The last change in a directory closes its handle.
    fn drop(&mut self) {
        let Some((directory, _)) = self.joined.take() else { return };
        let mut directories = self.syncs.lock();
        // The map holds one of the references, and new ones are created only while it is locked.
        let is_last = Arc::strong_count(&directory) == 2;
        let last = is_last.then(|| directories.remove(&self.identity));
        drop(directories);
        drop((last, directory));
    }
}

impl Directory {
    fn open_as(handle: Arc<dyn SyncHandle>) -> Arc<Self> {
        Arc::new(Self { handle, group: Group::default() })
    }

    /// Call it before the change.
    fn join(self: &Arc<Self>) -> (Arc<Self>, RunsBefore) {
        (Arc::clone(self), self.group.begin())
    }
}

impl Group {
    /// Call it before the change.
    fn begin(&self) -> RunsBefore {
        RunsBefore(self.lock().ended)
    }

    /// Returns once an `fsync` that began after this call has ended, in this thread or another. Returns an error if any
    /// `fsync` has failed since [`Group::begin`]. A member of rounds waits for the next round before it runs an
    /// `fsync`: threads that arrive meanwhile share it.
    fn finish(
        &self,
        RunsBefore(begun): RunsBefore,
        member: Option<&RoundMember<'_>>,
        fsync: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mut runs = self.lock();
        let number = runs.started + 1;
        if runs.ended < number && (runs.is_running() || runs.is_gathering) {
            let _idle = member.map(RoundMember::idle);
            while runs.ended < number && (runs.is_running() || runs.is_gathering) {
                runs = self.ended_of(number).wait(runs).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if runs.ended < number {
            runs.is_gathering = true;
            drop(runs);
            if let Some(member) = member {
                member.wait_for_round();
            }
            runs = self.lock();
            runs.is_gathering = false;
            runs.started = number;
            drop(runs);
            let mut run = Run { group: self, result: Err(Errno::IO) };
            run.result = fsync();
            drop(run);
            runs = self.lock();
        }
        match runs.failed {
            Some((failed, error)) if failed > begun => Err(error),
            _ => Ok(()),
        }
    }

    fn ended_of(&self, number: u64) -> &Condvar {
        let [even, odd] = &self.ended;
        if number.is_multiple_of(2) { even } else { odd }
    }

    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runs {
    fn is_running(&self) -> bool {
        self.started > self.ended
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let mut runs = self.group.lock();
        let number = runs.started;
        runs.ended = number;
        if let Err(error) = self.result {
            runs.failed = Some((number, error));
        }
        drop(runs);
        self.group.ended_of(number).notify_all();
        // One of the threads that wait for the next run leads it. A newly arrived thread may lead it first;
        // the thread that is woken here then continues to wait.
        self.group.ended_of(number + 1).notify_one();
    }
}

#[cfg(test)]
mod tests;
