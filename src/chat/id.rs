//! The ids of events, as their listeners see them: `EPOCH-SEALED`.
//!
//! A listener does not see every event: not the private messages of others, nor uploads to paths that it may not list.
//! If ids counted all events, the listener would learn how many it does not see. So the number of an event is
//! encrypted, with a new key at each start of the room, and an id reveals nothing about another id. An event always has
//! the same id; a place between two events gets a new id each time.
//!
//! Sealing is a permutation of 128 bits: a Feistel network of four rounds (Luby and Rackoff, 1988), whose
//! function is SHA-256 of the key, the round and one half.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

use super::epoch::Epoch;
pub use super::epoch::KEY_LEN;
use super::ring::Position;
use super::stream_id::StreamId;

/// The bits of a place's number in the id of a place in a stream.
const PLACES: u64 = (1 << 48) - 1;

/// The id of an event, or of a place between two events: `EPOCH-SEALED`.
///
/// The epoch is random for each start of the room, so an id from before a restart matches no current one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId {
    epoch: u64,
    sealed: u128,
}

/// Seals and opens the ids of one room.
pub(super) struct Ids {
    epoch: u64,
    key: [u8; KEY_LEN],
    /// How many ids were given to places. An event's id has 0 instead.
    places: AtomicU64,
}

impl EventId {
    /// Parses an id in exactly the form that [`Display`](fmt::Display) writes; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, sealed) = text.split_once('-')?;
        let id = Self {
            epoch: u64::from_str_radix(epoch, 16).ok()?,
            sealed: u128::from_str_radix(sealed, 16).ok()?,
        };
        (id.to_string() == text).then_some(id)
    }
}

impl Ids {
    pub(super) fn new(epoch: u64, key: [u8; KEY_LEN]) -> Self {
        Self { epoch, key, places: AtomicU64::new(0) }
    }

    /// For a room of several servers. Each counts its places from a random number, so that no two give the same id.
    pub(super) fn of_stream(epoch: &Epoch, first_place: u64) -> Self {
        Self { places: AtomicU64::new(first_place), ..Self::new(epoch.number, epoch.key) }
    }

    /// The id of the event that is this entry of a stream; `None` if another program has chosen the entry's id.
    pub(super) fn of_entry(&self, entry: StreamId) -> Option<EventId> {
        let (ms, number) = entry.parts()?;
        Some(self.seal(ms << 16 | number >> 16, number << 48))
    }

    /// An id for the place right after an entry, like [`Ids::of_place`].
    pub(super) fn of_place_after(&self, entry: StreamId) -> EventId {
        let (ms, number) = entry.parts().unwrap_or_default();
        let place = (self.places.fetch_add(1, Ordering::Relaxed) & PLACES).max(1);
        self.seal(ms << 16 | number >> 16, number << 48 | place)
    }

    /// The entry that an id belongs to, given as a client sent it. `None` if the id is not from this room.
    pub(super) fn entry(&self, text: &str) -> Option<StreamId> {
        self.entry_of(EventId::parse(text)?)
    }

    /// The entry of an event.
    pub(super) fn entry_of(&self, event: EventId) -> Option<StreamId> {
        let (left, right) = self.open(event)?;
        Some(StreamId::of_parts((left >> 16, (left & 0xffff) << 16 | right >> 48)))
    }

    /// The id of the event at a position.
    pub(super) fn of_event(&self, position: Position) -> EventId {
        self.seal(position.seq(), 0)
    }

