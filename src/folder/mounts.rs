//! Finds mounts below a directory. The kernel renames a directory with a mount below it, and the mount moves with it.
//!
//! The kernel's table of mounts is read, not the directory. It is kept open: one `poll` says whether it has changed since the last
//! reading. It is read again only after a change, or if a file system is mounted in the folder.
//!
//! Without `/proc`, no mount is found. The kernel reports mounts, but not renames. If another program moves a directory with a mount
//! below it into a folder without mounts, the mount is found only after the next change of the table.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Mutex, PoisonError};

use cap_std::fs::Dir;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::Error;
use super::real_path;

/// How much of the table of mounts is read, in bytes.
const LONGEST: u64 = 16 << 20;

/// The file systems that are mounted below the folder's root.
pub(super) struct Mounts {
    table: Option<Mutex<Table>>,
}

/// The kernel's table.
struct Table {
    file: File,
    /// Whether nothing was mounted below the root when the table was read. `false` before that.
    is_known_empty: bool,
}

impl Mounts {
    /// Opens the table. Nothing is read yet.
    pub(super) fn open() -> Self {
        let table = File::open("/proc/self/mountinfo").ok();
        Self { table: table.map(|file| Mutex::new(Table { file, is_known_empty: false })) }
    }

    /// Fails if a file system is mounted at this name in a directory below the root, or below it.
    pub(super) fn refuse_at_or_below(&self, root: &Dir, dir: &Dir, name: &OsStr) -> Result<(), Error> {
        let Some(table) = &self.table else { return Ok(()) };
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        if !table.has_changed() && table.is_known_empty {
            return Ok(());
        }
        // The order matters: a mount that is added after this is reported by the next poll.
        table.is_known_empty = false;
        let text = table.read()?;
        let (Ok(root), Ok(mut path)) = (real_path::path_of(root), real_path::path_of(dir)) else {
            return Ok(());
        };
        table.is_known_empty = !is_any(&text, |point| point != root && is_within(point, &root));
        if path.last() != Some(&b'/') {
            path.push(b'/');
        }
        path.extend_from_slice(name.as_bytes());
        if is_any(&text, |point| is_within(point, &path)) { Err(Error::Mounted) } else { Ok(()) }
    }
}

impl Table {
    /// Whether it may have changed since this was called last.
    fn has_changed(&self) -> bool {
        // The flags that proc(5) promises. A system that emulates the table with a regular file reports `OUT`; then it always
        // counts as changed.
        let flags = PollFlags::PRI | PollFlags::OUT;
        let mut polled = [PollFd::new(&self.file, flags)];
        let outcome = poll(&mut polled, Some(&Timespec::default()));
        let noticed = flags | PollFlags::ERR | PollFlags::NVAL;
        outcome.is_err() || polled[0].revents().intersects(noticed)
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::with_capacity(64 * 1024);
        self.file.rewind()?;
        (&self.file).take(LONGEST).read_to_end(&mut text)?;
        Ok(text)
    }
}

/// Whether `is_it` is true for a mount point of the table.
fn is_any(table: &[u8], is_it: impl Fn(&[u8]) -> bool) -> bool {
    let lines = table.split(|byte| *byte == b'\n');
    let mut points = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    points.any(|point| is_it(&unescape(point)))
}

/// Whether a path is this path or one below it.
fn is_within(path: &[u8], above: &[u8]) -> bool {
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| above == b"/" || matches!(rest.first(), None | Some(b'/')))
}

/// Replaces octal escapes: `\040` is a space.
fn unescape(word: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..3).filter(|_| *first == b'\\');
        let octal = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(octal.unwrap_or(*first));
        rest = if octal.is_some() { behind.get(3..).unwrap_or_default() } else { behind };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_at_and_below_a_path_are_found() {
        let table = b"22 1 0:5 / / rw - ext4 /dev/a rw\n23 22 0:6 / /srv/a\\040b/c rw - tmpfs t rw\n";
        for (path, expected) in [
            ("/", true),
            ("/srv", true),
            ("/srv/a b", true),
            ("/srv/a b/c", true),
            ("/srv/a", false),
            ("/srv/a b/c/d", false),
        ] {
            let is_found = is_any(table, |point| is_within(point, path.as_bytes()));
            assert_eq!(is_found, expected, "{path}");
        }
        assert_eq!(unescape(b"\\134\\9x\\04"), b"\\\\9x\\04");
    }
}
