//! The cache of recently requested files. Small files are cached with their content, others as open descriptors.
//!
//! Before an entry is sent, one system call checks that the file is still the same version; opening, reading
//! and closing the file would take four calls. An entry counts as fresh for a moment that is shorter than
//! most programs take to start: a file that is requested a thousand times a second is checked a hundred times
//! (measured: this saves a tenth of the processor time of a small response). A write through this server
//! invalidates all entries at once.
//!
//! Two kinds of changes do not show in a version. A file that was just written could be written again within the same
//! tick of the clock; so a file is cached only if it has not changed for a while and its version is settled. A
//! program that writes through a memory map need not update the file's times at once; so no entry is older than a
//! second.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::blocking::Blocking;
use crate::folder::{FileVersion, OpenFile};
use crate::http::range::Span;
use crate::path::SharePath;
use crate::server::content::{self, Buffer, Chunk, FileSpan};
use crate::server::jobs::Chores;
use crate::server::jobs::deferred::{Deferred, OpenedFile};
use crate::server::moment::Moment;
use crate::server::representation::Representation;

/// A file up to this size, in bytes, that was sent within the last second is still in the page cache.
const IN_MEMORY_LIMIT: u64 = 1 << 20;

/// The size of the cache in bytes: ten thousand files of one kilobyte each. For each entry, [`OVERHEAD`] is added to
/// its content. An open file counts as [`OPEN_WEIGHT`] bytes. So about thirty files are open at most, because
/// descriptors are scarce.
const LIMIT: usize = 16 << 20;
const OVERHEAD: usize = 512;
const OPEN_WEIGHT: usize = 512 * 1024;

/// How long an entry is fresh after its version was checked.
const FRESH_FOR: Duration = Duration::from_millis(10);

/// The greatest age of an entry, and how long a file must have been unchanged before it is cached.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A cached file.
#[derive(Debug)]
pub(super) struct CacheEntry {
    /// The file, and its version.
    pub version: FileVersion,
    /// The metadata of its responses.
    pub representation: Representation,
    pub content: CachedContent,
    since: Moment,
}

/// How a file is cached.
#[derive(Debug)]
pub(super) enum CachedContent {
    Bytes(Arc<[u8]>),
    /// An open file.
    File(OpenedFile),
}

/// The cache of files.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Entries>);

/// The entry of a path, as [`Cache::find`] returns it.
#[derive(Debug)]
pub(super) enum CacheLookup {
    /// The file was this version a moment ago.
    Fresh(Arc<CacheEntry>),
    /// The file may have changed; check it on the disk, then call [`Cache::confirm`].
    Stale(Arc<CacheEntry>),
}

#[derive(Debug, Default)]
struct Entries {
    by_path: HashMap<SharePath, Stored>,
    /// All insertions, the oldest first; including those that were replaced.
    order: VecDeque<(Moment, SharePath)>,
    bytes: usize,
    /// When something was last saved through this server.
    saved: Option<Moment>,
}

#[derive(Debug)]
struct Stored {
    entry: Arc<CacheEntry>,
    /// When the version was last checked, if nothing has been saved since.
    checked: Option<Moment>,
}

impl Cache {
    /// The entry of this path.
    pub(super) fn find(&self, path: &SharePath, now: Moment) -> Option<CacheLookup> {
        let entries = self.lock();
        let Stored { entry, checked } = entries.by_path.get(path)?;
        if now.since(entry.since) >= MAX_AGE {
            return None;
        }
        let is_fresh = checked.is_some_and(|checked| now.since(checked) < FRESH_FOR);
        let entry = Arc::clone(entry);
        Some(if is_fresh { CacheLookup::Fresh(entry) } else { CacheLookup::Stale(entry) })
    }

