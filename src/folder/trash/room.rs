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

/// The part of the bytes that one user, link or address may use: one of this many parts.
const PARTS: u64 = 2;

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
        if let Some(limit) = self.limit_of_one().filter(|limit| size > *limit) {
            return Err(Error::TooLargeForTrash { limit });
        }
        loop {
            let oldest = {
                let index = self.index();
                let Some(bound) = self.reached(&index, size, share) else { return Ok(()) };
                let whose = bound.is_of_one().then_some(share);
                let oldest = whose.map_or_else(|| index.oldest(|_| true), |share| index.oldest_of(share));
                let oldest = oldest.filter(|id| may_push_out && is_old(*id, now));
                oldest.ok_or_else(|| self.full(&index, bound, whose, may_push_out, now))?
            };
            self.discard_now(root, oldest)?;
        }
    }

    /// How many bytes of one user, link or address the trash may hold. Without this limit, one client could keep all others
    /// from removing and replacing files for a day.
    fn limit_of_one(&self) -> Option<u64> {
        self.limit.map(|limit| limit / PARTS)
    }

    /// The limit that an entry of this size and of this share would exceed.
    fn reached(&self, index: &Index, size: u64, share: &str) -> Option<TrashBound> {
        let exceeds = |bytes: u64| move |limit: &u64| bytes.saturating_add(size) > *limit;
        let own = index.share(share);
        let by_own_size = || self.limit_of_one().filter(exceeds(own.bytes)).map(TrashBound::ShareSize);
        let by_own_count = || (own.entries >= MOST_OF_ONE).then_some(TrashBound::Share);
        let by_size = || self.limit.filter(exceeds(index.bytes())).map(TrashBound::Size);
        let by_count = || (index.len() >= MOST_ENTRIES).then_some(TrashBound::Entries);
        by_own_size().or_else(by_own_count).or_else(by_size).or_else(by_count)
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
        let bytes = share.map_or(index.bytes(), |share| index.share(share).bytes);
        Error::TrashFull { bytes, bound, makes_room }
    }
}

fn is_old(id: TrashId, now: SystemTime) -> bool {
    now.duration_since(id.time()).is_ok_and(|age| age >= YOUNG)
}
