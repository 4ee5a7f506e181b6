//! How a server is configured, and why it may fail to start.

use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

use crate::folder::Folder;
use crate::server::accept::listeners::{ListenConfig, ListenError};
use crate::server::allowed_hosts::AllowedHosts;
use crate::server::recorder::Recorder;
use crate::server::timing::KeepAlive;

/// How long requests in flight may take when the server stops.
pub const GRACE: Duration = Duration::from_secs(10);

/// A worker's stack, in bytes. Nothing here recurses; what is large is on the heap.
pub const STACK: usize = 256 * 1024;

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

/// Why a server cannot start.
#[derive(Debug)]
pub enum CannotServe {
    /// A listener cannot be opened.
    Listen(ListenError),
    /// The system gave no poller or thread.
    System(io::Error),
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
