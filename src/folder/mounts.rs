//! What is mounted below a directory: the kernel renames a directory with a mount below it, and the mount goes along.
//!
//! Without `/proc` nothing is found.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;

use cap_std::fs::Dir;

use super::error::Error;
use super::real_path;

/// How much is read of the table of mounts at most, in bytes.
const LONGEST: u64 = 16 << 20;

/// Fails if a file system is mounted at this directory or below it. The table of mounts is read, not the directory.
pub(super) fn refuse_at_or_below(dir: &Dir, name: &OsStr) -> Result<(), Error> {
    let (Ok(mut path), Ok(table)) = (real_path::path_of(dir), File::open("/proc/self/mountinfo")) else {
        return Ok(());
    };
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name.as_bytes());
    let mut text = Vec::with_capacity(64 * 1024);
    table.take(LONGEST).read_to_end(&mut text)?;
    if is_any_within(&text, &path) { Err(Error::Mounted) } else { Ok(()) }
}

/// Whether a line of the table names this path or one below it.
fn is_any_within(table: &[u8], path: &[u8]) -> bool {
    table.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).any(
        |point| {
            let point = unescape(point);
            point.strip_prefix(path).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
        },
    )
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
            ("/srv", true),
            ("/srv/a b", true),
            ("/srv/a b/c", true),
            ("/srv/a", false),
            ("/srv/a b/c/d", false),
        ] {
            assert_eq!(is_any_within(table, path.as_bytes()), expected, "{path}");
        }
        assert_eq!(unescape(b"\\134\\9x\\04"), b"\\\\9x\\04");
    }
}
