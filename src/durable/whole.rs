//! Writes small files that are whole or absent under their names, even after a power failure.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{
    AtFlags, Dir, Gid, Mode, OFlags, Uid, fchmod, fchown, fstat, fsync, openat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use super::{name, sync};

/// Only this user reads and writes the files.
const MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The owner, group and permissions of a file, for the file that replaces it.
#[derive(Clone, Copy, Debug)]
pub struct Permissions {
    owner: Uid,
    group: Gid,
    mode: Mode,
}

impl Permissions {
    /// The permissions of the file with this name; `None` if there is no such file. A symlink is not followed.
    pub fn of(dir: impl AsFd, name: &OsStr) -> io::Result<Option<Self>> {
        match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Self {
                owner: Uid::from_raw(stat.st_uid),
                group: Gid::from_raw(stat.st_gid),
                mode: Mode::from_raw_mode(stat.st_mode),
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Applies them to a file. An owner is changed only if it differs: most users may not.
    fn apply(&self, file: &File) -> rustix::io::Result<()> {
        let now = fstat(file)?;
        let owner = Some(self.owner).filter(|owner| owner.as_raw() != now.st_uid);
        let group = Some(self.group).filter(|group| group.as_raw() != now.st_gid);
        if owner.is_some() || group.is_some() {
            fchown(file, owner, group)?;
        }
        fchmod(file, self.mode)
    }
}

/// Creates a file with this content without replacing one: `AlreadyExists` if the name is taken.
pub fn create(dir: impl AsFd, name: &OsStr, content: &[u8]) -> io::Result<()> {
    write(dir, name, content, None, |dir, draft| name::rename_new(dir, draft, name))
}

/// Creates a file with this content, or replaces the file with that name.
pub fn replace(dir: impl AsFd, name: &OsStr, content: &[u8]) -> io::Result<()> {
    write(dir, name, content, None, |dir, draft| renameat(dir, draft, dir, name))
}

/// Replaces the file with this name by one with this content and these permissions.
pub fn replace_like(
    dir: impl AsFd,
    name: &OsStr,
    content: &[u8],
    permissions: &Permissions,
) -> io::Result<()> {
    write(dir, name, content, Some(permissions), |dir, draft| renameat(dir, draft, dir, name))
}

/// Writes the content to a file with a temporary name; `rename` then gives it its own name.
fn write(
    dir: impl AsFd,
    name: &OsStr,
    content: &[u8],
    permissions: Option<&Permissions>,
    rename: impl FnOnce(BorrowedFd<'_>, &OsStr) -> rustix::io::Result<()>,
) -> io::Result<()> {
    let dir = dir.as_fd();
    let draft = draft(name)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(dir, &draft, flags, MODE)?);
    let written = file
        .write_all(content)
        .and_then(|()| Ok(permissions.map_or(Ok(()), |permissions| permissions.apply(&file))?))
        .and_then(|()| Ok(fsync(&file)?))
        .and_then(|()| Ok(rename(dir, &draft)?));
    if written.is_err() {
        let _ = unlinkat(dir, &draft, AtFlags::empty());
    }
    written.and_then(|()| Ok(sync::directory(dir)?))
}

/// Removes drafts of this file that were left by crashes. The caller makes sure that no program is writing
/// it.
pub fn remove_drafts(dir: impl AsFd, name: &OsStr) -> io::Result<()> {
    let dir = dir.as_fd();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        if is_draft(entry.file_name().to_bytes(), name) {
            unlinkat(dir, entry.file_name(), AtFlags::empty())?;
        }
    }
    Ok(())
}

/// A name for the file while it is written. It is random: process ids are unique only within a container.
fn draft(name: &OsStr) -> io::Result<OsString> {
    let mut number = [0; 8];
    getrandom(&mut number, GetRandomFlags::empty())?;
    let mut draft = name.to_owned();
    draft.push(format!(".{:016x}.new", u64::from_ne_bytes(number)));
    Ok(draft)
}

/// Whether `entry` is a draft's name for the file `name`.
fn is_draft(entry: &[u8], name: &OsStr) -> bool {
    let number = entry.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"."));
    let number = number.and_then(|rest| rest.strip_suffix(b".new"));
    number.is_some_and(|number| number.len() == 16 && number.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_are_created_once_and_replaced_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = File::open(folder.path()).expect("open");
        let (path, name) = (folder.path().join("a"), OsStr::new("a"));
        create(&dir, name, b"first").expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let error = create(&dir, name, b"second").expect_err("the name is taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("there"), b"first");
        replace(&dir, name, b"third").expect("replaced");
        assert_eq!(fs::read(&path).expect("there"), b"third");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("changed");
        let permissions = Permissions::of(&dir, name).expect("read").expect("it is there");
        replace_like(&dir, name, b"fourth", &permissions).expect("replaced");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read(&path).expect("there"), b"fourth");
        assert!(Permissions::of(&dir, OsStr::new("none")).expect("read").is_none());
        fs::create_dir(folder.path().join("b")).expect("a directory");
        replace(&dir, OsStr::new("b"), b"").expect_err("a directory has the name");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "no draft is left");
    }

    #[test]
    fn drafts_that_are_left_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = File::open(folder.path()).expect("open");
        let others =
            ["a", "a.0123456789abcde.new", "a.0123456789abcdeg.new", "a.new", "b.0123456789abcdef.new"];
        for name in others.into_iter().chain(["a.0123456789abcdef.new", "a.0000000000000000.new"]) {
            fs::write(folder.path().join(name), "").expect("written");
        }
        remove_drafts(&dir, OsStr::new("a")).expect("removed");
        let left =
            fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut left: Vec<_> = left.collect();
        left.sort();
        assert_eq!(left, others);
    }
}
