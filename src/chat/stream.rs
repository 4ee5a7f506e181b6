//! The values that a listener holds and receives. [`Room`] creates them.

use std::sync::Arc;

use super::event::{Event, EventId};
use super::member::{MemberId, Person};
use super::ring::Position;
#[cfg(doc)]
use super::room::Room;

/// Public messages that a new member is shown, as context.
pub const HISTORY: usize = 100;

/// The most events in the response to one poll; if there are more, the client polls again at once.
pub const POLL_EVENTS: usize = 256;

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
/// It counts as its member's presence until it is given back to [`Room::unsubscribe`]; so it cannot be
/// cloned.
#[derive(Debug)]
#[must_use = "a stream that is not given back keeps its member in the room for ever"]
pub struct Subscription {
    pub(super) member: MemberId,
    pub(super) position: Position,
}

/// How a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Newly: the listener is to be shown [`Room::welcome`].
    Fresh,
    /// Where an earlier stream ended: what comes next is what the listener has missed. No welcome, no
    /// history.
    Resumed,
    /// Newly, though the listener named an event: that one is unknown, or too long ago. The listener is to
    /// forget what it had, and to be shown [`Room::welcome`].
    Reset,
}

/// The next item of a stream.
#[derive(Debug)]
pub enum StreamItem<'r, P> {
    /// An event; the subscription has advanced past it.
    Event(&'r Posted<P>),
    /// The ring has gone past this listener. The subscription stands at the end now; as for
    /// [`Start::Reset`], the listener is to be shown [`Room::welcome`].
    Lapped,
    /// Nothing until the next event.
    NothingYet,
    /// The member has left. Close the stream and give it back.
    Over,
}

/// What a newcomer is shown: all that goes before the subscription's first event.
#[derive(Debug)]
pub struct Welcome {
    /// The id to send with it: who resumes from here misses nothing that follows.
    pub id: EventId,
    /// Who listens.
    pub to: Person,
    /// Who is here, in the order of joining; the listener too.
    pub members: Vec<Person>,
    /// The latest public messages before the subscription's place, oldest first; [`HISTORY`] at most.
    pub history: Vec<Arc<Event>>,
}

/// The answer to one poll.
#[derive(Debug)]
pub struct Polled {
    /// Whether `events` follow what the asker had.
    pub start: Start,
    /// What is new, after [`Start::Fresh`] and [`Start::Reset`] with the history before it. [`POLL_EVENTS`]
    /// at most, and the history.
    pub events: Vec<Arc<Event>>,
    /// Where to ask from next time.
    pub last: EventId,
    /// Whether the answer is full, so that there may be more to ask for at once.
    pub more: bool,
}
