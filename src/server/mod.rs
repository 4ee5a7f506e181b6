//! The server.
//!
//! The acceptor accepts connections. The connection table keeps them while they wait. A worker takes the next ready
//! connection and advances it as far as its socket allows. `routing` finds the handler of a request, the handler
//! returns a response, and only `connection` writes it. This file wires all of them together.

mod accept;
#[cfg(feature = "accounts")]
mod accounts;
#[cfg(not(feature = "accounts"))]
#[path = "no_accounts.rs"]
mod accounts;
mod address;
mod allowed_hosts;
#[cfg(feature = "accounts")]
mod ambient_users;
mod announce;
mod assets;
mod base;
mod broadcaster;
mod cache;
mod chat;
mod client_key;
mod config;
mod connection;
mod connections;
mod content;
mod cookie;
#[cfg(feature = "archive")]
mod crcs;
#[cfg(feature = "dav")]
mod dav;
#[cfg(not(feature = "dav"))]
#[path = "no_dav.rs"]
mod dav;
mod destination;
mod disk;
mod error_response;
mod features;
mod filter;
#[cfg(feature = "dav")]
mod folder_locks;
mod gate;
mod handle;
mod handled;
mod hashes;
mod host_name;
mod intent;
mod jobs;
mod link_view;
mod listing;
#[cfg(feature = "dav")]
mod lock_tokens;
#[cfg(not(feature = "dav"))]
#[path = "no_lock_tokens.rs"]
mod lock_tokens;
#[cfg(feature = "accounts")]
mod login_names;
#[cfg(feature = "accounts")]
mod login_target;
mod media;
mod memory;
mod moment;
mod observe;
mod pages;
mod password_verdict;
mod passwords;
mod pipeline;
mod random;
mod readiness;
mod receive;
mod remover;
mod representation;
mod request;
mod response;
mod room_keeper;
mod room_reader;
mod route;
mod routing;
mod runtime;
#[cfg(feature = "shared")]
mod shared;
#[cfg(not(feature = "shared"))]
#[path = "no_shared.rs"]
mod shared;
mod shedding;
mod state;
#[cfg(any(feature = "accounts", feature = "tls"))]
mod state_directory;
mod store_error;
mod tftp;
mod threads;
mod timing;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
mod trusted_proxies;
mod undo_secret;
mod url_path;
#[cfg(any(feature = "accounts", feature = "tls"))]
mod watched_file;

use std::io;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use threadpool::ThreadPool;

pub use self::accept::listeners::ListenConfig;
use self::accept::listeners::Listeners;
pub use self::accounts::Accounts;
#[cfg(feature = "accounts")]
pub use self::accounts::{AccountsSource, KnownFile};
pub use self::allowed_hosts::AllowedHosts;
#[cfg(feature = "accounts")]
pub use self::ambient_users::{AmbientUsers, UserHeader};
pub use self::base::Base;
use self::broadcaster::Broadcaster;
use self::cache::Cache;
use self::chat::state::ChatState;
use self::config::STACK;
pub use self::config::{CannotServe, Config};
use self::connection::send_buffer;
use self::connections::capacity;
use self::connections::lead::Lead;
use self::connections::table::ConnectionTable;
use self::hashes::Digests;
pub use self::host_name::HostName;
use self::jobs::fair_permits::FairPermits;
use self::jobs::permits::Permits;
use self::jobs::{Chore, Chores, Jobs};
#[cfg(feature = "accounts")]
pub use self::login_names::LoginNames;
use self::observe::Observers;
pub use self::observe::Recorder;
use self::readiness::ReadinessChecks;
use self::runtime::Runtime;
pub use self::shared::SharedAddress;
#[cfg(feature = "shared")]
pub use self::shared::SharedAddressError;
use self::shared::SharedStore;
use self::state::State;
#[cfg(any(feature = "accounts", feature = "tls"))]
pub use self::state_directory::{StateDirectory, StateError};
use self::timing::IdleClock;
pub use self::timing::KeepAlive;
pub use self::tls::Tls;
#[cfg(feature = "tls")]
pub use self::tls::{Certificates, PairFiles, Reachable, SelfSigned, TlsRules};
pub use self::trusted_proxies::{TrustedProxies, TrustedProxy};
pub use self::url_path::path_of_url;
use crate::blocking::Blocking;
use crate::folder::{self, Abilities, Folder, FolderId, Others};
use crate::net::limits::raise_open_files;
use crate::net::listener::ListenAddress;
use crate::server::moment::Moment;
use crate::stop::{Stop, StopReason};

