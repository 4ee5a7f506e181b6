//! The state of the chat: the room behind a lock, and a waker for the broadcaster.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use crate::access::{Judge, ToList, User};
use crate::chat::Now;
use crate::chat::error::RoomError;
use crate::chat::event::{EventKind, FileChange, Uploader};
use crate::chat::member::Person;
use crate::chat::name::Name;
use crate::chat::room::Room;
use crate::chat::stream::{Start, StreamItem, Subscription};
use crate::path::SharePath;
use crate::server::accounts::credential::Credential;
use crate::server::base::Base;
use crate::server::chat::events;
use crate::server::random;
use crate::server::request::ClientAddress;
use crate::server::shared::SharedStore;
use crate::server::timing::Active;
use crate::server::waker::Waker;

/// An event as it is sent: encoded once, shared by all subscribers.
pub(crate) type EncodedEvent = Arc<[u8]>;

/// The user that a member belongs to; `None` for a member without an account.
pub(crate) type Owner = Option<Arc<User>>;

/// The room, and the waker of the broadcaster.
pub(crate) struct ChatState {
    /// The path that precedes the links in events.
    base: Base,
    room: Mutex<Room<EncodedEvent, Owner>>,
    /// The store, if several servers share the room. It then decides the order of events.
    shared: Option<SharedStore>,
    waker: Arc<Waker>,
}

/// An open event stream of a member. Dropping it ends the subscription. A member without a subscription is removed
/// soon.
#[derive(Debug)]
pub(crate) struct EventStream {
    chat: Arc<ChatState>,
    subscription: Option<Subscription>,
    who: Person,
    from: ClientAddress,
    /// Decides which uploads are announced to the member.
    judge: Judge,
    /// Whether the client knows that the room is paused.
    knows_pause: bool,
    /// The credential of the stream's request; `None` if the request is anonymous.
    pub credential: Option<Arc<Credential>>,
    _active: Active,
}

/// What comes next in an event stream.
#[derive(Debug)]
pub(crate) enum NextBytes {
    Bytes(EncodedEvent),
    /// Nothing yet.
    Nothing,
    /// The stream has ended.
    Over,
}

impl ChatState {
    /// An empty room, with at most this many subscribers.
    pub(crate) fn new(
        max_subscribers: usize,
        base: Base,
        shared: Option<SharedStore>,
        waker: Arc<Waker>,
    ) -> Self {
        let encoder = base.clone();
        let room = Room::new(random::number(), random::bytes(), max_subscribers, move |event| {
            events::encode(event, &encoder).into()
        });
        let room = if shared.is_some() { room.of_stream() } else { room };
        Self { room: Mutex::new(room), shared, waker, base }
    }

    /// The store, if several servers share the room.
    pub(crate) fn shared(&self) -> Option<&SharedStore> {
        self.shared.as_ref()
    }

    /// The room, for one short call.
    pub(crate) fn room(&self) -> MutexGuard<'_, Room<EncodedEvent, Owner>> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the broadcaster.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Announces a saved file in the room.
    pub(crate) fn announce(&self, by: Uploader, path: Vec<u8>, lies_at: Option<Vec<u8>>, size: u64) {
        if let Some(shared) = &self.shared {
            return shared.announce(EventKind::Upload { by, path, lies_at, size });
        }
        let mut room = self.room();
        room.announce_upload(by, path, lies_at, size, now());
        self.wake_for(room);
    }

    /// Announces in the room what was done to a file or directory.
    pub(crate) fn announce_change(
        &self,
        by: Uploader,
        of: (Vec<u8>, bool),
        change: FileChange,
        also_at: Vec<Vec<u8>>,
    ) {
        if let Some(shared) = &self.shared {
            let (path, is_directory) = of;
            return shared.announce(EventKind::Change { by, path, is_directory, change, also_at });
        }
        let mut room = self.room();
        room.announce_change(by, of, change, also_at, now());
        self.wake_for(room);
    }

    /// Wakes the broadcaster if the room has subscribers. Later ones ask for what they have missed.
    fn wake_for(&self, room: MutexGuard<'_, Room<EncodedEvent, Owner>>) {
        let has_subscribers = room.subscribers() > 0;
        drop(room);
        if has_subscribers {
            self.wake();
        }
    }

