//! What is known of a file without reading it.

use rustix::fs::Stat;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime};

/// A file's facts, all of one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Size in bytes.
    pub len: u64,
    /// When its content last changed.
    pub modified: SystemTime,
    /// Which version of which file it is.
    pub version: Version,
}

/// Tells one version of a file from another: device, inode, size, and the times of the last change of content
/// and of anything else, in nanoseconds. Equal versions are the same bytes, so it can stand in a strong
/// validator.
///
/// A save through the folder always makes a new inode. A file that another program rewrites in place is told
/// apart as finely as the file system keeps time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    device: u64,
    inode: u64,
    len: u64,
    modified: i128,
    changed: i128,
}

impl Facts {
    /// Of an open file, now.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(Self::from(&rustix::fs::fstat(file)?))
    }

    /// Whether nothing about the file has changed for so long before `now`. Until then it may still change without a
    /// new version, within the tick of the file system's clock.
    pub fn were_true_for(&self, time: Duration, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let then = i128::try_from(now.saturating_sub(time).as_nanos()).unwrap_or(i128::MAX);
        self.version.modified <= then && self.version.changed <= then
    }
}

impl fmt::Display for Version {
    /// Hexadecimal digits and dashes, without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, inode, len, modified, changed } = self;
        write!(f, "{device:x}-{inode:x}-{len:x}-{modified:x}-{changed:x}")
    }
}

impl From<&Stat> for Facts {
    fn from(stat: &Stat) -> Self {
        let len = stat.st_size.unsigned_abs();
        let version = Version {
            device: stat.st_dev,
            inode: stat.st_ino,
            len,
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        };
        Self { len, modified: time(stat.st_mtime, stat.st_mtime_nsec), version }
    }
}

fn nanoseconds(seconds: i64, nanoseconds: u64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}

/// A time that cannot be told, absurdly far off on a damaged disk, is the epoch.
fn time(seconds: i64, nanoseconds: u64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    };
    second
        .and_then(|time| time.checked_add(Duration::from_nanos(nanoseconds)))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_on_both_sides_of_the_epoch() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(time(1, 500_000_000), epoch + Duration::from_millis(1500));
        assert_eq!(time(-2, 500_000_000), epoch - Duration::from_millis(1500));
        assert_eq!(time(i64::MAX, 2_000_000_000), epoch);
    }

    #[test]
    fn a_version_reads_as_hexadecimal() {
        let version = Version { device: 255, inode: 16, len: 0, modified: 10, changed: 4096 };
        assert_eq!(version.to_string(), "ff-10-0-a-1000");
    }
}
