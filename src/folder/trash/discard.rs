//! Discarding entries.

use rustix::fs::FileType;
use rustix::io::Errno;

use super::id::TrashId;
use super::item::Whose;
use super::list::TrashEntry;
use super::record::RECORD;
use super::state::Trash;
use super::store::{GONE, TrashStore};
use crate::access::{Judge, ToRemove};
use crate::folder::error::Error;
use crate::folder::root::{Root, file_type};

/// How many files are removed at once of a directory that was discarded; the sweep removes the others.
const PIECE: usize = 1_000;

impl Trash {
    /// Discards an entry, if the judge allows to remove what was at its path; that of everybody's, whatever the judge says.
    pub(in crate::folder) fn discard(
        &self,
        root: &Root,
        id: TrashId,
        whose: Whose<'_>,
        judge: &Judge,
    ) -> Result<(), Error> {
        let entry = self.find(root, id, whose)?;
        if whose != Whose::Everybody {
            let grant = judge.check::<ToRemove>(entry.path())?;
            if entry.record.is_directory {
                grant.may_remove_below(entry.path())?;
            }
        }
        self.discard_entry(root, &entry)?;
        self.purge_some(root, PIECE);
        Ok(())
    }

    /// Discards all entries that [`Trash::discard`] would. Returns how many.
    pub(in crate::folder) fn empty(
        &self,
        root: &Root,
        whose: Whose<'_>,
        judge: &Judge,
    ) -> Result<usize, Error> {
        self.refresh(root)?;
        let ids: Vec<_> = self.index().newest(whose, None).collect();
        Ok(ids.into_iter().filter(|id| self.discard(root, *id, whose, judge).is_ok()).count())
    }

    /// Discards an entry, whoever's it is.
    pub(super) fn discard_now(&self, root: &Root, id: TrashId) -> Result<(), Error> {
        match self.find(root, id, Whose::Everybody) {
            Ok(entry) => self.discard_entry(root, &entry),
            // Another server was faster, or its record cannot be read.
            Err(Error::NotFound) => {
                self.index().remove(id);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn discard_entry(&self, root: &Root, entry: &TrashEntry) -> Result<(), Error> {
        let TrashEntry { id, store, name, stat, .. } = entry;
        discard_content(store, *id, name, file_type(stat) == FileType::Directory)?;
        self.forget(root, *id);
        Ok(())
    }

    /// The content of an entry is somewhere else now: removes its record.
    pub(in crate::folder) fn forget(&self, root: &Root, id: TrashId) {
        if let Ok(Some(home)) = self.stores.existing_home(root) {
            // A record without content is removed by the sweep.
            let _ = home.unlink(&format!("{id}{RECORD}"));
        }
        self.index().remove(id);
    }
}

/// Removes a file. A directory gets the name of what is being removed.
pub(super) fn discard_content(
    store: &TrashStore,
    id: TrashId,
    name: &str,
    is_directory: bool,
) -> Result<(), Error> {
    let discarded =
        if is_directory { store.rename(name, &format!("{id}{GONE}")) } else { store.unlink(name) };
    match discarded {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
