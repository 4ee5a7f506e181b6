//! Who serves.
//!
//! The acceptor takes connections in; the connection table keeps them while they wait; workers of the pool take whichever has
//! something to say and move it as far as its socket allows. An answer is found by `route`, made by one file a kind
//! (`files`, `listing`, `archive_body`, `upload`, `status`) as a value, and written by `connection` alone. This file
//! wires them together, and is the only one that does.

mod acceptor;
mod address;
mod allowed_hosts;
mod answer;
mod archive_body;
mod assets;
mod body_source;
mod broadcaster;
mod cache;
mod capacity;
mod chat;
mod chat_events;
mod chat_state;
mod client_key;
mod connection;
mod connection_table;
mod digests;
mod disk;
mod error_response;
mod exchange;
mod fair_permits;
mod files;
mod form;
mod hashes;
mod host_name;
mod input;
mod interim;
mod jobs;
mod lead;
mod listeners;
mod listing;
mod media;
mod memory;
mod outgoing;
mod pages;
mod permits;
mod phase;
mod random;
mod receiving;
mod recorder;
mod representation;
mod resumable;
mod route;
mod send_buffer;
mod sending;
mod shedding;
mod slot;
mod small_body;
mod sort_order;
mod state;
mod status;
mod tftp;
mod timing;
mod upload;
mod work;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use threadpool::ThreadPool;

pub use self::allowed_hosts::AllowedHosts;
use self::broadcaster::Broadcaster;
use self::cache::Cache;
use self::chat_state::ChatState;
use self::connection_table::ConnectionTable;
use self::digests::Digests;
use self::fair_permits::FairPermits;
pub use self::host_name::HostName;
use self::jobs::{Chore, Chores, Jobs};
use self::lead::Lead;
pub use self::listeners::ListenConfig;
use self::listeners::{ListenError, Listeners};
use self::permits::Permits;
pub use self::recorder::Recorder;
use self::state::State;
use self::timing::IdleClock;
pub use self::timing::KeepAlive;
use self::work::Shared;
use crate::folder::Folder;
use crate::net::limits::raise_open_files;
use crate::net::listener::ListenAddress;
use crate::stop::{Stop, StopReason};

/// How long what is in flight may take when the server leaves.
const GRACE: Duration = Duration::from_secs(10);

/// How long the threads may take to end after that. None has a client to wait for any more, only the disk.
const LAST: Duration = Duration::from_secs(2);

/// Threads of the second pool: for what waits for the disk to be sure, and for large listings.
const JOB_THREADS: usize = 4;

/// A worker's stack, in bytes. Nothing here recurses; what is large is on the heap.
const STACK: usize = 256 * 1024;

/// How a server is to serve.
#[derive(Debug)]
pub struct Config {
    /// What it serves.
    pub folder: Folder,
    /// Where that lies, for the recorder.
    pub root: PathBuf,
    /// Where it listens.
    pub listen: ListenConfig,
    /// Under which names it may be asked.
    pub allowed_hosts: AllowedHosts,
    /// How long a connection is kept between two requests.
    pub keep_alive: KeepAlive,
    /// A body of which no byte moves for so long is given up.
    pub stall: Duration,
    /// It leaves after so long without a request; `None`: never.
    pub idle_exit: Option<Duration>,
    /// Size of the pool.
    pub workers: usize,
    /// Connections at once.
    pub max_connections: u32,
    /// TFTP transfers at once.
    pub udp_sessions: usize,
    /// Whether pages of the folder may act as the server's own, though others may write there.
    pub trust_html: bool,
    /// Whether a client may ask the server to leave.
    pub allow_exit: bool,
    /// Whether the chat is enabled.
    pub chat: bool,
    /// Subscribers at once, of all connections.
    pub max_subscribers: u32,
    /// Where requests are recorded.
    pub recorder: Option<Recorder>,
}

/// A server that listens, and serves once it is run.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    udp_sessions: usize,
    shared: Arc<Shared>,
    to_do: Receiver<Chore>,
    workers: usize,
}

/// Why a server cannot start.
#[derive(Debug)]
pub enum CannotServe {
    /// A listener cannot be opened.
    Listen(ListenError),
    /// The system gave no poller or thread.
    System(io::Error),
}

impl Server {
    /// Opens all listeners of the configuration.
    pub fn bind(config: Config, stop: Stop) -> Result<Self, CannotServe> {
        let files = raise_open_files();
        let capacity = capacity::of_lot(config.max_connections, files);
        let listeners = config.listen.open().map_err(CannotServe::Listen)?;
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let lead = Arc::new(Lead::new(processors));
        let subscribers_most = capacity::subscribers(config.max_subscribers, capacity.connections);
        let chat = config
            .chat
            .then(|| ChatState::new(subscribers_most).map(Arc::new))
            .transpose()
            .map_err(CannotServe::System)?;
        let broadcaster = chat.clone().map(Broadcaster::new).transpose().map_err(CannotServe::System)?;
        let (chores, to_do) = Chores::new();
        let state = State {
            chat,
            lead: Arc::clone(&lead),
            folder: config.folder,
            root: config.root,
            cache: Cache::default(),
            blocking: Permits::new(disk::places(config.workers)),
            chores,
            archives: FairPermits::new(capacity::archives(files)),
            listings: Permits::new(listing::SHARES),
            large_send_buffers: Permits::new(send_buffer::AT_ONCE),
            spin_permits: Permits::new(processors / 2),
            digests: Digests::default(),
            allowed_hosts: config.allowed_hosts,
            keep_alive: config.keep_alive,
            stall: config.stall,
            idle: Arc::new(IdleClock::new(config.idle_exit, Instant::now())),
            stop,
            tcp: listeners.addresses().filter_map(|address| address.tcp()).collect(),
            trust_html: config.trust_html,
            allow_exit: config.allow_exit,
            recorder: config.recorder,
        };
        state.folder.forget_uploads(SystemTime::now());
        let table = ConnectionTable::new(capacity, lead).map_err(CannotServe::System)?;
        let jobs = Jobs::new(JOB_THREADS);
        Ok(Self {
            listeners,
            udp_sessions: config.udp_sessions,
            shared: Arc::new(Shared { state, table, jobs, broadcaster, shedding: Permits::new(1) }),
            to_do,
            workers: config.workers,
        })
    }

