//! What a listener holds, and what it is given.
//!
//! Values only: [`Room`] makes them, and decides.

use std::sync::Arc;

use super::event::{Event, EventId};
use super::member::{MemberId, Person};
use super::ring::Position;
#[cfg(doc)]
use super::room::Room;

/// Public messages that a newcomer is shown: what one reads to know what the talk is about.
pub const HISTORY: usize = 100;

/// Events in the answer to one poll: who polls asks again at once if there are more.
pub const POLL_EVENTS: usize = 256;

/// An event as it stands in the ring.
#[derive(Debug, Clone)]
pub struct Posted<P> {
    /// What happened.
    pub event: Arc<Event>,
    /// The same, ready to be sent.
    pub ready: P,
}

/// One open stream: a place in the ring, and who listens there.
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

/// What a stream gives next.
#[derive(Debug)]
pub enum StreamItem<'r, P> {
    /// This; the subscription stands after it now.
    Event(&'r Posted<P>),
    /// The ring has gone past this listener. The subscription stands at the end now; as for
    /// [`Start::Reset`], the listener is to be shown [`Room::welcome`].
    Lapped,
    /// Nothing until something more is said.
    NothingYet,
    /// Nothing any more: the member has left. The stream is to be closed and given back.
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
