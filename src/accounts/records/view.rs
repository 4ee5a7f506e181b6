//! The records that requests see.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::table::Table;
use super::unusable::Unusable;

/// The records that requests see, in memory.
#[derive(Debug)]
pub(super) struct RecordsView {
    /// `None` if they cannot be read; then no record is valid.
    table: RwLock<Option<Arc<Table>>>,
    /// How often the table was replaced.
    generation: AtomicU64,
}

impl RecordsView {
    pub(super) fn new(table: Option<Arc<Table>>) -> Self {
        Self { table: RwLock::new(table), generation: AtomicU64::new(0) }
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn get(&self) -> Option<Arc<Table>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&Table) -> T) -> Result<T, Unusable> {
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        table.as_deref().map(look).ok_or(Unusable::Unavailable)
    }

    pub(super) fn set(&self, table: Option<Arc<Table>>) {
        let mut place = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *place, table);
        drop(place);
        self.generation.fetch_add(1, Ordering::Release);
        // Dropping a large table takes a while; no request waits for it.
        drop(old);
    }
}
