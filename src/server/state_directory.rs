//! The directory for what the server keeps apart from the folder, such as keys: only the server's user may
//! change it.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::durable::{lock, sync, whole};
use crate::printable::Printable;

/// The modes of a new directory, and of a file with a secret.
const DIRECTORY: u32 = 0o700;
const SECRET: u32 = 0o600;

/// The permission for group and others to change a directory, and all permissions for group and others.
const CHANGE: u32 = 0o022;
const OTHERS: u32 = 0o077;

/// The maximum size of a file that is read, in bytes; all files here are smaller.
const LARGEST: u64 = 1024 * 1024;

/// A directory that only the server's user may change.
#[derive(Debug)]
pub struct StateDirectory {
    path: PathBuf,
}

/// The directory, open. Other servers wait until it is dropped, if the file system supports locks.
#[derive(Debug)]
pub(super) struct LockedState {
    handle: File,
    path: PathBuf,
}

/// Why a directory cannot be used for this: one line.
#[derive(Debug)]
pub struct StateError {
    path: PathBuf,
    why: String,
}

impl StateDirectory {
    /// The directory at this path. It is created if it is missing, with its parents. `may_use` says where it may
    /// be.
    pub fn open(path: &Path, may_use: impl Fn(&Path) -> io::Result<()>) -> Result<Self, StateError> {
        let directory = Self { path: path.to_owned() };
        make(path, &may_use)
            .and_then(|()| may_use(path))
            .map_err(|error| directory.because(reason(&error)))?;
        directory.open_handle()?;
        Ok(directory)
    }

    /// Its path.
    #[cfg(feature = "accounts")]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Locks the directory: waits for other servers, and then makes them wait.
    pub(super) fn lock(&self) -> Result<LockedState, StateError> {
        let handle = self.open_handle()?;
        if lock::exclusive(&handle) == Err(Errno::WOULDBLOCK) {
            let seconds = lock::LONGEST_WAIT.as_secs();
            return Err(
                self.because(format!("another server has locked it for {seconds} s (is it stopped?)"))
            );
        }
        // Without lock support, no other server has a lock either.
        Ok(LockedState { handle, path: self.path.clone() })
    }

    /// Fails if others may change it.
    fn open_handle(&self) -> Result<File, StateError> {
        let handle = File::open(&self.path).map_err(|error| self.because(reason(&error)))?;
        let facts = handle.metadata().map_err(|error| self.because(error.to_string()))?;
        if !facts.is_dir() {
            return Err(self.because("it is not a directory".to_owned()));
        }
        if facts.uid() != geteuid().as_raw() {
            return Err(self.because("it belongs to another user (name a new directory)".to_owned()));
        }
        if facts.mode() & CHANGE != 0 {
            let why = "other users can write to it (chmod 700 prevents that, or name a new directory)";
            return Err(self.because(why.to_owned()));
        }
        Ok(handle)
    }

    fn because(&self, why: String) -> StateError {
        StateError { path: self.path.clone(), why }
    }
}

impl LockedState {
    /// The content of a file, or `None` if it does not exist.
    #[cfg(feature = "tls")]
    pub(super) fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.open(name)?.map(|(_, content)| content))
    }

    /// The content of a file, or `None` if it does not exist. Other users lose the permission to read the file.
    pub(super) fn read_secret(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some((file, content)) = self.open(name)? else { return Ok(None) };
        let mode = file.metadata()?.mode() & 0o777;
        if mode & OTHERS != 0 {
            file.set_permissions(Permissions::from_mode(SECRET))?;
            let path = self.path.join(name);
            let path = Printable::path(&path);
            log::warn!("other users could read {path} (mode {mode:04o}); its mode is now {SECRET:04o}");
        }
        Ok(Some(content))
    }

    /// Creates a file; fails if it exists.
    #[cfg(feature = "tls")]
    pub(super) fn create(&self, name: &str, content: &[u8]) -> io::Result<()> {
        whole::create(&self.handle, OsStr::new(name), content)
    }

    /// Creates or replaces a file.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        whole::replace(&self.handle, OsStr::new(name), content)
    }

    fn open(&self, name: &str) -> io::Result<Option<(File, Vec<u8>)>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.handle, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(io::Error::other("it is a symlink")),
            other => File::from(other?),
        };
        let facts = file.metadata()?;
        if !facts.is_file() || facts.len() > LARGEST {
            return Err(io::Error::other("it is not one of wharf's files"));
        }
        let mut content = Vec::new();
        (&file).take(LARGEST).read_to_end(&mut content)?;
        Ok(Some((file, content)))
    }
}

/// Creates a directory and its missing parents. `may_use` must allow each of them.
fn make(path: &Path, may_use: &impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.map_or(Ok(()), |parent| make(parent, may_use))?;
    may_use(path)?;
    match DirBuilder::new().mode(DIRECTORY).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_symlink() => {
            Err(io::Error::other("it is a symlink to a missing directory (create that directory)"))
        }
        other => other.and_then(|()| Ok(sync::directory(File::open(parent.unwrap_or(Path::new(".")))?)?)),
    }
}

/// What a system error means here. The user may not have named the directory.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::PermissionDenied => "permission denied (name another directory with --state)".to_owned(),
        ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only (name another directory with --state)".to_owned()
        }
        _ => error.to_string(),
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, why } = self;
        write!(f, "cannot use the state directory {}: {why}", Printable::path(path))
    }
}

impl std::error::Error for StateError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_to_do() {
        let refuse = |kind: ErrorKind| {
            let error = StateDirectory::open(Path::new("/"), |_| Err(kind.into())).expect_err("refused");
            error.to_string()
        };
        let table = [
            (ErrorKind::PermissionDenied, "permission denied (name another directory with --state)"),
            (
                ErrorKind::ReadOnlyFilesystem,
                "the file system is read-only (name another directory with --state)",
            ),
        ];
        for (kind, why) in table {
            assert_eq!(refuse(kind), format!("cannot use the state directory /: {why}"));
        }
    }
}
