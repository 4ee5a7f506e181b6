//! A chat room that several servers share, through Valkey or Redis: what one server asks the store for.
//!
//! ```text
//!   wharf:NAME:epoch          the epoch of event ids, and the key that seals them
//!   wharf:NAME:stream         the events, in one order for all
//!   wharf:NAME:members        number -> name and account
//!   wharf:NAME:tokens:NUMBER  the hashes of the member's tokens
//!   wharf:NAME:name:FOLDED    the number of the member who has the name; expires if no server renews it
//! ```
//!
//! A job that joins, leaves or sends a message takes a connection of its own from a pool. Two threads have one each: the
//! reader follows the stream, and the keeper sends what must not wait, renews names, and finds members that are gone.

mod address;
mod outbox;
mod pool;
mod replies;
mod room;
mod scripts;
mod stream;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub use self::address::{SharedAddress, SharedAddressError};
use self::outbox::Outbox;
pub(super) use self::outbox::Unsent;
use self::pool::Pool;
pub(super) use self::room::{Joined, StoredMember};
pub(super) use self::stream::StreamReader;
use crate::blocking::Blocking;
use crate::chat::event::EventKind;
use crate::chat::member::Person;
use crate::server::store_error::StoreError;

/// The store of the room, as one server sees it.
pub(super) struct SharedStore {
    pool: Pool,
    keys: Keys,
    outbox: Outbox,
    /// Whether the room is paused: the reader does not follow the stream.
    is_paused: AtomicBool,
    /// Counts the connections that found out that the store has changed. The reader then connects again.
    doubts: AtomicU64,
    /// The last error that was logged, and when.
    logged: Mutex<Option<(StoreError, Instant)>>,
}

/// How often the same error is logged.
const LOG_AGAIN: Duration = Duration::from_secs(60);

/// The names of the keys.
struct Keys {
    prefix: String,
}

impl Keys {
    fn of(&self, what: impl fmt::Display) -> String {
        format!("{}{what}", self.prefix)
    }

    fn epoch(&self) -> String {
        self.of("epoch")
    }

    fn stream(&self) -> String {
        self.of("stream")
    }

    fn members(&self) -> String {
        self.of("members")
    }

    fn tokens(&self, person: &Person) -> String {
        self.of(format_args!("tokens:{}", person.id))
    }

    fn name(&self, person: &Person) -> String {
        self.of(format_args!("name:{}", person.name.folded()))
    }
}

impl SharedStore {
    /// The store at these addresses. One that is away may come back; one that refuses this server is an error.
    pub(super) fn open(address: SharedAddress, disk: Blocking<'_>) -> Result<Self, StoreError> {
        let shared = Self::new(address);
        match shared.look(disk) {
            Err(error @ StoreError::Refused(_)) => Err(error),
            Ok(()) | Err(StoreError::Away(_) | StoreError::Unsure(_)) => Ok(shared),
        }
    }

    fn new(address: SharedAddress) -> Self {
        let keys = Keys { prefix: format!("wharf:{}:", address.name) };
        Self {
            pool: Pool::new(address.servers),
            keys,
            outbox: Outbox::default(),
            is_paused: AtomicBool::new(true),
            doubts: AtomicU64::new(0),
            logged: Mutex::default(),
        }
    }

    /// Whether the room is paused, because the store is away or was not read yet.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// Pauses or resumes the room; returns whether that is a change.
    pub(super) fn pause(&self, is_paused: bool) -> bool {
        if is_paused {
            self.pool.close_idle();
        }
        self.is_paused.swap(is_paused, Ordering::AcqRel) != is_paused
    }

    /// Announces what was done to a file, as soon as the store takes it. It never waits.
    pub(super) fn announce(&self, kind: EventKind) {
        self.outbox.announce(kind);
    }

    /// Lets a member leave as soon as the store takes it. It never waits.
    pub(super) fn leave_later(&self, person: Person) {
        self.outbox.leave(person);
    }

    /// A request of this member was served, so its name is renewed.
    pub(super) fn has_seen(&self, person: &Person) {
        self.outbox.seen(person);
    }

    /// Waits for at most this time for something to send; `None` once the server ends.
    pub(super) fn wait(&self, time: Duration) -> Option<Unsent> {
        self.outbox.wait(time)
    }

    /// Waits for this time; returns whether the server has not ended.
    pub(super) fn pass(&self, time: Duration) -> bool {
        self.outbox.pass(time)
    }

    /// Takes back what could not be sent.
    pub(super) fn put_back(&self, waiting: Unsent) {
        self.outbox.put_back(waiting);
    }

    /// Ends the threads.
    pub(super) fn end(&self) {
        self.outbox.end();
    }

    /// Whether the server has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.outbox.has_ended()
    }

    /// Logs an error, unless it was just logged.
    pub(super) fn complain(&self, error: &StoreError) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = logged.as_ref().is_some_and(|(last, at)| last == error && at.elapsed() < LOG_AGAIN);
        if !is_old {
            log::warn!("the chat: {error}");
            *logged = Some((error.clone(), Instant::now()));
        }
    }

    /// A job has found out that the store has changed, for example that it is a replica now.
    fn doubt(&self) {
        self.pool.close_idle();
        self.doubts.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").field("is_paused", &self.is_paused()).finish_non_exhaustive()
    }
}
