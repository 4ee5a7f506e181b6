//! Unfinished uploads on the disk: the directory `.wharf/uploads` below the folder's root.
//!
//! ```text
//! TOKEN.part   the content that has arrived
//! TOKEN.json   the plan of the upload
//! ```
//!
//! The content is created first, and renamed to its final name when it is complete; so a description without content
//! belongs to a complete upload. Only this user may enter the directory, and no link is followed on the way to it.
//!
//! Knows nothing of requests or rules.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::SystemTime;

use cap_std::fs::Dir;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, Stat, StatxFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::token::UploadToken;
use crate::durable::group::DirectorySyncs;
use crate::folder::commit::Saved;
use crate::folder::error::Error;
use crate::folder::facts::Facts;
use crate::folder::guard::Guard;
use crate::folder::root::{self, Root};
use crate::folder::stale;
use crate::path::SharePath;

/// Its path below the folder's root.
const PATH: [&str; 2] = [root::OWN, "uploads"];

/// The extensions of the content, of the description, and of a description that is being written.
const CONTENT: &str = ".part";
const DESCRIPTION: &str = ".json";
const DRAFT: &str = ".new";

/// The longest description that is read, in bytes: enough for the longest path, twice and encoded, and some
/// numbers.
const LONGEST: usize = 32 * 1024;

/// The directory, open.
#[derive(Clone)]
pub(super) struct Store {
    dir: Arc<Dir>,
}

/// A path and a [`Plan`], as the description stores them.
#[derive(Serialize, Deserialize)]
struct Description {
    /// Percent-encoded: a path is bytes, JSON is text.
    path: String,
    length: Option<u64>,
    guard: Guard,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modified: Option<SystemTime>,
    /// Missing in descriptions of older versions.
    #[serde(default)]
    owner: String,
    memo: String,
    /// The id of the server that received it last, if that has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// Only in the description of a complete upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    saved: Option<SavedDescription>,
}

/// What the description of an upload says.
#[derive(Clone)]
pub(super) struct Described {
    pub(super) path: SharePath,
    pub(super) plan: Plan,
    /// The id of the server that received it last, if that has one.
    pub(super) server: Option<String>,
    /// The saved file, if the upload is complete and the file is known.
    pub(super) saved: Option<Saved>,
}

/// A [`Saved`], as the description stores it.
#[derive(Serialize, Deserialize)]
struct SavedDescription {
    /// The path to report to the client, percent-encoded.
    path: String,
    size: u64,
    created: bool,
}

impl SavedDescription {
    fn of(saved: &Saved) -> Self {
        Self { path: encode(saved.told()), size: saved.size, created: saved.created }
    }

    fn read(self) -> Option<Saved> {
        let path = decode(&self.path)?;
        Some(Saved {
            path,
            asked_for: None,
            lies_at: None,
            size: self.size,
            created: self.created,
            kept: None,
        })
    }
}

impl Store {
    /// Opens the directory.
    pub(super) fn open(root: &Root) -> Result<Self, Errno> {
        let [first, second] = PATH;
        let dir = stale::retry(|| root.own(first).and_then(|above| root::enter(&above, second)))?;
        Ok(Self { dir: Arc::new(dir) })
    }

    /// Opens the directory, and creates it if it is missing.
    pub(super) fn make(root: &Root) -> Result<Self, Errno> {
        let [first, second] = PATH;
        let dir = stale::retry(|| {
            let above = match root.own(first) {
                Err(Errno::NOENT) => root.make_own(first).and_then(|()| root.own(first)),
                other => other,
            }?;
            match root::enter(&above, second) {
                Err(Errno::NOENT) => root::make(&above, second).and_then(|()| root::enter(&above, second)),
                other => other,
            }
        })?;
        Ok(Self { dir: Arc::new(dir) })
    }

    /// The directory itself.
    pub(super) fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// The name of an upload's content.
    pub(super) fn content_name(token: &UploadToken) -> String {
        format!("{token}{CONTENT}")
    }

