//! Who makes room for others: whoever has been idle for longest, or whoever has by far the most.

use std::collections::HashMap;
use std::hash::Hash;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::time::Instant;

use super::{Lot, Slot, lock};
use crate::server::timing::Deadline;

/// So many times as many connections as another has a place that has to make room for it. Less, and a household could not
/// hold its own against a person.
const GREEDY: usize = 16;

/// What one place has parked.
struct Crowd {
    count: usize,
    /// The one that has the least time left.
    longest: (Deadline, u32),
}

impl<C: AsFd> Lot<C> {
    /// Closes the connection that has been idle for longest, to make room for another; false when none is idle.
    pub fn evict_idle(&self) -> bool {
        while let Some((since, index)) = self.longest_idle() {
            let mut slot = lock(self.slot(index));
            let is_still = slot.parked.as_ref().is_some_and(|(_, wish)| wish.idle_since == Some(since));
            // It may have spoken meanwhile; then another is the one.
            if is_still {
                let evicted = slot.parked.take();
                drop(slot);
                drop(evicted);
                return true;
            }
        }
        false
    }

    /// Since when the connection that has been idle for longest has been so, and in which slot it is. It is not told
    /// again.
    fn longest_idle(&self) -> Option<(Instant, u32)> {
        let mut eldest = lock(&self.eldest);
        if eldest.is_empty() {
            eldest.extend(self.all_idle());
            eldest.sort_unstable_by(|a, b| b.cmp(a));
        }
        eldest.pop()
    }

    /// Since when who is idle. How much time they have left would not tell: the fewer connections there were when one
    /// was parked, the more it was given.
    fn all_idle(&self) -> impl Iterator<Item = (Instant, u32)> {
        let idle_since =
            |slot: &Mutex<Slot<C>>| lock(slot).parked.as_ref().and_then(|(_, wish)| wish.idle_since);
        self.slots().filter_map(move |(index, slot)| Some((idle_since(slot)?, index)))
    }

    /// Closes a connection of the place that has the most parked here, the one that has waited longest of those, to make
    /// room for a newcomer; false when that place has not [`GREEDY`] times as many as the newcomer's.
    pub fn evict_greedy<P: Eq + Hash>(&self, newcomer: &C, place: impl Fn(&C) -> P) -> bool {
        let mut places: HashMap<P, Crowd> = HashMap::new();
        for (index, slot) in self.slots() {
            if let Some((moored, wish)) = &lock(slot).parked {
                let first = Crowd { count: 0, longest: (wish.deadline, index) };
                let crowd = places.entry(place(&moored.connection)).or_insert(first);
                crowd.count += 1;
                crowd.longest = crowd.longest.min((wish.deadline, index));
            }
        }
        let own = places.get(&place(newcomer)).map_or(0, |crowd| crowd.count);
        let Some(most) = places.into_values().max_by_key(|crowd| crowd.count) else { return false };
        if most.count < GREEDY * (own + 1) {
            return false;
        }
        let (deadline, index) = most.longest;
        let mut slot = lock(self.slot(index));
        let is_still = slot.parked.as_ref().is_some_and(|(_, wish)| wish.deadline == deadline);
        let evicted = if is_still { slot.parked.take() } else { None };
        drop(slot);
        evicted.is_some()
    }
}
