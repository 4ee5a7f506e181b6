//! The room: the people in the folder talk.
//!
//! Whoever joins under a [`name::Name`] gets a [`token::MemberToken`], says a [`text::Text`] to all or to one,
//! and hears what others say. Everything that happens is an [`event::Event`] in one ring; a listener is a
//! place in that ring. So memory is bounded by the ring, and a listener who is slow costs the others
//! nothing: the ring goes on, and who has been lapped is told so and starts over.
//!
//! ```text
//! Room::say ──▶ ring: [Event, bytes] [Event, bytes] … ──▶ Room::next ──▶ each Subscription, at its own pace
//!                             └ made ready once, by a function that the caller gave
//! ```
//!
//! The room knows no sockets, no clock, no source of randomness, no JSON and no event stream. Times and
//! secrets are given to each call, and the bytes that go out are made by the caller's function, so a test
//! can play days of talk in no time.
//!
//! **Who escapes what.** Text is data. The door refuses what can only be an attack on a terminal (control
//! characters, see [`text`]); everything else is passed on as it was said. The encoder (JSON in an event
//! stream) makes sure that no text can forge an event. What shows it, a page or a terminal, makes sure that
//! markup is not obeyed, and isolates or shows the bidirectional controls, which the room passes on because
//! Arabic and Hebrew need them. File names in [`event::Kind::Upload`] and addresses are foreign text too,
//! and have not been through [`text::Text`].

use std::time::{Instant, SystemTime};

pub mod error;
pub mod event;
mod flood;
pub mod member;
pub mod name;
pub mod place;
mod ring;
pub mod room;
pub mod stream;
pub mod text;
pub mod token;

/// When something happens, on both clocks: deadlines run on the steady one, people read the other.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Never runs backwards: presence and flood control count on it.
    pub steady: Instant,
    /// What stands in the event as its time.
    pub wall: SystemTime,
}
