//! The room as the server has it: behind a lock, with a bell that tells the broadcaster when something was said.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};
use std::{fmt, io};

use rustix::event::{EventfdFlags, eventfd};

use super::chat_events;
use super::random;
use super::timing::Active;
use crate::chat::Now;
use crate::chat::error::RoomError;
use crate::chat::event::Uploader;
use crate::chat::member::Person;
use crate::chat::room::Room;
use crate::chat::stream::{Start, StreamItem, Subscription};
use crate::net::peer::Peer;

/// What is sent of an event: made once, shared by all who hear it.
pub type Ready = Arc<[u8]>;

/// The room, and its bell.
pub struct Talk {
    room: Mutex<Room<Ready>>,
    bell: OwnedFd,
}

/// Somebody who listens. Dropped, the stream is given back, and its member is gone soon.
#[derive(Debug)]
pub struct Listening {
    talk: Arc<Talk>,
    subscription: Option<Subscription>,
    who: Person,
    from: Peer,
    _active: Active,
}

/// What a listener hears next.
#[derive(Debug)]
pub enum Heard {
    /// These bytes.
    Bytes(Ready),
    /// Nothing yet.
    Nothing,
    /// Nothing any more.
    Over,
}

impl Talk {
    /// An empty room, for so many listeners at once.
    pub fn new(max_subscribers: usize) -> io::Result<Self> {
        let epoch = u128::from_ne_bytes(random::bytes()) as u64;
        let room = Room::new(epoch, max_subscribers, |event| chat_events::encode(event).into());
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { room: Mutex::new(room), bell })
    }

    /// The room, for one short call.
    pub fn room(&self) -> MutexGuard<'_, Room<Ready>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the broadcaster that there is something to do.
    pub fn ring(&self) {
        // It fails only when 2^64 - 1 calls have not been heard.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    /// The bell has been heard.
    pub fn hush(&self) {
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
    }

    /// Tells the room of a file that was saved.
    pub fn announce(&self, by: Uploader, path: Vec<u8>, size: u64) {
        self.room().announce_upload(by, path, size, now());
        self.ring();
    }

    /// Opens a stream for a member, after the event that it names as its last; with the bytes that it begins with.
    pub fn listen(
        self: &Arc<Self>,
        who: Person,
        last: Option<&str>,
        from: Peer,
        active: Active,
    ) -> Result<(Listening, Vec<u8>), RoomError> {
        let mut room = self.room();
        let (subscription, start) = room.subscribe(who.id, last)?;
        let first = match start {
            Start::Fresh => {
                room.welcome(&subscription).map(|welcome| chat_events::welcome("welcome", &welcome))
            }
            Start::Reset => {
                room.welcome(&subscription).map(|welcome| chat_events::welcome("reset", &welcome))
            }
            Start::Resumed => Ok(Vec::new()),
        };
        drop(room);
        log::info!("{from} listens as {}", who.name);
        let talk = Arc::clone(self);
        let listening = Listening { talk, subscription: Some(subscription), who, from, _active: active };
        Ok((listening, first?))
    }
}

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Talk").field("subscribers", &self.room().subscribers()).finish_non_exhaustive()
    }
}

/// The bell: readable when it has been rung.
impl AsFd for Talk {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}

impl Listening {
    /// What comes next.
    pub fn hear(&mut self) -> Heard {
        let Some(subscription) = &mut self.subscription else { return Heard::Over };
        let room = self.talk.room();
        match room.next(subscription) {
            StreamItem::Event(posted) => Heard::Bytes(Arc::clone(&posted.ready)),
            StreamItem::NothingYet => Heard::Nothing,
            StreamItem::Over => Heard::Over,
            StreamItem::Lapped => match room.welcome(subscription) {
                Ok(welcome) => Heard::Bytes(chat_events::welcome("reset", &welcome).into()),
                Err(_) => Heard::Over,
            },
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        if let Some(subscription) = self.subscription.take() {
            self.talk.room().unsubscribe(subscription, now());
            log::info!("{} does not listen as {} any more", self.from, self.who.name);
        }
    }
}

/// Now, on both clocks.
pub fn now() -> Now {
    Now { steady: Instant::now(), wall: SystemTime::now() }
}
