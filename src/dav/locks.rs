//! The locks of a folder (RFC 4918 §6, §7): which there are, and which changes they forbid.
//!
//! A lock covers a path, and everything below it if it is deep. It forbids changes to those who do not submit its token.
//! Locks end by UNLOCK, with what they cover, or when their time is up.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::lock_request::LockScope;
use super::path_bytes;
use crate::path::SharePath;

/// How many locks a principal may have. An editor needs two for each open file.
pub const MAX_LOCKS_EACH: usize = 1000;

/// How many locks there may be in all: a few megabytes.
pub const MAX_LOCKS: usize = 10_000;

/// How many of them clients without an account may have, so that they leave some for users.
pub const MAX_ANONYMOUS: usize = 5_000;

/// How many locks may cover a path. A listing names them for every entry.
pub const MAX_COVERING: usize = 16;

/// A lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Its token: a URI that nobody can guess (§6.5).
    pub token: String,
    /// The path that was locked, without links.
    #[serde(with = "path_bytes")]
    pub path: SharePath,
    /// Whether a directory is there.
    pub is_directory: bool,
    /// Whether it covers everything below the path too.
    pub is_deep: bool,
    /// Whether others may have locks there too.
    pub scope: LockScope,
    /// What the client says about itself: an element as XML, or nothing.
    pub owner: Box<str>,
    /// The principal that may use it; `None`: everybody who knows the token.
    pub holder: Option<Box<str>>,
    /// The client that it counts for.
    pub counted_for: Box<str>,
    /// When it ends, unless it is refreshed.
    pub expires: SystemTime,
}

/// A change that locks may forbid.
#[derive(Debug, Clone, Copy)]
pub enum PathChange<'p> {
    /// New content or properties for something that exists.
    Content(&'p SharePath),
    /// Something comes to the path, or all that is there goes: that changes the deepest directory above it that exists too
    /// (§7.4).
    Entry {
        /// The path.
        path: &'p SharePath,
        /// The directory.
        directory: &'p SharePath,
    },
}

/// Who wants to make a change: the tokens that the request submits, and its principal.
#[derive(Debug, Clone, Copy)]
pub struct TokenClaim<'c> {
    /// The tokens.
    pub tokens: &'c [Box<str>],
    /// The principal, if it has an account.
    pub holder: Option<&'c str>,
}

/// Why there is no new lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoLock {
    /// Locks on these paths exclude it.
    Conflict(Vec<SharePath>),
    /// The client, or all clients together, have too many.
    TooMany,
}

/// The locks of a folder.
#[derive(Debug, Default)]
pub struct LockTable {
    /// By path. Those below a path follow each other.
    locks: BTreeMap<SharePath, Vec<Lock>>,
    count: usize,
}

