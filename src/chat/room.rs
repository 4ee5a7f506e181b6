//! The room itself: who is here, what was said, and who may hear it.
//!
//! Every call is short and never waits, so one lock around a room serves all threads. A reader takes what
//! it wants to write (the ready bytes are cheap to clone when they are an `Arc<[u8]>`), lets the lock go,
//! and writes then.
//!
//! A listener's life:
//!
//! ```text
//! join ─▶ MemberToken ─▶ subscribe ─▶ Subscription, Start ─▶ next, next, … ─▶ unsubscribe ─▶ 30 s ─▶ on_time
//!                             ▲              │ Fresh, Reset: welcome()             │           has left
//!                             └──────────────┴─── comes back with its last id ─────┘
//! ```
//!
//! What is promised: between a start and its end, a subscription gives each event that its member may hear
//! exactly once, in order; so it does across streams, when the second is opened with the id of the last
//! event of the first. When it cannot, because the ring has gone past, it says so ([`StreamItem::Lapped`],
//! [`Start::Reset`]).

use std::collections::VecDeque;
use std::sync::Arc;

use super::Now;
use super::client_key::ClientKey;
use super::error::RoomError;
use super::event::{Event, EventId, EventKind, Uploader};
use super::flood::ClientBuckets;
use super::member::{MAX_MEMBERS, MemberId, Members, Person};
use super::name::Name;
use super::ring::{Bounds, Lookup, Position, Ring};
use super::stream::{HISTORY, POLL_EVENTS, Polled, Posted, Start, StreamItem, Subscription, Welcome};
use super::text::MessageText;
use super::token::{MemberToken, Secret};

/// Streams at most, of all members together, unless told otherwise: one for each member, if there are that many.
pub const MAX_SUBSCRIBERS: usize = MAX_MEMBERS;

/// Events that the ring holds: at a busy room's 100 a second, who was gone for two minutes still misses
/// nothing.
pub const RING_EVENTS: usize = 16_384;

/// Bytes that the ring holds, texts and ready bytes together: else 16,384 texts of 4 KB, twice, would be
/// 200 MB.
pub const RING_BYTES: usize = 32 << 20;

/// A room whose events go out as `P`: made once for each event, by the function given to [`Room::new`].
pub struct Room<P> {
    epoch: u64,
    members: Members,
    client_buckets: ClientBuckets,
    ring: Ring<Posted<P>>,
    history: VecDeque<Arc<Event>>,
    subscribers: usize,
    max_subscribers: usize,
    ready: fn(&Event) -> P,
}

impl<P: AsRef<[u8]>> Room<P> {
    /// An empty room, for so many streams at once. The epoch is random, from the caller; `ready` makes of each event
    /// what goes out.
    pub fn new(epoch: u64, max_subscribers: usize, ready: fn(&Event) -> P) -> Self {
        let bounds = Bounds { items: RING_EVENTS, weight: RING_BYTES };
        Self { max_subscribers, ..Self::with_bounds(epoch, ready, bounds) }
    }

    fn with_bounds(epoch: u64, ready: fn(&Event) -> P, bounds: Bounds) -> Self {
        let (members, ring, history) = (Members::new(), Ring::new(bounds), VecDeque::new());
        let (client_buckets, max_subscribers) = (ClientBuckets::default(), MAX_SUBSCRIBERS);
        Self { epoch, members, client_buckets, ring, history, subscribers: 0, max_subscribers, ready }
    }

    /// Lets a client in as a member; the others hear of it. The secret is random, from the caller.
    pub fn join(
        &mut self,
        name: Name,
        secret: Secret,
        client: ClientKey,
        now: Now,
    ) -> Result<MemberToken, RoomError> {
        self.client_buckets.take(client, now.steady).map_err(|wait| RoomError::TooFast { wait })?;
        let after_join = self.ring.end().next();
        let who = self.members.admit(name, secret.clone(), client, after_join, now.steady)?.person.clone();
        let token = MemberToken::new(who.id, secret);
        self.post(EventKind::Join { who }, now);
        Ok(token)
    }

    /// Lets someone go; the others hear of it, and the member's streams are [`StreamItem::Over`].
    pub fn leave(&mut self, member: MemberId, now: Now) -> Result<Person, RoomError> {
        let who = self.members.remove(member)?;
        self.post(EventKind::Leave { who: who.clone() }, now);
        Ok(who)
    }

    /// Says something to all.
    pub fn say(&mut self, member: MemberId, text: MessageText, now: Now) -> Result<EventId, RoomError> {
        let from = self.speaker(member, now)?;
        Ok(self.post(EventKind::Message { from, text }, now))
    }

    /// Says something to whoever has this name now, and to nobody else.
    pub fn say_to(
        &mut self,
        member: MemberId,
        name: &str,
        text: MessageText,
        now: Now,
    ) -> Result<EventId, RoomError> {
        let from = self.speaker(member, now)?;
        let to = self.members.by_name(name)?.clone();
        Ok(self.post(EventKind::Private { from, to, text }, now))
    }

    /// Tells the room of a file that has arrived, by whatever door.
    pub fn announce_upload(&mut self, by: Uploader, path: Vec<u8>, size: u64, now: Now) -> EventId {
        self.post(EventKind::Upload { by, path, size }, now)
    }

    /// Lets those go who have been without a stream, or any other sign of life, for
    /// [`ABSENCE`](super::member::ABSENCE). To be called every second or so.
    pub fn on_time(&mut self, now: Now) -> Vec<Person> {
        self.client_buckets.forget_quiet(now.steady);
        let expired = self.members.expired(now.steady);
        expired.into_iter().filter_map(|member| self.leave(member, now).ok()).collect()
    }

