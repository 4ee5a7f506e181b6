//! Delays after failed attempts to log in.
//!
//! From the fourth failure on, an address has to wait 1, 2, 4, … 60 s after its last failure before it may try the same
//! name again. Failures are also counted per name, over all addresses. The delay after these failures applies only at
//! addresses where the user has never logged in. So nobody can lock users out at the addresses where they work.
//!
//! What this guarantees when a client floods the server:
//!
//! - An address has [`NAMES`] counters. Further names share one counter, whose delay is soon 60 s. So the failures of
//!   one address evict no counter, and add fewer than 300 names in a quarter of an hour. Users that have logged in from
//!   the address keep their own counters.
//! - Names without a delay and names with a delay are stored separately. A counter is evicted only by failures for
//!   8,192 other names, from at least 32 addresses. A counter with a delay is evicted only if each of these names fails
//!   four times.
//! - A known address of a user is evicted by later addresses of this user, and by addresses of users that logged in
//!   later, but never by failures.
//! - Evicting the counters of pairs gains nothing: the counter of the name remains, and applies to all addresses except
//!   the known ones.

mod failures;
mod known;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::{Duration, Instant};

use failures::{Counters, FADE};
use known::KnownAddresses;
pub use known::{ADDRESSES, KNOWN};
use sha2::{Digest as _, Sha256};

/// The maximum number of entries: for pairs of address and name, for names, and for known addresses. The
/// oldest entries make room. Together they take about 10 MB.
const PAIRS: usize = 32_768;
const USERS: usize = 16_384;
const KNOWN_PLACES: usize = 16_384;

/// How many names per address have their own counter: enough for an office in which everybody has mistyped.
pub const NAMES: usize = 256;

/// What an attempt tries to open. It is stored as a hash, so that its length takes no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Guess<'a> {
    /// The account with this name, whether it exists or not.
    User(&'a str),
    /// The token with this public id.
    Token(&'a str),
    /// The link with this public id, which has a password.
    Link(&'a str),
}

/// A guess, hashed with a key: nobody can choose two guesses with the same hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GuessHash(pub u64);

/// Identifies a password that was right, so that a login does not count after the password has changed. It is a hash of the
/// password's hash, with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordMark(pub u64);

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    /// The password was wrong.
    Failed,
    /// This password of a user was right, or that of a link, which never changes.
    Passed(Option<PasswordMark>),
}

/// How guesses are hashed.
#[derive(Debug)]
enum GuessHasher {
    /// With a key that is random at each start.
    Random(RandomState),
    /// With a key that several servers have. A program that reads the hashes does not have it.
    Keyed([u8; 32]),
}

/// Which of an address's counters applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// The counter of this name.
    Of(GuessHash),
    /// The shared counter of all names beyond [`NAMES`].
    OfFurther,
}

/// The recent failures. `K` is the key of an address; all addresses that one client can choose from must have
/// the same key.
#[derive(Debug)]
pub struct Attempts<K> {
    hasher: GuessHasher,
    pairs: Counters<(K, Place)>,
    /// How many pairs each address has.
    shares: HashMap<K, usize>,
    users: Counters<GuessHash>,
    known: KnownAddresses<GuessHash, K>,
}

impl<K: Eq + Hash + Clone> Attempts<K> {
    /// Creates it without failures.
    pub fn new() -> Self {
        Self::with_places(PAIRS, USERS, KNOWN_PLACES)
    }

    /// Creates it without failures, for servers that tell each other about attempts. They have the same key.
    pub fn keyed(key: [u8; 32]) -> Self {
        Self { hasher: GuessHasher::Keyed(key), ..Self::new() }
    }

    fn with_places(pairs: usize, users: usize, known: usize) -> Self {
        Self {
            hasher: GuessHasher::Random(RandomState::new()),
            pairs: Counters::new(pairs),
            shares: HashMap::new(),
            users: Counters::new(users),
            known: KnownAddresses::new(known),
        }
    }

    /// How long an attempt has to wait; `None` if it may be made now. Call this immediately before each check. Then
    /// attempts that are queued together are delayed by the failures of the first ones. A refused attempt does not
    /// count as a failure.
    pub fn delay(&self, address: &K, guess: Guess<'_>, now: Instant) -> Option<Duration> {
        let name = self.hash(guess);
        let is_known = self.known.has(address, &name, now);
        let pair = (address.clone(), self.place(address, name, is_known));
        let for_user = self.users.delay(&name, now).filter(|_| !is_known);
        self.pairs.delay(&pair, now).max(for_user)
    }

