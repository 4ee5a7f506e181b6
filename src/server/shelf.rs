//! Small files at hand: what was asked for lately, ready to be sent again.
//!
//! What is on the shelf is sent only after a look at the disk has shown that the file is still the same version; so a
//! change is seen by the next request. That look costs one system call, where opening, reading and closing cost four.
//!
//! Two things a version cannot tell are minded here. A file that was written within the clock's tick could be written
//! again in the same tick: so it is not kept before it has been left alone for a while. A program that writes through a
//! memory map need not touch the file's times at once: so nothing is kept for longer than a second.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::representation::Representation;
use crate::folder::{Facts, SharePath, Version};

/// Up to so many bytes a file's content is kept. Beyond, `sendfile` costs less than sending what was read.
pub const CONTENT_LIMIT: u64 = 16 * 1024;

/// Up to so many bytes a file is kept open: what was sent within the last second is still in memory.
const OPEN_LIMIT: u64 = 1 << 20;

/// How much is kept in all, in bytes; what a file counts besides its content, and what an open one counts, of
/// which there are thus some thirty at most: descriptors are scarce.
const LIMIT: usize = 8 << 20;
const OVERHEAD: usize = 512;
const OPEN_WEIGHT: usize = 256 * 1024;

/// How long a file is kept, and how long it must have been left alone before.
const AGE: Duration = Duration::from_secs(1);

/// A small file.
#[derive(Debug)]
pub struct Kept {
    /// Which version of which file it is.
    pub version: Version,
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

#[derive(Debug, Default)]
struct Files {
    by_path: HashMap<SharePath, Arc<Kept>>,
    /// What has come, and when, in that order; also what has been replaced since.
    order: VecDeque<(Instant, SharePath)>,
    bytes: usize,
}

impl Shelf {
    /// What is kept of this path. The caller sees to it that the file is still that version.
    pub fn find(&self, path: &SharePath) -> Option<Arc<Kept>> {
        let mut files = self.lock();
        files.forget_old(Instant::now());
        files.by_path.get(path).map(Arc::clone)
    }

    /// Keeps a file; the oldest make room.
    pub fn keep(&self, path: &SharePath, kept: Kept) -> Arc<Kept> {
        let kept = Arc::new(kept);
        self.lock().insert(path, Arc::clone(&kept));
        kept
    }

    /// Keeps nothing any more: what is open here is wanted elsewhere.
    pub fn clear(&self) {
        *self.lock() = Files::default();
    }

    /// Lets go of what is too old. To be called now and then, so that nothing stays open because nobody asks.
    pub fn forget_old(&self, now: Instant) {
        self.lock().forget_old(now);
    }

    fn lock(&self) -> MutexGuard<'_, Files> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    fn insert(&mut self, path: &SharePath, kept: Arc<Kept>) {
        self.bytes += kept.weight();
        self.order.push_back((kept.since, path.clone()));
        if let Some(old) = self.by_path.insert(path.clone(), kept) {
            self.bytes -= old.weight();
        }
        while self.bytes > LIMIT && self.forget_first() {}
    }

    fn forget_old(&mut self, now: Instant) {
        let is_old = |since: Instant| now.saturating_duration_since(since) >= AGE;
        while self.order.front().is_some_and(|(since, _)| is_old(*since)) && self.forget_first() {}
    }

    /// Lets go of what came first, unless it has been replaced; false when there is nothing.
    fn forget_first(&mut self) -> bool {
        let Some((since, path)) = self.order.pop_front() else { return false };
        if self.by_path.get(&path).is_some_and(|kept| kept.since == since) {
            self.bytes -= self.by_path.remove(&path).map_or(0, |kept| kept.weight());
        }
        true
    }
}

impl Kept {
    /// Of a file that has just been opened, if it is small and has been left alone; else gives back what is said of it.
    pub fn of(
        file: &Arc<File>,
        facts: &Facts,
        representation: Representation,
    ) -> Result<Self, Representation> {
        if facts.len > OPEN_LIMIT || !facts.were_true_for(AGE, SystemTime::now()) {
            return Err(representation);
        }
        match KeptContent::of(file, facts.len) {
            Ok(content) => {
                Ok(Self { version: facts.version, representation, content, since: Instant::now() })
            }
            Err(_) => Err(representation),
        }
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
