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

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;

/// How old a time in whole seconds must be before it counts. A file may be written again until its second is over; the
/// other second is for the clock of a file server, which may be behind this machine's.
const COARSE_AGE: i128 = 2 * SECOND;

/// Tells one version of a file from another: device, inode, size, and the times of the last change of content
/// and of anything else, in nanoseconds. Equal versions that are [settled](Version::is_settled) are the same bytes, so
/// one can stand in a strong validator.
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

impl Version {
    /// Whether a change of the file at `now` or later makes another version. Some file systems keep time in whole seconds
    /// (`MooseFS`, sshfs, ext4 with inodes of 128 bytes): a file that is rewritten within the second keeps its version. A
    /// time without nanoseconds may come from one of them; it must be two seconds old, and one in the future never is.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let latest = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX) - COARSE_AGE;
        [self.modified, self.changed].iter().all(|time| time % SECOND != 0 || *time <= latest)
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
    i128::from(seconds) * SECOND + i128::from(nanoseconds)
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
    fn a_time_in_whole_seconds_settles_after_two() {
        let now = 100 * SECOND;
        let table = [
            ("fine times, just now", now - 1, now - 1, true),
            ("fine times, in the future", now + 1, now + 1, true),
            ("whole seconds, this second", now, now, false),
            ("whole seconds, one ago", now - SECOND, now - SECOND, false),
            ("whole seconds, two ago", now - 2 * SECOND, now - 2 * SECOND, true),
            ("whole seconds, in the future", now + SECOND, now + SECOND, false),
            ("only the content's time is coarse and young", now - SECOND, now - 1, false),
            ("only the other time is coarse and young", now - 1, now - SECOND, false),
            ("an old time that was set, a fine change just now", now - 50 * SECOND, now - 1, true),
            (
                "an old time that was set, a coarse change just now",
                now - 50 * SECOND + 1,
                now - SECOND,
                false,
            ),
            ("before the epoch", -5 * SECOND, -5 * SECOND, true),
        ];
        for (name, modified, changed, settled) in table {
            let version = Version { device: 1, inode: 1, len: 0, modified, changed };
            let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(version.is_settled(at(100)), settled, "{name}");
            assert!(version.is_settled(at(104)), "{name}, later");
        }
        let epoch = Version { device: 1, inode: 1, len: 0, modified: 0, changed: 0 };
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(9);
        assert!(!epoch.is_settled(before), "a clock before the epoch says nothing");
    }

    #[test]
    fn a_version_reads_as_hexadecimal() {
        let version = Version { device: 255, inode: 16, len: 0, modified: 10, changed: 4096 };
        assert_eq!(version.to_string(), "ff-10-0-a-1000");
    }
}