    /// An id for the place right before a position, from which a listener can continue. It differs from the id of the
    /// event at this place, which the listener may not see, and from earlier ids for this place.
    pub(super) fn of_place(&self, position: Position) -> EventId {
        self.seal(position.passed(), self.places.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The position after an id, given as a client sent it. `None` if the id is not from this room.
    pub(super) fn after(&self, text: &str) -> Option<Position> {
        let (seq, _) = self.open(EventId::parse(text)?)?;
        Position::after(seq)
    }

    fn open(&self, id: EventId) -> Option<(u64, u64)> {
        let id = Some(id).filter(|id| id.epoch == self.epoch)?;
        let (mut left, mut right) = ((id.sealed >> 64) as u64, id.sealed as u64);
        for round in (0..4).rev() {
            (left, right) = (right ^ self.mix(round, left), left);
        }
        Some((left, right))
    }

    fn seal(&self, seq: u64, place: u64) -> EventId {
        let (mut left, mut right) = (seq, place);
        for round in 0..4 {
            (left, right) = (right, left ^ self.mix(round, right));
        }
        EventId { epoch: self.epoch, sealed: u128::from(left) << 64 | u128::from(right) }
    }

    fn mix(&self, round: u8, half: u64) -> u64 {
        let digest =
            Sha256::new().chain_update(self.key).chain_update([round]).chain_update(half.to_be_bytes());
        digest.finalize().iter().take(8).fold(0, |mixed, byte| mixed << 8 | u64::from(*byte))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:032x}", self.epoch, self.sealed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_written_form_is_an_id() {
        let whole = "00000000000000ff-0000000000000000000000000000000a";
        assert_eq!(EventId::parse(whole), Some(EventId { epoch: 255, sealed: 10 }));
        let rows = [
            ("empty", ""),
            ("no dash", "00000000000000ff0000000000000000000000000000000a"),
            ("short epoch", "ff-0000000000000000000000000000000a"),
            ("short seal", "00000000000000ff-a"),
            ("upper case", "00000000000000FF-0000000000000000000000000000000a"),
            ("plus", "00000000000000ff-+000000000000000000000000000000a"),
            ("space", "00000000000000ff-0000000000000000000000000000000a "),
            ("newline", "00000000000000ff-0000000000000000000000000000000a\n"),
            ("too big", "00000000000000ff-10000000000000000000000000000000a"),
            ("three parts", "00000000000000ff-0000000000000000000000000000000a-7"),
        ];
        for (case, text) in rows {
            assert_eq!(EventId::parse(text), None, "{case}");
        }
    }

    #[test]
    fn ids_are_all_different_and_of_one_room() {
        let (ids, others) = (Ids::new(1, [1; KEY_LEN]), Ids::new(1, [2; KEY_LEN]));
        let position = Position::after(6).expect("it has one after it");
        let mut sealed = HashSet::new();
        for seq in 0..1000 {
            let at = Position::after(seq).expect("a position");
            assert!(sealed.insert(ids.of_event(at)) && sealed.insert(ids.of_place(at)), "{seq}");
        }
        assert_eq!(ids.of_event(position), ids.of_event(position), "an event keeps its id");
        assert_ne!(ids.of_place(position), ids.of_place(position), "a place does not");
        assert_ne!(ids.of_event(position), others.of_event(position), "the key decides");
        assert_ne!(others.after(&ids.of_event(position).to_string()), Some(position.next()));
        let restarted = Ids::new(2, [1; KEY_LEN]);
        assert_eq!(restarted.after(&ids.of_event(position).to_string()), None);
    }

    proptest! {
        #[test]
        fn ids_are_opened_again(epoch: u64, key: [u8; KEY_LEN], seq in 1..u64::MAX) {
            let ids = Ids::new(epoch, key);
            let at = Position::after(seq - 1).expect("a position");
            let event = ids.of_event(at);
            prop_assert_eq!(EventId::parse(&event.to_string()), Some(event));
            prop_assert_eq!(ids.after(&event.to_string()), Some(at.next()));
            prop_assert_eq!(ids.after(&ids.of_place(at).to_string()), Some(at));
        }

        #[test]
        fn ids_of_a_stream_are_opened_again(number: u64, key: [u8; KEY_LEN], place: u64, ms in 0..1u64 << 48, of: u32) {
            let ids = Ids::of_stream(&Epoch::new(number, key), place);
            let entry = StreamId::of_parts((ms, of.into()));
            let event = ids.of_entry(entry).expect("a usual id");
            let places = [ids.of_place_after(entry), ids.of_place_after(entry)];
            prop_assert!(places[0] != places[1] && !places.contains(&event));
            for id in [event, places[0], places[1]] {
                prop_assert_eq!(ids.entry(&id.to_string()), Some(entry));
            }
        }
    }
}
