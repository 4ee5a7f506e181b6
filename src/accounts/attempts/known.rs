//! The addresses from which each user came in.

use std::collections::VecDeque;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::Name;
use crate::accounts::recent::Recent;

/// How many addresses of a user are known: home, work, and a phone that changes its network for a fortnight.
pub(super) const ADDRESSES: usize = 32;

/// How long an address is known: as long as a session lasts. By then it may belong to somebody else.
pub(super) const KNOWN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Addresses by user. One user makes room only among their own; when all places are taken, the user that has not come in for
/// the longest time makes room.
#[derive(Debug)]
pub(super) struct Known<K> {
    places: usize,
    taken: usize,
    users: Recent<Name, VecDeque<(K, Instant)>>,
}

impl<K: Eq + Hash + Clone> Known<K> {
    /// With this many places in all.
    pub(super) fn new(places: usize) -> Self {
        Self { places, taken: 0, users: Recent::new(places) }
    }

    pub(super) fn has(&self, address: &K, name: Name, now: Instant) -> bool {
        let is_here =
            |(known, since): &(K, Instant)| known == address && now.saturating_duration_since(*since) < KNOWN;
        self.users.get(&name).is_some_and(|addresses| addresses.iter().any(is_here))
    }

    pub(super) fn put(&mut self, address: &K, name: Name, now: Instant) {
        let mut addresses = self.remove(name).unwrap_or_default();
        addresses.retain(|(known, _)| known != address);
        if addresses.len() == ADDRESSES {
            addresses.pop_front();
        }
        addresses.push_back((address.clone(), now));
        self.taken += addresses.len();
        self.users.put(name, addresses);
        while self.taken > self.places
            && let Some((_, addresses)) = self.users.pop_if(|_| true)
        {
            self.taken -= addresses.len();
        }
    }

    pub(super) fn remove(&mut self, name: Name) -> Option<VecDeque<(K, Instant)>> {
        let addresses = self.users.remove(&name)?;
        self.taken -= addresses.len();
        Some(addresses)
    }
}
