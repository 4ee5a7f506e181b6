//! How a server is configured, and why it may fail to start.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

use crate::access::Access;
use crate::folder::Folder;
use crate::server::accept::listeners::{ListenConfig, ListenError};
use crate::server::accounts::Accounts;
use crate::server::allowed_hosts::AllowedHosts;
#[cfg(feature = "accounts")]
use crate::server::ambient_users::AmbientUsers;
use crate::server::base::Base;
use crate::server::observe::Recorder;
use crate::server::shared::SharedAddress;
#[cfg(feature = "thumbs")]
use crate::server::thumbs::Thumbs;
use crate::server::timing::KeepAlive;
use crate::server::tls::Tls;
use crate::server::trusted_proxies::TrustedProxies;

/// A worker's stack, in bytes. Nothing here recurses, and large values are on the heap.
pub(super) const STACK: usize = 256 * 1024;

/// The configuration of a server.
#[derive(Debug)]
// Flags are booleans.
#[allow(clippy::struct_excessive_bools)]
pub struct Config {
    /// The shared folder.
    pub folder: Folder,
    /// Which principal may do what in it.
    pub access: Access,
    /// The path of the folder, for the recorder.
    pub root: PathBuf,
    /// Where it listens.
    pub listen: ListenConfig,
    /// The host names that it accepts.
    pub allowed_hosts: AllowedHosts,
    /// The path below which a proxy shows this server.
    pub base: Base,
    /// The proxies that may say who their clients are.
    pub proxies: TrustedProxies,
    /// How long a connection is kept between two requests.
    pub keep_alive: KeepAlive,
    /// How long requests in flight may take when the server stops.
    pub grace: Duration,
    /// After this time without progress, a transfer is aborted.
    pub stall: Duration,
    /// The server exits after this time without requests; `None`: never.
    pub idle_exit: Option<Duration>,
    /// The number of worker threads.
    pub workers: usize,
    /// The maximum number of connections.
    pub max_connections: u32,
    /// The maximum number of TFTP transfers at once.
    pub udp_sessions: usize,
    /// Whether HTML from the folder may run scripts as the server's own pages, although others may write there.
    pub trust_html: bool,
    /// The pages that a directory shows instead of its listing. `None`: `index.html` where clients cannot write.
    pub index: Option<Vec<String>>,
    /// Whether the chat is enabled.
    pub chat: bool,
    /// Whether the server speaks WebDAV.
    #[cfg(feature = "dav")]
    pub dav: bool,
    /// Makes thumbnails, unless that is turned off.
    #[cfg(feature = "thumbs")]
    pub thumbs: Option<Thumbs>,
    /// The store of a chat room that several servers share.
    pub shared: Option<SharedAddress>,
    /// Whether clients with the right `admin` may stop the server.
    pub allow_exit: bool,
    /// The maximum number of event streams.
    pub max_subscribers: u32,
    /// Records requests, if enabled.
    pub recorder: Option<Recorder>,
    /// The certificates, if it serves over TLS.
    pub tls: Option<Tls>,
    /// The users, if there are any.
    pub accounts: Option<Accounts>,
    /// What identifies the user of a request, besides credentials.
    #[cfg(feature = "accounts")]
    pub ambient_users: AmbientUsers,
    /// Whether nothing can be written over TFTP.
    pub udp_read_only: bool,
}

/// Why a server cannot start.
#[derive(Debug)]
pub enum CannotServe {
    /// A listener cannot be opened.
    Listen(ListenError),
    /// The system failed to create a poller or a thread.
    System(io::Error),
    /// The store of the shared chat room refuses this server.
    Store(String),
}

impl fmt::Display for CannotServe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::Store(why) => write!(f, "--shared: {why}"),
            Self::System(error) => write!(f, "cannot create a poller: {error}"),
        }
    }
}

impl std::error::Error for CannotServe {}