    /// Whose token this is, as a client sent it; nobody's if it is not exactly a present member's.
    pub fn authenticate(&self, token: &str) -> Option<&Person> {
        self.members.by_token(&MemberToken::parse(token)?)
    }

    /// Who is here, in the order of joining.
    pub fn who(&self) -> impl Iterator<Item = &Person> {
        self.members.people()
    }

    /// Open streams.
    pub fn subscribers(&self) -> usize {
        self.subscribers
    }

    /// Opens a stream, after the event that the client names as the last that it has (`Last-Event-ID`, as
    /// sent), or newly.
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
        let (position, start) = self.start(last, joined);
        Ok((Subscription { member, position }, start))
    }

    /// Takes a stream back that has ended, however it did.
    pub fn unsubscribe(&mut self, Subscription { member, .. }: Subscription, now: Now) {
        self.subscribers = self.subscribers.saturating_sub(1);
        if let Ok(listener) = self.members.get_mut(member) {
            listener.stream_closed(now.steady);
        }
    }

    /// What a stream gives next.
    pub fn next(&self, subscription: &mut Subscription) -> StreamItem<'_, P> {
        if !self.members.contains(subscription.member) {
            return StreamItem::Over;
        }
        self.read(&mut subscription.position, subscription.member)
    }

    /// What to show a listener before its first event.
    pub fn welcome(&self, subscription: &Subscription) -> Result<Welcome, RoomError> {
        let to = self.members.get(subscription.member)?.person.clone();
        let id = self.id_before(subscription.position);
        let history = self.history_before(subscription.position).cloned().collect();
        Ok(Welcome { id, to, members: self.who().cloned().collect(), history })
    }

    /// What is new since the event that the client names, for those who ask now and then instead of
    /// listening. Asking is a sign of life.
    pub fn poll(&mut self, member: MemberId, last: Option<&str>, now: Now) -> Result<Polled, RoomError> {
        let joined = self.members.get_mut(member)?.polled(now.steady);
        let (mut position, start) = self.start(last, joined);
        let mut events = Vec::new();
        if start != Start::Resumed {
            events.extend(self.history_before(position).cloned());
        }
        let mut wanted = POLL_EVENTS;
        while wanted > 0
            && let StreamItem::Event(posted) = self.read(&mut position, member)
        {
            events.push(Arc::clone(&posted.event));
            wanted -= 1;
        }
        Ok(Polled { start, events, last: self.id_before(position), more: wanted == 0 })
    }

    /// Who speaks, if they may now. Speaking is a sign of life, and counts even if it reaches nobody, so
    /// that names cannot be tried out any faster than that. Who is too fast takes nothing from their neighbours.
    fn speaker(&mut self, member: MemberId, now: Now) -> Result<Person, RoomError> {
        let speaker = self.members.get_mut(member)?;
        speaker.seen(now.steady);
        let taken = speaker
            .bucket
            .take(now.steady)
            .and_then(|()| self.client_buckets.take(speaker.client, now.steady));
        taken.map_err(|wait| RoomError::TooFast { wait })?;
        Ok(speaker.person.clone())
    }

    fn post(&mut self, kind: EventKind, now: Now) -> EventId {
        let id = EventId { epoch: self.epoch, seq: self.ring.end().seq() };
        let event = Arc::new(Event { id, at: now.wall, kind });
        if matches!(event.kind, EventKind::Message { .. }) {
            self.remember(&event);
        }
        let ready = (self.ready)(&event);
        let weight = ready.as_ref().len() + event.text_len();
        self.ring.push(Posted { event, ready }, weight);
        id
    }

    fn remember(&mut self, message: &Arc<Event>) {
        if self.history.len() == HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Arc::clone(message));
    }

    /// Where a listener begins who has `last`, or who has joined at a place and heard nothing yet.
    fn start(&self, last: Option<&str>, joined: Option<Position>) -> (Position, Start) {
        let Some(last) = last else {
            let joined = joined.filter(|&position| self.ring.reaches(position));
            return (joined.unwrap_or(self.ring.end()), Start::Fresh);
        };
        match self.resume(last) {
            Some(position) => (position, Start::Resumed),
            None => (self.ring.end(), Start::Reset),
        }
    }

    fn resume(&self, last: &str) -> Option<Position> {
        let id = EventId::parse(last).filter(|id| id.epoch == self.epoch)?;
        Position::after(id.seq).filter(|&position| self.ring.reaches(position))
    }

    /// The next event from a position on that the viewer may hear. The position moves past it, and past all
    /// others'.
    fn read(&self, position: &mut Position, viewer: MemberId) -> StreamItem<'_, P> {
        loop {
            match self.ring.at(*position) {
                Lookup::NothingYet => return StreamItem::NothingYet,
                Lookup::Lapped => {
                    *position = self.ring.end();
                    return StreamItem::Lapped;
                }
                Lookup::Item(posted) => {
                    *position = position.next();
                    if posted.event.is_heard_by(viewer) {
                        return StreamItem::Event(posted);
                    }
                }
            }
        }
    }

    fn id_before(&self, position: Position) -> EventId {
        EventId { epoch: self.epoch, seq: position.passed() }
    }

    fn history_before(&self, position: Position) -> impl Iterator<Item = &Arc<Event>> {
        self.history.iter().filter(move |message| message.id.seq < position.seq())
    }
}

#[cfg(test)]
mod tests;
