//! Directories created for a file: each must be synced in its parent before the file is durable.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::sync;

/// The parents of created directories, unless they are known to be synced.
#[derive(Debug, Default)]
pub struct Made {
    parents: Mutex<HashMap<PathBuf, State>>,
}

/// Whether a directory is synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No; this many directories have been created in it since the last sync.
    Pending(usize),
    Failed(Errno),
}

impl Made {
    /// Records that this directory was created.
    pub fn add(&self, directory: &Path) {
        let parent = directory.parent().unwrap_or(Path::new(""));
        let mut parents = self.lock();
        if let State::Pending(created) = parents.entry(parent.to_owned()).or_insert(State::Pending(0)) {
            *created += 1;
        }
    }

    /// Syncs all parents that are not synced yet. A failed sync is not retried: the system reports an error
    /// once, and success from then on.
    pub fn sync(&self) {
        let pending = self.pending();
        let results = sync::at_once(&pending, |(parent, _)| sync_path(parent));
        self.record(pending.into_iter().zip(results));
    }

    /// The directories to sync, each with the number of directories that were created in it.
    fn pending(&self) -> Vec<(PathBuf, usize)> {
        let parents = self.lock();
        let pending = parents.iter().filter_map(|(parent, state)| match state {
            State::Pending(created) => Some((parent.clone(), *created)),
            State::Failed(_) => None,
        });
        pending.collect()
    }

    fn record(&self, results: impl Iterator<Item = ((PathBuf, usize), Result<(), Errno>)>) {
        let mut parents = self.lock();
        for ((parent, created), result) in results {
            match result {
                Err(error) => drop(parents.insert(parent, State::Failed(error))),
                Ok(()) if parents.get(&parent) == Some(&State::Pending(created)) => {
                    parents.remove(&parent);
                }
                // Another directory was created in this one during the sync, which may have missed it.
                Ok(()) => {}
            }
        }
    }

    /// The directory above this file that could not be synced, and why.
    pub fn failed_above(&self, file: &Path) -> Option<(PathBuf, Errno)> {
        let parents = self.lock();
        file.ancestors().find_map(|above| match parents.get(above) {
            Some(State::Failed(error)) => Some((above.to_owned(), *error)),
            _ => None,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, State>> {
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

    #[test]
    fn a_directory_created_during_the_sync_is_synced_by_the_next() {
        let made = Made::default();
        made.add(Path::new("a/b"));
        let pending = made.pending();
        made.add(Path::new("a/c"));
        made.record(pending.into_iter().map(|parent| (parent, Ok(()))));
        let pending = made.pending();
        assert_eq!(pending, [(PathBuf::from("a"), 2)]);
        made.record(pending.into_iter().map(|parent| (parent, Ok(()))));
        assert!(made.pending().is_empty());
    }
}
