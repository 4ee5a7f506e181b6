//! Which directory the folder is, as its path may come to name another.
//!
//! A deployment changes a link, a disk is mounted over the path, a directory is moved: the path then names another
//! directory, or none. [`Folder::follow`] checks this; if another directory can be opened, it becomes the folder, with its
//! unfinished uploads. Each operation holds one [`Shared`] from start to end, so it never sees half of each.
//!
//! Nothing is saved in a directory that the path no longer names: uploads check before they begin and before they appear,
//! and fail with [`Error::Replaced`]. Open files are read to their end. If the path names nothing for a while, or nothing
//! readable, the old directory is still served.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use log::{error, info, warn};

use super::claims::Claims;
use super::commit_lock::CommitLock;
use super::reserve::Reserve;
use super::root::{Identity, Root};
use super::save_method::{SaveMethod, SaveMethods};
use super::uploads::Uploads;
use super::{CannotShare, Error, Folder, Rules, Shared, attributes, sweep};
use crate::printable::Printable;

/// Whether another directory at the folder's path may be shared; the error says why not.
type MayFollow = Box<dyn Fn() -> io::Result<()> + Send + Sync>;

/// The folder by its path, and the directory that it is now.
pub(super) struct Source {
    path: PathBuf,
    pub(super) rules: Rules,
    best: SaveMethod,
    current: RwLock<Arc<Shared>>,
    may_follow: OnceLock<MayFollow>,
    /// What keeps the folder from following its path; logged when it changes, not at each look.
    trouble: Mutex<Option<String>>,
}

impl Source {
    pub(super) fn open(
        path: &Path,
        rules: Rules,
        best: SaveMethod,
        now: SystemTime,
    ) -> Result<Self, CannotShare> {
        let current = Shared::open(path, &rules, best)?;
        current.sweep(now);
        Ok(Self {
            path: path.to_owned(),
            rules,
            best,
            current: RwLock::new(Arc::new(current)),
            may_follow: OnceLock::new(),
            trouble: Mutex::default(),
        })
    }

    /// The directory that the folder is now, for one operation.
    pub(super) fn current(&self) -> Arc<Shared> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens the directory that the path names, if it is not this one.
    fn find_another(&self, current: &Shared) -> Result<Option<Shared>, CannotShare> {
        let cannot = |error| CannotShare::because(self.path.clone(), error);
        if Identity::at(&self.path).map_err(cannot)? == current.root.identity() {
            return Ok(None);
        }
        self.may_follow.get().map_or(Ok(()), |may_follow| may_follow()).map_err(cannot)?;
        let other = Shared::open(&self.path, &self.rules, self.best)?;
        Ok((other.root.identity() != current.root.identity()).then_some(other))
    }
}

impl Folder {
    /// From now on another directory is followed only where this allows it. Only the first call counts.
    pub fn follow_if(&self, may_follow: impl Fn() -> io::Result<()> + Send + Sync + 'static) {
        let _ = self.source.may_follow.set(Box::new(may_follow));
    }

    /// Looks whether the path still names the directory that the folder is, and follows it to another one; whether that
    /// was done. It may wait for the disk, and is to be called every now and then.
    pub fn follow(&self) -> bool {
        let source = &self.source;
        let mut trouble = source.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let current = source.current();
        let path = Printable(source.path.as_os_str().as_encoded_bytes());
        match source.find_another(&current) {
            Ok(None) => {
                if trouble.take().is_some() {
                    info!("{path} is the shared folder again");
                }
                false
            }
            Ok(Some(other)) => {
                let other = Arc::new(other);
                current.is_replaced.store(true, Ordering::Release);
                *source.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&other);
                *trouble = None;
                warn!(
                    "{path} is another directory now, and served from now on; unfinished uploads to the old one failed"
                );
                other.sweep(SystemTime::now());
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
}

impl Shared {
    fn open(path: &Path, rules: &Rules, best: SaveMethod) -> Result<Self, CannotShare> {
        let root = Root::open_at(path).map_err(|error| CannotShare::because(path.to_owned(), error))?;
        let uploads = Uploads::default();
        if !rules.read_only {
            uploads.load(&root);
        }
        Ok(Self {
            path: path.to_owned(),
            root,
            is_replaced: AtomicBool::new(false),
            rules: rules.clone(),
            save_methods: SaveMethods::new(best),
            umask: attributes::umask(),
            reserve: Reserve::new(rules.reserve),
            uploads,
            commits: CommitLock::default(),
            claims: Claims::default(),
        })
    }

    fn sweep(&self, now: SystemTime) {
        if !self.rules.read_only {
            sweep::sweep(&self.root, self.rules.stall, now);
        }
    }

    /// Whether something may be saved: the path names this directory. One look at the disk.
    pub(super) fn stays(&self) -> Result<(), Error> {
        self.was_not_replaced()?;
        let is_here = |at: io::Result<Identity>| at.is_ok_and(|found| found == self.root.identity());
        if is_here(Identity::at(&self.path)) { Ok(()) } else { Err(Error::Replaced) }
    }

    /// The same, as far as is known without a look.
    pub(super) fn was_not_replaced(&self) -> Result<(), Error> {
        if self.is_replaced.load(Ordering::Acquire) { Err(Error::Replaced) } else { Ok(()) }
    }
}
