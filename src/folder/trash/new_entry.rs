//! An entry of the trash whose content is about to be moved there.

use std::fs::File;
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs;
use rustix::io::Errno;

use super::id::TrashId;
use super::index::Indexed;
use super::record::{RECORD, TrashRecord};
use super::state::Trash;
use super::store::TrashStore;
use crate::durable::group::RunsBefore;
use crate::durable::rounds::RoundMember;
use crate::folder::error::Error;
use crate::folder::root::Root;

/// An entry whose record is written. If it is dropped before it [has its content](NewEntry::finish), the record is
/// removed.
pub(in crate::folder) struct NewEntry<'t> {
    trash: &'t Trash,
    id: TrashId,
    /// The trash with the records, and the trash for the content.
    home: Arc<TrashStore>,
    store: Arc<TrashStore>,
    /// The record, until it is synced.
    record: Option<(File, Option<RunsBefore>)>,
    /// A second name of the old file, which is removed with the entry.
    is_linked: bool,
    is_finished: bool,
}

impl<'t> NewEntry<'t> {
    /// Writes the record of an entry whose content will be in this trash. The entry counts towards this share.
    pub(super) fn begin(
        trash: &'t Trash,
        root: &Root,
        store: &Arc<TrashStore>,
        record: TrashRecord,
        share: &str,
    ) -> Result<Self, Error> {
        let record = TrashRecord { away: store.away().cloned(), ..record };
        let id = trash.index().next_id(SystemTime::now());
        let mut home = trash.stores.home(root)?;
        let mut begun = home.begin();
        let file = match record.create(home.dir(), id) {
            Err(Error::NotFound) => {
                trash.stores.forget_home();
                home = trash.stores.home(root)?;
                begun = home.begin();
                record.create(home.dir(), id)?
            }
            other => other?,
        };
        trash.index().insert(id, Indexed::pending(&record, share));
        // The given trash may be the one that was removed.
        let store = if store.away().is_none() { Arc::clone(&home) } else { Arc::clone(store) };
        Ok(Self { trash, id, home, store, record: Some((file, begun)), is_linked: false, is_finished: false })
    }

    /// The name of its content.
    pub(in crate::folder) fn name(&self) -> String {
        self.id.to_string()
    }

    /// The trash for its content.
    pub(in crate::folder) fn store(&self) -> &Arc<TrashStore> {
        &self.store
    }

    /// Records that the old file now has a second name, the name of the content.
    pub(super) fn link(&mut self) {
        self.is_linked = true;
    }

    /// Syncs the record, and the second name if the content has got one, if the folder is durable.
    pub(in crate::folder) fn sync(&mut self, member: Option<&RoundMember<'_>>) -> Result<(), Errno> {
        let Some((file, begun)) = self.record.take() else { return Ok(()) };
        if begun.is_none() {
            return Ok(());
        }
        fs::fsync(&file)?;
        self.home.sync(begun, member)?;
        if self.is_linked && self.store.away().is_some() {
            self.store.sync(self.store.begin(), member)?;
        }
        Ok(())
    }

    /// The content is in the trash: from now on, this is a complete entry.
    pub(in crate::folder) fn finish(mut self) -> TrashId {
        self.is_finished = true;
        self.trash.index().settle(self.id);
        self.id
    }
}

impl Drop for NewEntry<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        if self.is_linked {
            let _ = self.store.unlink(&self.name());
        }
        let _ = self.home.unlink(&format!("{}{RECORD}", self.id));
        self.trash.index().remove(self.id);
    }
}
