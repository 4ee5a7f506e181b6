//! Checks that a file is outside a directory, whatever path names it.
//!
//! Symlinks, `..` and relative paths are resolved. A directory that is mounted in two places is recognised by its file
//! system and its path there (`/proc/self/mountinfo`).

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// How many symlinks a path may go through, as in the kernel.
const MOST_LINKS: usize = 40;

/// Fails if the file is in the directory, or would be created there.
pub(super) fn ensure_outside(file: &Path, directory: &Path) -> io::Result<()> {
    // A missing directory is reported elsewhere.
    let Ok(root) = fs::canonicalize(directory) else { return Ok(()) };
    let file = resolve(file)?;
    if is_below(&file, &root) || is_mounted_below(&file, &root) {
        let what = "it is in the shared folder, where every client could read it (name a file outside it)";
        return Err(io::Error::other(what));
    }
    if may_have_name_on_same_disk(&file, &root) {
        let what = "it has other names (hard links), and the shared folder may contain one of them (name another file)";
        return Err(io::Error::other(what));
    }
    Ok(())
}

/// Fails if files in `directory` would be in `root`. The directory need not exist, but its parent must exist.
#[cfg(any(feature = "accounts", feature = "thumbs", feature = "tls"))]
pub(super) fn ensure_directory_outside(directory: &Path, root: &Path) -> io::Result<()> {
    let Ok(root) = fs::canonicalize(root) else { return Ok(()) };
    let directory = resolve(directory)?;
    let file = if directory.exists() { directory.join("file") } else { directory };
    if is_below(&file, &root) || is_mounted_below(&file, &root) {
        return Err(io::Error::other("it is in the shared folder (name a directory outside of it)"));
    }
    Ok(())
}

/// The path without symlinks. The last name need not exist.
fn resolve(file: &Path) -> io::Result<PathBuf> {
    let mut path = file.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        match fs::read_link(&path) {
            // The target of a dangling symlink is the file that would be created.
            Ok(target) => path = parent.join(target),
            Err(_) => return Ok(fs::canonicalize(parent)?.join(path.file_name().unwrap_or_default())),
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

/// Whether one of the file's ancestors is this directory.
fn is_below(file: &Path, root: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|facts| (facts.dev(), facts.ino())).ok();
    let root = identity(root);
    root.is_some() && file.ancestors().skip(1).any(|directory| identity(directory) == root)
}

/// Whether an existing file has several hard links on the directory's file system.
fn may_have_name_on_same_disk(file: &Path, root: &Path) -> bool {
    let is_shared = |(file, root): (Metadata, Metadata)| file.nlink() > 1 && file.dev() == root.dev();
    fs::metadata(file).and_then(|file| Ok((file, fs::metadata(root)?))).is_ok_and(is_shared)
}

/// Whether another mount shows the file inside the directory.
fn is_mounted_below(file: &Path, root: &Path) -> bool {
    let mounts = mounts();
    let parent = file.parent().unwrap_or(file);
    let location = device_path(file, &mounts).or_else(|| {
        let location = device_path(parent, &mounts)?;
        Some(DevicePath { path: location.path.join(file.file_name()?), ..location })
    });
    let Some(location) = location else { return false };
    let mounted = mounts.iter().filter(|mount| mount.at.starts_with(root)).map(|mount| mount.shows.clone());
    device_path(root, &mounts).into_iter().chain(mounted).any(|shared| shared.holds(&location))
}

/// The location of a file, whatever path names it: a file system, and a path in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DevicePath {
    device: Vec<u8>,
    path: PathBuf,
}

impl DevicePath {
    fn holds(&self, other: &Self) -> bool {
        self.device == other.device && other.path.starts_with(&self.path)
    }
}

/// A line of `/proc/self/mountinfo`.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    id: Vec<u8>,
    shows: DevicePath,
    at: PathBuf,
}

/// All mounts; none without `/proc`.
fn mounts() -> Vec<Mount> {
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    text.split(|byte| *byte == b'\n').filter_map(mount).collect()
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let id = words.next()?.to_vec();
    let device = words.nth(1)?.to_vec();
    let (path, at) = (unescape(words.next()?), unescape(words.next()?));
    Some(Mount { id, shows: DevicePath { device, path }, at })
}

