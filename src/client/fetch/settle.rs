//! Makes complete files durable while the workers fetch the next ones.
//!
//! ```text
//! landed ──> written ──> fsync, up to 32 at once ──> named, and their directories synced ──> result
//! ```
//!
//! Each arrow is a queue. Between two queues there is one thread, or as many threads as may call `fsync` at once. So
//! many files share the two waits for the disk. The file system's journal commits once for many files. All names that
//! were linked into a directory during its `fsync` share the next `fsync`. One thread creates files, and one thread
//! names them, because only one thread at a time can change a directory.
//!
//! A file gets its name only when its content is on the disk. Its result is sent only after the `fsync` of its
//! directory, and of each directory that was created for it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use rustix::io::Errno;

use super::downloads::Downloads;
use super::fetched::{FetchResult, Fetched};
use super::incoming::{IncomingDownload, Whole};
use crate::client::error::ClientError;
use crate::client::transfer::pool::Results;
use crate::durable::rounds::Rounds;
use crate::durable::sync::{self, AT_ONCE, at_once};

/// How many files may wait to be written, in memory or as parts.
const LANDED: usize = 256;

/// How many files may wait in each of the other queues: all of them are open, and the usual limit of open files is
/// 1,024.
const OPEN: usize = 64;

/// How long files that are about to be synced wait for others, while others are being downloaded.
const GATHER: Duration = Duration::from_millis(5);

/// A file that was received completely.
#[derive(Debug)]
pub(super) struct Landed<T = Fetched> {
    pub(super) incoming: IncomingDownload,
    /// Its result, once it is durable.
    pub(super) fetched: T,
    /// The server's Last-Modified.
    pub(super) modified: Option<SystemTime>,
}

/// A complete file, written to the file system, with the server's time.
#[derive(Debug)]
struct Down<T = Fetched> {
    file: Whole,
    fetched: T,
}

/// A value with the number of its order.
type Numbered<T> = (usize, T);

/// The directories that could not be synced, with the error.
type Failed = HashMap<PathBuf, Errno>;

/// Starts the threads that settle up to `most` files, and returns the queue of files to settle.
pub(super) fn spawn<'scope>(
    scope: &'scope Scope<'scope, '_>,
    downloads: &'scope Downloads,
    sync: bool,
    most: usize,
    results: &Results<Fetched>,
) -> io::Result<SyncSender<Numbered<Landed>>> {
    let (landed, landing) = sync_channel(LANDED);
    let (down, downed) = sync_channel(OPEN);
    let (synced, syncing) = sync_channel(OPEN);
    let syncers = if sync { most.clamp(1, AT_ONCE) } else { 1 };
    let rounds = Arc::new(Rounds::new(GATHER, syncers));
    let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
    let failures = results.clone();
    let writers = Arc::clone(&rounds);
    spawn("writer").spawn_scoped(scope, move || {
        let _member = writers.join();
        put_down_all(&landing, &down, &failures);
    })?;
    let downed = Arc::new(Mutex::new(downed));
    for number in 0..syncers {
        let rounds = Arc::clone(&rounds);
        let (downed, synced, failures) = (Arc::clone(&downed), synced.clone(), results.clone());
        let thread = spawn("syncer");
        match thread.spawn_scoped(scope, move || sync_all(&downed, sync, &synced, &failures, &rounds)) {
            Ok(_) => {}
            Err(error) if number == 0 => return Err(error),
            // The system has no more threads: the existing ones do all the work.
            Err(_) => break,
        }
    }
    let results = results.clone();
    spawn("namer").spawn_scoped(scope, move || name_all(&syncing, downloads, sync, &results, &rounds))?;
    Ok(landed)
}

/// A result that cannot be sent is dropped: the observer has ended.
fn put_down_all(
    landing: &Receiver<Numbered<Landed>>,
    down: &SyncSender<Numbered<Down>>,
    results: &Results<Fetched>,
) {
    for (number, landed) in landing {
        let _ = match landed.put_down() {
            Ok(file) => down.send((number, file)).is_ok(),
            Err(error) => results.send(number, Err(error)),
        };
    }
}

