//! Fetching files, many at once and over breaks.
//!
//! ```text
//! orders ──> worker ──┬── landed ──> settle ──> result      dated, synced, named, its name synced
//!            worker ──┤ (each with connections of its own)
//!            worker ──┴── unchanged, failed ──> result
//! ```
//!
//! A [`FetchOrder`] says where a file is and under which name it is kept. A `worker` takes one after the other: it asks for
//! the file, or for the rest of its `part`, or for several ranges of it at once (`split`), and tries again where that may
//! help (`trial`). What comes is written to its part, or, where it is short, held in memory (`incoming`). What has come
//! whole is put on the disk and named by `settle`, meanwhile; what was held has no name before that (`anonymous`).
//! `response_check` checks answers without touching anything; `downloads` is the directory that no name leads out of;
//! `part_name` says where a part is kept, `record` which files are downloads, and `access` who may read one that
//! replaces another. `progress` shows what is under way to whoever wants to look. What does not come over HTTP is saved
//! in the same way (`save`).
//!
//! What a download promises: a file that has its name is whole, of one version, and on the disk. What has come of a
//! file that is not whole stays as its part, with which the same order goes on. A file of up to 64 KiB, or one that its
//! server cannot tell from another version (no strong validator, no length), begins again. A file that wharf did not
//! download, or that was changed since, is not replaced unless the person asks for that.
//!
//! This room knows nothing of terminals, and of what a person typed.

mod access;
mod anonymous;
mod claims;
pub(super) mod digest;
pub(super) mod downloads;
mod incoming;
mod naming;
mod part;
mod part_name;
mod record;
mod response_check;
pub(super) mod save;
pub(super) mod sessions;
mod settle;
mod split;
mod spot;
mod stream;
pub(super) mod trial;
mod worker;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use self::sessions::SessionPool;
use self::settle::Landed;
use self::trial::Trials;
use self::worker::{End, Worker};
use super::address::{Endpoint, Resource};
use super::error::{ClientError, shown};
use super::progress::{TransferProgress, WorkerProgress};
use super::session::{Session, Timeouts};
use crate::format::{Bytes, Time};
use crate::http::status::Status;

pub use self::downloads::Downloads;
pub use self::stream::stream;

/// How often a listener may look at the progress.
const TICK: Duration = Duration::from_millis(100);

/// How many files are fetched at once, unless told otherwise: enough to hide the time that an answer takes on its way, and
/// few enough to be a burden to nobody.
pub const WORKERS: usize = 4;

/// How often a file is tried again, unless told otherwise.
pub const RETRIES: u32 = 5;

/// Fewer bytes a second than this are not worth waiting for: a modem of the eighties was faster.
const LEAST_RATE: u64 = 64;

/// How files are fetched.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// How often a file is tried again without getting further.
    pub retries: u32,
    /// How long a server is waited for.
    pub timeouts: Timeouts,
    /// Whether files that are here and unchanged are fetched all the same.
    pub again: bool,
    /// Whether a file is on the disk before it has its name.
    pub sync: bool,
    /// From which length on, in bytes, a file is fetched in several ranges at once; none for never.
    pub split: Option<u64>,
}

/// A file to fetch.
#[derive(Debug, Clone)]
pub struct FetchOrder {
    /// Where it is.
    pub resource: Resource,
    /// Its address, as its part and its record note it.
    from: Arc<str>,
    /// Its name below the directory for downloads.
    local: PathBuf,
    /// Its length and time, where a listing has told them.
    told: Option<(u64, SystemTime)>,
}

/// A file that is here now.
#[derive(Debug, Clone)]
pub enum Fetched {
    /// It came.
    Saved {
        /// What the server answered.
        status: Status,
        /// Where it is.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
        /// How much of it was here before.
        resumed: u64,
        /// How long it took.
        took: Time,
        /// Whether it was fetched anew, as the server had sent another part of it than was asked for.
        restarted: bool,
    },
    /// It was here, and is unchanged.
    Unchanged {
        /// Where it is.
        path: PathBuf,
        /// Its length in bytes.
        length: u64,
    },
}

