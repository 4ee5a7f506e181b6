//! Files at hand: what was asked for lately, ready to be sent again. Of small ones the content is kept, others are kept
//! open.
//!
//! What is on the shelf is sent only after a look at the disk has shown that the file is still the same version. That look
//! costs one system call, where opening, reading and closing cost four. It is trusted for a moment, shorter than any
//! person's, and than most programs take to start: a file that is asked for a thousand times a second is looked at a
//! hundred times (measured: a tenth of the processor time of a small answer). What comes through a door of this server
//! ends the trust at once: who has saved a file gets what was saved.
//!
//! Two things a version cannot tell are minded here. A file that was written within the clock's tick could be written
//! again in the same tick: so it is not kept before it has been left alone for a while, and its version is settled. A
//! program that writes through a memory map need not touch the file's times at once: so nothing is kept for longer than a
//! second.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::representation::Representation;
use crate::folder::{Facts, FileVersion, SharePath};

/// Up to so many bytes a file's content is kept. Beyond, `sendfile` costs less than sending what was read.
pub const CONTENT_LIMIT: u64 = 16 * 1024;

/// Of a file of up to so many bytes, what was sent within the last second is still in memory.
const SURE_LIMIT: u64 = 1 << 20;

/// How much is kept in all, in bytes: ten thousand files of a kilobyte. What a file counts besides its content, and what
/// an open one counts, of which there are thus some thirty at most: descriptors are scarce.
const LIMIT: usize = 16 << 20;
const OVERHEAD: usize = 512;
const OPEN_WEIGHT: usize = 512 * 1024;

/// How long a look at the disk is trusted.
const TRUST: Duration = Duration::from_millis(10);

/// How long a file is kept, and how long it must have been left alone before.
const AGE: Duration = Duration::from_secs(1);

/// A small file.
#[derive(Debug)]
pub struct Kept {
    /// Which version of which file it is.
    pub version: FileVersion,
    /// What is said of it.
    pub representation: Representation,
    /// All of it.
    pub content: KeptContent,
    since: Instant,
}

/// How a file is kept.
#[derive(Debug)]
pub enum KeptContent {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// Open.
    File(Arc<File>),
}

/// The shelf.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<Files>);

/// What is kept of a path.
#[derive(Debug)]
pub enum Found {
    /// The file was this version a moment ago.
    Sure(Arc<Kept>),
    /// It is this version, or has changed: the disk knows. See [`Shelf::saw`].
    Unsure(Arc<Kept>),
}

#[derive(Debug, Default)]
struct Files {
    by_path: HashMap<SharePath, Entry>,
    /// What has come, and when, in that order; also what has been replaced since.
    order: VecDeque<(Instant, SharePath)>,
    bytes: usize,
    /// When something was last saved through a door of this server.
    saved: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    kept: Arc<Kept>,
    /// When the disk was last looked at, if nothing has been saved since.
    seen: Option<Instant>,
}

impl Shelf {
    /// What is kept of this path.
    pub fn find(&self, path: &SharePath, now: Instant) -> Option<Found> {
        let files = self.lock();
        let Entry { kept, seen } = files.by_path.get(path)?;
        if now.saturating_duration_since(kept.since) >= AGE {
            return None;
        }
        let is_sure = seen.is_some_and(|seen| now.saturating_duration_since(seen) < TRUST);
        let kept = Arc::clone(kept);
        Some(if is_sure { Found::Sure(kept) } else { Found::Unsure(kept) })
    }

    /// The disk was looked at, then, and the file is still this version.
    pub fn saw(&self, path: &SharePath, kept: &Arc<Kept>, then: Instant) {
        let mut files = self.lock();
        if files.saved.is_some_and(|saved| saved >= then) {
            return;
        }
        if let Some(entry) = files.by_path.get_mut(path).filter(|entry| Arc::ptr_eq(&entry.kept, kept)) {
            entry.seen = Some(then);
        }
    }

    /// Keeps a file; the oldest make room.
    pub fn keep(&self, path: &SharePath, kept: Kept) -> Arc<Kept> {
        let kept = Arc::new(kept);
        let displaced = self.lock().insert(path, Arc::clone(&kept));
        // To close a file may take long: the lock is free by now, as the timer takes it too.
        drop(displaced);
        kept
    }

    /// Something has been saved, by whatever name: no look from before now is trusted any more.
    pub fn distrust(&self, now: Instant) {
        let mut files = self.lock();
        files.saved = Some(now);
        files.by_path.values_mut().for_each(|entry| entry.seen = None);
    }

    /// Keeps nothing any more: what is open here is wanted elsewhere. Gives what was kept, which is closed when it is
    /// dropped.
    pub fn clear(&self) -> impl Send + use<> {
        std::mem::take(&mut *self.lock())
    }