    /// Removes the members for which `stays` is false. Their event streams end too.
    pub(crate) fn dismiss_unless(&self, stays: impl Fn(&Name, &Owner) -> bool) {
        let gone = match &self.shared {
            Some(_) => self.room().forget_unless(stays),
            None => self.room().dismiss_unless(stays, now()),
        };
        for person in &gone {
            self.shared.iter().for_each(|shared| shared.leave_later(person.clone()));
            log::info!("{} left the chat, because the account has changed", person.name);
        }
        if !gone.is_empty() {
            self.wake();
        }
    }

    /// Opens a stream for a member, starting after the last event that its client has seen. Also returns the
    /// first bytes of the stream.
    pub(crate) fn subscribe(
        self: &Arc<Self>,
        who: Person,
        last: Option<&str>,
        from: ClientAddress,
        judge: Judge,
        active: Active,
    ) -> Result<(EventStream, Vec<u8>), RoomError> {
        let mut room = self.room();
        let (subscription, start) = room.subscribe(who.id, last)?;
        let first = match start {
            Start::Fresh => {
                room.welcome(&subscription).map(|welcome| events::welcome("welcome", &welcome, &self.base))
            }
            Start::Reset => {
                room.welcome(&subscription).map(|welcome| events::welcome("reset", &welcome, &self.base))
            }
            Start::Resumed => Ok(Vec::new()),
        };
        drop(room);
        log::info!("{from} opened an event stream as {}", who.name);
        let chat = Arc::clone(self);
        let stream = EventStream {
            chat,
            subscription: Some(subscription),
            who,
            from,
            judge,
            knows_pause: false,
            credential: None,
            _active: active,
        };
        Ok((stream, first?))
    }
}

impl fmt::Debug for ChatState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatState").field("subscribers", &self.room().subscribers()).finish_non_exhaustive()
    }
}

impl EventStream {
    /// The client that listens.
    pub(crate) fn client(&self) -> ClientAddress {
        self.from
    }

    /// Whether its client may still listen.
    pub(crate) fn may_go_on(&self) -> bool {
        self.credential.as_ref().is_none_or(|credential| credential.holds())
    }

    /// What comes next.
    pub(crate) fn next(&mut self) -> NextBytes {
        let is_paused = self.chat.shared.as_ref().is_some_and(SharedStore::is_paused);
        if is_paused != self.knows_pause {
            self.knows_pause = is_paused;
            return NextBytes::Bytes(events::pause(is_paused).into());
        }
        let Some(subscription) = &mut self.subscription else { return NextBytes::Over };
        let room = self.chat.room();
        match room.next(subscription, |path| may_see(&self.judge, path)) {
            StreamItem::Event(posted) => NextBytes::Bytes(Arc::clone(&posted.ready)),
            StreamItem::NothingYet => NextBytes::Nothing,
            StreamItem::Over => NextBytes::Over,
            StreamItem::Lapped => match room.welcome(subscription) {
                Ok(welcome) => NextBytes::Bytes(events::welcome("reset", &welcome, &self.chat.base).into()),
                Err(_) => NextBytes::Over,
            },
        }
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        if let Some(subscription) = self.subscription.take() {
            self.chat.room().unsubscribe(subscription, now());
            log::info!("{} closed its event stream as {}", self.from, self.who.name);
        }
    }
}

/// Whether an upload to this path is announced to a member: only if the member may list the path now.
pub(crate) fn may_see(judge: &Judge, path: &[u8]) -> bool {
    SharePath::parse(path).is_ok_and(|path| judge.check::<ToList>(&path).is_ok())
}

/// Whether a member belongs to this user. A user that has changed counts as a different one.
pub(crate) fn is_same_owner(owner: &Owner, user: Option<&Arc<User>>) -> bool {
    match (owner, user) {
        (None, None) => true,
        (Some(owner), Some(user)) => Arc::ptr_eq(owner, user),
        _ => false,
    }
}

/// The time on both clocks.
pub(crate) fn now() -> Now {
    Now { steady: Instant::now(), wall: SystemTime::now() }
}
