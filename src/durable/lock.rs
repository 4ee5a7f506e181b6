//! Locks a directory or a file while a program changes something.

use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How long another program may hold the lock. It does so for a few system calls, unless it was stopped in between.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The pause between two attempts. `flock` has no timeout, so it is polled.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits for other programs, and keeps them waiting until this is closed. `WOULDBLOCK` if one has the lock for
/// [`LONGEST_WAIT`]; other errors if the file system has no such locks. NFS has them for files that are open for writing only,
/// so not for directories.
pub fn exclusive(file: impl AsFd) -> rustix::io::Result<()> {
    let start = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if start.elapsed() < LONGEST_WAIT => thread::sleep(PAUSE),
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}