    /// Lets go of what is too old, and gives it. To be called now and then, so that nothing stays open because nobody asks.
    pub fn forget_old(&self, now: Instant) -> Vec<Arc<Kept>> {
        let mut files = self.lock();
        let is_old = |since: Instant| now.saturating_duration_since(since) >= AGE;
        let mut old = Vec::new();
        while files.order.front().is_some_and(|(since, _)| is_old(*since)) {
            old.extend(files.forget_first());
        }
        old
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    /// Gives what has to go for it.
    fn insert(&mut self, path: &SharePath, kept: Arc<Kept>) -> Vec<Arc<Kept>> {
        self.bytes += kept.weight();
        self.order.push_back((kept.since, path.clone()));
        let mut displaced = Vec::new();
        if let Some(old) = self.by_path.insert(path.clone(), Entry { kept, seen: None }) {
            self.bytes -= old.kept.weight();
            displaced.push(old.kept);
        }
        while self.bytes > LIMIT && !self.order.is_empty() {
            displaced.extend(self.forget_first());
        }
        displaced
    }

    /// Lets go of what came first, and gives it, unless it has been replaced.
    fn forget_first(&mut self) -> Option<Arc<Kept>> {
        let (since, path) = self.order.pop_front()?;
        if self.by_path.get(&path).is_none_or(|entry| entry.kept.since != since) {
            return None;
        }
        let kept = self.by_path.remove(&path)?.kept;
        self.bytes -= kept.weight();
        Some(kept)
    }
}

impl Kept {
    /// Of a file that was opened just before `now`, if it had been left alone; else gives back what is said of it.
    pub fn of(
        file: &Arc<File>,
        facts: &Facts,
        representation: Representation,
        now: SystemTime,
    ) -> Result<Self, Representation> {
        if !facts.were_true_for(AGE, now) || !facts.version.is_settled(now) {
            return Err(representation);
        }
        match KeptContent::of(file, facts.len) {
            Ok(content) => {
                Ok(Self { version: facts.version, representation, content, since: Instant::now() })
            }
            Err(_) => Err(representation),
        }
    }

    /// Whether a disk may have to be waited for when it is sent.
    pub fn may_wait(&self) -> bool {
        matches!(self.content, KeptContent::File(_)) && self.representation.len > SURE_LIMIT
    }

    fn weight(&self) -> usize {
        OVERHEAD
            + match &self.content {
                KeptContent::Bytes(bytes) => bytes.len(),
                KeptContent::File(_) => OPEN_WEIGHT,
            }
    }
}

impl KeptContent {
    fn of(file: &Arc<File>, length: u64) -> io::Result<Self> {
        if length > CONTENT_LIMIT {
            return Ok(Self::File(Arc::clone(file)));
        }
        let mut bytes = vec![0; length as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Self::Bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{Node, OpenFile};
    use crate::server::connection::tests::state;

    /// A shelf with a file on it, and the file's path.
    fn shelf() -> (Shelf, SharePath, Arc<Kept>) {
        let place = tempfile::tempdir().expect("a folder");
        std::fs::write(place.path().join("a"), "content").expect("written");
        let state = state(place.path(), AGE);
        let path = SharePath::parse(b"a").expect("a path");
        let Ok(Node::File(OpenFile { facts, .. })) = state.folder.open(&path) else { panic!("no file") };
        let representation = Representation::of(&facts, &path, &state, SystemTime::now());
        let content = KeptContent::Bytes(b"content".to_vec());
        let kept = Kept { version: facts.version, representation, content, since: Instant::now() };
        let shelf = Shelf::default();
        let kept = shelf.keep(&path, kept);
        (shelf, path, kept)
    }

    fn is_sure(shelf: &Shelf, path: &SharePath, now: Instant) -> bool {
        match shelf.find(path, now).expect("it is kept") {
            Found::Sure(_) => true,
            Found::Unsure(_) => false,
        }
    }

    #[test]
    fn a_look_is_trusted_for_a_moment() {
        let (shelf, path, kept) = shelf();
        let now = kept.since;
        assert!(!is_sure(&shelf, &path, now), "nobody has looked since it was read");
        shelf.saw(&path, &kept, now);
        assert!(is_sure(&shelf, &path, now + TRUST / 2));
        assert!(!is_sure(&shelf, &path, now + TRUST));
        assert!(shelf.find(&path, now + AGE).is_none(), "it is old");
        assert_eq!(shelf.forget_old(now + AGE).len(), 1);
        assert!(shelf.forget_old(now + AGE).is_empty(), "once");
    }

    #[test]
    fn what_is_saved_ends_the_trust() {
        let (shelf, path, kept) = shelf();
        let now = kept.since;
        shelf.saw(&path, &kept, now);
        shelf.distrust(now + TRUST / 4);
        assert!(!is_sure(&shelf, &path, now + TRUST / 2));
        shelf.saw(&path, &kept, now + TRUST / 8);
        assert!(!is_sure(&shelf, &path, now + TRUST / 2), "a look from before says nothing");
        shelf.saw(&path, &kept, now + TRUST / 2);
        assert!(is_sure(&shelf, &path, now + TRUST / 2));
    }
}