    /// Where it listens, with the ports that it got.
    pub fn addresses(&self) -> impl Iterator<Item = ListenAddress> {
        self.listeners.addresses()
    }

    /// The URL to tell others: where the network reaches it, or else this machine. `None` where there is no TCP.
    pub fn url(&self) -> Option<String> {
        address::of_server(&self.shared.state)
    }

    /// Serves until it is asked to stop; then finishes what is in flight, at most for a while. `on_stop` is called
    /// when it is asked, with the reason, before anything else.
    pub fn run(self, on_stop: impl FnOnce(StopReason)) -> io::Result<()> {
        let Self { listeners, udp_sessions, shared, to_do, workers } = self;
        let Listeners { listeners, datagrams } = listeners;
        let datagrams = Arc::new(datagrams);
        let workers = pool("worker", workers, &shared, Shared::work);
        let jobs = pool("job", JOB_THREADS, &shared, Shared::do_jobs);
        // It ends when the state has gone, which it must not keep.
        let chores = thread::Builder::new().name("chores".into()).stack_size(STACK).spawn(move || {
            for chore in to_do {
                chore();
            }
        })?;
        let mut threads = vec![spawn("timer", &shared, Shared::mind_time)?];
        if shared.broadcaster.is_some() {
            let broadcast = |shared: &Arc<Shared>| shared.broadcaster.iter().for_each(Broadcaster::run);
            threads.push(spawn("broadcaster", &shared, broadcast)?);
        }
        if !datagrams.is_empty() {
            let sockets = Arc::clone(&datagrams);
            threads.push(spawn("tftp", &shared, move |shared| tftp::run(&sockets, udp_sessions, shared))?);
        }
        acceptor::run(&listeners, &datagrams, &shared);
        drop((listeners, datagrams));
        on_stop(shared.state.stop.wait());
        shared.drain();
        end_within(LAST, move || {
            // What is still parked is closed here: the disk may keep it waiting.
            drop(shared.table.end());
            workers.join();
            shared.jobs.end();
            jobs.join();
            // Each is waited for, whatever became of those before it.
            let joined = threads.into_iter().map(JoinHandle::join).fold(Ok(()), Result::and);
            drop(shared);
            joined.and(chores.join())
        })
    }
}

/// Waits for the threads, at most so long. One that the disk does not let go must not keep the server from leaving: it
/// ends with the program.
fn end_within(time: Duration, join: impl FnOnce() -> thread::Result<()> + Send + 'static) -> io::Result<()> {
    let (joined, result) = mpsc::channel();
    thread::Builder::new().name("end".into()).stack_size(STACK).spawn(move || {
        // Nobody listens any more where it took too long.
        let _ = joined.send(join());
    })?;
    if let Ok(ended) = result.recv_timeout(time) {
        return ended.map_err(|_| io::Error::other("a thread panicked"));
    }
    let what = "a thread did not stop: it still waits for the disk; recent changes may not be saved";
    log::error!("{what}");
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

/// Starts a pool of threads that all do this.
fn pool(name: &str, threads: usize, shared: &Arc<Shared>, work: fn(&Arc<Shared>)) -> ThreadPool {
    let pool = threadpool::Builder::new()
        .num_threads(threads)
        .thread_name(name.into())
        .thread_stack_size(STACK)
        .build();
    for _ in 0..threads {
        let shared = Arc::clone(shared);
        pool.execute(move || work(&shared));
    }
    pool
}

/// Starts a thread of the server's.
fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    work: impl FnOnce(&Arc<Shared>) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let shared = Arc::clone(shared);
    thread::Builder::new().name(name.into()).stack_size(STACK).spawn(move || work(&shared))
}

impl fmt::Display for CannotServe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::System(error) => write!(f, "cannot create a poller: {error}"),
        }
    }
}

impl std::error::Error for CannotServe {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_not_waited_for_without_end() {
        let (keep, kept) = mpsc::channel::<()>();
        let stuck = end_within(Duration::from_millis(1), move || {
            let _ = kept.recv();
            Ok(())
        });
        assert_eq!(stuck.expect_err("given up").kind(), io::ErrorKind::TimedOut);
        drop(keep);
        assert!(end_within(LAST, || Ok(())).is_ok());
        assert!(end_within(LAST, || Err(Box::new("a panic"))).is_err());
    }
}
