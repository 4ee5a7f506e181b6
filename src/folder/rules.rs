//! What the owner of the folder allows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use super::error::Error;
use super::litter::is_litter;
use crate::access::{Grant, Operation, ToList, ToWrite};
use crate::path::SharePath;

/// How long removed and replaced files are kept by default: a week always includes a weekend.
pub(super) const TRASH: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What the owner of the folder allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether names that begin with a dot are served to and accepted from everybody. Otherwise only users with the right
    /// `edit` may use them.
    pub hidden: bool,
    /// What to do with files that operating systems leave behind: see [`is_litter`].
    pub litter: Litter,
    /// Whether saving is disabled, for everybody: not even leftovers are removed.
    pub read_only: bool,
    /// What to do with an upload whose name is taken.
    pub on_conflict: OnConflict,
    /// The largest upload, in bytes; `None` for no limit.
    pub max_upload: Option<u64>,
    /// Bytes of disk space that uploads must leave free.
    pub reserve: u64,
    /// Whether a saved file is synced to the disk before its upload succeeds. Turn it off for measurements and for
    /// data you can afford to lose: without a power failure, a file is still whole or absent.
    pub durable: bool,
    /// How long removed and replaced files are kept; `None` if they are not kept.
    pub trash: Option<Duration>,
    /// How many bytes the trash may hold; `None` if only the reserve limits it.
    pub trash_size: Option<u64>,
    /// How long an upload may stall before it is aborted. Leftovers of uploads are not removed earlier than that.
    pub stall: Duration,
}

/// What to do with an upload when a file has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Replace the file.
    Overwrite,
    /// Reject the upload.
    Refuse,
    /// Save it as `name (1).ext`.
    Rename,
}

/// What to do with files that operating systems leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Litter {
    /// Save them like other files.
    Save,
    /// Refuse them.
    Refuse,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            hidden: false,
            litter: Litter::Save,
            read_only: false,
            on_conflict: OnConflict::Overwrite,
            max_upload: None,
            reserve: 0,
            durable: true,
            trash: Some(TRASH),
            trash_size: None,
            stall: Duration::from_secs(60),
        }
    }
}

impl Rules {
    /// Whether this path is shared with everybody who has rights there.
    pub fn shows(&self, path: &SharePath) -> bool {
        !path.has_hidden_segment() || (self.hidden && !path.is_reserved())
    }

    /// Whether the path of the grant is shared with its principal.
    pub fn shares<O: Operation>(&self, grant: &Grant<'_, O>) -> bool {
        self.shows(grant.path()) || (grant.may_use_hidden_names() && !grant.path().is_reserved())
    }

    /// Fails if the path of the grant is not shared with its principal.
    pub(super) fn admit<O: Operation>(&self, grant: &Grant<'_, O>) -> Result<(), Error> {
        if self.shares(grant) { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Fails if nothing may be saved at the path of the grant. Names that systems leave behind have an error of their own: the
    /// Finder aborts a whole copy if one of them looks absent, but not if it is locked.
    pub(super) fn admit_new<O: Operation>(&self, grant: &Grant<'_, O>) -> Result<(), Error> {
        let path = grant.path();
        let is_litter = || path.segments().any(|name| is_litter(name.as_bytes()));
        if self.litter == Litter::Save && self.shares(grant) {
            Ok(())
        } else if !path.is_reserved() && is_litter() {
            Err(Error::Litter)
        } else {
            self.admit(grant)
        }
    }

    /// Fails if this path is not shared with everybody who has rights there.
    pub(super) fn admit_path(&self, path: &SharePath) -> Result<(), Error> {
        if self.shows(path) { Ok(()) } else { Err(Error::NotFound) }
    }

    /// Whether this entry of a directory is shared with the principal that may list it. `real` is its real path, if it is
    /// known and different.
    pub(super) fn shares_entry(
        &self,
        grant: &Grant<'_, ToList>,
        path: &SharePath,
        real: Option<&SharePath>,
    ) -> bool {
        let may_use_it = || [path].into_iter().chain(real).all(|path| grant.shows_hidden(path));
        self.shows(path) || (!path.is_reserved() && may_use_it())
    }

    /// Whether pages, archives and other lists show an entry of this name in a directory that the client may see.
    pub(super) fn lists(&self, name: &OsStr) -> bool {
        self.hidden || !name.as_bytes().starts_with(b".")
    }

    /// What to do with an upload whose name is taken: without the right to replace files, it must not replace
    /// one. A refusal would reveal that the name is taken, which not everybody may know.
    pub fn on_conflict(&self, grant: &Grant<'_, ToWrite>) -> OnConflict {
        match self.on_conflict {
            _ if grant.hides_names() => OnConflict::Rename,
            OnConflict::Overwrite if !grant.may_replace() => OnConflict::Refuse,
            rule => rule,
        }
    }

    /// Fails if an upload may not have this many bytes.
    pub(super) fn admit_size(&self, size: u64) -> Result<(), Error> {
        match self.max_upload {
            Some(limit) if size > limit => Err(Error::TooLarge { limit }),
            _ => Ok(()),
        }
    }

    /// Fails if the files of a copied directory may not have this many bytes together.
    pub(super) fn admit_tree_size(&self, size: u64) -> Result<(), Error> {
        match self.max_upload {
            Some(limit) if size > limit => Err(Error::TreeTooLarge { limit }),
            _ => Ok(()),
        }
    }
}
