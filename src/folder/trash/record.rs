//! The record of an entry: what was removed, its path, and its owner. It lies in the trash of the folder's root, as
//! `ID.json`.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;

use cap_std::fs::Dir;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::id::TrashId;
use super::item::TrashItem;
use crate::folder::error::Error;
use crate::folder::remover::Remover;
use crate::path::SharePath;

/// The end of a record's name, and the end of its name while it is being rewritten.
pub(super) const RECORD: &str = ".json";
pub(super) const DRAFT: &str = ".draft";

/// The longest record that is read, in bytes: enough for two of the longest paths, encoded, and two names.
const LONGEST: usize = 32 * 1024;

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrashRecord {
    /// The path that it had.
    pub(super) path: SharePath,
    /// The root of the mount whose trash has the content; `None` if that is the folder's root.
    pub(super) away: Option<SharePath>,
    /// How many bytes it holds; `None` for a directory that was not measured yet.
    pub(super) size: Option<u64>,
    pub(super) is_directory: bool,
    /// See [`Remover`].
    pub(super) owner: Option<String>,
    pub(super) principal: Option<String>,
}

/// A record as it is written. The paths are percent-encoded: a path is bytes, JSON is text.
#[derive(Serialize, Deserialize)]
struct Written {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    away: Option<String>,
    /// For human readers: the id contains the time too.
    time: String,
    size: Option<u64>,
    directory: bool,
    owner: Option<String>,
    principal: Option<String>,
}

impl TrashRecord {
    /// The record of something that this client removes or replaces.
    pub(super) fn new(path: SharePath, size: Option<u64>, is_directory: bool, remover: &Remover) -> Self {
        let Remover { owner, principal, .. } = remover.clone();
        Self { path, away: None, size, is_directory, owner, principal }
    }

    /// The part of the record that callers learn.
    pub(super) fn item(self, id: TrashId) -> TrashItem {
        let Self { path, size, is_directory, principal, .. } = self;
        TrashItem { id, path, size, is_directory, time: id.time(), principal }
    }

    /// Writes a new record, and leaves it open for its `fsync`.
    pub(super) fn create(&self, dir: &Dir, id: TrashId) -> Result<File, Error> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.write(dir, id, &format!("{id}{RECORD}"), flags)
    }

    /// Rewrites a record, in one step. It need not be durable: after a crash, the new values are determined again.
    pub(super) fn rewrite(&self, dir: &Dir, id: TrashId) -> Result<(), Error> {
        let draft = format!("{id}{DRAFT}");
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.write(dir, id, &draft, flags)?;
        Ok(fs::renameat(dir, draft, dir, format!("{id}{RECORD}"))?)
    }

    fn write(&self, dir: &Dir, id: TrashId, name: &str, flags: OFlags) -> Result<File, Error> {
        let written = Written {
            path: encode(&self.path),
            away: self.away.as_ref().map(encode),
            time: humantime::format_rfc3339_seconds(id.time()).to_string(),
            size: self.size,
            directory: self.is_directory,
            owner: self.owner.clone(),
            principal: self.principal.clone(),
        };
        let text = serde_json::to_vec(&written).map_err(io::Error::from)?;
        let mut file = File::from(fs::openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?);
        match file.write_all(&text) {
            Ok(()) => Ok(file),
            Err(error) => {
                let _ = fs::unlinkat(dir, name, AtFlags::empty());
                Err(error.into())
            }
        }
    }

    /// Reads a record; `None` if it cannot be understood: it may be incomplete.
    pub(super) fn read(dir: &Dir, id: TrashId) -> Result<Option<Self>, Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(fs::openat(dir, format!("{id}{RECORD}"), flags, Mode::empty())?);
        let mut text = vec![0; LONGEST];
        let Ok(count) = file.read_at(&mut text, 0) else { return Ok(None) };
        Ok(Self::parse(text.get(..count).unwrap_or_default()))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let written: Written = serde_json::from_slice(text).ok()?;
        let Written { path, away, size, directory, owner, principal, .. } = written;
        let away = match away {
            Some(away) => Some(decode(&away)?),
            None => None,
        };
        Some(Self { path: decode(&path)?, away, size, is_directory: directory, owner, principal })
    }
}

fn encode(path: &SharePath) -> String {
    percent_encode(path.as_bytes(), NON_ALPHANUMERIC).to_string()
}

fn decode(path: &str) -> Option<SharePath> {
    let path: Vec<u8> = percent_decode_str(path).collect();
    SharePath::parse(&path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_std::ambient_authority;
    use std::time::SystemTime;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let place = tempfile::tempdir().expect("a directory");
        let dir = Dir::open_ambient_dir(place.path(), ambient_authority()).expect("open");
        let path = |text: &[u8]| SharePath::parse(text).expect("legal");
        let remover = Remover::of_owner("account ann".to_owned(), Some("ann".to_owned()));
        let mut record = TrashRecord::new(path(b"a b/\xff%25"), Some(7), false, &remover);
        for away in [None, Some(path(b"mnt"))] {
            record.away = away;
            let id = TrashId::new(SystemTime::now());
            record.create(&dir, id).expect("written");
            assert_eq!(TrashRecord::read(&dir, id), Ok(Some(record.clone())));
            record.create(&dir, id).expect_err("it exists");
            record.size = Some(8);
            record.rewrite(&dir, id).expect("written");
            assert_eq!(TrashRecord::read(&dir, id), Ok(Some(record.clone())));
        }
        let id = TrashId::new(SystemTime::now());
        assert_eq!(TrashRecord::read(&dir, id), Err(Errno::NOENT));
        for text in ["", "{\"path\":\"a", "{\"path\":\"..\",\"time\":\"\",\"size\":1,\"directory\":false}"] {
            assert_eq!(TrashRecord::parse(text.as_bytes()), None, "{text}");
        }
    }
}
