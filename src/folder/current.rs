//! The directory that the folder's path names. It may change.
//!
//! A deployment changes a link, a disk is mounted over the path, a directory is moved: the path then names another
//! directory, or none. [`Source::follow`] checks this; if another directory can be opened, it becomes the folder, with
//! its unfinished uploads. Each operation holds one [`Shared`] from start to end, so it never mixes two directories.
//!
//! Nothing is saved in a directory that the path no longer names: uploads check before they begin and before
//! their file appears, and fail with [`Error::Replaced`](super::Error::Replaced). Open files are read to
//! their end. If the path names nothing for a while, or nothing readable, the old directory is still served. The empty
//! directory below a file system that was unmounted is not the folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use log::{error, info, warn};

use super::error::CannotShare;
use super::root::Identity;
use super::rules::Rules;
use super::save_method::SaveMethod;
use super::shared::Shared;
use super::sweep;
use super::uploads::Uploads;
use crate::printable::Printable;

/// Whether another directory at the folder's path may be shared; the error says why not.
type MayFollow = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

/// The folder by its path, and the directory that it is now.
pub(super) struct Source {
    path: PathBuf,
    pub(super) rules: Rules,
    best: SaveMethod,
    current: RwLock<Current>,
    may_follow: OnceLock<MayFollow>,
    /// The error that keeps the folder from following its path; logged when it changes, not at each check.
    trouble: Mutex<Option<String>>,
}

/// The directory that the folder is now, and the unfinished uploads in it.
struct Current {
    shared: Arc<Shared>,
    uploads: Arc<Uploads>,
}

impl Source {
    pub(super) fn open(
        path: &Path,
        rules: Rules,
        best: SaveMethod,
        now: SystemTime,
    ) -> Result<Self, CannotShare> {
        let current = Current::new(Shared::open(path, &rules, best)?);
        sweep_shared(&current.shared, now);
        Ok(Self {
            path: path.to_owned(),
            rules,
            best,
            current: RwLock::new(current),
            may_follow: OnceLock::new(),
            trouble: Mutex::default(),
        })
    }

    /// The directory that the folder is now, for one operation.
    pub(super) fn current(&self) -> Arc<Shared> {
        Arc::clone(&self.read().shared)
    }

    /// The unfinished uploads in it.
    pub(super) fn uploads(&self) -> Arc<Uploads> {
        Arc::clone(&self.read().uploads)
    }

    fn read(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, the folder follows its path only to directories that `may_follow` allows. Only the first
    /// call counts.
    pub(super) fn follow_if(&self, may_follow: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
        let _ = self.may_follow.set(Box::new(may_follow));
    }

    /// Checks whether the path still names the directory that the folder is, and follows it to another one. Returns
    /// whether it did. It may wait for the disk.
    pub(super) fn follow(&self) -> bool {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        let path = Printable(self.path.as_os_str().as_encoded_bytes());
        match self.find_another(&current) {
            Ok(None) => {
                if trouble.take().is_some() {
                    info!("{path} is the shared folder again");
                }
                false
            }
            Ok(Some(other)) => {
                let other = Current::new(other);
                let shared = Arc::clone(&other.shared);
                current.replace();
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = other;
                *trouble = None;
                warn!(
                    "{path} is another directory now, and served from now on; unfinished uploads to the old one failed"
                );
                sweep_shared(&shared, SystemTime::now());
                true
            }
            Err(error) => {
                let error = error.to_string();
                if trouble.as_ref() != Some(&error) {
                    error!("{error}; uploads are refused, and the old directory is served for reading");
                    *trouble = Some(error);
                }
                false
            }
        }
    }

    /// Opens the directory that the path names, if this is another directory than the current one.
    fn find_another(&self, current: &Shared) -> Result<Option<Shared>, CannotShare> {
        let cannot = |error| CannotShare::because(self.path.clone(), error);
        if Identity::at(&self.path).map_err(cannot)? == current.root.identity() {
            return Ok(None);
        }
        self.may_follow.get().map_or(Ok(()), |may_follow| may_follow()).map_err(cannot)?;
        let other = Shared::open(&self.path, &self.rules, self.best)?;
        if current.root.is_mount() && !other.root.is_mount() && current.is_at(&self.path) {
            return Err(cannot(io::Error::other("its file system is no longer mounted")));
        }
        Ok((other.root.identity() != current.root.identity()).then_some(other))
    }
}

impl Current {
    fn new(shared: Shared) -> Self {
        let shared = Arc::new(shared);
        Self { uploads: Arc::new(Uploads::load(Arc::clone(&shared))), shared }
    }
}

/// Removes leftovers from earlier runs, unless the folder is shared read-only.
fn sweep_shared(shared: &Shared, now: SystemTime) {
    if !shared.rules.read_only {
        sweep::sweep(&shared.root, shared.rules.stall, now);
    }
}
