//! Events: what has happened in the room, as values.
//!
//! An event says what, who and when, and who may hear it. How it is spelled on the wire is the caller's
//! matter.

use std::fmt;
use std::time::SystemTime;

use super::member::{MemberId, Person};
use super::text::MessageText;

/// An event's place in the order of all events: `EPOCH-SEQ`.
///
/// The epoch is drawn anew at each start of the room, so an id from before a restart is not mistaken for
/// one of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId {
    pub(super) epoch: u64,
    pub(super) seq: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the order.
    pub id: EventId,
    /// When, by the wall clock.
    pub at: SystemTime,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// Said to all. Its sender hears it too, once, as everybody does, and knows it by `from`.
    Message {
        /// Who said it.
        from: Person,
        /// What.
        text: MessageText,
    },
    /// Said to one: heard by that one and by its sender, nobody else.
    Private {
        /// Who said it.
        from: Person,
        /// Whom to. The number decides who hears it: whoever takes the name later does not.
        to: Person,
        /// What.
        text: MessageText,
    },
    /// Someone came.
    Join {
        /// Who.
        who: Person,
    },
    /// Someone left, or has been away for too long.
    Leave {
        /// Who.
        who: Person,
    },
    /// A file has arrived in the folder, whole.
    Upload {
        /// Who brought it.
        by: Uploader,
        /// Its path in the folder: foreign bytes, to be escaped where they are shown.
        path: Vec<u8>,
        /// Its size in bytes.
        size: u64,
    },
}

/// Who brought a file: a member, or whoever is at an address. Told apart by type: `10.0.0.7` can be a
/// member's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uploader {
    /// Someone in the room.
    Member(Person),
    /// Someone who has not joined, by the door's word for where they are.
    Address(String),
}

impl EventId {
    /// Reads an id in exactly the spelling that [`Display`](fmt::Display) gives; anything else is no id of
    /// ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, seq) = text.split_once('-')?;
        let id = Self { epoch: u64::from_str_radix(epoch, 16).ok()?, seq: seq.parse().ok()? };
        (id.to_string() == text).then_some(id)
    }
}

impl Event {
    /// Whether this member may hear it.
    pub fn is_heard_by(&self, member: MemberId) -> bool {
        match &self.kind {
            EventKind::Private { from, to, .. } => member == from.id || member == to.id,
            EventKind::Message { .. }
            | EventKind::Join { .. }
            | EventKind::Leave { .. }
            | EventKind::Upload { .. } => true,
        }
    }

    /// Bytes of foreign text that it keeps in memory.
    pub(super) fn text_len(&self) -> usize {
        match &self.kind {
            EventKind::Message { text, .. } | EventKind::Private { text, .. } => text.as_str().len(),
            EventKind::Upload { path, .. } => path.len(),
            EventKind::Join { .. } | EventKind::Leave { .. } => 0,
        }
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_one_spelling_is_an_id() {
        assert_eq!(EventId::parse("00000000000000ff-7"), Some(EventId { epoch: 255, seq: 7 }));
        let rows = [
            ("empty", ""),
            ("no dash", "00000000000000ff7"),
            ("short epoch", "ff-7"),
            ("upper case", "00000000000000FF-7"),
            ("leading zero", "00000000000000ff-07"),
            ("plus", "00000000000000ff-+7"),
            ("negative", "00000000000000ff--7"),
            ("space", "00000000000000ff-7 "),
            ("newline", "00000000000000ff-7\n"),
            ("too big", "00000000000000ff-18446744073709551616"),
            ("three parts", "00000000000000ff-7-7"),
        ];
        for (case, text) in rows {
            assert_eq!(EventId::parse(text), None, "{case}");
        }
    }

    proptest! {
        #[test]
        fn ids_read_back(epoch: u64, seq: u64) {
            let id = EventId { epoch, seq };
            prop_assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
    }
}
