//! What every answer may use: the folder, the rules, the clocks, and Stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::folder::Folder;
use crate::net::poller::PollEvent;
use crate::server::allowed_hosts::AllowedHosts;
use crate::server::cache::Cache;
use crate::server::chat::state::ChatState;
use crate::server::connections::lead::Lead;
use crate::server::hashes::Digests;
use crate::server::jobs::Chores;
use crate::server::jobs::fair_permits::FairPermits;
use crate::server::jobs::permits::Permits;
use crate::server::recorder::Recorder;
use crate::server::timing::{IdleClock, KeepAlive};
use crate::stop::Stop;

/// Shared by all that serve.
#[derive(Debug)]
pub struct State {
    /// What is served.
    pub folder: Folder,
    /// Where that lies, for whoever keeps records; files are never opened by it.
    pub root: PathBuf,
    /// Files that were requested lately.
    pub cache: Cache,
    /// For workers that wait for the disk, which are only so many at once.
    pub blocking: Permits,
    /// What is done on the disk and no client waits for.
    pub chores: Chores,
    /// For archives, which are only so many at once.
    pub archives: FairPermits,
    /// For what listings keep in memory, in shares of their pool.
    pub listings: Permits,
    /// Limits how many connections may use the large send buffer.
    pub large_send_buffers: Permits,
    /// For transfers over UDP that stay awake between two packets, which must leave processors to the others.
    pub spin_permits: Permits,
    /// Hashes that were asked for lately.
    pub digests: Digests,
    /// Whose requests are taken.
    pub allowed_hosts: AllowedHosts,
    /// How long a connection is kept, and a head waited for.
    pub keep_alive: KeepAlive,
    /// A body, in or out, of which no byte moves for so long is given up.
    pub stall: Duration,
    /// Where it listens on TCP.
    pub tcp: Vec<SocketAddr>,
    /// Minds when nobody wants anything.
    pub idle: Arc<IdleClock>,
    /// Which worker minds the connections that wait.
    pub lead: Arc<Lead<PollEvent>>,
    /// Seen by all.
    pub stop: Stop,
    /// Whether pages of the folder may act as the server's own, though others may write there.
    pub trust_html: bool,
    /// Whether a client may ask the server to leave.
    pub allow_exit: bool,
    /// The chat, if it is enabled.
    pub chat: Option<Arc<ChatState>>,
    /// Where requests are recorded, if they are.
    pub recorder: Option<Recorder>,
}

impl State {
    /// Whether pages in the folder may act as the server's own: nobody else can write there, or the owner trusts them.
    pub fn trusts_pages(&self) -> bool {
        self.trust_html || self.folder.rules().read_only
    }

    /// Follows the folder's path, if it names another directory by now; nothing of the old one is kept then.
    pub fn follow_folder(&self) {
        if self.folder.follow() {
            self.cache.clear();
            self.digests.clear();
        }
    }
}