    /// Records that the file was still this version at `then`.
    pub(super) fn confirm(&self, path: &SharePath, entry: &Arc<CacheEntry>, then: Moment) {
        let mut entries = self.lock();
        if entries.saved.is_some_and(|saved| saved >= then) {
            return;
        }
        if let Some(stored) = entries.by_path.get_mut(path).filter(|stored| Arc::ptr_eq(&stored.entry, entry))
        {
            stored.checked = Some(then);
        }
    }

    /// Inserts an entry, and evicts the oldest if there is no space.
    pub(super) fn insert(&self, path: &SharePath, entry: CacheEntry, disk: Blocking<'_>) -> Arc<CacheEntry> {
        let entry = Arc::new(entry);
        let displaced = self.lock().insert(path, Arc::clone(&entry));
        // They are closed after the lock is released: closing a file may block, and the timer takes the lock too.
        for entry in displaced {
            CacheEntry::close(entry, disk);
        }
        entry
    }

    /// Invalidates all entries: a file was saved, so checks from before `now` do not count.
    pub(super) fn invalidate(&self, now: Moment) {
        let mut entries = self.lock();
        entries.saved = Some(now);
        entries.by_path.values_mut().for_each(|stored| stored.checked = None);
    }

    /// Removes all entries, because their descriptors are needed. Returns them, so that no lock is held when they are
    /// dropped.
    pub(super) fn clear(&self) -> impl Send + use<> {
        std::mem::take(&mut *self.lock())
    }

    /// Evicts entries that are too old, and returns them, like [`Self::clear`]. Call it regularly, so that no
    /// file stays open without requests.
    pub(super) fn evict_old(&self, now: Moment) -> Vec<Arc<CacheEntry>> {
        let mut entries = self.lock();
        let is_old = |since: Moment| now.since(since) >= MAX_AGE;
        let mut old = Vec::new();
        while entries.order.front().is_some_and(|(since, _)| is_old(*since)) {
            old.extend(entries.evict_first());
        }
        old
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    /// Inserts an entry, and returns those that were replaced or evicted for it.
    fn insert(&mut self, path: &SharePath, entry: Arc<CacheEntry>) -> Vec<Arc<CacheEntry>> {
        self.bytes += entry.weight();
        self.order.push_back((entry.since, path.clone()));
        let mut displaced = Vec::new();
        if let Some(old) = self.by_path.insert(path.clone(), Stored { entry, checked: None }) {
            self.bytes -= old.entry.weight();
            displaced.push(old.entry);
        }
        while self.bytes > LIMIT && !self.order.is_empty() {
            displaced.extend(self.evict_first());
        }
        displaced
    }

    /// Evicts the oldest entry and returns it, unless it has been replaced.
    fn evict_first(&mut self) -> Option<Arc<CacheEntry>> {
        let (since, path) = self.order.pop_front()?;
        if self.by_path.get(&path).is_none_or(|stored| stored.entry.since != since) {
            return None;
        }
        let entry = self.by_path.remove(&path)?.entry;
        self.bytes -= entry.weight();
        Some(entry)
    }
}

impl CacheEntry {
    /// An entry for a file that was opened just before `now`. Returns the file instead if it must not be cached: it has
    /// changed recently, or some clients with the right to its path may not read it.
    pub(super) fn of(
        open: OpenFile,
        representation: Representation,
        now: SystemTime,
        chores: &Chores,
        disk: Blocking<'_>,
    ) -> Result<Self, (File, Representation)> {
        let OpenFile { file, facts, is_personal } = open;
        if is_personal || !facts.were_true_for(MAX_AGE, now) || !facts.version.is_settled(now) {
            return Err((file, representation));
        }
        match CachedContent::of(file, facts.len, chores, disk) {
            Ok(content) => Ok(Self { version: facts.version, representation, content, since: Moment::now() }),
            Err(file) => Err((file, representation)),
        }
    }

    /// Drops a reference; if it was the last, closes the file here.
    fn close(entry: Arc<Self>, disk: Blocking<'_>) {
        if let Some(Self { content: CachedContent::File(file), .. }) = Arc::into_inner(entry) {
            Deferred::close_shared(file, disk);
        }
    }