impl LockTable {
    /// A table with these locks.
    pub fn of(locks: impl IntoIterator<Item = Lock>) -> Self {
        let mut table = Self::default();
        locks.into_iter().for_each(|lock| table.insert(lock));
        table
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All locks.
    pub fn iter(&self) -> impl Iterator<Item = &Lock> {
        self.locks.values().flatten()
    }

    /// Adds a lock, unless others exclude it.
    pub fn add(&mut self, lock: Lock, now: SystemTime) -> Result<(), NoLock> {
        let excludes = |other: &&Lock| {
            other.is_valid(now) && (lock.scope == LockScope::Exclusive || other.scope == LockScope::Exclusive)
        };
        let mut paths: Vec<_> =
            self.covering(&lock.path).filter(excludes).map(|other| other.path.clone()).collect();
        if lock.is_deep {
            paths.extend(self.below(&lock.path).filter(excludes).map(|other| other.path.clone()));
        }
        if !paths.is_empty() {
            paths.dedup();
            return Err(NoLock::Conflict(paths));
        }
        let own = self.iter().filter(|other| other.counted_for == lock.counted_for).count();
        let is_anonymous = |other: &&Lock| other.holder.is_none();
        let crowd = if is_anonymous(&&lock) { self.iter().filter(is_anonymous).count() } else { 0 };
        let is_full = self.count >= MAX_LOCKS || crowd >= MAX_ANONYMOUS;
        if is_full || own >= MAX_LOCKS_EACH || self.most_covering(&lock) >= MAX_COVERING {
            return Err(NoLock::TooMany);
        }
        self.insert(lock);
        Ok(())
    }

    /// How many locks cover the path of this lock; for a deep lock, also how many cover a path below it at most.
    fn most_covering(&self, lock: &Lock) -> usize {
        let below = self.below(&lock.path).filter(|_| lock.is_deep).map(|other| &other.path);
        let counts = below.chain([&lock.path]).map(|path| self.covering(path).count());
        counts.max().unwrap_or(0)
    }

    /// Gives a lock that covers the path more time (§9.10.2). `None` if there is no such lock, or if it is another principal's.
    pub fn refresh(
        &mut self,
        path: &SharePath,
        claim: TokenClaim<'_>,
        time: Duration,
        now: SystemTime,
    ) -> Option<Lock> {
        let found = self.covering(path).find(|lock| lock.is_valid(now) && lock.is_claimed_by(claim))?;
        let (path, token) = (found.path.clone(), found.token.clone());
        let lock = self.locks.get_mut(&path)?.iter_mut().find(|lock| lock.token == token)?;
        lock.expires = now + time;
        Some(lock.clone())
    }

    /// Ends the lock with this token that covers the path. `may_end` decides whether the request may.
    pub fn unlock(
        &mut self,
        path: &SharePath,
        token: &str,
        may_end: impl Fn(&Lock) -> bool,
    ) -> Result<Lock, NoUnlock> {
        let found = self.covering(path).find(|lock| lock.token == token).ok_or(NoUnlock::NoSuchLock)?;
        if !may_end(found) {
            return Err(NoUnlock::Another);
        }
        let path = found.path.clone();
        self.take(&path, |lock| lock.token == token).pop().ok_or(NoUnlock::NoSuchLock)
    }

    /// The valid locks that cover a path.
    pub fn on(&self, path: &SharePath, now: SystemTime) -> impl Iterator<Item = &Lock> {
        self.covering(path).filter(move |lock| lock.is_valid(now))
    }

    /// Fails if locks forbid the change, with the paths that are locked. Of several shared locks, the token of one is
    /// enough.
    pub fn admit(
        &self,
        change: PathChange<'_>,
        claim: TokenClaim<'_>,
        now: SystemTime,
    ) -> Result<(), Vec<SharePath>> {
        if self.is_empty() {
            return Ok(());
        }
        let mut locked = Vec::new();
        let mut ask = |path: &SharePath| {
            let mut locks = self.on(path, now).peekable();
            if locks.peek().is_some()
                && !locks.any(|lock| lock.is_claimed_by(claim))
                && !locked.contains(path)
            {
                locked.push(path.clone());
            }
        };
        match change {
            PathChange::Content(path) => ask(path),
            PathChange::Entry { path, directory } => {
                ask(path);
                ask(directory);
                self.below(path).filter(|lock| lock.is_valid(now)).for_each(|lock| ask(&lock.path));
            }
        }
        if locked.is_empty() { Ok(()) } else { Err(locked) }
    }

    /// The locks on a path and below it.
    pub fn at_or_below<'t>(&'t self, path: &'t SharePath) -> impl Iterator<Item = &'t Lock> {
        self.locks.get(path).into_iter().flatten().chain(self.below(path))
    }

    /// Ends these locks. Returns those that had not ended before.
    pub fn end(&mut self, locks: &[Lock]) -> Vec<Lock> {
        locks.iter().flat_map(|lock| self.take(&lock.path, |its| its.token == lock.token)).collect()
    }

    /// Removes the locks whose time is up, and returns them.
    pub fn expire(&mut self, now: SystemTime) -> Vec<Lock> {
        let due: Vec<_> =
            self.iter().filter(|lock| !lock.is_valid(now)).map(|lock| lock.path.clone()).collect();
        due.iter().flat_map(|path| self.take(path, |lock| !lock.is_valid(now))).collect()
    }

    /// Adds a lock that was admitted before.
    pub fn insert(&mut self, lock: Lock) {
        self.count += 1;
        self.locks.entry(lock.path.clone()).or_default().push(lock);
    }

    /// The lock of this path that has this token.
    pub fn find(&self, path: &SharePath, token: &str) -> Option<&Lock> {
        self.locks.get(path)?.iter().find(|lock| lock.token == token)
    }

    /// Removes the lock of this path that has this token.
    pub fn remove(&mut self, path: &SharePath, token: &str) {
        self.take(path, |lock| lock.token == token);
    }

    fn take(&mut self, path: &SharePath, is_wanted: impl Fn(&Lock) -> bool) -> Vec<Lock> {
        let Some(locks) = self.locks.get_mut(path) else { return Vec::new() };
        let (taken, kept) = std::mem::take(locks).into_iter().partition::<Vec<_>, _>(is_wanted);
        self.count -= taken.len();
        if kept.is_empty() {
            self.locks.remove(path);
        } else {
            *locks = kept;
        }
        taken
    }

    /// The locks on a path, and the deep ones on the directories above it.
    fn covering(&self, path: &SharePath) -> impl Iterator<Item = &Lock> {
        let own = self.locks.get(path).into_iter().flatten();
        let above = std::iter::successors(path.parent(), SharePath::parent);
        let above = above.filter_map(|path| self.locks.get(&path)).flatten();
        own.chain(above.filter(|lock| lock.is_deep))
    }

    fn below<'t>(&'t self, path: &'t SharePath) -> impl Iterator<Item = &'t Lock> {
        // No segment sorts before this one, and no path below one of the longest fits.
        let first = path.join(OsStr::from_bytes(b"\x01")).ok();
        let following = first.map(|first| self.locks.range(first..)).into_iter().flatten();
        following.take_while(move |(its, _)| its.is_below(path)).flat_map(|(_, locks)| locks)
    }
}

/// Why a lock was not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoUnlock {
    /// No such lock covers the path.
    NoSuchLock,
    /// It is another principal's.
    Another,
}

impl Lock {
    /// Whether its time is not up.
    pub fn is_valid(&self, now: SystemTime) -> bool {
        now < self.expires
    }

    /// Whether it belongs to whoever submits these tokens.
    pub fn is_claimed_by(&self, claim: TokenClaim<'_>) -> bool {
        let is_submitted = claim.tokens.iter().any(|token| **token == *self.token);
        is_submitted && self.holder.as_deref().is_none_or(|holder| claim.holder == Some(holder))
    }
}

#[cfg(test)]
mod tests;
