//! The server's data about the trash, which its threads share.

use std::ffi::OsStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::id::TrashId;
use super::index::Index;
use super::stores::Stores;
use super::written::WrittenFiles;
use crate::folder::remover::Remover;
use crate::folder::root::Identity;
use crate::folder::rules::{self, Rules};
use crate::folder::temporary::Temporary;

/// The trash of one folder.
pub(in crate::folder) struct Trash {
    /// How long an entry is kept; `None` if the trash is off.
    age: Option<Duration>,
    /// How many bytes it may hold.
    pub(super) limit: Option<u64>,
    pub(super) stores: Stores,
    index: Mutex<Index>,
    /// Held while the directory is read: of two reads at once, the later one must have the last word.
    reading: Mutex<()>,
    written: Mutex<WrittenFiles>,
}

impl Trash {
    pub(in crate::folder) fn new(rules: &Rules) -> Self {
        Self {
            age: rules.trash,
            limit: rules.trash_size,
            stores: Stores::new(rules.durable),
            index: Mutex::default(),
            reading: Mutex::default(),
            written: Mutex::default(),
        }
    }

    /// Whether anything is kept.
    pub(in crate::folder) fn is_on(&self) -> bool {
        self.age.is_some()
    }

    /// When an entry expires. What was kept before the trash was turned off expires too.
    pub(super) fn expires(&self, id: TrashId) -> SystemTime {
        let age = self.age.unwrap_or(rules::TRASH);
        id.time().checked_add(age).unwrap_or_else(far_future)
    }

    /// Remembers that this client has saved this file under this name. If the name had an old file, it was replaced,
    /// and perhaps kept.
    pub(in crate::folder) fn wrote(
        &self,
        file: &Temporary,
        name: &OsStr,
        old: Option<(Identity, bool)>,
        remover: &Remover,
    ) {
        if self.is_on()
            && let Ok(stat) = file.stat()
        {
            self.written().wrote(&stat, name, old, &remover.writer, Instant::now());
        }
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reading(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn written(&self) -> MutexGuard<'_, WrittenFiles> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last second of the year 9999, after which RFC 3339 has no times.
fn far_future() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799)
}
