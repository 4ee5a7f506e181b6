//! What the owner of the folder allows.

use std::time::Duration;

use super::error::Error;
use crate::access::{Grant, ToWrite};
use crate::path::SharePath;

/// How long removed and replaced files are kept by default: a week always includes a weekend.
pub(super) const TRASH: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What the owner of the folder allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether names that begin with a dot are served and accepted.
    pub hidden: bool,
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

impl Default for Rules {
    fn default() -> Self {
        Self {
            hidden: false,
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
    /// Fails if this path is not shared.
    pub(super) fn admit_path(&self, path: &SharePath) -> Result<(), Error> {
        let shared = !path.has_hidden_segment() || (self.hidden && !path.is_reserved());
        if shared { Ok(()) } else { Err(Error::NotFound) }
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
