//! The addresses from which each user has logged in.

use std::collections::VecDeque;
use std::hash::Hash;
use std::time::{Duration, Instant};

use crate::accounts::recent::Recent;

/// How many addresses per user are known: home, work, and a phone that changes networks for a fortnight.
pub const ADDRESSES: usize = 32;

/// How long an address is known: as long as a session lasts. After that, it may belong to somebody else.
pub const KNOWN: Duration = Duration::from_secs(30 * 24 * 3600);

/// Addresses by user. A user with too many addresses loses only the oldest of them. When all places are taken, the user
/// whose last login is oldest loses all known addresses.
#[derive(Debug)]
pub(super) struct KnownAddresses<N, K> {
    places: usize,
    taken: usize,
    users: Recent<N, VecDeque<(K, Instant)>>,
}

impl<N: Eq + Hash + Clone, K: PartialEq + Clone> KnownAddresses<N, K> {
    /// Creates an empty table with this many places in total.
    pub(super) fn new(places: usize) -> Self {
        // `places` limits the users too.
        Self { places, taken: 0, users: Recent::new(usize::MAX) }
    }

    pub(super) fn has(&self, address: &K, name: &N, now: Instant) -> bool {
        let is_here =
            |(known, since): &(K, Instant)| known == address && now.saturating_duration_since(*since) < KNOWN;
        self.users.get(name).is_some_and(|addresses| addresses.iter().any(is_here))
    }

    /// The addresses of a user, with the times since.
    pub(super) fn of<'k>(
        &'k self,
        name: &N,
        now: Instant,
    ) -> impl Iterator<Item = (&'k K, Duration)> + use<'k, N, K> {
        let addresses = self.users.get(name).into_iter().flatten();
        let ages = addresses.map(move |(address, since)| (address, now.saturating_duration_since(*since)));
        ages.filter(|(_, age)| *age < KNOWN)
    }

    /// Adds an address from which the user has logged in at this time.
    pub(super) fn put(&mut self, address: &K, name: &N, now: Instant) {
        let mut addresses = self.remove(name).unwrap_or_default();
        let since =
            addresses.iter().find(|(known, _)| known == address).map_or(now, |(_, since)| now.max(*since));
        addresses.retain(|(known, _)| known != address);
        if addresses.len() == ADDRESSES {
            addresses.pop_front();
        }
        addresses.push_back((address.clone(), since));
        self.taken += addresses.len();
        self.users.put(name.clone(), addresses);
        while self.taken > self.places
            && let Some((_, addresses)) = self.users.pop_if(|_| true)
        {
            self.taken -= addresses.len();
        }
    }

    /// How many places are taken, counted in two ways.
    #[cfg(test)]
    pub(super) fn taken(&self) -> (usize, usize) {
        (self.taken, self.users.values().map(VecDeque::len).sum())
    }

    pub(super) fn remove(&mut self, name: &N) -> Option<VecDeque<(K, Instant)>> {
        let addresses = self.users.remove(name)?;
        self.taken -= addresses.len();
        Some(addresses)
    }
}
