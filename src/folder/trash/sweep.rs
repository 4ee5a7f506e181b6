//! The periodic work on the trash: entries expire, discarded content is removed, directories are measured, and the
//! remains of a crash are repaired.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::time::{Duration, SystemTime};

use super::discard::discard_content;
use super::id::TrashId;
use super::in_place::is_in_place;
use super::list::names;
use super::measure::measure;
use super::purge::purge;
use super::record::{DRAFT, RECORD, TrashRecord};
use super::state::Trash;
use super::store::{NEW, TrashStore};
use crate::folder::error::Error;
use crate::folder::root::Root;
use crate::path::SharePath;

/// Another server may still be working on anything younger than this.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// How many files and directories are removed at most in one sweep, in about a second.
const PIECE: usize = 50_000;

/// How many directories are measured at most in one sweep.
const MEASURED: usize = 16;

impl Trash {
    /// Does this work, as much as fits into one sweep.
    pub(in crate::folder) fn sweep(&self, root: &Root, now: SystemTime) {
        // Best effort: the next one comes soon.
        let _ = self.try_sweep(root, now);
    }

    fn try_sweep(&self, root: &Root, now: SystemTime) -> Result<(), Error> {
        // It is always read, because not every file system changes a directory's time at each change.
        let Some(home) = self.read(root)? else { return Ok(()) };
        let names = names(&home)?;
        self.finish_exchanges(&home, &names, now);
        self.expire(root, &home, &names, now);
        self.remove_empty_records(root, &home, &names, now);
        self.remove_what_is_in_place(root, &home, &names, now);
        let mut left = PIECE;
        purge(&home, &mut left);
        for store in self.mounts(root) {
            if let Ok(names) = super::list::names(&store) {
                self.finish_exchanges(&store, &names, now);
            }
            purge(&store, &mut left);
        }
        let unmeasured = self.index().unmeasured();
        for id in unmeasured.into_iter().take(MEASURED) {
            self.measure(root, &home, id)?;
        }
        Ok(())
    }

    /// The trashes of mounts: those that were used, and those that records name.
    fn mounts(&self, root: &Root) -> Vec<std::sync::Arc<TrashStore>> {
        let used = self.stores.away();
        let mut paths = self.index().away();
        for path in used.iter().filter_map(|store| store.away()) {
            paths.remove(path.as_bytes());
        }
        let named = paths.iter().filter_map(|path| SharePath::parse(path).ok());
        let named: Vec<_> = named.filter_map(|path| self.stores.named(root, Some(&path)).ok()).collect();
        used.into_iter().chain(named).collect()
    }

    /// Turns files that an interrupted exchange left behind into entries.
    fn finish_exchanges(&self, store: &TrashStore, names: &[String], now: SystemTime) {
        for id in ids(names, NEW).filter(|id| self.is_at_rest(*id, now)) {
            if store.rename(&format!("{id}{NEW}"), &id.to_string()).is_ok() {
                log::info!("moved a replaced file, left behind by a crash, into the trash as {id}");
            }
        }
    }

    /// Discards entries that have expired. For content without a record, the time in its name counts.
    fn expire(&self, root: &Root, home: &TrashStore, names: &[String], now: SystemTime) {
        let has_expired = |id: &TrashId| self.expires(*id) <= now;
        let is_readable = |id: &TrashId| matches!(TrashRecord::read(home.dir(), *id), Ok(Some(_)));
        let records: BTreeSet<_> = ids(names, RECORD).filter(has_expired).filter(is_readable).collect();
        for id in &records {
            if let Err(error) = self.discard_now(root, *id) {
                log::warn!("cannot discard the expired entry {id} from the trash: {error}");
            }
        }
        for id in ids(names, "").filter(has_expired).filter(|id| !records.contains(id)) {
            if let Ok((name, stat)) = home.content(id) {
                let is_directory = crate::folder::root::file_type(&stat) == rustix::fs::FileType::Directory;
                let _ = discard_content(home, id, &name, is_directory);
            }
        }
    }

    /// Removes records whose content never came, or has gone.
    fn remove_empty_records(&self, root: &Root, home: &TrashStore, names: &[String], now: SystemTime) {
        let there: BTreeSet<_> = names.iter().map(String::as_str).collect();
        for id in ids(names, RECORD).filter(|id| self.is_at_rest(*id, now)) {
            if there.contains(&*id.to_string()) || there.contains(&*format!("{id}{NEW}")) {
                continue;
            }
            let away = TrashRecord::read(home.dir(), id).ok().flatten().and_then(|record| record.away);
            // A file system that is not mounted now may be mounted again.
            let Ok(store) = self.stores.named(root, away.as_ref()) else { continue };
            if store.content(id).is_err_and(|error| error == rustix::io::Errno::NOENT) {
                self.forget(root, id);
            }
        }
        for id in ids(names, DRAFT).filter(|id| self.is_at_rest(*id, now)) {
            let _ = home.unlink(&format!("{id}{DRAFT}"));
        }
    }

    /// Removes entries whose files a crash has left in their places.
    fn remove_what_is_in_place(&self, root: &Root, home: &TrashStore, names: &[String], now: SystemTime) {
        // These entries are not in the index, because they are not listed.
        let unlisted = |id: &TrashId| !self.index().has(*id) && self.is_at_rest(*id, now);
        for id in ids(names, RECORD).filter(unlisted) {
            let Ok(Some(record)) = TrashRecord::read(home.dir(), id) else { continue };
            let Ok(store) = self.stores.named(root, record.away.as_ref()) else { continue };
            let Ok((name, stat)) = store.content(id) else { continue };
            if is_in_place(root, &record, &stat) && store.unlink(&name).is_ok() {
                self.forget(root, id);
                log::info!("forgot {id} in the trash: a crash has left the file in its place");
            }
        }
    }

    fn is_at_rest(&self, id: TrashId, now: SystemTime) -> bool {
        now.duration_since(id.time()).is_ok_and(|age| age >= FRESH) && !self.index().is_pending(id)
    }

    /// Measures a directory that was removed, and records its size.
    fn measure(&self, root: &Root, home: &TrashStore, id: TrashId) -> Result<(), Error> {
        let Ok(Some(record)) = TrashRecord::read(home.dir(), id) else { return Ok(()) };
        let store = self.stores.named(root, record.away.as_ref())?;
        let size = measure(store.dir(), OsStr::new(&id.to_string()));
        self.index().set_size(id, size);
        TrashRecord { size: Some(size), ..record }.rewrite(home.dir(), id)
    }
}

/// The ids from the names that end with `end`.
fn ids<'n>(names: &'n [String], end: &'n str) -> impl Iterator<Item = TrashId> + 'n {
    names.iter().filter_map(move |name| TrashId::parse(name.strip_suffix(end)?))
}
