//! Small files that the client keeps for its user from one run to the next, below `$XDG_STATE_HOME/wharf` (or
//! `~/.local/state/wharf`). Only this user can read them (0600, in directories with 0700).
//!
//! Each file is complete: it is written under another name, and then renamed.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::state_directory;

/// The directory of the program, below that for state.
const PROGRAM: &str = "wharf";

/// The longest file that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// The ending of the files.
const ENDING: &str = "json";

/// The files of one directory.
#[derive(Debug, Default)]
pub(super) struct StateFiles {
    /// `None` if there is no place for state: then nothing is kept.
    dir: Option<PathBuf>,
}

impl StateFiles {
    /// The files of this user in the directory of this name.
    pub(super) fn of_this_user(name: &str) -> Self {
        Self { dir: state_directory::path(PROGRAM).map(|dir| dir.join(name)) }
    }

    /// The files in this directory.
    #[cfg(test)]
    pub(super) fn at(dir: PathBuf) -> Self {
        Self { dir: Some(dir) }
    }

    /// Whether files are kept.
    pub(super) fn are_kept(&self) -> bool {
        self.dir.is_some()
    }

    /// The content of a file, if it exists and is valid.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let mut text = String::new();
        File::open(self.file(name)?).ok()?.take(LONGEST).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Writes a file.
    pub(super) fn write(&self, name: &str, content: &impl Serialize) -> io::Result<()> {
        let (Some(dir), Some(file)) = (&self.dir, self.file(name)) else { return Ok(()) };
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        // Another program may write the same file: the rename keeps one whole version.
        let draft = file.with_extension(format!("{}.new", std::process::id()));
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        out.write_all(&serde_json::to_vec(content).map_err(io::Error::from)?)?;
        fs::rename(draft, file)
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &str) {
        if let Some(file) = self.file(name) {
            let _ = fs::remove_file(file);
        }
    }

    /// The names of the files, in no order.
    pub(super) fn names(&self) -> Vec<String> {
        let entries =
            self.dir.as_ref().and_then(|dir| fs::read_dir(dir).ok()).into_iter().flatten().flatten();
        let paths = entries.map(|entry| PathBuf::from(entry.file_name()));
        let whole = paths.filter(|path| path.extension().is_some_and(|ending| ending == ENDING));
        whole.filter_map(|path| path.file_stem()?.to_str().map(str::to_owned)).collect()
    }

    /// Removes files that were written longer ago than this.
    pub(super) fn remove_older(&self, age: Duration, now: SystemTime) {
        let Some(dir) = &self.dir else { return };
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let modified = entry.metadata().and_then(|it| it.modified());
            if modified.is_ok_and(|then| now.duration_since(then).is_ok_and(|old| old > age)) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir.as_ref()?.join(name).with_extension(ENDING))
    }
}

/// A name that stands for these parts: their SHA-256.
pub(super) fn name_of(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
        hasher.update([0]);
    }
    hasher.finalize().iter().fold(String::new(), |mut name, byte| {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    })
}