    /// Whether the user has logged in from this address before.
    pub fn is_known(&self, address: &K, guess: Guess<'_>, now: Instant) -> bool {
        self.known.has(address, &self.hash(guess), now)
    }

    /// Counts a failure. Failures at a known address do not count for other addresses. Otherwise a program at home that
    /// still has an old password would delay its user everywhere.
    pub fn failed(&mut self, address: &K, guess: Guess<'_>, now: Instant) {
        self.failed_elsewhere(address, self.hash(guess), now, now);
    }

    /// Counts a failure that another server has seen at this time.
    pub fn failed_elsewhere(&mut self, address: &K, name: GuessHash, at: Instant, now: Instant) {
        if now.saturating_duration_since(at) >= FADE {
            return;
        }
        self.fade(now);
        let is_known = self.known.has(address, &name, now);
        let pair = (address.clone(), self.place(address, name, is_known));
        if !self.pairs.has(&pair) {
            *self.shares.entry(address.clone()).or_default() += 1;
        }
        if let Some((address, _)) = self.pairs.count(pair, at) {
            self.lower_share(&address);
        }
        if !is_known {
            self.users.count(name, at);
        }
    }

    /// Forgets the failures from this address for this name, and remembers that the user logged in from there. Failures
    /// for the name at other addresses remain: somebody else has caused them. Returns whether the address is new.
    pub fn succeeded(&mut self, address: &K, guess: Guess<'_>, now: Instant) -> bool {
        self.succeeded_elsewhere(address, self.hash(guess), now)
    }

    /// Like [`Self::succeeded`], for a login that another server has seen at this time. Later failures are not forgotten.
    pub fn succeeded_elsewhere(&mut self, address: &K, name: GuessHash, at: Instant) -> bool {
        if self.pairs.forget_until(&(address.clone(), Place::Of(name)), at) {
            self.lower_share(address);
        }
        let is_new = !self.known.has(address, &name, at);
        self.known.put(address, &name, at);
        is_new
    }

    /// Remembers that a user logged in from this address at this time. To be called before all other methods, for the
    /// oldest login first.
    pub fn recall(&mut self, address: &K, guess: Guess<'_>, since: Instant) {
        self.known.put(address, &self.hash(guess), since);
    }

    /// The addresses from which a user has logged in, and how long ago.
    pub fn known<'k>(
        &'k self,
        guess: Guess<'_>,
        now: Instant,
    ) -> impl Iterator<Item = (&'k K, Duration)> + use<'k, K> {
        self.known.of(&self.hash(guess), now)
    }

    /// Forgets where a user has logged in from. Call this when the user is removed or the password is changed, as
    /// somebody else may have known the old password.
    pub fn forget(&mut self, guess: Guess<'_>) {
        self.known.remove(&self.hash(guess));
    }

    /// How other servers with the same key hash this guess.
    pub fn hash(&self, guess: Guess<'_>) -> GuessHash {
        match &self.hasher {
            GuessHasher::Random(hasher) => GuessHash(hasher.hash_one(guess)),
            GuessHasher::Keyed(key) => {
                let (kind, text) = match guess {
                    Guess::User(name) => (b'u', name),
                    Guess::Token(id) => (b't', id),
                    Guess::Link(id) => (b'l', id),
                };
                GuessHash(keyed(key, kind, text))
            }
        }
    }

    /// How other servers with the same key identify the password with this hash.
    pub fn mark(&self, password: &str) -> PasswordMark {
        match &self.hasher {
            GuessHasher::Random(hasher) => PasswordMark(hasher.hash_one(password)),
            GuessHasher::Keyed(key) => PasswordMark(keyed(key, b'p', password)),
        }
    }

    fn place(&self, address: &K, name: GuessHash, is_known: bool) -> Place {
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

fn keyed(key: &[u8; 32], kind: u8, text: &str) -> u64 {
    let sum = Sha256::new().chain_update(key).chain_update([kind]).chain_update(text).finalize();
    sum.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

impl<K: Eq + Hash + Clone> Default for Attempts<K> {
    fn default() -> Self {
        Self::new()
    }
}
