//! The walk over the stream: what a server reads next, and what it may show of it.
//!
//! ```text
//!            ┌──────────── the epoch is new, or entries are missing ─────────────┐
//!            ▼                                                                   │
//!   load everything ──▶ StreamStep::Loaded ──▶ follow ──▶ StreamStep::New, StreamStep::New, … ─────┘
//!            ▲                              │
//!            └──────── StreamStep::Renew ◀────────┘ the end of the stream, which was shown, is gone
//! ```
//!
//! The stream may be trimmed while nobody reads, deleted, lost in a restart, or cut at its end: a replica of the store that
//! becomes the primary may lack the last entries. So each batch says whether the entry is still there after which it was
//! read. If it is, nothing is missing in between.
//!
//! The walk knows nothing of sockets, and not what the entries are.

use crate::chat::epoch::Epoch;
use crate::chat::limits::RING_EVENTS;
use crate::chat::stream_id::StreamId;

/// How many entries are loaded, the newest ones: another program may have added more than a room keeps. One more than that,
/// so that the room knows the newest event that it does not have.
const MOST_LOADED: usize = RING_EVENTS + 1;

/// The position of one server in the stream.
#[derive(Debug)]
pub struct StreamWalk<E> {
    /// The epoch in which it reads; `None` before the first batch.
    epoch: Option<Epoch>,
    /// The last entry that was read.
    after: StreamId,
    /// What was read so far, while everything is loaded; `None` while it follows.
    loading: Option<Vec<(StreamId, E)>>,
}

/// What was read from the stream.
#[derive(Debug, Clone)]
pub struct Batch<E> {
    /// The entries after [`StreamWalk::after`], oldest first.
    pub entries: Vec<(StreamId, E)>,
    /// Whether these are all: the store had fewer than were asked for.
    pub is_last: bool,
    /// What became of the entry [`StreamWalk::after`]. It is found out after the entries were read.
    pub anchor: Anchor,
    /// The epoch, found out after the entries were read; `None` if there is no valid one.
    pub epoch: Option<Epoch>,
}

/// Whether the entry after which a batch was read is still in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// It is.
    There,
    /// It is not; this is the oldest entry, if there is one.
    Missing(Option<StreamId>),
}

/// What a batch leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum StreamStep<E> {
    /// Read more.
    More,
    /// The stream, or its newest entries: they replace everything that was shown. Every listener must be notified.
    Loaded(Epoch, Vec<(StreamId, E)>),
    /// The next entries.
    New(Vec<(StreamId, E)>),
    /// Replace this epoch in the store, unless another server has already done so. Then read more.
    Renew(Option<Epoch>),
}

impl<E> Default for StreamWalk<E> {
    fn default() -> Self {
        Self { epoch: None, after: StreamId::ZERO, loading: Some(Vec::new()) }
    }
}

impl<E> StreamWalk<E> {
    /// The entry after which to read.
    pub fn after(&self) -> StreamId {
        self.after
    }

    /// Whether to wait for new entries: everything else was read.
    pub fn follows(&self) -> bool {
        self.loading.is_none()
    }

