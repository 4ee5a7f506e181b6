//! Making room: the oldest entries go first, and entries younger than a day stay.

use std::time::{Duration, SystemTime};

use super::id::TrashId;
use super::index::Index;
use super::state::Trash;
use crate::folder::error::{Error, TrashBound};
use crate::folder::root::Root;

/// How many entries a trash holds at most: reading their names takes a tenth of a second.
pub(super) const MOST_ENTRIES: usize = 65_536;

/// How many entries of one user, link or address the trash holds at most. This is a quarter of the total, so that
/// others can still remove and replace files when one client has used its share.
pub(super) const MOST_OF_ONE: usize = 16_384;

/// An entry that is younger than this is never pushed out by others: a day is left to notice a mistake.
const YOUNG: Duration = Duration::from_secs(24 * 60 * 60);

/// How many files are removed at once to make room, before the free space is looked at again.
const PIECE: usize = 1_000;

impl Trash {
    /// Makes room for an entry of this size and of this [share](super::super::Remover::share). Fails if the trash may not hold that much.
    pub(in crate::folder) fn make_room(
        &self,
        root: &Root,
        size: u64,
        may_push_out: bool,
        share: &str,
    ) -> Result<(), Error> {
        self.load(root)?;
        let now = SystemTime::now();
        if let Some(limit) = self.limit.filter(|limit| size > *limit) {
            return Err(Error::TooLargeForTrash { limit });
        }
        loop {
            let oldest = {
                let index = self.index();
                let is_within = |limit| index.bytes().saturating_add(size) <= limit;
                let is_used_up = index.count_of(share) >= MOST_OF_ONE;
                if !is_used_up && index.len() < MOST_ENTRIES && self.limit.is_none_or(is_within) {
                    return Ok(());
                }
                let oldest = if is_used_up { index.oldest_of(share) } else { index.oldest(|_| true) };
                let oldest = oldest.filter(|id| may_push_out && is_old(*id, now));
                oldest.ok_or_else(|| {
                    let by_size = self.limit.filter(|limit| !is_within(*limit));
                    let by_count = if is_used_up { TrashBound::Share } else { TrashBound::Entries };
                    let bound = by_size.map_or(by_count, TrashBound::Size);
                    let whose = is_used_up.then_some(share);
                    self.full(&index, bound, whose, may_push_out, now)
                })?
            };
            self.discard_now(root, oldest)?;
        }
    }

    /// Frees some space on the file system of the folder's root, or on others. Returns false if no entry is old enough.
    pub(in crate::folder) fn push_out(&self, root: &Root, at_home: bool) -> Result<bool, Error> {
        self.load(root)?;
        if self.purge_some(root, PIECE) {
            return Ok(true);
        }
        let oldest = self.index().oldest(|entry| entry.away.is_none() == at_home);
        match oldest.filter(|id| is_old(*id, SystemTime::now())) {
            None => Ok(false),
            Some(id) => {
                self.discard_now(root, id)?;
                self.purge_some(root, PIECE);
                Ok(true)
            }
        }
    }

    /// Whether discarding all entries that are old enough can free this many bytes on that file system.
    pub(in crate::folder) fn can_free(&self, root: &Root, bytes: u64, at_home: bool) -> Result<bool, Error> {
        self.load(root)?;
        let now = SystemTime::now();
        let freed = self.index().bytes_of(|id, entry| entry.away.is_none() == at_home && is_old(id, now));
        Ok(freed.is_none_or(|freed| freed >= bytes))
    }

    /// The error that there is no space on that file system. The error includes how much the trash holds, if emptying
    /// the trash could free this many bytes.
    pub(in crate::folder) fn no_space(&self, bytes: u64, at_home: bool) -> Error {
        let index = self.index();
        let holds = index.bytes_of(|_, entry| entry.away.is_none() == at_home);
        if index.len() > 0 && holds.is_none_or(|holds| holds >= bytes.max(1)) {
            self.full(&index, TrashBound::Disk, None, true, SystemTime::now())
        } else {
            Error::NoSpace
        }
    }

    /// The error that the trash is full: either in total, or for this share.
    fn full(
        &self,
        index: &Index,
        bound: TrashBound,
        share: Option<&str>,
        may_push_out: bool,
        now: SystemTime,
    ) -> Error {
        let makes_room = index.makes_room(share, now, |id| {
            let old = id.time().checked_add(YOUNG).filter(|_| may_push_out);
            old.map_or_else(|| self.expires(id), |old| old.min(self.expires(id)))
        });
        Error::TrashFull { bytes: index.bytes(), bound, makes_room }
    }
}

fn is_old(id: TrashId, now: SystemTime) -> bool {
    now.duration_since(id.time()).is_ok_and(|age| age >= YOUNG)
}