/// How long the threads may take to end after the time for requests in flight. They wait only for the disk by then, not for
/// clients.
const LAST: Duration = Duration::from_secs(2);

/// A server that listens; [`Server::run`] serves.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    udp_sessions: usize,
    runtime: Arc<Runtime>,
    to_do: Receiver<Chore>,
    workers: usize,
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
        let shared = config.shared.filter(|_| config.chat);
        let shared = shared.map(|address| SharedStore::open(address, Blocking::own_thread()));
        let shared = shared.transpose().map_err(|error| CannotServe::Store(error.to_string()))?;
        let chat = config
            .chat
            .then(|| ChatState::new(subscribers_most, config.base.clone(), shared).map(Arc::new))
            .transpose()
            .map_err(CannotServe::System)?;
        let broadcaster = chat.clone().map(Broadcaster::new).transpose().map_err(CannotServe::System)?;
        let (chores, to_do) = Chores::new();
        let state = State {
            allow_exit: config.allow_exit,
            #[cfg(feature = "dav")]
            dav: config.dav.then(Arc::default),
            chat,
            lead: Arc::clone(&lead),
            folder: config.folder,
            access: config.access,
            root: config.root,
            cache: Cache::default(),
            blocking: Permits::new(disk::places(config.workers)),
            chores,
            trash_sweeps: Permits::new(1),
            readiness: ReadinessChecks::default(),
            archives: FairPermits::new(capacity::archives(files)),
            copies: FairPermits::new(capacity::COPIES),
            listings: Permits::new(listing::SHARES),
            large_send_buffers: Permits::new(send_buffer::AT_ONCE),
            spin_permits: Permits::new(processors / 2),
            digests: Digests::default(),
            #[cfg(feature = "archive")]
            crcs: Arc::default(),
            #[cfg(feature = "archive")]
            zip_memory: FairPermits::new(handle::archive::ZIP_PERMITS),
            allowed_hosts: config.allowed_hosts,
            base: config.base,
            proxies: config.proxies,
            keep_alive: config.keep_alive,
            grace: config.grace,
            stall: config.stall,
            idle: Arc::new(IdleClock::new(config.idle_exit, Moment::now())),
            stop,
            tcp: listeners.addresses().filter_map(|address| address.tcp()).collect(),
            trust_html: config.trust_html,
            index: config.index,
            observers: Observers::new(config.recorder),
            tls: config.tls,
            accounts: config.accounts,
            #[cfg(feature = "accounts")]
            ambient_users: config.ambient_users,
            udp_read_only: config.udp_read_only,
        };
        state.folder.forget_uploads(SystemTime::now(), Blocking::own_thread());
        state.sweep_trash_soon();
        let table = ConnectionTable::new(capacity, lead).map_err(CannotServe::System)?;
        let jobs = Jobs::with(jobs::JobCounts::limits(files, state.folder.rules().durable));
        Ok(Self {
            listeners,
            udp_sessions: config.udp_sessions,
            runtime: Arc::new(Runtime {
                state,
                table,
                jobs,
                passwords: Jobs::new(1),
                broadcaster,
                shedding: Permits::new(1),
            }),
            to_do,
            workers: config.workers,
        })
    }

    /// Where it listens, with the ports that the system picked.
    pub fn addresses(&self) -> impl Iterator<Item = ListenAddress> {
        self.listeners.addresses()
    }

    /// The path below which a proxy shows it.
    pub fn base(&self) -> &Base {
        &self.runtime.state.base
    }

    /// The scheme of its URLs over TCP.
    pub fn scheme(&self) -> &'static str {
        self.runtime.state.scheme().name()
    }

    /// The URL to pass on: the network's if possible, otherwise this machine's. `None` without TCP.
    pub fn url(&self) -> Option<String> {
        address::of_server(&self.runtime.state)
    }

    /// The fingerprint of its self-signed certificate, in the format of the clients' `--pin` flag.
    pub fn fingerprint(&self) -> Option<String> {
        self.runtime.state.tls.as_ref()?.fingerprint()
    }

    /// Serves until the server is asked to stop, then waits a limited time for requests in flight. Calls `on_stop`
    /// with the reason before anything else, then `on_open` with a line for each open connection.
    pub fn run(self, on_stop: impl FnOnce(StopReason), on_open: impl Fn(&str)) -> io::Result<()> {
        let Self { listeners, udp_sessions, runtime, to_do, workers } = self;
        let Listeners { listeners, datagrams } = listeners;
        let datagrams = Arc::new(datagrams);
        runtime.state.disown_trash(Blocking::own_thread());
        memory::trim();
        let workers = pool("worker", workers, &runtime, Runtime::work);
        let jobs = pool("job", jobs::THREADS, &runtime, Runtime::do_jobs);
        // The thread ends when the state is dropped, so it must not hold the state.
        let chores = thread::Builder::new().name("chores".into()).stack_size(STACK).spawn(move || {
            for chore in to_do {
                chore();
            }
        })?;
        let mut threads = vec![spawn("timer", &runtime, Runtime::mind_time)?];
        if runtime.state.accounts.is_some() {
            threads.push(spawn("passwords", &runtime, Runtime::check_passwords)?);
        }
        if runtime.broadcaster.is_some() {
            let broadcast = |runtime: &Arc<Runtime>| runtime.broadcaster.iter().for_each(Broadcaster::run);
            threads.push(spawn("broadcaster", &runtime, broadcast)?);
        }
        if let Some(chat) = runtime.state.chat.clone().filter(|chat| chat.shared().is_some()) {
            let (reading, weak) = (Arc::clone(&chat), Arc::downgrade(&runtime));
            detach("room-reader", move || room_reader::run(&reading, &weak, Blocking::own_thread()))?;
            detach("room-keeper", move || room_keeper::run(&chat, Blocking::own_thread()))?;
        }
        if !datagrams.is_empty() {
            let sockets = Arc::clone(&datagrams);
            threads.push(spawn("tftp", &runtime, move |runtime| tftp::run(&sockets, udp_sessions, runtime))?);
        }
        accept::run(&listeners, &datagrams, &runtime);
        drop((listeners, datagrams));
        on_stop(runtime.state.stop.wait());
        runtime.drain(on_open);
        end_within(LAST, move || {
            // Closes the parked connections, which may block on the disk.
            drop(runtime.table.end());
            workers.join();
            runtime.jobs.end();
            runtime.passwords.end();
            jobs.join();
            // Joins every thread, even if one before it has panicked.
            let joined = threads.into_iter().map(JoinHandle::join).fold(Ok(()), Result::and);
            drop(runtime);
            joined.and(chores.join())
        })
    }
}

