//! The room: its members, their messages, and which member may see which.
//!
//! Every call is short and never waits, so one lock around a room serves all threads. A reader takes what it wants to write
//! (the encoded bytes are cheap to clone if they are an `Arc<[u8]>`), releases the lock, and then writes.
//!
//! The life cycle of a listener:
//!
//! ```text
//! join ─▶ MemberToken ─▶ subscribe ─▶ Subscription, Start ─▶ next, next, … ─▶ unsubscribe ─▶ 30 s ─▶ on_time
//!                             ▲              │ Fresh, Reset: welcome()             │           has left
//!                             └──────────────┴─── comes back with its last id ─────┘
//! ```
//!
//! From its start to its end, a subscription yields each event that its member may see exactly once, in order. The same
//! holds across streams, if the second is opened with the id of the last event of the first. If events were evicted in
//! between, the listener is notified: [`StreamItem::Lapped`], [`Start::Reset`].

use std::collections::VecDeque;
use std::sync::Arc;

use super::Now;
use super::client_key::ClientKey;
use super::error::RoomError;
use super::event::{Event, EventKind, FileChange, Uploader};
use super::flood::ClientBuckets;
use super::id::{EventId, Ids, KEY_LEN};
pub use super::limits::MAX_SUBSCRIBERS;
use super::limits::{HISTORY, POLL_EVENTS, RING_BYTES, RING_EVENTS};
use super::member::Members;
use super::name::Name;
use super::person::{MemberId, Person};
use super::ring::{Bounds, Lookup, Position, Ring};
use super::stream::{Cursor, Polled, Posted, Start, StreamItem, Subscription, Welcome};
use super::stream_id::StreamId;
use super::text::MessageText;
use super::token::{MemberToken, Secret};

/// A room whose events are sent as `P`: each is encoded once, by the function given to [`Room::new`]. For
/// each member, it stores the owner that the caller passed, an `O`.
pub struct Room<P, O> {
    order: Order,
    ids: Ids,
    members: Members<O>,
    client_buckets: ClientBuckets,
    ring: Ring<Posted<P>>,
    /// Public messages, with their positions.
    history: VecDeque<(Position, Arc<Event>)>,
    subscribers: usize,
    max_subscribers: usize,
    ready: Box<dyn Fn(&Event) -> P + Send>,
}

/// What decides in which order things happen.
#[derive(Debug)]
enum Order {
    /// This room.
    Local,
    /// A stream that several servers read.
    Stream {
        /// The entry of the newest event that was evicted from the ring.
        evicted: Option<StreamId>,
    },
}

impl<P: AsRef<[u8]>, O> Room<P, O> {
    /// An empty room, for at most `max_subscribers` streams at once. The caller passes a random epoch and a
    /// random key for event ids; `ready` encodes each event.
    pub fn new(
        epoch: u64,
        key: [u8; KEY_LEN],
        max_subscribers: usize,
        ready: impl Fn(&Event) -> P + Send + 'static,
    ) -> Self {
        let bounds = Bounds { items: RING_EVENTS, weight: RING_BYTES };
        Self { max_subscribers, ..Self::with_bounds(Ids::new(epoch, key), ready, bounds) }
    }

    fn with_bounds(ids: Ids, ready: impl Fn(&Event) -> P + Send + 'static, bounds: Bounds) -> Self {
        let ready = Box::new(ready);
        let (members, ring, history) = (Members::new(), Ring::new(bounds), VecDeque::new());
        let (client_buckets, max_subscribers) = (ClientBuckets::default(), MAX_SUBSCRIBERS);
        let order = Order::Local;
        Self { order, ids, members, client_buckets, ring, history, subscribers: 0, max_subscribers, ready }
    }

    /// Adds a member from a client and announces it in the room. The caller passes a random secret.
    pub fn join(
        &mut self,
        name: Name,
        owner: O,
        secret: Secret,
        client: ClientKey,
        now: Now,
    ) -> Result<MemberToken, RoomError> {
        self.client_buckets.take(client, now.steady).map_err(|wait| RoomError::TooFast { wait })?;
        let after_join = self.ring.end().next();
        let member = self.members.admit(name, owner, secret, client, after_join, now.steady)?;
        let (who, token) = (member.person.clone(), member.token());
        self.post(EventKind::Join { who }, now);
        token.ok_or(RoomError::NotAMember)
    }

    /// Refuses a name that the caller reserves for another user. This counts as a join, so that reserved
    /// names cannot be guessed any faster.
    pub fn refuse(&mut self, name: Name, client: ClientKey, now: Now) -> RoomError {
        match self.client_buckets.take(client, now.steady) {
            Ok(()) => RoomError::NameTaken(name),
            Err(wait) => RoomError::TooFast { wait },
        }
    }

    /// The present member with this name, and its owner.
    pub fn holder(&self, name: &Name) -> Option<(&Person, &O)> {
        self.members.by_name(name.as_str()).and_then(|member| Some((&member.person, member.owner()?)))
    }

