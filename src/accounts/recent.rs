//! A map with a limit: a further entry evicts the oldest.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Entries in the order in which they were put. Every operation takes amortised constant time.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    limit: usize,
    entries: HashMap<K, (V, u64)>,
    /// The keys in order. A key whose number differs from its entry's is stale.
    order: VecDeque<(K, u64)>,
    next: u64,
}

impl<K: Eq + Hash + Clone, V> Recent<K, V> {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, entries: HashMap::new(), order: VecDeque::new(), next: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(value, _)| value)
    }

    #[cfg(test)]
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|(value, _)| value)
    }

    /// Adds an entry, or replaces the entry with the same key; it is now the newest. Returns the entry that was evicted
    /// for it, if any.
    pub(super) fn put(&mut self, key: K, value: V) -> Option<(K, V)> {
        self.next += 1;
        self.entries.insert(key.clone(), (value, self.next));
        self.order.push_back((key, self.next));
        let displaced = (self.len() > self.limit).then(|| self.pop_if(|_| true)).flatten();
        if self.order.len() > 2 * self.len() + 16 {
            let entries = &self.entries;
            self.order.retain(|place| is_live(entries, place));
        }
        displaced
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(value, _)| value)
    }

    /// Removes the oldest entry, if `is_so` holds for its value.
    pub(super) fn pop_if(&mut self, is_so: impl FnOnce(&V) -> bool) -> Option<(K, V)> {
        while self.order.front().is_some_and(|place| !is_live(&self.entries, place)) {
            self.order.pop_front();
        }
        let (key, _) = self.order.front()?;
        if !is_so(self.get(key)?) {
            return None;
        }
        let (key, _) = self.order.pop_front()?;
        let value = self.remove(&key)?;
        Some((key, value))
    }
}

fn is_live<K: Eq + Hash, V>(entries: &HashMap<K, (V, u64)>, (key, number): &(K, u64)) -> bool {
    entries.get(key).is_some_and(|(_, newest)| newest == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut recent = Recent::new(2);
        assert_eq!(recent.put("a", 1), None);
        assert_eq!(recent.put("b", 2), None);
        assert_eq!(recent.put("a", 3), None, "now b is the oldest");
        assert_eq!(recent.put("c", 4), Some(("b", 2)));
        assert_eq!((recent.get(&"a"), recent.get(&"b")), (Some(&3), None));
        assert_eq!(recent.pop_if(|value| *value == 4), None, "a is older");
        assert_eq!(recent.remove(&"a"), Some(3));
        assert_eq!(recent.pop_if(|value| *value == 4), Some(("c", 4)));
        assert_eq!(recent.pop_if(|_| true), None);
    }

    #[test]
    fn stale_places_are_few() {
        let mut recent = Recent::new(8);
        for number in 0..10_000_u32 {
            recent.put(number % 4, number);
            recent.put(number + 4, number);
            recent.remove(&(number + 4));
        }
        assert_eq!(recent.len(), 4);
        assert!(recent.order.len() <= 2 * 5 + 16, "{}", recent.order.len());
    }
}
