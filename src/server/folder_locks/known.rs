//! The locks as far as this server knows them, and the files that they are in.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::dav::LockTable;
use crate::dav::MAX_LOCK_TIME;
use crate::dav::locks::Lock;
use crate::folder::{Error, FileVersion, LockFiles, LockFilesMark, LockFilesToChange};
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

/// Whether others may change the files while they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// They may. What is not found may just be getting its next number.
    Shared,
    /// They may not.
    Alone,
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
    /// Whether the files were last read in this state.
    pub(super) fn have_seen(&self, mark: LockFilesMark) -> bool {
        self.seen == Some(mark)
    }

    /// Reads what is new in the files. After an error, what is known stays. Returns whether everything is certain: what
    /// has gone while others may change the files stays known too.
    pub(super) fn read(&mut self, files: &LockFiles, reading: Reading) -> Result<bool, Error> {
        self.seen = None;
        let newest = files.newest()?;
        let mut is_certain = true;
        for (id, number) in &newest {
            if self.files.get(id).is_some_and(|known| known.number == *number) {
                continue;
            }
            match files.read(id, *number)? {
                Some(content) => self.take_in(id, *number, &content),
                None => is_certain = false,
            }
        }
        let gone: Vec<_> = self.files.keys().filter(|id| !newest.contains_key(*id)).cloned().collect();
        match reading {
            Reading::Alone => gone.iter().for_each(|id| self.forget(id)),
            Reading::Shared => is_certain &= gone.is_empty(),
        }
        if is_certain || reading == Reading::Alone {
            self.seen = Some(files.mark());
        }
        Ok(is_certain)
    }

    /// Takes in a file that has changed. Another program may have written it, so it may contain anything.
    fn take_in(&mut self, id: &str, number: u64, content: &[u8]) {
        self.forget(id);
        let Ok(LockRecord { mut lock, made }) = serde_json::from_slice(content) else { return };
        if id_of(&lock.token) != Some(id) {
            return;
        }
        // The clock of the server that has written it may have been wrong.
        lock.expires = lock.expires.min(SystemTime::now() + MAX_LOCK_TIME);
        self.files.insert(id.to_owned(), LockFile { number, path: lock.path.clone(), made });
        self.table.insert(lock);
    }

    fn forget(&mut self, id: &str) {
        if let Some(known) = self.files.remove(id) {
            self.table.remove(&known.path, &token_of(id));
        }
    }

    /// Writes the file of a lock that is new, or that has changed. If that fails, the lock is read again.
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
        let written = files.put(id, number, &content);
        if written.is_ok() {
            self.files.insert(id.to_owned(), LockFile { number, path: lock.path.clone(), made });
        } else {
            self.files.remove(id);
            self.table.remove(&lock.path, &lock.token);
        }
        written
    }

    /// Removes the files of locks that have ended. If that fails, they are read again.
    pub(super) fn discard(&mut self, ended: &[Lock], files: &LockFilesToChange<'_>) -> Result<(), Error> {
        self.seen = None;
        let ids: HashSet<_> = ended.iter().filter_map(|lock| id_of(&lock.token)).collect();
        for id in &ids {
            self.files.remove(*id);
        }
        if ids.is_empty() { Ok(()) } else { files.remove(&ids) }
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
