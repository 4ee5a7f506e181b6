//! The records of a program whose records are in a file.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::change_error::ChangeError;
use super::limits::FILE_LIMIT;
use super::refused::{RecordLimit, Refused};
use super::store::{LockedStore, ReadFile, RecordStore, RecordsError};
use super::table::Table;
use super::time::WallTime;
use super::view::RecordsView;
use crate::blocking::Blocking;

/// The file, and what is known of it.
#[derive(Debug)]
pub(super) struct RecordsFile {
    store: RecordStore,
    /// Held while the file is read or changed.
    current: Mutex<Current>,
}

/// The source of the view.
#[derive(Debug)]
struct Current {
    /// `None` if there was no file.
    file: Option<ReadFile>,
    /// When the last uses were written.
    noted: WallTime,
}

impl RecordsFile {
    pub(super) fn new(store: RecordStore, file: Option<ReadFile>, now: WallTime) -> Self {
        Self { store, current: Mutex::new(Current { file, noted: now }) }
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn refresh(
        &self,
        view: &RecordsView,
        now: WallTime,
        disk: Blocking<'_>,
    ) -> Result<(), RecordsError> {
        let mut current = self.current();
        let table = self.read_if_changed(view, &mut current, None, disk)?;
        if table.must_be_written(current.noted, now) {
            let kept = self.change_locked(view, &mut current, now, disk, |_| Ok(()));
            return kept.or_else(|error| match error {
                ChangeError::Store(error) => Err(error),
                // Nothing was added.
                ChangeError::Refused(_) | ChangeError::Cluster(_) => Ok(()),
            });
        }
        Ok(())
    }

    pub(super) fn change<T>(
        &self,
        view: &RecordsView,
        now: WallTime,
        disk: Blocking<'_>,
        change: impl Fn(&mut Table) -> Result<T, Refused>,
    ) -> Result<T, ChangeError> {
        self.change_locked(view, &mut self.current(), now, disk, change)
    }

    /// Changes what is on the disk, and writes the result.
    fn change_locked<T>(
        &self,
        view: &RecordsView,
        current: &mut Current,
        now: WallTime,
        disk: Blocking<'_>,
        change: impl Fn(&mut Table) -> Result<T, Refused>,
    ) -> Result<T, ChangeError> {
        let locked = self.store.lock(disk)?;
        let mut table = Table::clone(&*self.read_if_changed(view, current, Some(&locked), disk)?);
        table.sweep(now);
        let value = change(&mut table)?;
        let text = table.print();
        if text.len() as u64 > FILE_LIMIT {
            return Err(Refused::Limit(RecordLimit::Size).into());
        }
        current.file = locked.write(&text, disk)?;
        current.noted = now;
        view.set(Some(Arc::new(table)));
        Ok(value)
    }

    /// The records in the file, which is read only if it has changed.
    fn read_if_changed(
        &self,
        view: &RecordsView,
        current: &mut Current,
        locked: Option<&LockedStore<'_>>,
        disk: Blocking<'_>,
    ) -> Result<Arc<Table>, RecordsError> {
        let fail = |_: &RecordsError| view.set(None);
        let (before, (file, records)) = match view.get() {
            Some(view) => {
                let known = current.file.as_ref();
                let read = match locked {
                    Some(locked) => locked.read_if_new(known, disk),
                    None => self.store.read_if_new(known, disk),
                };
                match read.inspect_err(fail)? {
                    None => return Ok(view),
                    Some(read) => (Some(view), read),
                }
            }
            None => (None, locked.map_or_else(|| self.store.read(disk), |locked| locked.read(disk))?),
        };
        let table = Table::new(records);
        if let Some(before) = before {
            table.add_notes(&before);
        }
        let table = Arc::new(table);
        current.file = file;
        view.set(Some(table.clone()));
        Ok(table)
    }
}
