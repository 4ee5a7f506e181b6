//! The trash: what was removed or replaced, until it expires.
//!
//! A record is written and synced before its content moves, so a crash at any moment leaves the old file in its place or in the
//! trash. Content stays on its file system: each mount in the folder has a trash of its own ([`Store`]), but the records are
//! all in that of the folder's root.
//!
//! Knows nothing of where files may be saved, or who may remove what.

mod discard;
mod id;
mod index;
mod item;
mod keep;
mod list;
mod measure;
mod new_entry;
mod purge;
mod record;
mod removal;
mod room;
mod store;
mod stores;
mod sweep;
mod written;

pub use id::TrashId;
pub use item::{Restored, TrashItem, Whose};
pub(super) use keep::{Kept, OldFile};
pub(super) use list::Entry;
pub(super) use removal::Removal;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use index::Index;
use stores::Stores;
use written::WrittenFiles;

use super::remover::Remover;
use super::root::Identity;
use super::rules::{self, Rules};
use super::temporary::Temporary;

/// The trash of one folder.
pub(super) struct Trash {
    /// How long an entry is kept; `None` if nothing new is.
    age: Option<Duration>,
    /// How many bytes it may hold.
    limit: Option<u64>,
    stores: Stores,
    index: Mutex<Index>,
    written: Mutex<WrittenFiles>,
}

impl Trash {
    pub(super) fn new(rules: &Rules) -> Self {
        Self {
            age: rules.trash,
            limit: rules.trash_size,
            stores: Stores::new(rules.durable),
            index: Mutex::default(),
            written: Mutex::default(),
        }
    }

    /// Whether anything is kept.
    pub(super) fn is_on(&self) -> bool {
        self.age.is_some()
    }

    /// When an entry expires. What was kept before the trash was turned off expires too.
    fn expires(&self, id: TrashId) -> SystemTime {
        let age = self.age.unwrap_or(rules::TRASH);
        id.time().checked_add(age).unwrap_or_else(far_future)
    }

    /// Remembers that this client has saved this file, instead of the old one if there was one, which may have been kept.
    pub(super) fn wrote(&self, file: &Temporary, old: Option<(Identity, bool)>, remover: &Remover) {
        if self.is_on()
            && let Ok(stat) = file.stat()
        {
            self.written().wrote(&stat, old, &remover.writer, Instant::now());
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn written(&self) -> MutexGuard<'_, WrittenFiles> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last second of the year 9999, after which RFC 3339 has no times.
fn far_future() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799)
}
