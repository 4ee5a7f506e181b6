//! Thumbnails: made once for each version of a picture, and kept in a directory outside the folder.
//!
//! ```text
//! request ── kept? ── job, a few at once ── thread with low priority ── kept ── response
//! ```
//!
//! A thumbnail is made on a thread of its own: decoders need more stack than the other threads have, a panic ends only that
//! thread, and its low priority lets other requests overtake it.
//!
//! `thumbnail` has the decoders and their limits; `handle::thumb` serves the requests.

mod key;
mod store;
mod sweep;

use std::fs::File;
use std::io::{self, Seek as _};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

pub(super) use self::key::ThumbKey;
use self::store::ThumbStore;
use crate::blocking::Blocking;
use crate::folder::Facts;
use crate::server::client_key::ClientKey;
use crate::server::jobs::Chores;
use crate::server::jobs::fair_permits::{FairPermit, FairPermits};
use crate::stop::Stop;
use crate::thumbnail::{self, CannotDraw};

/// The maximum number of requests that wait for a thumbnail; one client gets at most half. Each has a file open. A browser
/// has six connections to a server.
const MOST_WAITING: usize = 64;

/// How long one thumbnail may take. On a busy machine it takes less than a second.
const LONGEST: Duration = Duration::from_secs(10);

/// The stack of the thread. The decoders keep their tables on it, but do not recurse.
const STACK: usize = 2 << 20;

/// How far the thread stands behind all others, from 0 to 19: enough that requests do not notice it.
const NICENESS: i32 = 10;

/// Longer than the tick of any clock that file systems use for times (Linux: at most 10 ms).
const TICK: Duration = Duration::from_millis(20);

/// Makes and keeps thumbnails.
#[derive(Debug)]
pub struct Thumbs {
    /// `None`: nothing is kept.
    store: Option<ThumbStore>,
    permits: FairPermits,
}

/// The result of an attempt to make a thumbnail.
#[derive(Debug)]
pub(super) enum Drawn {
    /// The thumbnail, or why there is none.
    Done(Result<Vec<u8>, CannotDraw>),
    /// The file changed meanwhile.
    Changed,
}

impl Thumbs {
    /// Keeps thumbnails in this directory, which is created with the first one.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self { store: directory.map(ThumbStore::new), permits: FairPermits::new(MOST_WAITING) }
    }

    /// A permit to wait for a thumbnail.
    pub(super) fn permit(&self, client: ClientKey) -> Option<FairPermit> {
        self.permits.take(client)
    }

    /// What is kept for a version of a picture: its thumbnail, or why there is none.
    pub(super) fn find(&self, key: &ThumbKey, disk: Blocking<'_>) -> Option<Result<Vec<u8>, CannotDraw>> {
        self.store.as_ref()?.find(key, disk)
    }

    /// Makes and keeps the thumbnail of a file with these facts.
    pub(super) fn draw(
        &self,
        key: &ThumbKey,
        file: &File,
        facts: &Facts,
        stop: &Stop,
        chores: &Chores,
        disk: Blocking<'_>,
    ) -> io::Result<Drawn> {
        let begun = SystemTime::now();
        // After a recent change, the file may change again without a new version.
        let is_settled = facts.version.is_settled(begun) && facts.were_true_for(TICK, begun);
        let drawn = draw_apart(file, stop)?;
        if facts.renewed(file)?.version != facts.version {
            return Ok(Drawn::Changed);
        }
        if is_settled && let Some(store) = &self.store {
            store.keep(key, &drawn, chores, disk);
        }
        Ok(Drawn::Done(drawn))
    }
}

/// Makes a thumbnail on a thread of its own. A panic of a decoder counts as a damaged picture.
fn draw_apart(file: &File, stop: &Stop) -> io::Result<Result<Vec<u8>, CannotDraw>> {
    let deadline = Instant::now() + LONGEST;
    let is_over = || stop.asked().is_some() || Instant::now() > deadline;
    let draw = || {
        // The priority of this thread only. Without it, the thumbnail is made all the same.
        let _ = rustix::process::setpriority_process(None, NICENESS);
        let mut file = file;
        file.rewind().map_err(|error| CannotDraw::Unreadable(error.kind()))?;
        thumbnail::draw(file, &is_over)
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("thumbnail".into()).stack_size(STACK);
        let drawn = thread.spawn_scoped(scope, draw)?.join();
        Ok(drawn.unwrap_or(Err(CannotDraw::Broken)))
    })
}
