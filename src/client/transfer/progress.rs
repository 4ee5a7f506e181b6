//! The progress of transfers: workers update it, and a progress bar reads it from time to time.
//!
//! A worker only adds to a counter as bytes arrive; it never waits for a terminal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The progress of all workers.
#[derive(Debug)]
pub struct TransferProgress {
    workers: Vec<Arc<WorkerProgress>>,
}

/// The progress of one worker.
#[derive(Debug, Default)]
pub struct WorkerProgress {
    file: Mutex<Option<File>>,
    /// The number of files begun.
    turns: AtomicU64,
    /// How many bytes of the file were transferred, including those of an earlier run.
    at: AtomicU64,
    /// How many bytes were transferred over this worker's connections, of all files.
    came: AtomicU64,
    /// How many bytes of all files an earlier run had transferred.
    resumed: AtomicU64,
}

#[derive(Debug, Clone)]
struct File {
    name: String,
    total: Option<u64>,
    resumed: u64,
    turn: u64,
}

/// A snapshot of a file's transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its name.
    pub name: String,
    /// The number of the file among its worker's: another number is another file.
    pub turn: u64,
    /// How much of it was transferred, in bytes.
    pub at: u64,
    /// How many of these bytes an earlier run had transferred.
    pub resumed: u64,
    /// Its length in bytes, if it is known.
    pub total: Option<u64>,
}

impl TransferProgress {
    /// The progress of this many workers.
    pub fn new(workers: usize) -> Self {
        Self { workers: std::iter::repeat_with(Arc::default).take(workers.max(1)).collect() }
    }

    /// The progress of each worker.
    pub(in crate::client) fn workers(&self) -> &[Arc<WorkerProgress>] {
        &self.workers
    }

    /// The current file of each worker.
    pub fn running(&self) -> Vec<Option<Running>> {
        self.workers.iter().map(|worker| worker.running()).collect()
    }

    /// How many bytes were transferred by this run.
    pub fn came(&self) -> u64 {
        self.workers.iter().map(|worker| worker.came.load(Ordering::Relaxed)).sum()
    }

    /// How many bytes earlier runs had transferred.
    pub fn resumed(&self) -> u64 {
        self.workers.iter().map(|worker| worker.resumed.load(Ordering::Relaxed)).sum()
    }
}

impl WorkerProgress {
    /// A transfer begins, at this offset.
    pub(in crate::client) fn begin(&self, name: &str, offset: u64, total: Option<u64>) {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        self.at.store(offset, Ordering::Relaxed);
        self.set(Some(File { name: name.to_owned(), total, resumed: offset, turn }));
        self.resumed.fetch_add(offset, Ordering::Relaxed);
    }

    /// This many bytes were transferred.
    pub(in crate::client) fn came(&self, count: usize) {
        self.at.fetch_add(count as u64, Ordering::Relaxed);
        self.came.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// The transfer has ended.
    pub(in crate::client) fn end(&self) {
        self.set(None);
    }

    fn set(&self, file: Option<File>) {
        *self.file.lock().unwrap_or_else(PoisonError::into_inner) = file;
    }

    fn running(&self) -> Option<Running> {
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let File { name, total, resumed, turn } = file;
        Some(Running { name, turn, at: self.at.load(Ordering::Relaxed), resumed, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workers_progress_is_seen() {
        let progress = TransferProgress::new(2);
        assert_eq!(progress.running(), [None, None]);
        let worker = &progress.workers()[1];
        worker.begin("a", 5, Some(9));
        worker.came(3);
        let running = Running { name: "a".to_owned(), turn: 0, at: 8, resumed: 5, total: Some(9) };
        assert_eq!(progress.running(), [None, Some(running)]);
        worker.begin("b", 0, None);
        worker.came(1);
        let running = Running { name: "b".to_owned(), turn: 1, at: 1, resumed: 0, total: None };
        assert_eq!(progress.running(), [None, Some(running)]);
        worker.end();
        assert_eq!(progress.running(), [None, None]);
        assert_eq!((progress.came(), progress.resumed()), (4, 5));
    }
}