/// The id of a folder; it gets one if it has none.
pub fn folder_id(folder: &Folder) -> io::Result<FolderId> {
    folder.id(random::bytes(), Blocking::own_thread())
}

/// What the file system of a folder can do, and which servers have the folder now.
pub fn survey(folder: &Folder) -> Result<(Abilities, Others), folder::Error> {
    folder.survey(Blocking::own_thread())
}

/// Waits for the threads for at most this time. A thread that is blocked on the disk must not keep the server from
/// exiting; it ends with the process.
fn end_within(time: Duration, join: impl FnOnce() -> thread::Result<()> + Send + 'static) -> io::Result<()> {
    let (joined, result) = mpsc::channel();
    thread::Builder::new().name("end".into()).stack_size(STACK).spawn(move || {
        // Fails only after the time is over.
        let _ = joined.send(join());
    })?;
    if let Ok(ended) = result.recv_timeout(time) {
        return ended.map_err(|_| io::Error::other("a thread panicked"));
    }
    let what = "a thread did not stop: it still waits for the disk; recent changes may not be saved";
    log::error!("{what}");
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

/// Starts a pool of threads that all run `work`.
fn pool(name: &str, threads: usize, runtime: &Arc<Runtime>, work: fn(&Arc<Runtime>)) -> ThreadPool {
    let pool = threadpool::Builder::new()
        .num_threads(threads)
        .thread_name(name.into())
        .thread_stack_size(STACK)
        .build();
    for _ in 0..threads {
        let runtime = Arc::clone(runtime);
        pool.execute(move || work(&runtime));
    }
    pool
}

/// Starts a thread that waits for another machine, so the server's end does not wait for it.
fn detach(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).stack_size(STACK).spawn(work).map(drop)
}

/// Starts a thread that shares the server's state.
fn spawn(
    name: &str,
    runtime: &Arc<Runtime>,
    work: impl FnOnce(&Arc<Runtime>) + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let runtime = Arc::clone(runtime);
    thread::Builder::new().name(name.into()).stack_size(STACK).spawn(move || work(&runtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_threads_has_a_limit() {
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