    /// The token of a present member, for another device of its owner.
    pub fn token_again(&mut self, member: MemberId, now: Now) -> Result<MemberToken, RoomError> {
        let member = self.members.get_mut(member)?;
        member.seen(now.steady);
        member.token().ok_or(RoomError::NotAMember)
    }

    /// Removes the members for which `stays` is false, like [`Room::leave`].
    pub fn dismiss_unless(&mut self, stays: impl Fn(&Name, &O) -> bool, now: Now) -> Vec<Person> {
        let gone = self.members.except(stays);
        gone.into_iter().filter_map(|member| self.leave(member, now).ok()).collect()
    }

    /// Removes a member and announces it in the room. The member's streams return [`StreamItem::Over`] from
    /// now on.
    pub fn leave(&mut self, member: MemberId, now: Now) -> Result<Person, RoomError> {
        let who = self.members.remove(member)?;
        self.post(EventKind::Leave { who: who.clone() }, now);
        Ok(who)
    }

    /// Posts a message to all.
    pub fn say(&mut self, member: MemberId, text: MessageText, now: Now) -> Result<EventId, RoomError> {
        let from = self.speaker(member, now)?;
        Ok(self.post(EventKind::Message { from, text }, now))
    }

    /// Posts a message to the member that has this name now, and to no later one.
    pub fn say_to(
        &mut self,
        member: MemberId,
        name: &str,
        text: MessageText,
        now: Now,
    ) -> Result<EventId, RoomError> {
        let from = self.speaker(member, now)?;
        let to = self.members.by_name(name).ok_or(RoomError::NoSuchUser)?.person.clone();
        Ok(self.post(EventKind::Private { from, to, text }, now))
    }

    /// Announces that a file was uploaded to this path, by any protocol; `lies_at` is its real path, if that
    /// differs.
    pub fn announce_upload(
        &mut self,
        by: Uploader,
        path: Vec<u8>,
        lies_at: Option<Vec<u8>>,
        size: u64,
        now: Now,
    ) -> EventId {
        self.post(EventKind::Upload { by, path, lies_at, size }, now)
    }

    /// Announces that a file or directory was removed, moved or restored, by any protocol. `also_at` has its other
    /// paths, before or after the change.
    pub fn announce_change(
        &mut self,
        by: Uploader,
        (path, is_directory): (Vec<u8>, bool),
        change: FileChange,
        also_at: Vec<Vec<u8>>,
        now: Now,
    ) -> EventId {
        self.post(EventKind::Change { by, path, is_directory, change, also_at }, now)
    }

    /// Removes the members that have had no stream and sent no request for [`ABSENCE`](super::limits::ABSENCE). Call it
    /// about once a second.
    pub fn on_time(&mut self, now: Now) -> Vec<Person> {
        self.client_buckets.forget_quiet(now.steady);
        let expired = match self.order {
            Order::Local => self.members.expired(now.steady),
            // The servers that share the room find out together.
            Order::Stream { .. } => Vec::new(),
        };
        expired.into_iter().filter_map(|member| self.leave(member, now).ok()).collect()
    }

    /// The member that a client's token belongs to, and its owner; `None` if the text is not exactly the
    /// token of a present member.
    pub fn authenticate(&self, token: &str) -> Option<(&Person, &O)> {
        let member = self.members.by_token(&MemberToken::parse(token)?)?;
        Some((&member.person, member.owner()?))
    }

    /// The present members, in the order of joining.
    pub fn who(&self) -> impl Iterator<Item = &Person> {
        self.members.people()
    }

    /// The number of open streams.
    pub fn subscribers(&self) -> usize {
        self.subscribers
    }

    /// Opens a stream. It begins after the last event that the client has, if the client names one
    /// (`Last-Event-ID`, as sent).
    pub fn subscribe(
        &mut self,
        member: MemberId,
        last: Option<&str>,
    ) -> Result<(Subscription, Start), RoomError> {
        let listener = self.members.get_mut(member)?;
        if listener.has_enough_streams() {
            return Err(RoomError::EnoughStreams);
        }
        if self.subscribers >= self.max_subscribers {
            return Err(RoomError::TooManyStreams(self.max_subscribers));
        }
        self.subscribers += 1;
        let joined = listener.stream_opened();
        let (cursor, start) = self.start(last, joined);
        Ok((Subscription { member, cursor }, start))
    }

    /// Takes back a stream that has ended, for any reason.
    pub fn unsubscribe(&mut self, Subscription { member, .. }: Subscription, now: Now) {
        self.subscribers = self.subscribers.saturating_sub(1);
        if let Ok(listener) = self.members.get_mut(member) {
            listener.stream_closed(now.steady);
        }
    }

