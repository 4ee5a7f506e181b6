//! What the kernel takes at least to describe the entries of a directory.

use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, StatxFlags, openat, statx};
use rustix::time::{ClockId, clock_gettime};

use super::peers::Result;

/// How often the directory is read.
const TIMES: u32 = 100;

/// The processor time of one `getdents` of a directory and of a `statx` for each of its entries, in microseconds.
pub fn of(directory: &Path) -> Result<f64> {
    let before = processor_time();
    for _ in 0..TIMES {
        let open =
            openat(CWD, directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        for entry in Dir::read_from(&open)? {
            statx(&open, entry?.file_name(), AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)?;
        }
    }
    Ok((processor_time() - before) / f64::from(TIMES))
}

/// That of this thread, in microseconds.
fn processor_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}