    /// A part of its content.
    pub(super) fn chunk(&self, span: Span) -> Chunk {
        match &self.content {
            CachedContent::Bytes(bytes) => Chunk::Bytes(Buffer::Shared(Arc::clone(bytes), span)),
            CachedContent::File(file) if self.representation.len <= IN_MEMORY_LIMIT => {
                Chunk::File(FileSpan::recent(Arc::clone(file), span))
            }
            CachedContent::File(file) => Chunk::File(FileSpan::new(Arc::clone(file), span)),
        }
    }

    fn weight(&self) -> usize {
        OVERHEAD
            + match &self.content {
                CachedContent::Bytes(bytes) => bytes.len(),
                CachedContent::File(_) => OPEN_WEIGHT,
            }
    }
}

impl CachedContent {
    /// The content, or the file if it cannot be read.
    fn of(file: File, length: u64, chores: &Chores, _: Blocking<'_>) -> Result<Self, File> {
        if length > content::SMALL {
            return Ok(Self::File(Arc::new(Deferred::new(file, chores))));
        }
        let mut bytes = vec![0; length as usize];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Self::Bytes(bytes.into())),
            Err(_) => Err(file),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Principal;
    use crate::folder::{Node, OpenFile};
    use crate::server::connection::tests::state;

    /// A cache with one file, and that file's path and entry.
    fn cache() -> (Cache, SharePath, Arc<CacheEntry>) {
        let place = tempfile::tempdir().expect("a folder");
        std::fs::write(place.path().join("a"), "content").expect("written");
        let state = state(place.path(), MAX_AGE);
        let path = SharePath::parse(b"a").expect("a path");
        let file = state.access.check(&Principal::anonymous(None), &path).expect("all may read");
        let Ok(Node::File(OpenFile { facts, .. })) = state.folder.open(&file, Blocking::own_thread()) else {
            panic!("no file")
        };
        let representation = Representation::of(&facts, &path, "text/plain".into(), false, SystemTime::now());
        let content = CachedContent::Bytes(Arc::from(*b"content"));
        let entry = CacheEntry { version: facts.version, representation, content, since: Moment::now() };
        let cache = Cache::default();
        let entry = cache.insert(&path, entry, Blocking::own_thread());
        (cache, path, entry)
    }

    fn is_fresh(cache: &Cache, path: &SharePath, now: Moment) -> bool {
        match cache.find(path, now).expect("it is cached") {
            CacheLookup::Fresh(_) => true,
            CacheLookup::Stale(_) => false,
        }
    }

    #[test]
    fn an_entry_is_fresh_for_a_moment() {
        let (cache, path, entry) = cache();
        let now = entry.since;
        assert!(!is_fresh(&cache, &path, now), "not checked since it was read");
        cache.confirm(&path, &entry, now);
        assert!(is_fresh(&cache, &path, now + FRESH_FOR / 2));
        assert!(!is_fresh(&cache, &path, now + FRESH_FOR));
        assert!(cache.find(&path, now + MAX_AGE).is_none(), "too old");
        assert_eq!(cache.evict_old(now + MAX_AGE).len(), 1);
        assert!(cache.evict_old(now + MAX_AGE).is_empty(), "only once");
    }

    #[test]
    fn a_save_invalidates_entries() {
        let (cache, path, entry) = cache();
        let now = entry.since;
        cache.confirm(&path, &entry, now);
        cache.invalidate(now + FRESH_FOR / 4);
        assert!(!is_fresh(&cache, &path, now + FRESH_FOR / 2));
        cache.confirm(&path, &entry, now + FRESH_FOR / 8);
        assert!(!is_fresh(&cache, &path, now + FRESH_FOR / 2), "a check from before does not count");
        cache.confirm(&path, &entry, now + FRESH_FOR / 2);
        assert!(is_fresh(&cache, &path, now + FRESH_FOR / 2));
    }
}
