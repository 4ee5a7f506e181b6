//! Removes owners that no longer exist from their entries. A new owner with the same name must not get those entries.

use super::record::TrashRecord;
use super::state::Trash;
use crate::folder::error::Error;
use crate::folder::root::Root;

impl Trash {
    /// Deletes the owner from the entries whose owner is not one of these. After a crash in between, the next call does
    /// the rest.
    pub(in crate::folder) fn disown(
        &self,
        root: &Root,
        is_there: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        let Some(home) = self.refresh(root)? else { return Ok(()) };
        let ids = self.index().of_others(is_there);
        for id in ids {
            if let Some(record) = TrashRecord::read(home.dir(), id)? {
                TrashRecord { owner: None, ..record }.rewrite(home.dir(), id)?;
            }
            self.index().disown(id);
        }
        Ok(())
    }
}
