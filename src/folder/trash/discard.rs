//! Discarding entries.

use rustix::io::Errno;

use super::id::TrashId;
use super::item::{Emptied, Whose};
use super::list::TrashEntry;
use super::record::RECORD;
use super::state::Trash;
use super::store::{GONE, TrashStore};
use crate::access::{Judge, ToRemove};
use crate::folder::error::Error;
use crate::folder::root::{self, Root};

/// How many entries are discarded at once when the trash is emptied, in a few milliseconds.
const PIECE: usize = 256;

impl Trash {
    /// Discards an entry, if the judge allows removing what was at its path. With [`Whose::Everybody`], the judge is
    /// not asked. The sweep removes its content.
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
        is_done(set_aside(&entry.store, id, &entry.name))?;
        self.forget(root, id);
        Ok(())
    }

    /// Discards the entries that [`Trash::discard`] would: the newest of those that are older than `before`, as many as fit into
    /// one piece.
    pub(in crate::folder) fn empty(
        &self,
        root: &Root,
        whose: Whose<'_>,
        before: Option<TrashId>,
        judge: &Judge,
    ) -> Result<Emptied, Error> {
        if before.is_none() {
            self.refresh(root)?;
        }
        let ids: Vec<_> = self.index().newest(whose, before).take(PIECE).collect();
        let rest = ids.last().filter(|_| ids.len() == PIECE).copied();
        let count = ids.into_iter().filter(|id| self.discard(root, *id, whose, judge).is_ok()).count();
        Ok(Emptied { count, rest })
    }

    /// Discards an entry, no matter who owns it.
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
        discard_content(store, *id, name, root::is_directory(stat))?;
        self.forget(root, *id);
        Ok(())
    }

    /// Removes the record of an entry whose content is elsewhere now.
    pub(in crate::folder) fn forget(&self, root: &Root, id: TrashId) {
        if let Ok(Some(home)) = self.stores.existing_home(root) {
            // A record without content is removed by the sweep.
            let _ = home.unlink(&format!("{id}{RECORD}"));
        }
        self.index().remove(id);
    }
}

/// Removes a file. A directory is only renamed to the name for content that is being removed.
pub(super) fn discard_content(
    store: &TrashStore,
    id: TrashId,
    name: &str,
    is_directory: bool,
) -> Result<(), Error> {
    is_done(if is_directory { set_aside(store, id, name) } else { store.unlink(name) })
}

/// Gives content the name for content that is being removed. This takes as long for a large file as for a small one.
fn set_aside(store: &TrashStore, id: TrashId, name: &str) -> Result<(), Errno> {
    store.rename(name, &format!("{id}{GONE}"))
}

/// If the content is gone, another server has discarded it.
fn is_done(discarded: Result<(), Errno>) -> Result<(), Error> {
    match discarded {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
