//! The trash as part of the folder: lists, restores and discards its entries.

use std::time::SystemTime;

use crate::access::Judge;
use crate::blocking::Blocking;
use crate::folder::trash::{Emptied, Restored, TrashId, TrashItem, Whose};
use crate::folder::{Error, Folder, restore};
use crate::path::SharePath;

impl Folder {
    /// Deletes the owner from the entries of the trash whose [owner](crate::folder::Remover::owner) is not one of these. Otherwise
    /// somebody who gets the same name later would own those entries. It may wait for the disk.
    pub fn disown_trash(&self, is_there: impl Fn(&str) -> bool, _: Blocking<'_>) -> Result<(), Error> {
        let shared = self.source.current();
        if shared.rules.read_only {
            return Ok(());
        }
        shared.trash.disown(&shared.root, is_there)
    }

    /// At most `limit` entries of the trash, the newest first; only those older than `before`, if that is
    /// given.
    pub fn trash(
        &self,
        whose: Whose<'_>,
        limit: usize,
        before: Option<TrashId>,
        _: Blocking<'_>,
    ) -> Result<Vec<TrashItem>, Error> {
        let shared = self.source.current();
        shared.trash.list(&shared.root, whose, limit, before)
    }

    /// Moves an entry of the trash back to its place, or beside it if that is taken: `name (restored).ext`. Missing
    /// parents are created. The judge must allow adding the entry there. When this returns, the move is on the disk
    /// (unless [`Rules::durable`](crate::folder::Rules::durable) is off).
    pub fn restore(
        &self,
        id: &TrashId,
        whose: Whose<'_>,
        judge: &Judge,
        _: Blocking<'_>,
    ) -> Result<Restored, Error> {
        restore::restore(&self.source.current(), *id, whose, judge)
    }

    /// The path at which an entry of the trash was.
    pub fn path_of_trash(&self, id: &TrashId, whose: Whose<'_>, _: Blocking<'_>) -> Result<SharePath, Error> {
        let shared = self.source.current();
        Ok(shared.trash.find(&shared.root, *id, whose)?.path().clone())
    }

    /// Discards an entry of the trash. The judge must allow removing what was at its path, unless `whose`
    /// stands for everybody. Its content is removed by [`Folder::sweep_trash`].
    pub fn discard(
        &self,
        id: &TrashId,
        whose: Whose<'_>,
        judge: &Judge,
        _: Blocking<'_>,
    ) -> Result<(), Error> {
        let shared = self.source.current();
        shared.may_change()?;
        shared.trash.discard(&shared.root, *id, whose, judge)
    }

    /// Discards all entries of the trash that [`Folder::discard`] would discard, in pieces. The first call has no
    /// `before`, and each later call gets the [rest](Emptied::rest) of the previous call.
    pub fn empty_trash(
        &self,
        whose: Whose<'_>,
        before: Option<TrashId>,
        judge: &Judge,
        _: Blocking<'_>,
    ) -> Result<Emptied, Error> {
        let shared = self.source.current();
        shared.may_change()?;
        shared.trash.empty(&shared.root, whose, before, judge)
    }

    /// Discards what has expired by `now`, continues to remove what was discarded, and measures directories,
    /// for about a second at most. Call it from time to time, on a thread that nobody waits for.
    pub fn sweep_trash(&self, now: SystemTime, _: Blocking<'_>) {
        let shared = self.source.current();
        if shared.may_change().is_ok() {
            shared.trash.sweep(&shared.root, now);
        }
    }
}