fn sync_all(
    downed: &Mutex<Receiver<Numbered<Down>>>,
    sync: bool,
    synced: &SyncSender<Numbered<Down>>,
    results: &Results<Fetched>,
    rounds: &Rounds,
) {
    let next = || downed.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok((number, down)) = next() {
        let member = rounds.join();
        if sync {
            member.wait_for_round();
        }
        let _ = match if sync { down.file.sync() } else { Ok(()) } {
            Ok(()) => synced.send((number, down)).is_ok(),
            Err(error) => results.send(number, Err(down.give_up(error))),
        };
    }
}

fn name_all(
    syncing: &Receiver<Numbered<Down>>,
    downloads: &Downloads,
    sync: bool,
    results: &Results<Fetched>,
    rounds: &Rounds,
) {
    while let Some(batch) = batch(syncing) {
        let (numbers, downs): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        for (number, result) in numbers.into_iter().zip(name(downs, downloads, sync, rounds)) {
            results.send(number, result);
        }
    }
}

/// Everything in the queue, at least one item; `None` at the end.
fn batch<T>(arriving: &Receiver<T>) -> Option<Vec<T>> {
    let first = arriving.recv().ok()?;
    Some(std::iter::once(first).chain(arriving.try_iter().take(OPEN - 1)).collect())
}

/// Names these files and makes the names durable. The results are in the same order.
fn name(downs: Vec<Down>, downloads: &Downloads, sync: bool, rounds: &Rounds) -> Vec<FetchResult> {
    let member = rounds.join();
    let named: Vec<_> = downs.into_iter().map(Down::name).collect();
    let failed = if sync {
        member.wait_for_round();
        sync_directories(named.iter().flatten().map(|named| &named.file), downloads)
    } else {
        Failed::new()
    };
    named.into_iter().map(|named| named.and_then(|named| named.result(&failed, downloads))).collect()
}

impl<T> Landed<T> {
    /// Makes this file durable and names it.
    pub(super) fn settle(self, downloads: &Downloads, sync: bool) -> Result<T, ClientError> {
        let down = self.put_down()?;
        if sync && let Err(error) = down.file.sync() {
            return Err(down.give_up(error));
        }
        let named = down.name()?;
        let failed =
            if sync { sync_directories(std::iter::once(&named.file), downloads) } else { Failed::new() };
        named.result(&failed, downloads)
    }

    fn put_down(self) -> Result<Down<T>, ClientError> {
        let down = Down { file: self.incoming.put_down()?, fetched: self.fetched };
        match down.file.date(self.modified) {
            Ok(()) => Ok(down),
            Err(error) => Err(down.give_up(error)),
        }
    }
}

impl<T> Down<T> {
    /// Gives the file its name. If that fails, its part stays.
    fn name(self) -> Result<Self, ClientError> {
        match self.file.appear() {
            Ok(()) => Ok(self),
            Err(error) => {
                self.file.leave();
                Err(error)
            }
        }
    }

    /// Its result, if these directories could not be synced.
    fn result(self, failed: &Failed, downloads: &Downloads) -> Result<T, ClientError> {
        let path = &self.file.spot().path;
        let here = path.parent().and_then(|parent| Some((parent.to_owned(), *failed.get(parent)?)));
        match here.or_else(|| downloads.made.failed_above(path)) {
            Some((directory, error)) => Err(ClientError::Local("sync", directory, error.into())),
            None => Ok(self.fetched),
        }
    }

    /// Removes it: after a failed `fsync` the content on the disk is unknown.
    fn give_up(self, error: ClientError) -> ClientError {
        self.file.discard();
        error
    }
}

/// Syncs the directories of these files, and those in which directories were created.
fn sync_directories<'d>(named: impl Iterator<Item = &'d Whole>, downloads: &Downloads) -> Failed {
    let mut directories: HashMap<&Path, &Arc<Dir>> = HashMap::new();
    for file in named {
        let spot = file.spot();
        directories.insert(spot.path.parent().unwrap_or(Path::new("")), &spot.dir);
    }
    let directories: Vec<_> = directories.into_iter().collect();
    downloads.made.sync();
    let results = at_once(&directories, |(_, dir)| sync::directory(&***dir));
    let failed = directories.into_iter().zip(results);
    failed.filter_map(|((path, _), result)| Some((path.to_owned(), result.err()?))).collect()
}
