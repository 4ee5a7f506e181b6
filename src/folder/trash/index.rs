//! What is in the trash, in memory: the ids, the sizes and the owners.
//!
//! Other servers may share the folder. So, before entries are listed, a changed directory is read again: its names, and
//! the records of unknown entries.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::SystemTime;

use super::id::TrashId;
use super::item::Whose;
use super::record::TrashRecord;
#[cfg(doc)]
use crate::folder::remover::Remover;
use crate::path::SharePath;

/// The entries.
#[derive(Default)]
pub(super) struct Index {
    entries: BTreeMap<TrashId, Indexed>,
    /// The sizes of all, as far as they are known.
    bytes: u64,
    /// The entries of each [share](Remover::share).
    shares: BTreeMap<Box<str>, Share>,
    /// The last id that this server has given.
    last: Option<TrashId>,
    /// How many entries were ever inserted.
    inserted: u64,
    /// Whether the directory was read.
    pub(super) is_loaded: bool,
    /// The time of the directory's last change, as of the last reading; `None` if the directory has to be read again in
    /// any case.
    as_of: Option<SystemTime>,
}

/// The entries of one share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) entries: usize,
    /// Their sizes, as far as they are known.
    pub(super) bytes: u64,
}

/// An entry.
#[derive(Clone, Debug)]
pub(super) struct Indexed {
    pub(super) owner: Option<Box<str>>,
    /// See [`Remover::share`]. For an entry of an earlier run, this is the owner, or empty if the entry has no owner.
    share: Box<str>,
    pub(super) size: Option<u64>,
    /// See [`TrashRecord::away`].
    pub(super) away: Option<SharePath>,
    /// Whether its content is not in the trash yet.
    pub(super) is_pending: bool,
    /// How many entries were inserted before this one.
    number: u64,
}

impl Indexed {
    /// An entry that is in the trash.
    pub(super) fn of(record: &TrashRecord) -> Self {
        let TrashRecord { owner, size, away, .. } = record;
        let owner: Option<Box<str>> = owner.as_deref().map(Into::into);
        let share = owner.clone().unwrap_or_default();
        Self { owner, share, size: *size, away: away.clone(), is_pending: false, number: 0 }
    }

    /// An entry whose content is not in the trash yet.
    pub(super) fn pending(record: &TrashRecord, share: &str) -> Self {
        Self { share: share.into(), is_pending: true, ..Self::of(record) }
    }
}

impl Whose<'_> {
    /// Whether an entry of this owner belongs to them.
    pub(super) fn has(self, owner: Option<&str>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Owner(own) => owner == Some(own),
        }
    }
}

impl Index {
    /// The id of something that is removed now.
    pub(super) fn next_id(&mut self, now: SystemTime) -> TrashId {
        let id = TrashId::new(now).after(self.last);
        self.last = Some(id);
        id
    }

    /// Records that the directory was read in its state since this change.
    pub(super) fn read_as_of(&mut self, changed: Option<SystemTime>) {
        self.is_loaded = true;
        self.as_of = changed;
    }

    /// Whether the directory was read after it was changed at this time.
    pub(super) fn is_as_of(&self, changed: SystemTime) -> bool {
        self.as_of == Some(changed)
    }

    /// How many entries were ever inserted: call it before the directory is read, for [`Index::compare`].
    pub(super) fn inserted(&self) -> u64 {
        self.inserted
    }

    pub(super) fn insert(&mut self, id: TrashId, entry: Indexed) {
        self.remove(id);
        let entry = Indexed { number: self.inserted, ..entry };
        self.inserted += 1;
        let size = entry.size.unwrap_or(0);
        self.bytes = self.bytes.saturating_add(size);
        let share = self.shares.entry(entry.share.clone()).or_default();
        share.entries += 1;
        share.bytes = share.bytes.saturating_add(size);
        self.entries.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: TrashId) {
        if let Some(entry) = self.entries.remove(&id) {
            let size = entry.size.unwrap_or(0);
            self.bytes = self.bytes.saturating_sub(size);
            if let Some(share) = self.shares.get_mut(&entry.share) {
                share.entries -= 1;
                share.bytes = share.bytes.saturating_sub(size);
                if share.entries == 0 {
                    self.shares.remove(&entry.share);
                }
            }
        }
    }

