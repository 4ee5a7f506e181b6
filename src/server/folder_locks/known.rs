//! The locks as far as this server knows them, and the files that they are in.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::blocking::Blocking;
use crate::dav::LockTable;
use crate::dav::locks::Lock;
use crate::folder::{Error, FileVersion, Folder, LockFiles, LockFilesMark, LockFilesToChange};
use crate::path::SharePath;
use crate::server::folder_locks::token::{id_of, token_of};
use crate::server::lock_tokens::SubmittedTokens;

/// The content of a file.
#[derive(Debug, Serialize, Deserialize)]
struct LockRecord {
    lock: Lock,
    /// The empty file that LOCK has created.
    made: Option<FileVersion>,
}

/// What is known about the file of a lock.
#[derive(Debug)]
struct LockFile {
    number: u64,
    /// The path of the lock.
    path: SharePath,
    /// The empty file that LOCK has created.
    made: Option<FileVersion>,
}

/// The locks, and their files by their ids.
#[derive(Debug, Default)]
pub(super) struct KnownLocks {
    pub table: LockTable,
    files: HashMap<String, LockFile>,
    /// The state of the files when they were last read; `None` if they must be read again, as after each own change.
    seen: Option<LockFilesMark>,
}

impl KnownLocks {
    /// Reads what other servers, or an earlier run of this one, have changed. If that fails, what is known stays.
    pub(super) fn catch_up(&mut self, folder: &Folder, disk: Blocking<'_>) {
        match folder.lock_files(self.seen.as_ref(), disk) {
            Ok(None) => {}
            Ok(Some(files)) => self.read(&files),
            Err(error) => log::debug!("cannot read the locks of the folder: {error}"),
        }
    }

    /// Reads what is new in the files.
    pub(super) fn read(&mut self, files: &LockFiles) {
        self.seen = Some(files.mark());
        let mut before = std::mem::take(&mut self.files);
        for (id, number) in files.newest() {
            let known = match before.remove(&id) {
                Some(known) if known.number == number => {
                    self.files.insert(id, known);
                    continue;
                }
                other => other,
            };
            match files.read(&id, number) {
                Ok(Some(content)) => self.take_in(id, number, known, &content),
                Ok(None) => self.forget(&id, known),
                Err(error) => {
                    log::debug!("cannot read a lock of the folder: {error}");
                    self.seen = None;
                    self.files.extend(known.map(|known| (id, known)));
                }
            }
        }
        for (id, gone) in before {
            self.forget(&id, Some(gone));
        }
    }

    /// Takes in a file that has changed. Others than servers may have made it, so it may be anything.
    fn take_in(&mut self, id: String, number: u64, known: Option<LockFile>, content: &[u8]) {
        self.forget(&id, known);
        let Ok(LockRecord { lock, made }) = serde_json::from_slice(content) else { return };
        if id_of(&lock.token) == Some(&id) {
            self.files.insert(id, LockFile { number, path: lock.path.clone(), made });
            self.table.insert(lock);
        }
    }

    fn forget(&mut self, id: &str, known: Option<LockFile>) {
        if let Some(known) = known {
            self.table.remove(&known.path, &token_of(id));
        }
    }

    /// Writes the file of a lock that is new, or that has changed.
    pub(super) fn keep(
        &mut self,
        lock: &Lock,
        made: Option<FileVersion>,
        files: &mut LockFilesToChange<'_>,
    ) -> Result<(), Error> {
        let Some(id) = id_of(&lock.token) else { return Ok(()) };
        let before = self.files.get(id);
        let made = made.or_else(|| before.and_then(|before| before.made));
        let number = before.map_or(0, |before| before.number + 1);
        let record = LockRecord { lock: lock.clone(), made };
        let content = serde_json::to_vec(&record).map_err(|error| Error::Io(error.into()))?;
        self.seen = None;
        files.put(id, number, &content)?;
        self.files.insert(id.to_owned(), LockFile { number, path: lock.path.clone(), made });
        Ok(())
    }

    /// Removes the files of locks that have ended.
    pub(super) fn discard(&mut self, ended: &[Lock], files: &LockFilesToChange<'_>) {
        self.seen = None;
        for id in ended.iter().filter_map(|lock| id_of(&lock.token)) {
            let Some(file) = self.files.remove(id) else { continue };
            if let Err(error) = files.remove(id, file.number) {
                // It is read again, and ends when its time is up.
                log::warn!("cannot remove a lock of the folder: {error}");
            }
        }
    }

    /// The empty file that LOCK has created with this token.
    pub(super) fn made(&self, token: &str) -> Option<FileVersion> {
        self.files.get(id_of(token)?)?.made
    }

    /// The empty file at this path that a LOCK has created, if its token is submitted.
    pub(super) fn made_at(&self, path: &SharePath, tokens: &SubmittedTokens) -> Option<FileVersion> {
        let mut found = tokens.iter().filter_map(|token| self.files.get(id_of(token)?));
        found.find(|file| file.path == *path)?.made
    }
}
