//! The values that a listener holds and receives. The [`Room`](super::room::Room) creates them.

use std::sync::Arc;

use super::event::Event;
use super::id::EventId;
use super::person::{MemberId, Person};
use super::ring::Position;
use super::stream_id::StreamId;

/// An event in the ring.
#[derive(Debug, Clone)]
pub struct Posted<P> {
    /// What happened.
    pub event: Arc<Event>,
    /// The same event, encoded.
    pub ready: P,
}

/// One open stream: a position in the ring, and the member that listens.
///
/// Its member stays present until it is given back to [`Room::unsubscribe`](super::room::Room::unsubscribe). So it
/// cannot be cloned.
#[derive(Debug)]
#[must_use = "a stream that is not given back keeps its member in the room forever"]
pub struct Subscription {
    pub(super) member: MemberId,
    pub(super) cursor: Cursor,
}

/// Where a listener reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    pub(super) position: Position,
    /// The entry that the listener has seen at another server, and this one has not heard yet: only what follows it is new.
    pub(super) awaited: Option<StreamId>,
}

impl From<Position> for Cursor {
    fn from(position: Position) -> Self {
        Self { position, awaited: None }
    }
}

/// How a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// From now on. Show the listener [`Room::welcome`](super::room::Room::welcome).
    Fresh,
    /// From the point where an earlier stream ended, so the events that the listener has missed come first.
    /// There is no welcome and no history.
    Resumed,
    /// From now on, because the event that the listener named is unknown or was evicted. The listener must
    /// discard what it has; show it [`Room::welcome`](super::room::Room::welcome).
    Reset,
}

/// The next item of a stream.
#[derive(Debug)]
pub enum StreamItem<'r, P> {
    /// An event; the subscription has advanced past it.
    Event(&'r Posted<P>),
    /// Events that this listener has not read were evicted. The subscription is at the end of the ring now; continue as for
    /// [`Start::Reset`].
    Lapped,
    /// Nothing until the next event.
    NothingYet,
    /// The member has left. Close the stream and give it back.
    Over,
}

/// What a listener is shown before the first event of its subscription.
#[derive(Debug)]
pub struct Welcome {
    /// The id to send with it: a client that resumes from here misses nothing.
    pub id: EventId,
    /// The listener.
    pub to: Person,
    /// The present members, including the listener, in the order of joining.
    pub members: Vec<Person>,
    /// The latest public messages before the subscription's position, oldest first; at most
    /// [`HISTORY`](super::limits::HISTORY).
    pub history: Vec<Arc<Event>>,
}

/// The response to one poll.
#[derive(Debug)]
pub struct Polled {
    /// Whether `events` follow the event that the client named.
    pub start: Start,
    /// The new events: at most [`POLL_EVENTS`](super::limits::POLL_EVENTS). After [`Start::Fresh`] and
    /// [`Start::Reset`] the history precedes it.
    pub events: Vec<Arc<Event>>,
    /// The id to poll from next time.
    pub last: EventId,
    /// Whether there may be more, so that the client should poll again at once.
    pub more: bool,
}
