//! The ring: the latest events, in order, within bounds.
//!
//! Each item has a sequence number, counted from 1 and never reused. A reader keeps a [`Position`], the
//! number of the item that it reads next; the ring stores nothing about its readers. The oldest items are
//! evicted when there are too many items or they weigh too much; a reader whose position is before the oldest
//! item was lapped.
//!
//! The ring knows nothing about members or what its items are.

use std::cmp::Ordering;
use std::collections::VecDeque;

/// A reader's position: the sequence number that it reads next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(u64);

/// The latest items.
pub(super) struct Ring<T> {
    items: VecDeque<Slot<T>>,
    /// The number of the oldest item, or of the next one if the ring is empty.
    first: u64,
    weight: usize,
    bounds: Bounds,
}

/// The limits of a ring.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The maximum number of items.
    pub(super) items: usize,
    /// The maximum weight of all items, in bytes. The newest item stays even if it weighs more.
    pub(super) weight: usize,
}

/// What is at a position.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup<'r, T> {
    /// An item.
    Item(&'r T),
    /// The item was evicted.
    Lapped,
    /// Nothing yet: the position is the ring's end.
    NothingYet,
}

struct Slot<T> {
    item: T,
    weight: usize,
}

impl Position {
    /// The position right after the item with this number; `None` if no number can follow.
    pub(super) fn after(seq: u64) -> Option<Self> {
        seq.checked_add(1).map(Self)
    }

    /// The next position.
    pub(super) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The number of the item right before this position; 0 if there is none.
    pub(super) fn passed(self) -> u64 {
        self.0.saturating_sub(1)
    }

    /// The number of the item that is read next.
    pub(super) fn seq(self) -> u64 {
        self.0
    }
}

impl<T> Ring<T> {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { items: VecDeque::new(), first: 1, weight: 0, bounds }
    }

    /// The position of the next item to be added.
    pub(super) fn end(&self) -> Position {
        Position(self.first + self.items.len() as u64)
    }

    /// Whether a reader at this position misses nothing: the position is neither before the oldest item nor after the
    /// end.
    pub(super) fn reaches(&self, position: Position) -> bool {
        (Position(self.first)..=self.end()).contains(&position)
    }

    /// Adds an item at the end, and evicts old ones to stay within the bounds.
    /// Returns the newest of those that it has evicted.
    pub(super) fn push(&mut self, item: T, weight: usize) -> Option<T> {
        self.items.push_back(Slot { item, weight });
        self.weight += weight;
        let mut evicted = None;
        while self.is_over() {
            evicted = self.drop_oldest().or(evicted);
        }
        evicted
    }

    /// Drops everything: every reader is lapped, even one that has read everything.
    pub(super) fn restart(&mut self) {
        self.first = self.end().next().0;
        self.items.clear();
        self.weight = 0;
    }

    /// The position of the item for which `compare` returns `Equal`. The items are ordered by it.
    pub(super) fn find(&self, compare: impl FnMut(&T) -> Ordering) -> Option<Position> {
        let mut compare = compare;
        let offset = self.items.binary_search_by(|slot| compare(&slot.item)).ok()?;
        Some(Position(self.first + offset as u64))
    }

    /// The position of the oldest item, or the end.
    pub(super) fn oldest(&self) -> Position {
        Position(self.first)
    }

    /// The newest item.
    pub(super) fn newest(&self) -> Option<&T> {
        self.items.back().map(|slot| &slot.item)
    }

    /// The item right before a position.
    pub(super) fn before(&self, position: Position) -> Option<&T> {
        match self.at(Position(position.passed())) {
            Lookup::Item(item) => Some(item),
            Lookup::Lapped | Lookup::NothingYet => None,
        }
    }

    /// What is at a position.
    pub(super) fn at(&self, position: Position) -> Lookup<'_, T> {
        let Some(offset) = position.0.checked_sub(self.first) else { return Lookup::Lapped };
        match self.items.get(offset as usize) {
            Some(slot) => Lookup::Item(&slot.item),
            None => Lookup::NothingYet,
        }
    }

    fn is_over(&self) -> bool {
        let is_heavy = self.weight > self.bounds.weight && self.items.len() > 1;
        self.items.len() > self.bounds.items || is_heavy
    }

    fn drop_oldest(&mut self) -> Option<T> {
        let slot = self.items.pop_front()?;
        self.first += 1;
        self.weight -= slot.weight;
        Some(slot.item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn position(seq: u64) -> Position {
        Position::after(seq - 1).unwrap()
    }

    #[test]
    fn positions_are_lapped_filled_or_at_the_end() {
        let mut ring = Ring::new(Bounds { items: 3, weight: 100 });
        for item in 1..=5 {
            ring.push(item, 1);
        }
        let rows = [
            ("evicted long ago", 1, Lookup::Lapped, false),
            ("just evicted", 2, Lookup::Lapped, false),
            ("oldest", 3, Lookup::Item(&3), true),
            ("newest", 5, Lookup::Item(&5), true),
            ("end", 6, Lookup::NothingYet, true),
            ("future", 7, Lookup::NothingYet, false),
        ];
        for (case, seq, found, reaches) in rows {
            assert_eq!(ring.at(position(seq)), found, "{case}");
            assert_eq!(ring.reaches(position(seq)), reaches, "{case}");
        }
    }

    #[test]
    fn an_empty_ring_begins_at_one() {
        let ring = Ring::<()>::new(Bounds { items: 3, weight: 100 });
        assert_eq!(ring.end(), position(1));
        assert_eq!(ring.end().passed(), 0);
        assert_eq!(ring.at(ring.end()), Lookup::NothingYet);
    }

    #[test]
    fn weight_evicts_old_items_but_never_the_newest() {
        let mut ring = Ring::new(Bounds { items: 100, weight: 10 });
        ring.push('a', 4);
        ring.push('b', 6);
        assert_eq!(ring.at(position(1)), Lookup::Item(&'a'), "exactly full");
        ring.push('c', 5);
        assert_eq!(ring.at(position(2)), Lookup::Lapped, "both were evicted");
        ring.push('d', 50);
        assert_eq!(ring.at(position(3)), Lookup::Lapped);
        assert_eq!(ring.at(position(4)), Lookup::Item(&'d'), "heavier than the bounds, but kept");
    }

    proptest! {
        #[test]
        fn numbers_stay_and_bounds_hold(weights in prop::collection::vec(0_usize..20, 0..200)) {
            let bounds = Bounds { items: 16, weight: 64 };
            let mut ring = Ring::new(bounds);
            for (seq, &weight) in (1_u64..).zip(&weights) {
                ring.push(seq, weight);
                let held = (1..=seq).filter(|&s| ring.at(position(s)) == Lookup::Item(&s)).collect::<Vec<_>>();
                let heavy: usize = held.iter().map(|&s| weights[s as usize - 1]).sum();
                prop_assert!(held.len() <= bounds.items && heavy <= bounds.weight);
                prop_assert_eq!(held.last(), Some(&seq));
                prop_assert!(held.windows(2).all(|pair| pair[0] + 1 == pair[1]), "no holes");
                let oldest = *held.first().unwrap();
                prop_assert!((1..oldest).all(|s| ring.at(position(s)) == Lookup::Lapped));
            }
        }
    }
}
