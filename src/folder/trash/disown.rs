//! Entries of owners who are gone. A new owner of the same name must not get them.

use super::record::TrashRecord;
use super::state::Trash;
use crate::folder::error::Error;
use crate::folder::root::Root;

impl Trash {
    /// Takes the owner from the entries whose owner is not one of these. A crash in between leaves some for the next time.
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
