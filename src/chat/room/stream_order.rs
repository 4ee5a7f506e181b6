//! A room whose order a stream decides: several servers read it, and each has such a room.
//!
//! The room announces nothing by itself. The caller adds to the stream what a client asks for, and calls [`Room::hear`]
//! when it reads that from the stream.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::{Event, EventKind, MemberId, MessageText, Order, Person, Posted, Room};
use crate::chat::Now;
use crate::chat::client_key::ClientKey;
use crate::chat::epoch::Epoch;
use crate::chat::error::RoomError;
use crate::chat::id::{EventId, Ids};
use crate::chat::name::Name;
use crate::chat::shared::record::TokenHash;
use crate::chat::stream::Cursor;
use crate::chat::stream_id::StreamId;

impl<P: AsRef<[u8]>, O> Room<P, O> {
    /// From now on, a stream decides the order. The caller then calls [`Room::load`].
    #[must_use]
    pub fn of_stream(self) -> Self {
        Self { order: Order::Stream { evicted: None }, ..self }
    }

    /// Replaces all events and members by those of the store. Every listener is notified
    /// ([`StreamItem::Lapped`](crate::chat::stream::StreamItem::Lapped)); it stays if its member is among `members`. The
    /// caller passes a random number for the ids of places.
    pub fn load(
        &mut self,
        (epoch, first_place): (&Epoch, u64),
        events: impl IntoIterator<Item = (StreamId, EventKind)>,
        members: &[Person],
        now: Now,
    ) {
        self.ids = Ids::of_stream(epoch, first_place);
        self.order = Order::Stream { evicted: None };
        self.ring.restart();
        self.history.clear();
        for (entry, kind) in events {
            self.append(entry, kind);
        }
        let present: HashSet<MemberId> = members.iter().map(|person| person.id).collect();
        let gone: Vec<_> = self.who().map(|person| person.id).filter(|id| !present.contains(id)).collect();
        for id in gone {
            let _ = self.members.remove(id);
        }
        for person in members {
            self.members.admit_known(person, self.ring.end(), now.steady);
        }
    }

    /// Adds an event that was read from the stream.
    pub fn hear(&mut self, entry: StreamId, kind: EventKind, now: Now) {
        match &kind {
            EventKind::Join { who } => {
                let after = self.ring.end().next();
                if let Some(member) = self.members.admit_known(who, after, now.steady) {
                    member.expect_from(after);
                }
            }
            EventKind::Leave { who } => drop(self.members.remove(who.id)),
            _ => {}
        }
        self.append(entry, kind);
    }

    /// The id of the event that is this entry of the stream.
    pub fn id_of(&self, entry: StreamId) -> Option<EventId> {
        self.ids.of_entry(entry)
    }

    /// Whether this client may join now: a limit of this server.
    pub fn may_join(&mut self, client: ClientKey, now: Now) -> Result<(), RoomError> {
        self.client_buckets.take(client, now.steady).map_err(|wait| RoomError::TooFast { wait })?;
        if self.members.is_crowded(client) { Err(RoomError::PlaceFull) } else { Ok(()) }
    }

    /// A member of the store has proved that a token is its own.
    pub fn accept(
        &mut self,
        person: &Person,
        (hash, owner): (TokenHash, O),
        client: Option<ClientKey>,
        now: Now,
    ) {
        let from = self.ring.end();
        if let Some(member) = self.members.admit_known(person, from, now.steady) {
            member.accept(hash, owner);
            member.client = member.client.or(client);
        }
    }

    /// A message to all that a member may send now, or one to the member that has this name now.
    pub fn may_say(
        &mut self,
        member: MemberId,
        to: Option<&str>,
        text: MessageText,
        now: Now,
    ) -> Result<EventKind, RoomError> {
        let from = self.speaker(member, now)?;
        let Some(to) = to else { return Ok(EventKind::Message { from, text }) };
        let to = self.members.by_name(to).ok_or(RoomError::NoSuchUser)?.person.clone();
        Ok(EventKind::Private { from, to, text })
    }

    /// The members with a stream at this server.
    pub fn listening(&self) -> Vec<Person> {
        self.members.listening().cloned().collect()
    }

    /// The members with a stream at this server whose tokens it knows, with their owners.
    pub fn listeners(&self) -> Vec<(Person, O, Vec<TokenHash>)>
    where
        O: Clone,
    {
        let known = self.members.listening().filter_map(|person| {
            let (owner, tokens) = self.members.get(person.id).ok()?.checked()?;
            Some((person.clone(), owner.clone(), tokens))
        });
        known.collect()
    }

    /// A member that the stream or the store names has this token. It does nothing if the member is not in the room.
    pub fn accept_known(&mut self, person: &Person, (hash, owner): (TokenHash, O)) {
        if let Ok(member) = self.members.get_mut(person.id) {
            member.accept(hash, owner);
        }
    }

    /// Removes a member here. Its streams end.
    pub fn forget(&mut self, member: MemberId) {
        let _ = self.members.remove(member);
    }

    /// The members for which `stays` is false, if their owners are known here. They are removed here.
    pub fn forget_unless(&mut self, stays: impl Fn(&Name, &O) -> bool) -> Vec<Person> {
        let gone = self.members.except(stays);
        gone.into_iter().filter_map(|member| self.members.remove(member).ok()).collect()
    }

    fn append(&mut self, entry: StreamId, kind: EventKind) {
        let Some(id) = self.ids.of_entry(entry) else { return };
        let pushed_out = self.push(Event { id, at: entry.time(), kind });
        let newest = pushed_out.and_then(|posted| self.entry_of(&posted));
        if let Order::Stream { evicted } = &mut self.order {
            *evicted = newest.or(*evicted);
        }
    }

    /// Where a listener continues that has the event, or was at the place, with this id.
    pub(super) fn resume_in_stream(&self, last: &str, evicted: Option<StreamId>) -> Option<Cursor> {
        let seen = self.ids.entry(last)?;
        let compare =
            |posted: &Posted<P>| self.entry_of(posted).map_or(Ordering::Less, |entry| entry.cmp(&seen));
        if let Some(position) = self.ring.find(compare) {
            return Some(position.next().into());
        }
        let newest = self.ring.newest().and_then(|posted| self.entry_of(posted)).or(evicted);
        if newest.unwrap_or(StreamId::ZERO) < seen {
            return Some(Cursor { position: self.ring.end(), awaited: Some(seen) });
        }
        let oldest = self.ring.oldest();
        evicted.filter(|evicted| *evicted == seen).map(|_| oldest.into())
    }

    /// An id for the place right after the last event that a listener has passed.
    pub(super) fn place_in_stream(&self, cursor: Cursor, evicted: Option<StreamId>) -> EventId {
        let passed = || self.ring.before(cursor.position).and_then(|posted| self.entry_of(posted));
        self.ids.of_place_after(cursor.awaited.or_else(passed).or(evicted).unwrap_or(StreamId::ZERO))
    }

    /// The next place of a listener that awaits an entry; `None` if the stream does not have that entry.
    pub(super) fn approach(&self, cursor: Cursor, awaited: StreamId, posted: &Posted<P>) -> Option<Cursor> {
        let awaited = match self.entry_of(posted)?.cmp(&awaited) {
            Ordering::Less => Some(awaited),
            Ordering::Equal => None,
            Ordering::Greater => return None,
        };
        Some(Cursor { position: cursor.position.next(), awaited })
    }

    fn entry_of(&self, posted: &Posted<P>) -> Option<StreamId> {
        self.ids.entry_of(posted.event.id)
    }
}
