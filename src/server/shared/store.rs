//! The store, as one server sees it: its connections, the names of its keys, and what waits for it.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::address::SharedAddress;
use super::outbox::{Outbox, Unsent};
use super::pool::Pool;
use crate::blocking::Blocking;
use crate::chat::event::EventKind;
use crate::chat::member::Person;
use crate::server::store_error::StoreError;

/// The store of the room, as one server sees it.
pub(in crate::server) struct SharedStore {
    pub(super) pool: Pool,
    pub(super) keys: Keys,
    outbox: Outbox,
    /// Whether the room is paused: the reader does not follow the stream.
    is_paused: AtomicBool,
    /// Whether the reader has followed the stream, or failed to, since the server started.
    was_tried: AtomicBool,
    /// Counts the connections that found out that the store has changed. The reader then connects again.
    pub(super) doubts: AtomicU64,
    /// The last error that was logged, and when.
    logged: Mutex<Option<(StoreError, Instant)>>,
}

/// How often the same error is logged.
const LOG_AGAIN: Duration = Duration::from_secs(60);

/// The names of the keys.
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn of(&self, what: impl fmt::Display) -> String {
        format!("{}{what}", self.prefix)
    }

    pub(super) fn epoch(&self) -> String {
        self.of("epoch")
    }

    pub(super) fn stream(&self) -> String {
        self.of("stream")
    }

    pub(super) fn members(&self) -> String {
        self.of("members")
    }

    pub(super) fn tokens(&self, person: &Person) -> String {
        self.of(format_args!("tokens:{}", person.id))
    }

    pub(super) fn name(&self, person: &Person) -> String {
        self.of(format_args!("name:{}", person.name.folded()))
    }
}

impl SharedStore {
    /// The store at these addresses. One that is unavailable may become available; one that refuses this server is an
    /// error.
    pub(in crate::server) fn open(address: SharedAddress, disk: Blocking<'_>) -> Result<Self, StoreError> {
        let shared = Self::new(address);
        match shared.look(disk) {
            Err(error @ StoreError::Refused(_)) => Err(error),
            Ok(()) | Err(StoreError::Unavailable(_) | StoreError::Unconfirmed(_)) => Ok(shared),
        }
    }

    fn new(address: SharedAddress) -> Self {
        let keys = Keys { prefix: format!("wharf:{}:", address.name) };
        Self {
            pool: Pool::new(address.servers),
            keys,
            outbox: Outbox::default(),
            is_paused: AtomicBool::new(true),
            was_tried: AtomicBool::new(false),
            doubts: AtomicU64::new(0),
            logged: Mutex::default(),
        }
    }

    /// Whether the room is paused, because the store is unavailable or was not read yet.
    pub(in crate::server) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// Whether the reader has followed the stream, or failed to, since the server started. Until then, another server can
    /// serve the chat better. Later, a store that is unavailable is so for all servers.
    pub(in crate::server) fn was_tried(&self) -> bool {
        self.was_tried.load(Ordering::Acquire)
    }

    /// Pauses the room; returns whether it was not paused.
    pub(in crate::server) fn pause(&self) -> bool {
        self.was_tried.store(true, Ordering::Release);
        self.pool.close_idle();
        !self.is_paused.swap(true, Ordering::AcqRel)
    }

    /// Resumes the room; returns whether it was paused.
    pub(in crate::server) fn resume(&self) -> bool {
        let was_paused = self.is_paused.swap(false, Ordering::AcqRel);
        self.was_tried.store(true, Ordering::Release);
        was_paused
    }

    /// Announces what was done to a file, as soon as the store takes it. It never waits.
    pub(in crate::server) fn announce(&self, kind: EventKind) {
        self.outbox.announce(kind);
    }

    /// Lets a member leave as soon as the store takes it. It never waits.
    pub(in crate::server) fn leave_later(&self, person: Person) {
        self.outbox.leave(person);
    }

    /// A request of this member was served, so its name is renewed.
    pub(in crate::server) fn has_seen(&self, person: &Person) {
        self.outbox.seen(person);
    }

    /// Waits for at most this time for something to send; `None` once the server ends.
    pub(in crate::server) fn wait(&self, time: Duration) -> Option<Unsent> {
        self.outbox.wait(time)
    }

    /// Waits for this time; returns whether the server has not ended.
    pub(in crate::server) fn pass(&self, time: Duration) -> bool {
        self.outbox.pass(time)
    }

    /// Takes back what could not be sent.
    pub(in crate::server) fn put_back(&self, waiting: Unsent) {
        self.outbox.put_back(waiting);
    }

    /// Ends the threads.
    pub(in crate::server) fn end(&self) {
        self.outbox.end();
    }

    /// Whether the server has ended.
    pub(in crate::server) fn has_ended(&self) -> bool {
        self.outbox.has_ended()
    }

    /// Logs an error, unless it was just logged.
    pub(in crate::server) fn complain(&self, error: &StoreError) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = logged.as_ref().is_some_and(|(last, at)| last == error && at.elapsed() < LOG_AGAIN);
        if !is_old {
            log::warn!("the chat: {error}");
            *logged = Some((error.clone(), Instant::now()));
        }
    }

    /// A job has found out that the store has changed, for example that it is a replica now.
    pub(super) fn doubt(&self) {
        self.pool.close_idle();
        self.doubts.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").field("is_paused", &self.is_paused()).finish_non_exhaustive()
    }
}
