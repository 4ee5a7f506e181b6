//! The servers that have this folder, on this machine and on others, and whether this server sees their locks.
//!
//! ```text
//! .wharf/replicas/ID   the beat of a server: locked while it runs, and its time is set once a minute
//! ```
//!
//! Some file systems do not show a lock to other machines (sshfs, NFS with `nolock`), and nothing says so. The beats show
//! it: a server whose beat is fresh is running, so its beat must appear locked. If it does not, uploads in pieces are left
//! to the server that receives them.
//!
//! A server has a beat while `.wharf` has anything else in it. So a folder that is only read stays as it is.

mod beat;
mod domain;
mod process;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cap_std::fs::Dir;
use log::{debug, info, warn};
use rustix::io::Errno;

use self::beat::{Beat, BeatState, NAME};
use self::domain::Domain;
use super::abilities::Abilities;
use super::root::{OWN, Root, enter};

/// A beat that was set within this time is fresh: three beats, as the clocks of machines differ.
const FRESH: Duration = Duration::from_secs(3 * 60);

/// What a server that was killed has left is removed after this time.
const LEFT: Duration = Duration::from_secs(24 * 60 * 60);

/// The servers of one directory.
pub(super) struct Replicas {
    own: Mutex<Option<Beat>>,
    /// Whether a lock of a server on another machine was ever seen here.
    has_seen: AtomicBool,
    was_warned: AtomicBool,
    /// Whether other servers had the folder at the last look.
    has_others: AtomicBool,
}

/// The other servers that have the folder now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// How many have locks that are seen here.
    pub seen: usize,
    /// How many are running, while their locks are not seen here.
    pub unseen: usize,
}

/// Whether another server is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    /// It has ended.
    Gone,
    /// It is running, and its lock is seen.
    Seen,
    /// It may be running, but its lock is not seen.
    Unseen,
}

impl Replicas {
    pub(super) fn new() -> Self {
        let no = || AtomicBool::new(false);
        Self { own: Mutex::default(), has_seen: no(), was_warned: no(), has_others: no() }
    }

    /// The id of this server, if it has a beat. No other run of a server has it.
    pub(super) fn id(&self) -> Option<String> {
        self.own().as_ref().map(|beat| beat.id().to_owned())
    }

    /// Gives this server a beat, if it has none. Where that is impossible, others take its uploads for those of a server
    /// that has ended.
    pub(super) fn join(&self, root: &Root) {
        let mut own = self.own();
        if own.is_some() {
            return;
        }
        match Beat::begin(root) {
            Ok(beat) => {
                let abilities = Abilities::of(beat.dir());
                *own = Some(beat);
                drop(own);
                match abilities {
                    Ok(abilities) => info!("file system: {abilities}; other servers: {}", self.look(root)),
                    Err(error) => debug!("the file system cannot be tested: {error}"),
                }
            }
            Err(error) => debug!("cannot make a file in {OWN}/{NAME}: {error}"),
        }
    }

    /// Keeps the beat fresh, and looks for those of others. Call it once a minute.
    pub(super) fn keep(&self, root: &Root) {
        if !has_more(root) {
            *self.own() = None;
            self.has_others.store(false, Ordering::Relaxed);
            return;
        }
        self.join(root);
        let kept = self.own().as_ref().map_or(Ok(()), Beat::touch);
        if let Err(error) = kept {
            // Somebody has removed the directory, or the disk is full.
            debug!("cannot touch the file in {OWN}/{NAME}: {error}");
            *self.own() = None;
        }
        self.look(root);
    }

    /// The other servers, and what the file system can do. It makes a file and removes it.
    pub(super) fn survey(&self, root: &Root) -> Result<(Abilities, Others), Errno> {
        let beat = Beat::begin(root)?;
        Ok((Abilities::of(beat.dir())?, self.count(beat.dir(), beat.id())))
    }

    /// Whether an upload that this server received last may be continued here: that server has ended, or the lock of the
    /// content says whether it is receiving.
    pub(super) fn may_continue(&self, root: &Root, server: &str) -> bool {
        if self.own().as_ref().is_some_and(|own| own.id() == server) {
            return true;
        }
        let Ok(dir) = root.own(OWN).and_then(|own| enter(&own, NAME)) else { return true };
        let other = self.state_of(&dir, server, SystemTime::now());
        self.warn_if(other == Other::Unseen);
        other != Other::Unseen
    }

    /// Looks for other servers.
    pub(super) fn look(&self, root: &Root) -> Others {
        let dir = root.own(OWN).and_then(|own| enter(&own, NAME));
        let own = self.id().unwrap_or_default();
        let others = dir.map(|dir| self.count(&dir, &own)).unwrap_or_default();
        self.warn_if(others.unseen > 0);
        self.has_others.store(others != Others::default(), Ordering::Relaxed);
        others
    }

    /// Whether other servers had the folder when this one last looked, a minute ago at most.
    #[cfg(feature = "dav")]
    pub(super) fn has_others(&self) -> bool {
        self.has_others.load(Ordering::Relaxed)
    }

    fn count(&self, dir: &Dir, own: &str) -> Others {
        let now = SystemTime::now();
        let mut others = Others::default();
        // The second round knows whether any lock was seen.
        for _ in 0..2 {
            others = Others::default();
            for id in ids(dir).filter(|id| id != own) {
                match self.state_of(dir, &id, now) {
                    Other::Gone if self.id().is_some() => beat::remove_old(dir, &id, now, LEFT),
                    // A folder that is only read does not change.
                    Other::Gone => {}
                    Other::Seen => others.seen += 1,
                    Other::Unseen => others.unseen += 1,
                }
            }
        }
        others
    }

    fn state_of(&self, dir: &Dir, id: &str, now: SystemTime) -> Other {
        let Ok(BeatState { is_locked, touched, domain, process }) = beat::find(dir, id) else {
            return Other::Gone;
        };
        let is_here = domain.is_some() && domain == Domain::of(dir);
        if is_locked {
            if domain.is_some() && !is_here {
                self.has_seen.store(true, Ordering::Relaxed);
            }
            return Other::Seen;
        }
        if process.is_some_and(|process| process.has_ended()) {
            return Other::Gone;
        }
        let is_stale = now.duration_since(touched).is_ok_and(|age| age > FRESH);
        if is_stale || is_here || self.has_seen.load(Ordering::Relaxed) { Other::Gone } else { Other::Unseen }
    }

    fn warn_if(&self, is_unseen: bool) {
        if is_unseen && !self.was_warned.swap(true, Ordering::Relaxed) {
            warn!(
                "another server has this folder, and its locks are not seen here: uploads in pieces are continued only by \
                 the server that began them, and If-Match does not exclude that server (use a file system whose locks all \
                 machines see)"
            );
        }
    }

    fn own(&self) -> MutexGuard<'_, Option<Beat>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server keeps anything else in the folder.
fn has_more(root: &Root) -> bool {
    let Ok(mut entries) = root.entries_for_server(OWN.as_ref()) else { return false };
    entries.any(|entry| entry.is_ok_and(|entry| entry.name != NAME))
}

/// The ids of all beats.
fn ids(dir: &Dir) -> impl Iterator<Item = String> {
    let entries = dir.entries().into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| beat::is_id(name))
}

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { seen: 0, unseen: 0 } => f.write_str("none"),
            Self { seen, unseen: 0 } => write!(f, "{seen}, locks seen"),
            Self { seen, unseen } => write!(f, "{}, locks of {unseen} not seen", seen + unseen),
        }
    }
}

#[cfg(test)]
mod tests;
