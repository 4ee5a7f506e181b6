//! Reading the trash.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustix::fs::Stat;
use rustix::io::Errno;

use super::id::TrashId;
use super::in_place::is_in_place;
use super::index::Indexed;
use super::item::{TrashItem, Whose};
use super::record::{RECORD, TrashRecord};
use super::state::Trash;
use super::store::TrashStore;
use crate::folder::error::Error;
use crate::folder::root::Root;

/// How many names are read from a trash at most: content and records, for twice as many entries as it may hold.
const MOST_NAMES: usize = 4 * super::room::MOST_ENTRIES;

/// How long ago the directory must have changed so that a later change has a different time for certain: several ticks
/// of a file system's clock.
const SETTLED: Duration = Duration::from_millis(50);

/// The same for times in whole seconds: on FAT, they are even, and the clocks of two machines may differ by a second.
const SETTLED_IN_SECONDS: Duration = Duration::from_secs(4);

/// An entry, found.
pub(in crate::folder) struct TrashEntry {
    pub(super) id: TrashId,
    pub(super) record: TrashRecord,
    /// The trash that has its content, and the content's name and `stat`.
    pub(in crate::folder) store: Arc<TrashStore>,
    pub(in crate::folder) name: String,
    pub(in crate::folder) stat: Stat,
}

impl TrashEntry {
    /// The path that it had.
    pub(in crate::folder) fn path(&self) -> &crate::path::SharePath {
        &self.record.path
    }
}

impl Trash {
    /// At most `limit` entries, the newest first.
    pub(in crate::folder) fn list(
        &self,
        root: &Root,
        whose: Whose<'_>,
        limit: usize,
        before: Option<TrashId>,
    ) -> Result<Vec<TrashItem>, Error> {
        let Some(home) = self.refresh(root)? else { return Ok(Vec::new()) };
        let mut items = Vec::new();
        let mut before = before;
        // Records are read without the lock; an entry whose record is gone by now is left out, and the next older
        // entries are read.
        while items.len() < limit {
            let ids: Vec<_> = self.index().newest(whose, before).take(limit - items.len()).collect();
            let Some(last) = ids.last() else { break };
            before = Some(*last);
            for id in ids {
                if let Ok(Some(record)) = TrashRecord::read(home.dir(), id) {
                    items.push(record.item(id));
                }
            }
        }
        Ok(items)
    }

    /// Finds an entry and its content.
    pub(in crate::folder) fn find(
        &self,
        root: &Root,
        id: TrashId,
        whose: Whose<'_>,
    ) -> Result<TrashEntry, Error> {
        let home = self.stores.existing_home(root)?.ok_or(Error::NotFound)?;
        if self.index().is_pending(id) {
            return Err(Error::NotFound);
        }
        let record = TrashRecord::read(home.dir(), id)?.ok_or(Error::NotFound)?;
        if !whose.has(record.owner.as_deref()) {
            return Err(Error::NotFound);
        }
        let store = self.stores.named(root, record.away.as_ref())?;
        let (name, stat) = store.content(id)?;
        if is_in_place(root, &record, &stat) {
            return Err(Error::NotFound);
        }
        Ok(TrashEntry { id, record, store, name, stat })
    }

    /// Reads the trash if its directory has changed since the last time. Returns the trash that has the records, if it
    /// exists.
    pub(super) fn refresh(&self, root: &Root) -> Result<Option<Arc<TrashStore>>, Error> {
        if let Some(home) = self.stores.existing_home(root)?
            && self.index().is_as_of(home.changed()?)
        {
            return Ok(Some(home));
        }
        self.read(root)
    }

    /// Reads the names in the trash, and the records that are unknown. Returns the trash that has the records, if it
    /// exists.
    pub(super) fn read(&self, root: &Root) -> Result<Option<Arc<TrashStore>>, Error> {
        let Some(home) = self.stores.existing_home(root)? else {
            self.index().is_loaded = true;
            return Ok(None);
        };
        let _reading = self.reading();
        let (changed, before) = (home.changed()?, self.index().inserted());
        // A change in the same moment might leave the same time.
        let mut as_of = is_settled(changed, SystemTime::now()).then_some(changed);
        let there = names(&home)?.into_iter().filter_map(|name| TrashId::parse(name.strip_suffix(RECORD)?));
        let there: BTreeSet<_> = there.collect();
        let unknown = self.index().compare(&there, before);
        for id in unknown {
            // A record that cannot be read may be incomplete. It is read again the next time.
            let Ok(Some(record)) = TrashRecord::read(home.dir(), id) else {
                as_of = None;
                continue;
            };
            let is_whole = match self.stores.named(root, record.away.as_ref()) {
                Ok(store) => store.content(id).is_ok_and(|(_, stat)| !is_in_place(root, &record, &stat)),
                // Its mount is not there now.
                Err(_) => false,
            };
            if !is_whole {
                as_of = None;
            }
            let mut index = self.index();
            if is_whole && !index.has(id) {
                index.insert(id, Indexed::of(&record));
            }
        }
        self.index().read_as_of(as_of);
        Ok(Some(home))
    }

    /// Reads the trash, unless it was read before.
    pub(super) fn load(&self, root: &Root) -> Result<(), Error> {
        let is_loaded = self.index().is_loaded;
        if is_loaded { Ok(()) } else { self.refresh(root).map(drop) }
    }
}

/// The names in a trash.
pub(super) fn names(store: &TrashStore) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(&**store.dir())?.take(MOST_NAMES) {
        match entry {
            Ok(entry) => names.extend(entry.file_name().to_str().ok().map(str::to_owned)),
            Err(Errno::NOENT) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(names)
}

/// Whether a later change of a directory that has changed then surely shows another time.
fn is_settled(changed: SystemTime, now: SystemTime) -> bool {
    let since = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let settled = if since.subsec_nanos() == 0 { SETTLED_IN_SECONDS } else { SETTLED };
    now.duration_since(changed).is_ok_and(|age| age >= settled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_settles_later_where_times_are_whole_seconds() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        for (changed, now, expected) in [
            (1_000_500, 1_000_510, false),
            (1_000_500, 1_000_550, true),
            (1_000_500, 1_000_400, false),
            (1_000_000, 1_000_900, false),
            (1_000_000, 1_003_900, false),
            (1_000_000, 1_004_000, true),
        ] {
            assert_eq!(is_settled(at(changed), at(now)), expected, "{changed} {now}");
        }
    }
}
