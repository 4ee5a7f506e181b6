//! Files that only the server's user may read: the log and the recording.
//!
//! They name every client and every path, so they must not be in the shared folder either.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::containment;
use crate::printable::Printable;

/// The mode of a new file: only its owner reads and writes it.
const MODE: u32 = 0o600;

/// The permissions of group and others.
const OTHERS: u32 = 0o077;

/// A file that must be outside the shared folder.
#[derive(Debug, Clone)]
pub(super) struct PrivateFile {
    path: PathBuf,
    /// The shared folder.
    root: PathBuf,
}

impl PrivateFile {
    /// The file at `path`, to be kept outside the folder `root`.
    pub(super) fn new(path: &Path, root: &Path) -> Self {
        Self { path: path.to_owned(), root: root.to_owned() }
    }

    /// Its path, as it was given.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails if the file is in the shared folder, or would be created there.
    pub(super) fn ensure_outside(&self) -> io::Result<()> {
        let is_file = std::fs::metadata(&self.path).ok().as_ref().is_none_or(Metadata::is_file);
        if is_file { containment::ensure_outside(&self.path, &self.root) } else { Ok(()) }
    }

    /// Opens or creates it, to append.
    pub(super) fn append(&self) -> io::Result<File> {
        self.ensure_outside()?;
        let there = std::fs::metadata(&self.path).ok();
        // If a FIFO is opened for reading too, opening does not wait for a reader, and written lines stay for the next
        // reader (fifo(7)).
        let is_fifo = there.is_some_and(|there| there.file_type().is_fifo());
        OpenOptions::new()
            .read(is_fifo)
            .append(true)
            .create(true)
            .mode(MODE)
            .custom_flags(OFlags::NOCTTY.bits().cast_signed())
            .open(&self.path)
    }

    /// Like [`PrivateFile::append`], while the server runs.
    pub(super) fn append_again(&self) -> io::Result<File> {
        let file = self.append()?;
        self.protect(&file);
        Ok(file)
    }

    /// Opens the file to append to it, and writes this header if the file is empty.
    pub(super) fn append_below(&self, header: &str) -> io::Result<File> {
        let mut file = self.append_again()?;
        if file.metadata()?.len() == 0 {
            file.write_all(header.as_bytes())?;
        }
        Ok(file)
    }

    /// Opens and truncates the file.
    pub(super) fn create(&self) -> io::Result<File> {
        let file = self.append_again()?;
        if file.metadata()?.is_file() {
            file.set_len(0)?;
        }
        Ok(file)
    }

    /// Removes the permissions of others from an old file, or logs that it cannot. Files behind `/dev/stderr` and the like
    /// belong to another program and keep their mode.
    pub(super) fn protect(&self, file: &File) {
        let Ok(facts) = file.metadata() else { return };
        let is_link = std::fs::symlink_metadata(&self.path).is_ok_and(|it| it.is_symlink());
        let is_others = is_link && (self.path.starts_with("/dev") || self.path.starts_with("/proc"));
        let mode = facts.mode() & 0o777;
        if !facts.is_file() || is_others || mode & OTHERS == 0 {
            return;
        }
        let name = Printable::path(&self.path);
        let is_ours = facts.uid() == geteuid().as_raw();
        if is_ours && file.set_permissions(Permissions::from_mode(MODE)).is_ok() {
            log::info!("other users could read {name} (mode {mode:04o}); its mode is now {MODE:04o}");
        } else {
            log::warn!("other users can read {name} (mode {mode:04o}); use chmod 600 to prevent that");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn only_what_another_program_has_opened_keeps_its_mode() {
        let folder = tempfile::tempdir().expect("a folder");
        let opened = File::create(folder.path().join("opened")).expect("made");
        let mut table = vec![
            (PathBuf::from(format!("/proc/self/fd/{}", opened.as_raw_fd())), 0o644),
            (folder.path().join("log"), MODE),
        ];
        // On tmpfs, but a regular file.
        let in_memory = tempfile::tempdir_in("/dev/shm").ok();
        table.extend(in_memory.iter().map(|folder| (folder.path().join("log"), MODE)));
        for (path, expected) in table {
            let file = OpenOptions::new().append(true).create(true).open(&path).expect("open");
            file.set_permissions(Permissions::from_mode(0o644)).expect("set");
            PrivateFile::new(&path, folder.path()).protect(&file);
            assert_eq!(file.metadata().expect("facts").mode() & 0o777, expected, "{}", path.display());
        }
    }
}
