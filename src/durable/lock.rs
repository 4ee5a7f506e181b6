//! Locks a directory or a file while a program changes something.

use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// How long to wait for another program's lock. A program holds it for a few system calls, unless it is
/// stopped in between.
pub const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The pause between two attempts. `flock` has no timeout, so it is polled.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits for other programs, then locks them out until `file` is closed. Fails with `WOULDBLOCK` if the lock
/// is held for [`LONGEST_WAIT`], and with other errors if the file system has no such locks. NFS locks only
/// files that are open for writing, so no directories.
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
