//! The lock for the last step of a commit: checking which file has a name, and giving the name.
//!
//! Within this server, commits run one at a time. A commit that depends on the current file (`If-Match`, `refuse`,
//! `rename`) also waits for other servers that share the folder: they hold a lock on `.wharf/lock` meanwhile.
//!
//! It is an `flock`. Unlike a POSIX lock, it belongs to an open file. So threads exclude each other, closing another
//! handle does not release the lock, and it ends with its process. NFS, `CephFS` and SMB forward it to other machines,
//! and so do FUSE file systems that support locks. Elsewhere, only servers on the same machine see the lock, or no
//! server does. Then each server continues without it.
//!
//! The file is never removed: a server waiting for the lock of a removed file would get it while another holds the lock of
//! its successor.

use super::Error;
use super::root::{OWN, Root};
use rustix::fs::{self, FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

const NAME: &str = "lock";
/// How long another server may hold the lock. A server needs the lock only for a few system calls. If one is stopped in
/// between, it must not block this server.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The first and the longest pause between two attempts. `flock` has no timeout, so it is polled.
const PAUSES: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(5));
/// How often the creation is tried. Another server may remove the empty directory, or the file, each time.
const TRIES: usize = 16;

/// The lock of one folder.
#[derive(Default)]
pub(super) struct CommitLock {
    threads: Mutex<()>,
    was_warned: AtomicBool,
}

/// Holds the lock until it is dropped. The parts are released in this order.
pub(super) struct CommitGuard<'t> {
    _threads: MutexGuard<'t, ()>,
    _lock: Option<File>,
}

impl CommitLock {
    /// Waits for this server's other threads.
    pub(super) fn within_process(&self) -> CommitGuard<'_> {
        CommitGuard { _threads: self.hold(), _lock: None }
    }

    /// Waits for other servers too, if the file system supports locks. It waits for the other servers first, so that
    /// commits that need not wait for them are not delayed.
    pub(super) fn across_servers(&self, root: &Root) -> Result<CommitGuard<'_>, Error> {
        let lock = match lock(root) {
            Ok(lock) => Some(lock),
            // Temporary errors: the client may try again.
            Err(error @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::STALE)) => {
                return Err(error.into());
            }
            Err(Errno::WOULDBLOCK) => return Err(held_too_long()),
            Err(error) => {
                self.warn(error);
                None
            }
        };
        Ok(CommitGuard { _threads: self.hold(), _lock: lock })
    }

    fn hold(&self) -> MutexGuard<'_, ()> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warn(&self, error: Errno) {
        if !self.was_warned.swap(true, Ordering::Relaxed) {
            let error = io::Error::from(error);
            log::warn!("cannot lock {OWN}/{NAME}: {error} (share this folder with one server only)");
        }
    }
}

/// The file, locked: `EWOULDBLOCK` if another server has held it for too long.
fn lock(root: &Root) -> Result<File, Errno> {
    let start = Instant::now();
    let mut file = open(root)?;
    let (mut pause, mut removals) = (PAUSES.0, 0);
    loop {
        match fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) if removals == TRIES || fs::fstat(&file)?.st_nlink > 0 => return Ok(file),
            // It was removed; or the file system does not count links.
            Ok(()) => {
                removals += 1;
                file = open(root)?;
            }
            Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) if start.elapsed() < LONGEST_WAIT => {
                thread::sleep(pause);
                pause = (pause * 2).min(PAUSES.1);
            }
            Err(error) => return Err(error),
        }
    }
}

fn open(root: &Root) -> Result<File, Errno> {
    // NFS locks only files that are open for writing.
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        let opened = root.own(OWN).and_then(|dir| fs::openat(dir, NAME, flags, Mode::RUSR | Mode::WUSR));
        match opened {
            Ok(file) => return Ok(file.into()),
            Err(Errno::NOENT) => root.make_own(OWN)?,
            Err(error) => return Err(error),
        }
    }
    Err(Errno::NOENT)
}

fn held_too_long() -> Error {
    let what =
        format!("another server has held {OWN}/{NAME} for {} s (is it stopped?)", LONGEST_WAIT.as_secs());
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, what))
}