/// The result of an order.
pub type FetchResult = Result<Fetched, ClientError>;

/// Observes what becomes of the orders.
pub trait FetchObserver {
    /// An order is finished.
    fn finished(&mut self, order: &FetchOrder, result: FetchResult);

    /// Some time has passed.
    fn tick(&mut self) {}
}

/// What all workers share.
struct Common<'a> {
    options: &'a FetchOptions,
    downloads: &'a Downloads,
    /// Servers that could not be reached, however often it was tried, and what is said of them.
    given_up: Mutex<HashMap<Endpoint, String>>,
}

impl FetchOptions {
    /// How long a server is waited for that is given so much time to be silent.
    pub fn timeouts(silence: Duration) -> Timeouts {
        Timeouts { silence, least_rate: LEAST_RATE }
    }
}

/// As a person expects who has said nothing about it.
impl Default for FetchOptions {
    fn default() -> Self {
        let timeouts = Self::timeouts(Timeouts::default().silence);
        Self { retries: RETRIES, timeouts, again: false, sync: true, split: None }
    }
}

impl FetchOrder {
    /// A file that is kept under the path that it has on its server.
    pub fn of(resource: Resource) -> Result<Self, ClientError> {
        let local = downloads::local_path(&resource.target)?;
        Ok(Self::under(resource, local))
    }

    /// A file that is kept under this name, which must be one below the directory for downloads.
    pub fn under(resource: Resource, local: PathBuf) -> Self {
        Self { from: resource.to_string().into(), resource, local, told: None }
    }

    /// Its length in bytes, where a listing has told it.
    pub fn length(&self) -> Option<u64> {
        self.told.map(|(length, _)| length)
    }

    /// The same, with the length and time that a listing tells.
    #[must_use]
    pub fn told(self, length: u64, modified: SystemTime) -> Self {
        Self { told: Some((length, modified)), ..self }
    }
}

/// Fetches all, by as many workers as `progress` has workers, and tells what becomes of each as it does. An error is
/// the system's: it has no threads left.
pub fn run(
    orders: &[FetchOrder],
    downloads: &Downloads,
    options: &FetchOptions,
    progress: &TransferProgress,
    observer: &mut dyn FetchObserver,
) -> io::Result<()> {
    let common = Common::new(options, downloads);
    let (told, results) = channel();
    let mut queue = Vec::with_capacity(orders.len());
    for (number, order) in orders.iter().enumerate() {
        match downloads.claim(number, &order.local) {
            Ok(()) => queue.push(number),
            Err(error) => observer.finished(order, Err(error)),
        }
    }
    let queue = Mutex::new(queue.into_iter());
    let next = || {
        let number = queue.lock().unwrap_or_else(PoisonError::into_inner).next()?;
        orders.get(number).map(|order| (number, order))
    };
    let listener = thread::current();
    thread::scope(|scope| {
        let landed = settle::spawn(scope, downloads, options.sync, orders.len(), told.clone(), listener)?;
        for worker in progress.workers().iter().take(orders.len()) {
            let (common, next, told, landed) = (&common, &next, told.clone(), landed.clone());
            let fetcher = thread::Builder::new().name("fetcher".to_owned());
            fetcher.spawn_scoped(scope, move || work(common, worker, next, told, landed))?;
        }
        drop((told, landed));
        listen(&results, orders, observer);
        Ok(())
    })
}

