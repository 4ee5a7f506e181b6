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
mod directory_changes;
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
#[cfg(feature = "accounts")]
mod record_keeper;
mod remover;
mod representation;
mod request;
mod response;
mod room_keeper;
mod room_reader;
mod route;
mod routing;
mod run;
mod runtime;
mod search;
mod served_stream;
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
#[cfg(feature = "thumbs")]
mod thumbs;
mod timing;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
#[cfg(feature = "tls")]
mod tls;
mod trusted_proxies;
mod undo_secret;
mod url_path;
mod waker;
#[cfg(any(feature = "accounts", feature = "tls"))]
mod watched_file;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::SystemTime;

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
pub use self::config::{CannotServe, Config};
use self::connection::send_buffer;
use self::connections::capacity;
use self::connections::lead::Lead;
use self::connections::table::ConnectionTable;
use self::directory_changes::DirectoryChanges;
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
#[cfg(feature = "accounts")]
pub use self::shared::{StoredAttempts, StoredRecords};
use self::state::State;
#[cfg(any(feature = "accounts", feature = "tls"))]
pub use self::state_directory::{StateDirectory, StateError};
#[cfg(feature = "thumbs")]
pub use self::thumbs::Thumbs;
use self::timing::IdleClock;
pub use self::timing::KeepAlive;
pub use self::tls::Tls;
#[cfg(feature = "tls")]
pub use self::tls::{Certificates, PairFiles, Reachable, SelfSigned, TlsRules};
pub use self::trusted_proxies::{TrustedProxies, TrustedProxy};
pub use self::url_path::path_of_url;
use self::waker::Waker;
use crate::blocking::Blocking;
use crate::folder::{self, Abilities, Folder, FolderId, Others};
use crate::net::limits::raise_open_files;
use crate::net::listener::ListenAddress;
use crate::server::moment::Moment;
use crate::stop::Stop;

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
        let followers_most = capacity::followers(subscribers_most, capacity.connections);
        let shared = config.shared.filter(|_| config.chat);
        let shared = shared.map(|address| SharedStore::open(address, Blocking::own_thread()));
        let shared = shared.transpose().map_err(|error| CannotServe::Store(error.to_string()))?;
        let waker = Arc::new(Waker::new().map_err(CannotServe::System)?);
        let chat = config
            .chat
            .then(|| ChatState::new(subscribers_most, config.base.clone(), shared, Arc::clone(&waker)))
            .map(Arc::new);
        let broadcaster = Broadcaster::new(chat.clone(), Arc::clone(&waker)).map_err(CannotServe::System)?;
        let (chores, to_do) = Chores::new();
        let state = State {
            allow_exit: config.allow_exit,
            #[cfg(feature = "dav")]
            dav: config.dav.then(|| Arc::new(folder_locks::Dav::new(config.folder.clone()))),
            chat,
            lead: Arc::clone(&lead),
            folder: config.folder,
            access: config.access,
            root: config.root,
            cache: Cache::default(),
            changes: Arc::new(DirectoryChanges::new(followers_most, waker)),
            blocking: Permits::new(disk::places(config.workers)),
            chores,
            trash_sweeps: Permits::new(1),
            readiness: ReadinessChecks::default(),
            archives: FairPermits::new(capacity::archives(files)),
            searches: FairPermits::new(capacity::searches(files)),
            copies: FairPermits::new(capacity::COPIES),
            listings: Permits::new(listing::SHARES),
            large_send_buffers: Permits::new(send_buffer::AT_ONCE),
            spin_permits: Permits::new(processors / 2),
            digests: Digests::default(),
            #[cfg(feature = "thumbs")]
            thumbs: config.thumbs.map(Arc::new),
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
}

/// The id of a folder; it gets one if it has none.
pub fn folder_id(folder: &Folder) -> io::Result<FolderId> {
    folder.id(random::bytes(), Blocking::own_thread())
}

/// What the file system of a folder can do, and which servers have the folder now.
pub fn survey(folder: &Folder) -> Result<(Abilities, Others), folder::Error> {
    folder.survey(Blocking::own_thread())
}
