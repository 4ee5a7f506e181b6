//! What every answer may use: the folder, the rules, the clocks, and Stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::baton::Baton;
use super::recorder::Recorder;
use super::shelf::Shelf;
use super::site::Site;
use super::timing::{IdleClock, KeepAlive};
use crate::folder::{Folder, Saved};
use crate::net::peer::Peer;
use crate::net::poller::Key;
use crate::printable::Printable;
use crate::stop::Stop;

/// Shared by all that serve.
#[derive(Debug)]
pub struct State {
    /// What is served.
    pub folder: Folder,
    /// Where that lies, for whoever keeps records; files are never opened by it.
    pub root: PathBuf,
    /// Small files that were asked for lately.
    pub shelf: Shelf,
    /// Whose requests are taken.
    pub site: Site,
    /// How long a connection is kept, and a head waited for.
    pub keep_alive: KeepAlive,
    /// A body, in or out, of which no byte moves for so long is given up.
    pub stall: Duration,
    /// Minds when nobody wants anything.
    pub idle: Arc<IdleClock>,
    /// Which worker minds the connections that wait.
    pub baton: Arc<Baton<Key>>,
    /// Seen by all.
    pub stop: Stop,
    /// Where requests are recorded, if they are.
    pub recorder: Option<Recorder>,
}

impl State {
    /// To be called before anything that may wait for the disk: another worker minds the connections meanwhile.
    pub fn may_wait(&self) {
        self.baton.may_wait();
    }

    /// A file has come, through whichever door: the one place where that is told. Gives where it lies, if
    /// somebody keeps records of it.
    pub fn saved(&self, from: Peer, saved: &Saved) -> Option<PathBuf> {
        log::info!("{from} saved {} ({} bytes)", Printable(saved.path.as_bytes()), saved.size);
        self.recorder.as_ref().map(|_| self.root.join(saved.path.as_path()))
    }
}
