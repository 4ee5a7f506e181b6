//! Reads and changes the files of the folder's locks.

use std::time::SystemTime;

use super::Folder;
use super::error::Error;
use super::lock_files::{LockFiles, LockFilesMark, LockFilesToChange};
use crate::blocking::Blocking;

impl Folder {
    /// The state of the files of the locks, and whether a change from now on gets another mark. It takes one system call.
    pub fn mark_of_lock_files(&self, _: Blocking<'_>) -> Result<(LockFilesMark, bool), Error> {
        let shared = self.source.current();
        let mark = LockFilesMark::now(&shared.root)?;
        Ok((mark, mark.is_settled(SystemTime::now()) && !shared.replicas.has_others()))
    }

    /// The files of the locks.
    pub fn lock_files(&self, _: Blocking<'_>) -> Result<LockFiles, Error> {
        let shared = self.source.current();
        LockFiles::open(&shared.root, LockFilesMark::now(&shared.root)?)
    }

    /// Runs `change` while no other server and no other thread changes the files.
    pub fn change_lock_files<T>(
        &self,
        _: Blocking<'_>,
        change: impl FnOnce(&mut LockFilesToChange<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let shared = self.source.current();
        shared.may_change()?;
        let _commits = shared.commits.across_servers(&shared.root)?;
        let mut files = LockFilesToChange::open(&shared.root)?;
        let changed = change(&mut files);
        if files.has_directory() {
            shared.replicas.join(&shared.root);
        }
        changed
    }
}
