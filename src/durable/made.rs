//! Directories created for a file: each must be synced in its parent before the file is durable.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::sync;

/// The parents of created directories that are not known to be synced.
#[derive(Debug, Default)]
pub struct Made {
    /// Why the last attempt failed; `None` before the first attempt.
    parents: Mutex<HashMap<PathBuf, Option<Errno>>>,
}

impl Made {
    /// Records that this directory was created.
    pub fn add(&self, directory: &Path) {
        let parent = directory.parent().unwrap_or(Path::new(""));
        self.lock().entry(parent.to_owned()).or_insert(None);
    }

    /// Syncs all that are not synced yet. A failed sync is not retried: the system reports an error once, and success from
    /// then on.
    pub fn sync(&self) {
        let pending: Vec<_> = {
            let parents = self.lock();
            parents.iter().filter(|(_, failed)| failed.is_none()).map(|(parent, _)| parent.clone()).collect()
        };
        let outcomes = sync::at_once(&pending, |parent| sync_path(parent));
        let mut parents = self.lock();
        for (parent, outcome) in pending.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => parents.remove(&parent),
                Err(error) => parents.insert(parent, Some(error)),
            };
        }
    }

    /// The directory above this file that could not be synced, and why.
    pub fn failed_above(&self, file: &Path) -> Option<(PathBuf, Errno)> {
        let parents = self.lock();
        let failed = |above: &Path| Some((above.to_owned(), (*parents.get(above)?)?));
        file.ancestors().find_map(failed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Option<Errno>>> {
        self.parents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sync_path(path: &Path) -> Result<(), Errno> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let dir = File::open(path).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    sync::directory(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_concerns_the_files_below() {
        let folder = tempfile::tempdir().expect("a folder");
        let (good, gone) = (folder.path().join("good"), folder.path().join("gone/away"));
        std::fs::create_dir(&good).expect("made");
        let made = Made::default();
        made.add(&good);
        made.add(&gone);
        for _ in 0..2 {
            made.sync();
            assert_eq!(made.failed_above(&good.join("file")), None);
            let failed = made.failed_above(&gone.join("file"));
            assert_eq!(failed, Some((folder.path().join("gone"), Errno::NOENT)));
        }
    }
}
