//! The directory with the thumbnails. Several servers may use it at once.
//!
//! A file is written under a temporary name and then renamed. It is not synced: after a power failure it may be empty or
//! incomplete, which is noticed when it is read.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustix::fs::{
    AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens, openat, renameat, unlinkat,
};
use rustix::process::geteuid;

use super::key::{DRAFT, ThumbKey};
use super::sweep;
use crate::blocking::Blocking;
use crate::printable::Printable;
use crate::server::jobs::Chores;
use crate::server::jobs::permits::Permits;
use crate::server::random;
use crate::thumbnail::{CannotDraw, MOST_BYTES};

/// The modes of the directory and of its files: nobody else may see what is in the pictures.
const DIRECTORY: u32 = 0o700;
const FILE: Mode = Mode::RUSR.union(Mode::WUSR);

/// The first and the last bytes of a JPEG.
const START: [u8; 2] = [0xff, 0xd8];
const END: [u8; 2] = [0xff, 0xd9];

/// What is kept for a picture without a thumbnail.
const REASONS: [(&[u8], CannotDraw); 3] = [
    (b"no picture\n", CannotDraw::NotPicture),
    (b"broken\n", CannotDraw::Broken),
    (b"too large\n", CannotDraw::TooLarge),
];

/// A thumbnail that was used counts as used again only after this time, so that few uses write to the disk.
const USED_AGAIN: Duration = Duration::from_secs(60 * 60);

/// How much is written between two sweeps, in bytes with [`sweep::size`].
const SWEPT_AFTER: u64 = 16 << 20;

/// The directory, and how much was written to it.
#[derive(Debug)]
pub(super) struct ThumbStore {
    path: PathBuf,
    /// Opened when it is needed first; `None` if it cannot be used.
    directory: OnceLock<Option<File>>,
    /// The bytes that were written since the last sweep.
    written: AtomicU64,
    sweeps: Permits,
}

impl ThumbStore {
    pub(super) fn new(path: PathBuf) -> Self {
        // The first thumbnail leads to a sweep: other servers may have written.
        let written = AtomicU64::new(SWEPT_AFTER);
        Self { path, directory: OnceLock::new(), written, sweeps: Permits::new(1) }
    }

    /// What is kept under this key.
    pub(super) fn find(&self, key: &ThumbKey, _: Blocking<'_>) -> Option<Result<Vec<u8>, CannotDraw>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(self.directory()?, key.name(), flags, Mode::empty()).ok()?);
        let mut bytes = Vec::new();
        // A longer file is none of ours.
        (&file).take(2 * MOST_BYTES as u64).read_to_end(&mut bytes).ok()?;
        let kept = parse(bytes)?;
        note_use(&file);
        Some(kept)
    }

    /// Keeps a thumbnail, or why there is none if the picture is the reason.
    pub(super) fn keep(
        &self,
        key: &ThumbKey,
        drawn: &Result<Vec<u8>, CannotDraw>,
        chores: &Chores,
        _: Blocking<'_>,
    ) {
        let bytes = match drawn {
            Ok(bytes) => bytes,
            Err(error) => match REASONS.iter().find(|(_, reason)| reason == error) {
                Some((bytes, _)) => *bytes,
                None => return,
            },
        };
        let Some(directory) = self.directory() else { return };
        if let Err(error) = write(directory, key.name(), bytes) {
            log::debug!("cannot keep a thumbnail: {error}");
            return;
        }
        let size = sweep::size(bytes.len() as u64);
        if self.written.fetch_add(size, Ordering::Relaxed) + size >= SWEPT_AFTER {
            self.sweep_later(directory, chores);
        }
    }

    fn sweep_later(&self, directory: &File, chores: &Chores) {
        let Some(permit) = self.sweeps.take() else { return };
        let Ok(directory) = directory.try_clone() else { return };
        self.written.store(0, Ordering::Relaxed);
        chores.later(move || {
            if let Err(error) = sweep::sweep(&directory, SystemTime::now()) {
                log::warn!("cannot remove old thumbnails: {error}");
            }
            drop(permit);
        });
    }

    fn directory(&self) -> Option<&File> {
        let open = || {
            let opened = self.open();
            let path = Printable::path(&self.path);
            let refused = |error| log::warn!("thumbnails are not kept: cannot use {path}: {error}");
            opened.map_err(refused).ok()
        };
        self.directory.get_or_init(open).as_ref()
    }

    fn open(&self) -> io::Result<File> {
        DirBuilder::new().recursive(true).mode(DIRECTORY).create(&self.path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = File::from(rustix::fs::open(&self.path, flags, Mode::empty())?);
        let facts = directory.metadata()?;
        if facts.uid() != geteuid().as_raw() {
            return Err(io::Error::other("it belongs to another user"));
        }
        if facts.mode() & 0o777 != DIRECTORY {
            directory.set_permissions(Permissions::from_mode(DIRECTORY))?;
        }
        // Fails now rather than with each thumbnail, for example on a read-only file system.
        rustix::fs::accessat(&directory, ".", rustix::fs::Access::WRITE_OK, AtFlags::EACCESS)?;
        Ok(directory)
    }
}

/// What a file with these bytes stands for; `None` if it is incomplete.
fn parse(bytes: Vec<u8>) -> Option<Result<Vec<u8>, CannotDraw>> {
    if bytes.starts_with(&START) && bytes.ends_with(&END) {
        return Some(Ok(bytes));
    }
    REASONS.iter().find(|(text, _)| *text == bytes).map(|(_, reason)| Err(*reason))
}

/// Writes a file that is whole or absent.
fn write(directory: &File, name: &OsStr, content: &[u8]) -> io::Result<()> {
    let draft = OsString::from(format!("{DRAFT}{:032x}", u128::from_ne_bytes(random::bytes())));
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(directory, &draft, flags, FILE)?);
    let written = file.write_all(content).and_then(|()| Ok(renameat(directory, &draft, directory, name)?));
    if written.is_err() {
        let _ = unlinkat(directory, &draft, AtFlags::empty());
    }
    written
}

/// Marks a file as used now: the sweep goes by the time of modification, because many systems do not keep that of access.
fn note_use(file: &File) {
    let modified = file.metadata().and_then(|facts| facts.modified());
    let is_recent = modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < USED_AGAIN));
    if !is_recent {
        let time = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        let times = Timestamps { last_access: time(UTIME_OMIT), last_modification: time(UTIME_NOW) };
        // If it fails, the thumbnail is removed and made again some day.
        let _ = futimens(file, &times);
    }
}
