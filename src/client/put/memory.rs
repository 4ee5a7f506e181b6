//! Remembers incomplete uploads from one run to the next.
//!
//! Each has a note in `$XDG_STATE_HOME/wharf/uploads` (or `~/.local/state/wharf/uploads`). Only this user can read the
//! note, because anyone who can read it could continue the upload. The note's name is a hash of server, target and
//! file. A note is valid while the file does not change, and is removed when the upload is complete. If the note cannot
//! be written, it is kept in memory for this run.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::client::address::Endpoint;
use crate::client::state_files::{StateFiles, name_of};

/// The directory of the notes.
const DIRECTORY: &str = "uploads";

/// Notes of this age are removed: no server keeps an upload that long.
const AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// How old, in seconds, a time in whole seconds must be to identify a version.
const COARSE_AGE: i64 = 2;

/// The notes of all uploads.
#[derive(Debug, Default)]
pub struct Memory {
    files: StateFiles,
    /// The incomplete uploads of this run.
    notes: Mutex<HashMap<String, Note>>,
}

/// Identifies an upload.
#[derive(Debug, Clone)]
pub(super) struct UploadKey(String);

/// A version of a local file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileIdentity {
    inode: u64,
    length: u64,
    modified: i64,
    nanoseconds: i64,
}

/// An incomplete upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The version of the file.
    pub(super) identity: FileIdentity,
    /// The target at which it is resumed.
    pub(super) upload: String,
}

impl Memory {
    /// The notes of this user. Old ones are removed.
    pub fn of_this_user() -> Self {
        let memory = Self::of(StateFiles::of_this_user(DIRECTORY));
        memory.files.remove_older(AGE, SystemTime::now());
        memory
    }

    fn of(files: StateFiles) -> Self {
        Self { files, notes: Mutex::default() }
    }

    /// How many uploads of this run are incomplete, and can be resumed later.
    pub fn unfinished(&self) -> usize {
        if self.files.are_kept() { self.lock().len() } else { 0 }
    }

    /// The incomplete upload with this key, if there is one.
    pub(super) fn recall(&self, key: &UploadKey) -> Option<Note> {
        let known = self.lock().get(&key.0).cloned();
        known.or_else(|| {
            let note: Note = self.files.read(&key.0)?;
            self.lock().insert(key.0.clone(), note.clone());
            Some(note)
        })
    }

    /// Remembers an upload.
    pub(super) fn remember(&self, key: &UploadKey, note: Note) {
        // If the note cannot be written, it is kept for this run only.
        let _ = self.files.write(&key.0, &note);
        self.lock().insert(key.0.clone(), note);
    }

    /// Forgets an upload that is complete or useless.
    pub(super) fn forget(&self, key: &UploadKey) {
        self.lock().remove(&key.0);
        self.files.remove(&key.0);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UploadKey {
    /// The key of this file's upload to this target of this server.
    pub(super) fn of(server: &Endpoint, target: &str, file: &Path) -> Self {
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        Self(name_of(&[server.to_string().as_bytes(), target.as_bytes(), file.as_os_str().as_bytes()]))
    }
}

impl FileIdentity {
    /// The version of a file with this metadata.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            inode: metadata.ino(),
            length: metadata.len(),
            modified: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }

    /// Whether a change at `now` or later will change the identity. If times are whole seconds, a file may change again
    /// within the same second. The clock of a file server may be a second behind.
    pub(super) fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let age = i64::try_from(now).unwrap_or(i64::MAX).saturating_sub(self.modified);
        self.nanoseconds != 0 || age >= COARSE_AGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(folder: &Path) -> Note {
        let identity = FileIdentity::of(&fs::metadata(folder).expect("there"));
        Note { identity, upload: "/.wharf/uploads/1".to_owned() }
    }

    #[test]
    fn a_note_is_kept_until_it_is_forgotten() {
        let place = tempfile::tempdir().expect("a folder");
        let dir = place.path().join("state/uploads");
        let server = Endpoint::tcp("h", 1).expect("valid");
        let key = UploadKey::of(&server, "/a", Path::new("/f"));
        let first = Memory::of(StateFiles::at(dir.clone()));
        let note = note(place.path());
        first.remember(&key, note.clone());
        assert_eq!(first.unfinished(), 1);
        let second = Memory::of(StateFiles::at(dir.clone()));
        assert_eq!(second.recall(&key), Some(note));
        let others = [("/b", "/f", 1), ("/a", "/g", 1), ("/a", "/f", 2)];
        for (target, file, port) in others {
            let server = Endpoint::tcp("h", port).expect("valid");
            assert_eq!(
                second.recall(&UploadKey::of(&server, target, Path::new(file))),
                None,
                "{target} {file} {port}"
            );
        }
        second.forget(&key);
        assert_eq!((second.unfinished(), fs::read_dir(&dir).expect("there").count()), (0, 0));
    }

    #[test]
    fn a_time_in_whole_seconds_is_settled_after_two() {
        let table =
            [(100, 1, true), (100, 0, false), (99, 0, false), (98, 0, true), (101, 0, false), (101, 1, true)];
        for (modified, nanoseconds, settled) in table {
            let identity = FileIdentity { inode: 1, length: 1, modified, nanoseconds };
            let now = SystemTime::UNIX_EPOCH + Duration::from_millis(100_900);
            assert_eq!(identity.is_settled(now), settled, "{modified}.{nanoseconds}");
        }
    }

    #[test]
    fn old_notes_are_removed_and_broken_ones_ignored() {
        let place = tempfile::tempdir().expect("a folder");
        let memory = Memory::of(StateFiles::at(place.path().to_owned()));
        let key = UploadKey::of(&Endpoint::Unix("/s".into()), "/a", Path::new("/f"));
        fs::write(place.path().join(&key.0).with_extension("json"), "{\"upload\":").expect("written");
        assert_eq!(memory.recall(&key), None);
        memory.files.remove_older(AGE, SystemTime::now());
        assert_eq!(fs::read_dir(place.path()).expect("there").count(), 1);
        memory.files.remove_older(AGE, SystemTime::now() + AGE + Duration::from_secs(60));
        assert_eq!(fs::read_dir(place.path()).expect("there").count(), 0);
    }

    #[test]
    fn without_a_directory_notes_are_kept_for_this_run() {
        let memory = Memory::default();
        let key = UploadKey::of(&Endpoint::Unix("/s".into()), "/a", Path::new("/f"));
        let note = note(Path::new("/"));
        memory.remember(&key, note.clone());
        assert_eq!((memory.recall(&key), memory.unfinished()), (Some(note), 0));
    }
}