    /// The next item of a stream. `may_see` says which paths its member may see now.
    pub fn next(
        &self,
        subscription: &mut Subscription,
        may_see: impl Fn(&[u8]) -> bool,
    ) -> StreamItem<'_, P> {
        if !self.members.contains(subscription.member) {
            return StreamItem::Over;
        }
        self.read(&mut subscription.cursor, subscription.member, may_see)
    }

    /// What a listener is shown before its first event.
    pub fn welcome(&self, subscription: &Subscription) -> Result<Welcome, RoomError> {
        let to = self.members.get(subscription.member)?.person.clone();
        let id = self.place(subscription.cursor);
        let history = self.history_before(subscription.cursor.position).cloned().collect();
        Ok(Welcome { id, to, members: self.who().cloned().collect(), history })
    }

    /// The events since the one that the client names, for clients that poll instead of listening. A poll
    /// restarts the absence. `may_see` says which paths the member may see now.
    pub fn poll(
        &mut self,
        member: MemberId,
        last: Option<&str>,
        now: Now,
        may_see: impl Fn(&[u8]) -> bool,
    ) -> Result<Polled, RoomError> {
        let joined = self.members.get_mut(member)?.polled(now.steady);
        let (mut cursor, start) = self.start(last, joined);
        let mut events = Vec::new();
        if start != Start::Resumed {
            events.extend(self.history_before(cursor.position).cloned());
        }
        let mut wanted = POLL_EVENTS;
        while wanted > 0
            && let StreamItem::Event(posted) = self.read(&mut cursor, member, &may_see)
        {
            events.push(Arc::clone(&posted.event));
            wanted -= 1;
        }
        Ok(Polled { start, events, last: self.place(cursor), more: wanted == 0 })
    }

    /// The sender of a message, if the rate limits allow one now. The message counts even if its recipient
    /// does not exist, so that names cannot be guessed any faster. A member that sends too fast takes no
    /// token from its client's bucket.
    fn speaker(&mut self, member: MemberId, now: Now) -> Result<Person, RoomError> {
        let speaker = self.members.get_mut(member)?;
        speaker.seen(now.steady);
        let taken = speaker.bucket.take(now.steady).and_then(|()| {
            speaker.client.map_or(Ok(()), |client| self.client_buckets.take(client, now.steady))
        });
        taken.map_err(|wait| RoomError::TooFast { wait })?;
        Ok(speaker.person.clone())
    }

    fn post(&mut self, kind: EventKind, now: Now) -> EventId {
        let id = self.ids.of_event(self.ring.end());
        self.push(Event { id, at: now.wall, kind });
        id
    }

    /// Adds an event to the ring. Returns the newest of those that this has evicted.
    fn push(&mut self, event: Event) -> Option<Posted<P>> {
        let (position, event) = (self.ring.end(), Arc::new(event));
        if matches!(event.kind, EventKind::Message { .. }) {
            self.remember(position, &event);
        }
        let ready = (self.ready)(&event);
        let weight = ready.as_ref().len() + event.text_len();
        self.ring.push(Posted { event, ready }, weight)
    }

    fn remember(&mut self, position: Position, message: &Arc<Event>) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back((position, Arc::clone(message)));
    }

    /// Where a listener begins: after the event `last`, or at the position of its join if it has read nothing yet.
    fn start(&self, last: Option<&str>, joined: Option<Position>) -> (Cursor, Start) {
        let Some(last) = last else {
            let joined = joined.filter(|&position| self.ring.reaches(position));
            return (joined.unwrap_or(self.ring.end()).into(), Start::Fresh);
        };
        match self.resume(last) {
            Some(cursor) => (cursor, Start::Resumed),
            None => (self.ring.end().into(), Start::Reset),
        }
    }

    fn resume(&self, last: &str) -> Option<Cursor> {
        match self.order {
            Order::Local => {
                self.ids.after(last).filter(|&position| self.ring.reaches(position)).map(Cursor::from)
            }
            Order::Stream { evicted } => self.resume_in_stream(last, evicted),
        }
    }

    /// An id for the place of a listener.
    fn place(&self, cursor: Cursor) -> EventId {
        match self.order {
            Order::Local => self.ids.of_place(cursor.position),
            Order::Stream { evicted } => self.place_in_stream(cursor, evicted),
        }
    }

    /// The next event, from a position on, that the viewer may see. The position moves past it, and past the events
    /// that the viewer may not see.
    fn read(
        &self,
        cursor: &mut Cursor,
        viewer: MemberId,
        may_see: impl Fn(&[u8]) -> bool,
    ) -> StreamItem<'_, P> {
        loop {
            match self.ring.at(cursor.position) {
                Lookup::NothingYet => return StreamItem::NothingYet,
                Lookup::Lapped => {
                    *cursor = self.ring.end().into();
                    return StreamItem::Lapped;
                }
                Lookup::Item(posted) => {
                    if let Some(awaited) = cursor.awaited {
                        let Some(closer) = self.approach(*cursor, awaited, posted) else {
                            *cursor = self.ring.end().into();
                            return StreamItem::Lapped;
                        };
                        *cursor = closer;
                        continue;
                    }
                    cursor.position = cursor.position.next();
                    if posted.event.is_heard_by(viewer, &may_see) {
                        return StreamItem::Event(posted);
                    }
                }
            }
        }
    }

    fn history_before(&self, position: Position) -> impl Iterator<Item = &Arc<Event>> {
        let before = self.history.iter().filter(move |(posted, _)| *posted < position);
        before.map(|(_, message)| message)
    }
}

mod stream_order;
#[cfg(test)]
mod tests;
