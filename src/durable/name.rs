//! Gives a complete file a name that must be free.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::LazyLock;

use rustix::fs::{
    Access, AtFlags, CWD, Mode, OFlags, RenameFlags, access, linkat, openat, renameat, renameat_with,
    unlinkat,
};
use rustix::io::Errno;

/// This process's open files, by descriptor. Anonymous files are linked into a directory through this path.
pub const OPEN_FILES: &str = "/proc/self/fd";

/// Whether `/proc` is mounted.
static SHOWS_FILES: LazyLock<bool> = LazyLock::new(|| access(OPEN_FILES, Access::EXISTS).is_ok());

/// Whether this system can name an anonymous file. Without `/proc`, it cannot be named.
pub fn can_link() -> bool {
    *SHOWS_FILES
}

/// An anonymous file (`O_TMPFILE`), which disappears if it is closed before it is named. `None` if the file system does
/// not support such files, or if the open fails for another reason. Then the caller creates a named file, and reports
/// the error if that fails too.
pub fn anonymous_file(dir: impl AsFd, mode: Mode) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    can_link().then(|| openat(dir, ".", flags, mode).ok()).flatten().map(File::from)
}

/// Gives a file its first or an additional name, without replacing anything.
pub fn link(file: &File, dir: impl AsFd, name: &OsStr) -> Result<(), Errno> {
    linkat(CWD, format!("{OPEN_FILES}/{}", file.as_raw_fd()), dir, name, AtFlags::SYMLINK_FOLLOW)
}

/// Creates a file with this content; `AlreadyExists` if the name is taken. If the file system supports it, the name appears
/// together with the content.
pub fn create(dir: impl AsFd, name: &OsStr, mode: Mode, content: &[u8]) -> io::Result<File> {
    let dir = dir.as_fd();
    if let Some(mut file) = anonymous_file(dir, mode) {
        file.write_all(content)?;
        match link(&file, dir, name) {
            Err(error) if error != Errno::EXIST => {}
            other => return Ok(other.map(|()| file)?),
        }
    }
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(openat(dir, name, flags, mode)?);
    file.write_all(content).inspect_err(|_| {
        // This call has created the file.
        let _ = unlinkat(dir, name, AtFlags::empty());
    })?;
    Ok(file)
}

/// Renames a file within its directory, without replacing anything: `EEXIST` if the new name is taken.
///
/// Not every file system can do that in one step. On the others, a hard link takes the name. Without hard links, an
/// empty file takes the name, and the rename replaces the empty file.
pub fn rename_new(dir: impl AsFd, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    let dir = dir.as_fd();
    match renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        other => return other,
    }
    match linkat(dir, from, dir, to, AtFlags::empty()) {
        Ok(()) => return unlinkat(dir, from, AtFlags::empty()),
        Err(Errno::EXIST) => return Err(Errno::EXIST),
        Err(_) => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    openat(dir, to, flags, Mode::RUSR | Mode::WUSR)?;
    renameat(dir, from, dir, to).inspect_err(|_| {
        // This call created the file, and it is empty.
        let _ = unlinkat(dir, to, AtFlags::empty());
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_created_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = File::open(folder.path()).expect("open");
        let mode = Mode::RUSR | Mode::WUSR;
        create(&dir, OsStr::new("a"), mode, b"first").expect("made");
        let error = create(&dir, OsStr::new("a"), mode, b"second").expect_err("the name is taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(folder.path().join("a")).expect("there"), b"first");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    fn nothing_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = File::open(folder.path()).expect("open");
        let [a, b] = ["a", "b"].map(OsStr::new);
        fs::write(folder.path().join("a"), "a").expect("written");
        assert_eq!(rename_new(&dir, a, b), Ok(()));
        assert_eq!(rename_new(&dir, a, b), Err(Errno::NOENT));
        fs::write(folder.path().join("a"), "new").expect("written");
        assert_eq!(rename_new(&dir, a, b), Err(Errno::EXIST));
        assert_eq!(fs::read(folder.path().join("b")).expect("there"), b"a");
    }
}
