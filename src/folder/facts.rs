//! Metadata of a file.

use rustix::fs::Stat;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io;
use std::time::{Duration, SystemTime};

/// A file's metadata, all from one `stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Size in bytes.
    pub len: u64,
    /// When its content last changed.
    pub modified: SystemTime,
    /// Identifies the file and its version.
    pub version: FileVersion,
}

/// Nanoseconds in a second.
const SECOND: i128 = 1_000_000_000;

/// How old a time in whole seconds must be before it counts as settled. During the first second, the file may be
/// written again without a new time. The other second is for file servers whose clock is behind.
const COARSE_AGE: i128 = 2 * SECOND;

/// Identifies one version of a file: its inode, its size, and its times of modification and of change, in nanoseconds.
/// The device is part of it only if it is not the root's device. The root's device changes with each mount, and differs
/// between the mounts of one volume on several machines, though the file is the same.
///
/// Equal versions that are [settled](FileVersion::is_settled) have the same bytes, so a version can be a strong validator.
/// A save through the folder always makes a new inode. If another program rewrites a file in place, the versions differ if
/// the file system's clock has advanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileVersion {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<u64>,
    inode: u64,
    len: u64,
    modified: i128,
    changed: i128,
}

impl Facts {
    /// The facts from a result of `stat`, below a root on this device.
    pub(super) fn new(stat: &Stat, home: u64) -> Self {
        let len = stat.st_size.unsigned_abs();
        let version = FileVersion {
            device: (stat.st_dev != home).then_some(stat.st_dev),
            inode: stat.st_ino,
            len,
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        };
        Self { len, modified: time(stat.st_mtime, stat.st_mtime_nsec), version }
    }

    /// The current facts of the same file, which is open.
    pub fn renewed(&self, file: &File) -> io::Result<Self> {
        let mut facts = Self::new(&rustix::fs::fstat(file)?, 0);
        // An open file changes neither its device nor its inode.
        facts.version.device = self.version.device;
        Ok(facts)
    }

    /// Whether the file has not changed during this time before `now`. After a recent change, the file may change again
    /// without a new version, within a tick of the file system's clock.
    pub fn were_true_for(&self, time: Duration, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let then = i128::try_from(now.saturating_sub(time).as_nanos()).unwrap_or(i128::MAX);
        self.version.modified <= then && self.version.changed <= then
    }
}

impl FileVersion {
    /// Whether a change of the file at `now` or later makes another version. Some file systems keep time in whole
    /// seconds (`MooseFS`, sshfs, ext4 with inodes of 128 bytes): a file that is rewritten within the second keeps its
    /// version. A time without nanoseconds may come from such a file system, so it must be two seconds old. A time in
    /// the future is never old enough.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let latest = i128::try_from(now.as_nanos()).unwrap_or(i128::MAX) - COARSE_AGE;
        [self.modified, self.changed].iter().all(|time| time % SECOND != 0 || *time <= latest)
    }
}

impl fmt::Display for FileVersion {
    /// Hexadecimal digits and dashes, without quotes: four numbers, and a fifth before them if the device is
    /// not the root's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device, inode, len, modified, changed } = self;
        if let Some(device) = device {
            write!(f, "{device:x}-")?;
        }
        write!(f, "{inode:x}-{len:x}-{modified:x}-{changed:x}")
    }
}

fn nanoseconds(seconds: i64, nanoseconds: u64) -> i128 {
    i128::from(seconds) * SECOND + i128::from(nanoseconds)
}

/// A time that cannot be represented, for example on a damaged disk, becomes the epoch.
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
            let version = FileVersion { device: None, inode: 1, len: 0, modified, changed };
            let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(version.is_settled(at(100)), settled, "{name}");
            assert!(version.is_settled(at(104)), "{name}, later");
        }
        let epoch = FileVersion { device: None, inode: 1, len: 0, modified: 0, changed: 0 };
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(9);
        assert!(!epoch.is_settled(before), "a clock before the epoch says nothing");
    }

    #[test]
    fn a_version_reads_as_hexadecimal() {
        let version = FileVersion { device: None, inode: 16, len: 0, modified: 10, changed: 4096 };
        assert_eq!(version.to_string(), "10-0-a-1000");
        assert_eq!(FileVersion { device: Some(255), ..version }.to_string(), "ff-10-0-a-1000");
    }

    #[test]
    fn the_device_of_the_root_does_not_count() {
        let file = tempfile::tempfile().expect("a file");
        let mut stat = rustix::fs::fstat(&file).expect("its facts");
        let mut version = |device, home| {
            stat.st_dev = device;
            Facts::new(&stat, home).version
        };
        let table = [
            ("the root's, mounted twice", version(1, 1), version(2, 2), true),
            ("another's, whatever the root's", version(3, 1), version(3, 2), true),
            ("the root's, and another's", version(1, 1), version(2, 1), false),
            ("two others'", version(2, 1), version(3, 1), false),
        ];
        for (name, one, other, same) in table {
            assert_eq!((one == other, one.to_string() == other.to_string()), (same, same), "{name}");
            let written = serde_json::to_string(&one).expect("written");
            assert_eq!(
                serde_json::from_str::<FileVersion>(&written).expect("read"),
                one,
                "{name}: {written}"
            );
        }
    }

    #[test]
    fn facts_are_renewed_with_their_device() {
        let file = tempfile::tempfile().expect("a file");
        let stat = rustix::fs::fstat(&file).expect("its facts");
        for home in [stat.st_dev, stat.st_dev + 1] {
            let facts = Facts::new(&stat, home);
            assert_eq!(facts.renewed(&file).expect("its facts"), facts);
        }
        file.set_len(1).expect("changed");
        assert_ne!(Facts::new(&stat, 0).renewed(&file).expect("its facts"), Facts::new(&stat, 0));
    }
}