/// Passes on what is told, until nobody is left to tell more. It looks now and then: to be woken for each of many short
/// files would take the time of those who fetch them.
fn listen(results: &Receiver<(usize, FetchResult)>, orders: &[FetchOrder], observer: &mut dyn FetchObserver) {
    loop {
        match results.try_recv() {
            Ok((number, result)) => {
                if let Some(order) = orders.get(number) {
                    observer.finished(order, result);
                }
            }
            Err(TryRecvError::Empty) => {
                observer.tick();
                thread::park_timeout(TICK);
            }
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

/// Does orders until there are none.
fn work<'o>(
    common: &Common<'_>,
    progress: &WorkerProgress,
    next: impl Fn() -> Option<(usize, &'o FetchOrder)>,
    told: Sender<(usize, FetchResult)>,
    landed: SyncSender<(usize, Landed)>,
) {
    let mut worker = Worker { sessions: SessionPool::new(common.options.timeouts), common, progress };
    while let Some((number, order)) = next() {
        // Whoever is told waits until the last worker has gone.
        let _ = match worker.fetch(number, order) {
            Ok(End::Landed(file)) => landed.send((number, *file)).map_err(drop),
            Ok(End::Unchanged(fetched)) => told.send((number, Ok(fetched))).map_err(drop),
            Err(error) => told.send((number, Err(error))).map_err(drop),
        };
    }
    // In this order: the threads that settle, which end when nothing more can land, are the last to tell something.
    drop(told);
    drop(landed);
}

/// Does something again while that may help and `retries` allow it.
pub(super) fn patiently<T>(
    retries: u32,
    mut act: impl FnMut() -> Result<T, ClientError>,
) -> Result<T, ClientError> {
    let mut trials = Trials::new(retries);
    loop {
        match act() {
            Err(error) => thread::sleep(trials.next(error.into(), 0)?),
            done => return done,
        }
    }
}

/// Fetches one file after the other over a session that is there, and tells what becomes of each.
pub(super) fn run_over(
    session: &mut Session,
    orders: &[FetchOrder],
    downloads: &Downloads,
    options: &FetchOptions,
    observer: &mut dyn FetchObserver,
) {
    let common = Common::new(options, downloads);
    for (number, order) in orders.iter().enumerate() {
        let result =
            downloads.claim(number, &order.local).and_then(|()| one_of(session, number, order, &common));
        observer.finished(order, result);
    }
}

/// Fetches one file over a session that is there.
pub(super) fn one(
    session: &mut Session,
    order: &FetchOrder,
    downloads: &Downloads,
    options: &FetchOptions,
) -> FetchResult {
    one_of(session, 0, order, &Common::new(options, downloads))
}

fn one_of(session: &mut Session, number: usize, order: &FetchOrder, common: &Common<'_>) -> FetchResult {
    let server = session.server().clone();
    let progress = WorkerProgress::default();
    let mut sessions = SessionPool::new(common.options.timeouts);
    sessions.lend(std::mem::replace(session, Session::new(server.clone())));
    let mut worker = Worker { sessions, common, progress: &progress };
    let end = worker.fetch(number, order);
    if let Some(lent) = worker.sessions.give_back(&server) {
        *session = lent;
    }
    match end? {
        End::Landed(landed) => landed.settle(common.downloads, common.options.sync),
        End::Unchanged(fetched) => Ok(fetched),
    }
}

impl<'a> Common<'a> {
    fn new(options: &'a FetchOptions, downloads: &'a Downloads) -> Self {
        Self { options, downloads, given_up: Mutex::default() }
    }

    /// Remembers that a server cannot be reached, so that it is not tried again for each file.
    fn give_up(&self, server: &Endpoint, error: &ClientError) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.insert(server.clone(), error.to_string());
    }

    /// The error for a server that cannot be reached.
    fn is_given_up(&self, server: &Endpoint) -> Option<ClientError> {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.get(server).cloned().map(ClientError::Gone)
    }
}

impl Fetched {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Saved { length, .. } | Self::Unchanged { length, .. } => *length,
        }
    }

    /// What the person should know about it besides, for stderr.
    pub fn warning(&self) -> Option<&'static str> {
        let restarted = matches!(self, Self::Saved { restarted: true, .. });
        restarted.then_some("The server sent another part of the file than was asked for; started over.")
    }
}

/// `200 OK → downloads/a.txt, 512 B in 0.4 ms`.
impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Saved { status, path, length, resumed, took, restarted: _ } => {
                write!(f, "{status} → {}, {} in {took}", shown(path), Bytes(*length))?;
                if *resumed > 0 { write!(f, " ({} were here)", Bytes(*resumed)) } else { Ok(()) }
            }
            Self::Unchanged { path, length } => {
                write!(f, "unchanged: {}, {}", shown(path), Bytes(*length))
            }
        }
    }
}
