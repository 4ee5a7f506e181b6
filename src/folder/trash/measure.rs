//! How large a directory is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use cap_std::fs::Dir;
use rustix::fs::{self, AtFlags, FileType};
use rustix::io::Errno;

use crate::folder::root::{self, file_type};

/// How many files are counted at most, in about two seconds. The rest of a larger directory is not counted.
const MOST_ENTRIES: usize = 1_000_000;

/// The total size, in bytes, of the files in the directory of this name. Other file systems are left out, and no link
/// is followed.
pub(in crate::folder) fn measure(above: &Dir, name: &OsStr) -> u64 {
    let Ok(top) = above.open_dir(name) else { return 0 };
    let Ok(device) = fs::fstat(&top).map(|stat| stat.st_dev) else { return 0 };
    let (mut bytes, mut left) = (0_u64, MOST_ENTRIES);
    let mut waiting = vec![PathBuf::from(".")];
    while let Some(path) = waiting.pop() {
        // An `O_PATH` handle cannot be read.
        let Ok(dir) = top.open_dir(&path).map_err(|_| Errno::IO).and_then(|dir| root::enter(&dir, "."))
        else {
            continue;
        };
        if !fs::fstat(&dir).is_ok_and(|stat| stat.st_dev == device) {
            continue;
        }
        let Ok(entries) = fs::Dir::read_from(&dir) else { continue };
        for entry in entries.map_while(Result::ok) {
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if matches!(name.as_bytes(), b"." | b"..") {
                continue;
            }
            if left == 0 {
                return bytes;
            }
            left -= 1;
            let Ok(stat) = fs::statat(&dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
            match file_type(&stat) {
                FileType::Directory => waiting.push(path.join(name)),
                _ => bytes = bytes.saturating_add(u64::try_from(stat.st_size).unwrap_or(0)),
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;
    use std::fs;

    #[test]
    fn the_sizes_of_all_files_together() {
        let place = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(place.path().join("a/b/c")).expect("made");
        for (name, size) in [("a/1", 1), ("a/b/2", 20), ("a/b/c/3", 300), ("4", 4000)] {
            fs::write(place.path().join(name), vec![0; size]).expect("written");
        }
        std::os::unix::fs::symlink("/", place.path().join("a/l")).expect("linked");
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).expect("open");
        assert_eq!(measure(&dir, OsStr::new("a")), 322, "the link counts as itself");
        assert_eq!(measure(&dir, OsStr::new("none")), 0);
    }
}
