//! The record that marks a file as a download: its address, and its length and time when it was downloaded.
//!
//! It is an extended attribute. So the same `fsync` writes the file and its record, and the record is moved and deleted
//! with the file. One file with the records of all downloads would need locks, a limit and a clean-up. The record
//! contains the SHA-256 of the address, which may contain a secret.
//!
//! `wharf get` does not replace a file that has no record or has changed since. That includes all files on a file system
//! without extended attributes.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::{XattrFlags, fgetxattr, fsetxattr};
use sha2::{Digest as _, Sha256};

/// The name of the attribute.
const NAME: &str = "user.wharf.download";

/// The longest record that is read, in bytes: three numbers, 64 digits, and separators.
const LONGEST: usize = 256;

/// Marks the file in its present state as a download of this address. Errors are ignored: the file is then like any
/// other.
pub(super) fn write(file: &File, from: &str) {
    if let Ok(record) = record(file, from) {
        let _ = fsetxattr(file, NAME, record.as_bytes(), XattrFlags::empty());
    }
}

/// Whether the file is an unchanged download of this address.
pub(super) fn is_of(file: &File, from: &str) -> bool {
    let mut found = [0; LONGEST];
    let Ok(length) = fgetxattr(file, NAME, &mut found[..]) else { return false };
    record(file, from).is_ok_and(|record| found.get(..length) == Some(record.as_bytes()))
}

/// Whether the file has ever been a download, of any address.
pub(super) fn has_one(file: &File) -> bool {
    fgetxattr(file, NAME, &mut [0; LONGEST][..]).is_ok()
}

/// The record of a file in its present state.
fn record(file: &File, from: &str) -> io::Result<String> {
    let metadata = file.metadata()?;
    let (length, seconds, fraction) = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    let address = Sha256::digest(from.as_bytes());
    let digits = address.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    Ok(format!("1 {length} {seconds}.{fraction:09} {digits}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::*;

    const FROM: &str = "http://h/a";

    fn is_ours(path: &Path) -> bool {
        is_of(&File::open(path).expect("open"), FROM)
    }

    /// A file with a record; `None` on a file system without extended attributes, where there is nothing to test.
    fn written(path: &Path) -> Option<File> {
        fs::write(path, "content").expect("written");
        let file = File::options().write(true).open(path).expect("open");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).expect("set");
        write(&file, FROM);
        fgetxattr(&file, NAME, &mut [0; LONGEST][..]).ok()?;
        Some(file)
    }

    #[test]
    fn a_changed_file_is_no_longer_a_download() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let change: [(&str, fn(&Path, &File)); 4] = [
            ("its content", |path, _| fs::write(path, "CONTENT").expect("written")),
            ("its length", |_, file| {
                file.set_len(3).expect("cut");
                file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000)).expect("set");
            }),
            ("its time", |_, file| file.set_modified(SystemTime::now()).expect("set")),
            ("the file", |path, _| {
                fs::remove_file(path).expect("removed");
                fs::write(path, "content").expect("written");
            }),
        ];
        for (name, change) in change {
            let Some(file) = written(&path) else { return };
            assert!(is_ours(&path), "{name}");
            assert!(!is_of(&file, "http://h/b"), "{name}: it is of another address");
            change(&path, &file);
            assert!(!is_ours(&path), "{name} was changed");
        }
    }

    #[test]
    fn a_moved_download_is_still_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(_) = written(&folder.path().join("a")) else { return };
        fs::rename(folder.path().join("a"), folder.path().join("b")).expect("moved");
        assert!(is_ours(&folder.path().join("b")));
    }
}