    /// Takes the entries that were read after [`StreamWalk::after`].
    pub fn take(&mut self, batch: Batch<E>) -> StreamStep<E> {
        let Some(epoch) = batch.epoch else {
            *self = Self::default();
            return StreamStep::Renew(None);
        };
        if self.epoch.is_some_and(|known| known != epoch) {
            *self = Self { epoch: Some(epoch), ..Self::default() };
            return StreamStep::More;
        }
        self.epoch = Some(epoch);
        match batch.anchor {
            Anchor::Missing(oldest) if self.after != StreamId::ZERO => {
                // An older entry is left, so the stream was not trimmed: its end is gone.
                let is_cut = oldest.is_some_and(|oldest| oldest < self.after);
                let was_shown = self.loading.is_none();
                *self = Self { epoch: Some(epoch), ..Self::default() };
                return if is_cut && was_shown { StreamStep::Renew(Some(epoch)) } else { StreamStep::More };
            }
            // The first entries of an empty stream: older ones may have come and gone.
            Anchor::Missing(_) if self.loading.is_none() && !batch.entries.is_empty() => {
                *self = Self { epoch: Some(epoch), ..Self::default() };
                return StreamStep::More;
            }
            Anchor::Missing(_) | Anchor::There => {}
        }
        // A store that repeats entries, or disorders them, is broken; nobody may see that.
        let mut entries = batch.entries;
        entries.retain(|(id, _)| {
            let is_next = *id > self.after;
            if is_next {
                self.after = *id;
            }
            is_next
        });
        match self.loading.take() {
            None if entries.is_empty() => StreamStep::More,
            None => StreamStep::New(entries),
            Some(mut loaded) => {
                loaded.extend(entries);
                if batch.is_last || loaded.len() > 2 * MOST_LOADED {
                    let excess = loaded.len().saturating_sub(MOST_LOADED);
                    loaded.drain(..excess);
                }
                if batch.is_last {
                    return StreamStep::Loaded(epoch, loaded);
                }
                self.loading = Some(loaded);
                StreamStep::More
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::id::KEY_LEN;

    fn id(ms: u64) -> StreamId {
        StreamId::of_parts((ms, 0))
    }

    fn epoch(number: u64) -> Epoch {
        Epoch::new(number, [0; KEY_LEN])
    }

    fn batch(entries: &[u64], anchor: Anchor) -> Batch<u64> {
        let entries = entries.iter().map(|ms| (id(*ms), *ms)).collect();
        Batch { entries, is_last: true, anchor, epoch: Some(epoch(1)) }
    }

    /// A walk that has loaded the entries 1 to 3.
    fn loaded() -> StreamWalk<u64> {
        let mut walk = StreamWalk::default();
        let step = walk.take(batch(&[1, 2, 3], Anchor::Missing(Some(id(1)))));
        assert_eq!(step, StreamStep::Loaded(epoch(1), [1, 2, 3].map(|ms| (id(ms), ms)).to_vec()));
        assert!(walk.follows());
        walk
    }

    #[test]
    fn entries_follow_what_was_loaded() {
        let mut walk = loaded();
        assert_eq!(walk.take(batch(&[4], Anchor::There)), StreamStep::New(vec![(id(4), 4)]));
        assert_eq!(walk.take(batch(&[], Anchor::There)), StreamStep::More);
        assert_eq!(walk.after(), id(4));
    }

    #[test]
    fn a_long_stream_is_loaded_in_pieces() {
        let mut walk = StreamWalk::default();
        let first = Batch { is_last: false, ..batch(&[1, 2], Anchor::Missing(Some(id(1)))) };
        assert_eq!(walk.take(first), StreamStep::More);
        assert!(!walk.follows());
        let step = walk.take(batch(&[3], Anchor::There));
        assert_eq!(step, StreamStep::Loaded(epoch(1), [1, 2, 3].map(|ms| (id(ms), ms)).to_vec()));
    }

    #[test]
    fn of_a_stream_that_is_too_long_the_newest_entries_are_loaded() {
        let mut walk = StreamWalk::default();
        let newest = 4 * MOST_LOADED as u64;
        for first in (1..newest).step_by(MOST_LOADED / 2) {
            let entries: Vec<_> = (first..newest.min(first + MOST_LOADED as u64 / 2)).collect();
            let piece = Batch { is_last: false, ..batch(&entries, Anchor::There) };
            assert_eq!(walk.take(piece), StreamStep::More);
            assert!(walk.loading.as_ref().is_some_and(|loaded| loaded.len() <= 2 * MOST_LOADED));
        }
        let StreamStep::Loaded(_, loaded) = walk.take(batch(&[newest], Anchor::There)) else {
            panic!("loaded")
        };
        assert_eq!((loaded.len(), loaded.last().map(|(_, ms)| *ms)), (MOST_LOADED, Some(newest)));
    }

    #[test]
    fn a_stream_that_was_trimmed_is_loaded_again() {
        for anchor in [Anchor::Missing(Some(id(7))), Anchor::Missing(None)] {
            let mut walk = loaded();
            assert_eq!(walk.take(batch(&[8], anchor)), StreamStep::More);
            assert_eq!((walk.after(), walk.follows()), (StreamId::ZERO, false));
            assert_eq!(
                walk.take(batch(&[7, 8], anchor)),
                StreamStep::Loaded(epoch(1), vec![(id(7), 7), (id(8), 8)])
            );
        }
    }

    #[test]
    fn a_stream_whose_end_is_gone_gets_a_new_epoch() {
        let mut walk = loaded();
        assert_eq!(walk.take(batch(&[], Anchor::Missing(Some(id(1))))), StreamStep::Renew(Some(epoch(1))));
        let renewed = Batch { epoch: Some(epoch(2)), ..batch(&[1, 2], Anchor::Missing(Some(id(1)))) };
        assert_eq!(walk.take(renewed.clone()), StreamStep::More);
        assert_eq!(walk.take(renewed), StreamStep::Loaded(epoch(2), vec![(id(1), 1), (id(2), 2)]));
    }

    #[test]
    fn a_missing_or_new_epoch_loads_everything_again() {
        let mut walk = loaded();
        assert_eq!(walk.take(Batch { epoch: None, ..batch(&[], Anchor::There) }), StreamStep::Renew(None));
        assert_eq!(walk.after(), StreamId::ZERO);
        let mut walk = loaded();
        assert_eq!(
            walk.take(Batch { epoch: Some(epoch(2)), ..batch(&[4], Anchor::There) }),
            StreamStep::More
        );
        assert_eq!((walk.after(), walk.follows()), (StreamId::ZERO, false));
    }

    #[test]
    fn the_first_entries_of_an_empty_stream_are_loaded() {
        let mut walk = StreamWalk::default();
        assert_eq!(walk.take(batch(&[], Anchor::Missing(None))), StreamStep::Loaded(epoch(1), vec![]));
        assert_eq!(walk.take(batch(&[], Anchor::Missing(None))), StreamStep::More);
        assert_eq!(walk.take(batch(&[2], Anchor::Missing(Some(id(2))))), StreamStep::More);
        let step = walk.take(batch(&[2], Anchor::Missing(Some(id(2)))));
        assert_eq!(step, StreamStep::Loaded(epoch(1), vec![(id(2), 2)]));
    }

    #[test]
    fn repeated_and_disordered_entries_are_dropped() {
        let mut walk = loaded();
        assert_eq!(walk.take(batch(&[3, 2, 5, 4, 5], Anchor::There)), StreamStep::New(vec![(id(5), 5)]));
    }
}
