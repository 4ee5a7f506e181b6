//! Delays after failed attempts to come in.
//!
//! From the fourth failure on, an address has to wait 1, 2, 4, … 60 s from its last failure until it may try the same name
//! again. Failures are counted for the name too, over all addresses; that delay holds only where the user never came in, so
//! nobody can lock a user out of the places from which they work.
//!
//! What holds when a client floods:
//!
//! - An address has [`NAMES`] counters of its own. Further names share one, which is soon delayed by 60 s. So one address
//!   cannot push out a counter, its own included, and leaves fewer than 300 names in a quarter of an hour. Users that came in
//!   from it keep counters of their own.
//! - Names without a delay and names with one have separate places. To push out a counter, 8,192 other names must fail, from
//!   at least 32 addresses; if it has a delay, four times each.
//! - A user's known addresses are pushed out by the user's own, and by those of users that came in later: never by failures.
//! - Pushing out the counters of pairs gains nothing: the name's counter remains, and holds for all addresses except those that
//!   are known.

mod failures;
mod known;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::{Duration, Instant};

use failures::Counters;
use known::KnownAddresses;

/// How many places there are: for pairs of address and name, for names, and for known addresses. The oldest make room. They
/// take some 10 MB.
const PAIRS: usize = 32_768;
const USERS: usize = 16_384;
const KNOWN_PLACES: usize = 16_384;

/// How many names have a counter of their own for each address: an office in which everybody has mistyped.
pub const NAMES: usize = 256;

/// What an attempt tries to open. It is kept as a hash, so that its length costs no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guess<'a> {
    /// The account with this name, whether it exists or not.
    User(&'a str),
    /// The token with this public id.
    Token(&'a str),
    /// The link with this public id, by its password.
    Link(&'a str),
}

/// A hash with a key of this start: nobody can choose two names with the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Name(u64);

/// Which counter of an address counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// That of this name.
    Of(Name),
    /// That of all names beyond [`NAMES`].
    OfFurther,
}

/// The failures of late. `K` is what tells addresses apart; all addresses that one client can choose from must be one key.
#[derive(Debug)]
pub struct Attempts<K> {
    hasher: RandomState,
    pairs: Counters<(K, Place)>,
    /// How many pairs each address has.
    shares: HashMap<K, usize>,
    users: Counters<Name>,
    known: KnownAddresses<Name, K>,
}

impl<K: Eq + Hash + Clone> Attempts<K> {
    /// Without failures.
    pub fn new() -> Self {
        Self::with_places(PAIRS, USERS, KNOWN_PLACES)
    }

    fn with_places(pairs: usize, users: usize, known: usize) -> Self {
        Self {
            hasher: RandomState::new(),
            pairs: Counters::new(pairs),
            shares: HashMap::new(),
            users: Counters::new(users),
            known: KnownAddresses::new(known),
        }
    }

    /// How long an attempt has to wait, if it may not be made now. Ask right before each check: attempts that wait for their
    /// turn together are then delayed by the failures of the first ones. A refused attempt is no failure.
    pub fn delay(&self, address: &K, guess: Guess<'_>, now: Instant) -> Option<Duration> {
        let name = self.name(guess);
        let is_known = self.known.has(address, &name, now);
        let pair = (address.clone(), self.place(address, name, is_known));
        let for_user = self.users.delay(&name, now).filter(|_| !is_known);
        self.pairs.delay(&pair, now).max(for_user)
    }

    /// Whether the user came in from this address before.
    pub fn is_known(&self, address: &K, guess: Guess<'_>, now: Instant) -> bool {
        self.known.has(address, &self.name(guess), now)
    }

    /// Counts a failure. Those at a known address do not count for the other addresses: a program with an old password at home
    /// would delay its user everywhere.
    pub fn failed(&mut self, address: &K, guess: Guess<'_>, now: Instant) {
        self.fade(now);
        let name = self.name(guess);
        let is_known = self.known.has(address, &name, now);
        let pair = (address.clone(), self.place(address, name, is_known));
        if !self.pairs.has(&pair) {
            *self.shares.entry(address.clone()).or_default() += 1;
        }
        if let Some((address, _)) = self.pairs.count(pair, now) {
            self.lower_share(&address);
        }
        if !is_known {
            self.users.count(name, now);
        }
    }

    /// Forgets the failures of this address with this name, and remembers that the user came in from there. The name's failures
    /// at other addresses stay: they are somebody else's.
    pub fn succeeded(&mut self, address: &K, guess: Guess<'_>, now: Instant) {
        let name = self.name(guess);
        if self.pairs.forget(&(address.clone(), Place::Of(name))) {
            self.lower_share(address);
        }
        self.known.put(address, &name, now);
    }

    /// Forgets from where a user came in: call it when the user is removed, or gets another password, which may have been known
    /// to somebody else.
    pub fn forget(&mut self, guess: Guess<'_>) {
        self.known.remove(&self.name(guess));
    }

    fn name(&self, guess: Guess<'_>) -> Name {
        Name(self.hasher.hash_one(guess))
    }

    fn place(&self, address: &K, name: Name, is_known: bool) -> Place {
        let place = Place::Of(name);
        let is_full = || self.shares.get(address).is_some_and(|share| *share >= NAMES);
        if is_known || !is_full() || self.pairs.has(&(address.clone(), place)) {
            place
        } else {
            Place::OfFurther
        }
    }

    fn fade(&mut self, now: Instant) {
        while let Some((address, _)) = self.pairs.fade(now) {
            self.lower_share(&address);
        }
        while self.users.fade(now).is_some() {}
    }

    fn lower_share(&mut self, address: &K) {
        if let Some(share) = self.shares.get_mut(address) {
            *share -= 1;
            if *share == 0 {
                self.shares.remove(address);
            }
        }
    }
}

impl<K: Eq + Hash + Clone> Default for Attempts<K> {
    fn default() -> Self {
        Self::new()
    }
}