    /// Creates an upload: its content, empty and locked, then its description.
    pub(super) fn begin(&self, token: &UploadToken, described: &Described) -> Result<File, Error> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        // The file gets its final permissions together with its name.
        let mode = Mode::RUSR | Mode::WUSR;
        let file = File::from(fs::openat(&*self.dir, Self::content_name(token), flags, mode)?);
        let begun = lock(&file).map_err(Error::from).and_then(|()| self.describe(token, described));
        match begun {
            Ok(()) => Ok(file),
            Err(error) => {
                self.remove(token);
                Err(error)
            }
        }
    }

    /// Opens and locks the content: another server may share the folder.
    pub(super) fn content(&self, token: &UploadToken) -> Result<File, Errno> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(fs::openat(&*self.dir, Self::content_name(token), flags, Mode::empty())?);
        lock(&file)?;
        Ok(file)
    }

    /// Whether a request to another server of this folder is appending. Call this only while no request to this server
    /// is appending.
    pub(super) fn is_appended_to_elsewhere(&self, token: &UploadToken) -> bool {
        self.content(token).is_err_and(|error| error == Errno::WOULDBLOCK)
    }

    /// Syncs the content.
    pub(super) fn sync_content(&self, token: &UploadToken) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        fs::fdatasync(fs::openat(&*self.dir, Self::content_name(token), flags, Mode::empty())?)
    }

    /// Writes the description, atomically.
    pub(super) fn describe(&self, token: &UploadToken, described: &Described) -> Result<(), Error> {
        let Described { path, plan, server, saved } = described;
        let description = Description {
            path: encode(path),
            length: plan.length,
            guard: plan.guard,
            modified: plan.modified,
            owner: plan.owner.clone(),
            memo: plan.memo.clone(),
            server: server.clone(),
            saved: saved.as_ref().map(SavedDescription::of),
        };
        let text = serde_json::to_vec(&description).map_err(io::Error::from)?;
        let (draft, name) = (format!("{token}{DRAFT}"), format!("{token}{DESCRIPTION}"));
        let flags = OFlags::CREATE | OFlags::TRUNC | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(fs::openat(&*self.dir, &*draft, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(&text)?;
        Ok(fs::renameat(&*self.dir, draft, &*self.dir, name)?)
    }

    /// Syncs the description and the names of both files.
    pub(super) fn sync(&self, token: &UploadToken, syncs: &DirectorySyncs) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let name = format!("{token}{DESCRIPTION}");
        fs::fsync(fs::openat(&*self.dir, name, flags, Mode::empty())?)?;
        syncs.sync(&*self.dir)
    }

    /// Reads the description; `None` if it cannot be read.
    pub(super) fn described(&self, token: &UploadToken) -> Option<Described> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let name = format!("{token}{DESCRIPTION}");
        let file = File::from(fs::openat(&*self.dir, name, flags, Mode::empty()).ok()?);
        let mut text = vec![0; LONGEST];
        let count = file.read_at(&mut text, 0).ok()?;
        let description: Description = serde_json::from_slice(text.get(..count)?).ok()?;
        let Description { path, length, guard, modified, owner, memo, server, saved } = description;
        let plan = Plan { length, guard, modified, owner, memo };
        let saved = saved.and_then(SavedDescription::read);
        Some(Described { path: decode(&path)?, plan, server, saved })
    }

    /// The size of the content, and when the last of it arrived; `None` if there is no content.
    pub(super) fn facts(&self, token: &UploadToken) -> Option<Facts> {
        // Fetches the size from a file server, in case another machine has appended to it.
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::STATX_FORCE_SYNC;
        let _ = fs::statx(&*self.dir, Self::content_name(token), flags, StatxFlags::SIZE);
        self.stat(&Self::content_name(token)).map(|stat| Facts::new(&stat, 0))
    }

    /// Whether nothing has arrived, and no request is appending, through this server or another.
    pub(super) fn is_empty_and_idle(&self, token: &UploadToken) -> bool {
        self.facts(token).is_some_and(|facts| facts.len == 0) && self.content(token).is_ok()
    }

    /// When any file of an upload last changed.
    pub(super) fn touched(&self, token: &UploadToken) -> Option<SystemTime> {
        let names = [CONTENT, DESCRIPTION, DRAFT].map(|end| format!("{token}{end}"));
        names.iter().filter_map(|name| self.stat(name)).map(|stat| Facts::new(&stat, 0).modified).max()
    }

    fn stat(&self, name: &str) -> Option<Stat> {
        fs::statat(&*self.dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()
    }

    /// The tokens of all uploads, in no particular order.
    pub(super) fn tokens(&self) -> HashSet<UploadToken> {
        let entries = self.dir.entries().into_iter().flatten().flatten();
        entries
            .filter_map(|entry| UploadToken::parse(entry.file_name().to_str()?.split('.').next()?))
            .collect()
    }

    /// Removes an upload. The description is removed first: alone it would mean that the upload is complete.
    pub(super) fn remove(&self, token: &UploadToken) {
        for end in [DESCRIPTION, DRAFT, CONTENT] {
            let _ = fs::unlinkat(&*self.dir, format!("{token}{end}"), AtFlags::empty());
        }
    }

    /// Removes the description, so that the upload cannot be resumed.
    pub(super) fn forget(&self, token: &UploadToken) {
        let _ = fs::unlinkat(&*self.dir, format!("{token}{DESCRIPTION}"), AtFlags::empty());
    }

    /// Removes the directory, if it is empty.
    pub(super) fn tidy(root: &Root) {
        let [first, second] = PATH;
        if let Ok(above) = root.own(first) {
            let _ = fs::unlinkat(&above, second, AtFlags::REMOVEDIR);
        }
        root.remove_own(first);
    }
}

fn encode(path: &SharePath) -> String {
    percent_encode(path.as_bytes(), NON_ALPHANUMERIC).to_string()
}

fn decode(path: &str) -> Option<SharePath> {
    let path: Vec<u8> = percent_decode_str(path).collect();
    SharePath::parse(&path).ok()
}

/// Locks the content. Without lock support no other server can have a lock either.
fn lock(file: &File) -> Result<(), Errno> {
    match fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(Errno::WOULDBLOCK),
        _ => Ok(()),
    }
}
