//! Removes the thumbnails that were not used for the longest time, so that the directory stays small.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, statat, unlinkat};

use super::key::{DRAFT, is_key};

/// How much is left, in bytes. With what two servers write before their next sweep, it is at most 256 MB.
const MOST_LEFT: u64 = 208 << 20;

/// The unit in which file systems give out space, in bytes. It also limits the number of files.
const UNIT: u64 = 4096;

/// After this time, an unfinished file was left by a crash.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// How many files are looked at: more than are left, and so few that their names need little memory.
const MOST_SEEN: usize = 2 * (MOST_LEFT / UNIT) as usize;

/// The space that a file of this length takes.
pub(super) fn size(length: u64) -> u64 {
    length.max(1).next_multiple_of(UNIT)
}

/// Removes what is too much, and what crashes have left.
pub(super) fn sweep(directory: &File, now: SystemTime) -> io::Result<()> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs().cast_signed();
    let mut kept = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let is_draft = name.starts_with(DRAFT.as_bytes());
        if !is_draft && !is_key(name) {
            continue;
        }
        // Another server may have removed it.
        let Ok(stat) = statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
        if !is_draft {
            kept.push((stat.st_mtime, size(stat.st_size.unsigned_abs()), name.to_vec()));
        } else if now - stat.st_mtime > ABANDONED.as_secs().cast_signed() {
            remove(directory, name.to_vec());
        }
        if kept.len() >= MOST_SEEN {
            break;
        }
    }
    kept.sort_unstable();
    let mut sum: u64 = kept.iter().map(|(_, size, _)| size).sum();
    for (_, size, name) in kept {
        if sum <= MOST_LEFT {
            break;
        }
        remove(directory, name);
        sum -= size;
    }
    Ok(())
}

fn remove(directory: &File, name: Vec<u8>) {
    // Another server may have removed it.
    let _ = unlinkat(directory, OsString::from_vec(name), AtFlags::empty());
}
