//! What every answer may use: the folder, the rules, the clocks, and Stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::allowed_hosts::AllowedHosts;
use super::cache::Cache;
use super::chat_state::ChatState;
use super::digests::Digests;
use super::fair_permits::FairPermits;
use super::jobs::Chores;
use super::lead::Lead;
use super::permits::Permits;
use super::recorder::Recorder;
use super::timing::{IdleClock, KeepAlive};
use crate::chat::event::Uploader;
use crate::folder::{Folder, Saved};
use crate::net::poller::PollEvent;
use crate::printable::Printable;
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
    /// Follows the folder's path, if it names another directory by now; nothing of the old one is kept then.
    pub fn follow_folder(&self) {
        if self.folder.follow() {
            self.cache.clear();
            self.digests.clear();
        }
    }

    /// A file has come, over HTTP or TFTP: the one place where that is told, to the log, the cache and the room. Gives
    /// where it lies, if somebody keeps records of it.
    pub fn saved(&self, by: &Uploader, saved: &Saved) -> Option<PathBuf> {
        self.cache.invalidate(Instant::now());
        let path = saved.path.as_bytes();
        let name = match by {
            Uploader::Member(person) => person.name.as_str(),
            Uploader::Address(address) => address,
        };
        log::info!("{name} saved {} ({} bytes)", Printable(path), saved.size);
        if let Some(chat) = &self.chat {
            chat.announce(by.clone(), path.to_vec(), saved.size);
        }
        self.recorder.as_ref().map(|_| self.root.join(saved.path.as_path()))
    }
}