/// Replaces octal escapes: `\040` is a space.
fn unescape(word: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, behind @ ..] = rest {
        let octal = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok();
        match behind.split_at_checked(3) {
            Some((digits, behind)) if *first == b'\\' && octal(digits).is_some() => {
                bytes.extend(octal(digits));
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// The location of this resolved path.
fn device_path(path: &Path, mounts: &[Mount]) -> Option<DevicePath> {
    let handle = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let facts = fs::read(format!("/proc/self/fdinfo/{}", handle.as_raw_fd())).ok()?;
    let id = facts.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"mnt_id:"))?.trim_ascii();
    let mount = mounts.iter().find(|mount| mount.id == id)?;
    let inside = path.strip_prefix(&mount.at).ok()?;
    // `join` of an empty path would add a slash.
    let path = if inside.as_os_str().as_bytes().is_empty() {
        mount.shows.path.clone()
    } else {
        mount.shows.path.join(inside)
    };
    Some(DevicePath { device: mount.shows.device.clone(), path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_in_the_directory_is_recognised_by_every_path() {
        let place = tempfile::tempdir().expect("a directory");
        let at = |path: &str| place.path().join(path);
        fs::create_dir_all(at("share/sub")).expect("directories");
        fs::create_dir_all(at("shared")).expect("a directory");
        fs::write(at("share/old"), "").expect("written");
        symlink("share/sub", at("into")).expect("a link");
        symlink("share/new", at("dangling")).expect("a link");
        symlink("share", at("root")).expect("a link");
        symlink("loop", at("loop")).expect("a link");
        fs::hard_link(at("share/old"), at("other-name")).expect("a hard link");
        let table = [
            ("share/log", false),
            ("share/sub/log", false),
            ("share/sub/../log", false),
            ("shared/../share/log", false),
            ("into/log", false),
            ("dangling", false),
            ("root/log", false),
            ("share/old", false),
            ("other-name", false),
            ("loop", false),
            ("none/log", false),
            ("log", true),
            ("shared/log", true),
            ("share/../log", true),
        ];
        for root in ["share", "root", "shared/../share"] {
            for (file, is_taken) in table {
                assert_eq!(ensure_outside(&at(file), &at(root)).is_ok(), is_taken, "{file}, served: {root}");
            }
        }
        assert!(ensure_outside(&at("share/log"), &at("none")).is_ok(), "another error");
    }

    #[cfg(any(feature = "accounts", feature = "tls"))]
    #[test]
    fn a_directory_in_the_directory_is_recognised_by_every_path() {
        let place = tempfile::tempdir().expect("a directory");
        let at = |path: &str| place.path().join(path);
        fs::create_dir_all(at("share/sub")).expect("directories");
        fs::create_dir_all(at("shared/sub")).expect("directories");
        symlink("share/sub", at("into")).expect("a link");
        symlink("share/new", at("dangling")).expect("a link");
        let table = [
            ("share", false),
            ("share/sub", false),
            ("share/new", false),
            ("shared/../share/new", false),
            ("into", false),
            ("into/new", false),
            ("dangling", false),
            ("none/new", false),
            (".", true),
            ("shared", true),
            ("shared/sub", true),
            ("share/../new", true),
            ("new", true),
        ];
        for (directory, is_taken) in table {
            assert_eq!(
                ensure_directory_outside(&at(directory), &at("share")).is_ok(),
                is_taken,
                "{directory}"
            );
        }
    }

    #[test]
    fn a_line_of_mountinfo_is_read() {
        let line = b"36 35 98:0 /mnt\\0401 /a\\134b rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let expected = Mount {
            id: b"36".to_vec(),
            shows: DevicePath { device: b"98:0".to_vec(), path: "/mnt 1".into() },
            at: "/a\\b".into(),
        };
        assert_eq!(mount(line), Some(expected));
        assert_eq!(mount(b""), None);
        assert!(mounts().iter().any(|mount| mount.at == Path::new("/")), "of this process");
    }
}