    /// Records that the content of an entry is in the trash.
    pub(super) fn settle(&mut self, id: TrashId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.is_pending = false;
        }
    }

    /// Records the size of a directory.
    pub(super) fn set_size(&mut self, id: TrashId, size: u64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            let before = entry.size.replace(size).unwrap_or(0);
            self.bytes = self.bytes.saturating_sub(before).saturating_add(size);
            if let Some(share) = self.shares.get_mut(&entry.share) {
                share.bytes = share.bytes.saturating_sub(before).saturating_add(size);
            }
        }
    }

    /// Forgets what is no longer there, and returns the ids that are unknown. What was inserted after the first `before` entries may
    /// have come after the directory was read.
    pub(super) fn compare(&mut self, there: &BTreeSet<TrashId>, before: u64) -> Vec<TrashId> {
        let is_gone = |(id, entry): &(&TrashId, &Indexed)| {
            !entry.is_pending && entry.number < before && !there.contains(id)
        };
        let gone: Vec<_> = self.entries.iter().filter(is_gone).map(|(id, _)| *id).collect();
        for id in gone {
            self.remove(id);
        }
        there.iter().filter(|id| !self.entries.contains_key(id)).copied().collect()
    }

    /// The entries of this share.
    pub(super) fn share(&self, share: &str) -> Share {
        self.shares.get(share).copied().unwrap_or_default()
    }

    /// The oldest entry of this share.
    pub(super) fn oldest_of(&self, share: &str) -> Option<TrashId> {
        self.oldest(|entry| *entry.share == *share)
    }

    /// The entries whose owner is not one of these.
    pub(super) fn of_others(&self, is_there: impl Fn(&str) -> bool) -> Vec<TrashId> {
        let is_gone = |entry: &Indexed| entry.owner.as_deref().is_some_and(|owner| !is_there(owner));
        self.entries.iter().filter(|(_, entry)| is_gone(entry)).map(|(id, _)| *id).collect()
    }

    /// Deletes the owner of an entry.
    pub(super) fn disown(&mut self, id: TrashId) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.owner = None;
        }
    }

    pub(super) fn has(&self, id: TrashId) -> bool {
        self.entries.contains_key(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The oldest entry for which this is true.
    pub(super) fn oldest(&self, is_it: impl Fn(&Indexed) -> bool) -> Option<TrashId> {
        self.entries.iter().find(|(_, entry)| !entry.is_pending && is_it(entry)).map(|(id, _)| *id)
    }

    /// The entries of these owners that are older than `before`, the newest first.
    pub(super) fn newest<'i>(
        &'i self,
        whose: Whose<'i>,
        before: Option<TrashId>,
    ) -> impl Iterator<Item = TrashId> + 'i {
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let older = self.entries.range((Bound::Unbounded, end)).rev();
        older
            .filter(move |(_, entry)| !entry.is_pending && whose.has(entry.owner.as_deref()))
            .map(|(id, _)| *id)
    }

    /// The total size of the entries for which `is_it` is true, in bytes. `None` if one of them was not measured yet.
    pub(super) fn bytes_of(&self, is_it: impl Fn(TrashId, &Indexed) -> bool) -> Option<u64> {
        let mut found = self.entries.iter().filter(|(id, entry)| !entry.is_pending && is_it(**id, entry));
        found.try_fold(0_u64, |sum, (_, entry)| Some(sum.saturating_add(entry.size?)))
    }

    /// The directories that were not measured yet.
    pub(super) fn unmeasured(&self) -> Vec<TrashId> {
        let unmeasured = |entry: &Indexed| entry.size.is_none() && !entry.is_pending;
        self.entries.iter().filter(|(_, entry)| unmeasured(entry)).map(|(id, _)| *id).collect()
    }

    /// The mounts whose trash has content.
    pub(super) fn away(&self) -> BTreeSet<Vec<u8>> {
        self.entries.values().filter_map(|entry| Some(entry.away.as_ref()?.as_bytes().to_vec())).collect()
    }

    pub(super) fn is_pending(&self, id: TrashId) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.is_pending)
    }

    /// The earliest time after `now` that `makes_room` returns for one of these entries; `now` if there is no such
    /// time.
    pub(super) fn makes_room(
        &self,
        share: Option<&str>,
        now: SystemTime,
        makes_room: impl Fn(TrashId) -> SystemTime,
    ) -> SystemTime {
        let counts = |entry: &Indexed| share.is_none_or(|share| *entry.share == *share);
        let theirs = self.entries.iter().filter(|(_, entry)| counts(entry));
        theirs.map(|(id, _)| makes_room(*id)).find(|time| *time > now).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::remover::Remover;

    #[test]
    fn an_entry_that_comes_while_the_directory_is_read_stays() {
        let mut index = Index::default();
        let record = |name: &[u8]| {
            let remover = Remover::of_owner("account ann".to_owned(), None);
            TrashRecord::new(SharePath::parse(name).expect("a path"), Some(1), false, &remover)
        };
        let insert = |index: &mut Index, name: &[u8]| {
            let id = index.next_id(SystemTime::now());
            index.insert(id, Indexed::of(&record(name)));
            id
        };
        let old = insert(&mut index, b"old");
        let before = index.inserted();
        let new = insert(&mut index, b"new");
        assert_eq!(index.compare(&BTreeSet::new(), before), []);
        assert_eq!((index.has(old), index.has(new)), (false, true));
        index.set_size(new, 5);
        assert_eq!((index.bytes(), index.share("account ann")), (5, Share { entries: 1, bytes: 5 }));
        let before = index.inserted();
        assert_eq!(index.compare(&BTreeSet::from([old]), before), [old]);
        assert_eq!((index.len(), index.bytes(), index.share("account ann")), (0, 0, Share::default()));
    }
}
