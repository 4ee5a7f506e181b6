//! The chat room.
//!
//! A client joins under a [`name::Name`] and gets a [`token::MemberToken`]. With this token, the client sends a
//! [`text::MessageText`] to all members or to one, and receives what the others send. Everything that happens is an
//! [`event::Event`] in one ring buffer; a listener is a position in it. So the ring bounds the memory, and a slow
//! listener does not delay the others: old events are evicted, and a listener that has missed some is notified and
//! starts again.
//!
//! ```text
//! Room::say ──▶ ring: [Event, bytes] [Event, bytes] … ──▶ Room::next ──▶ each Subscription, at its own pace
//!                             └ encoded once, by a function of the caller
//! ```
//!
//! The room knows nothing of sockets, clocks, randomness, JSON or event streams. The caller passes times and secrets to
//! each call, and its function encodes the bytes to send, so a test can simulate days of chat instantly.
//!
//! **Escaping.** Text is data. [`text`] rejects only control characters, whose only use is an attack on a
//! terminal; everything else is passed on unchanged. The encoder (JSON in an event stream) makes sure that no
//! text can forge an event. The page or terminal that shows it must not interpret markup, and must isolate or
//! show the bidirectional controls, which the room passes on because Arabic and Hebrew need them. File names
//! in [`event::EventKind::Upload`] and addresses are untrusted text too, and have not passed through
//! [`text::MessageText`].

use std::time::{Instant, SystemTime};

pub mod client_key;
pub mod epoch;
pub mod error;
pub mod event;
mod flood;
pub mod id;
pub mod limits;
pub mod member;
pub mod name;
pub mod person;
mod ring;
pub mod room;
pub mod shared;
pub mod stream;
pub mod stream_id;
pub mod text;
pub mod token;

/// A time on two clocks: the monotonic one for deadlines, and the wall clock for people.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Never runs backwards; presence and flood control use it.
    pub steady: Instant,
    /// The time that the event carries.
    pub wall: SystemTime,
}
