//! Which directories have changed lately, for the pages that show them.
//!
//! A change is announced as the path of what changed. A follower of a directory is told that something in it has changed,
//! not what: it asks for the listing again. So the rules for listings decide what it learns.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::{Judge, ToList};
use crate::http::event_stream;
use crate::path::SharePath;
use crate::server::accounts::credential::Credential;
use crate::server::chat::state::{EncodedEvent, NextBytes};
use crate::server::jobs::fair_permits::{FairPermit, FairPermits};
use crate::server::request::ClientAddress;
use crate::server::waker::Waker;

/// How many changes are kept. A follower that misses more is told that its directory may have changed.
const KEPT: usize = 256;

/// The recent changes, and the permits of followers.
#[derive(Debug)]
pub(crate) struct DirectoryChanges {
    recent: Mutex<Recent>,
    /// How many follow a directory. Without any, nothing is kept.
    followers: AtomicUsize,
    permits: FairPermits,
    waker: Arc<Waker>,
    /// The only event: it is the same for everybody.
    event: EncodedEvent,
}

#[derive(Debug, Default)]
struct Recent {
    paths: VecDeque<Box<[u8]>>,
    /// How many changes came before these.
    before: u64,
}

/// A stream of the changes in a directory. Dropping it ends the stream.
#[derive(Debug)]
pub(crate) struct Follower {
    changes: Arc<DirectoryChanges>,
    directory: SharePath,
    judge: Judge,
    from: ClientAddress,
    /// The number of changes that it knows.
    seen: u64,
    /// The credential of the stream's request; `None` if the request is anonymous.
    pub credential: Option<Arc<Credential>>,
    _permit: FairPermit,
}

impl DirectoryChanges {
    /// No changes, and at most this many followers.
    pub(crate) fn new(followers: usize, waker: Arc<Waker>) -> Self {
        Self {
            recent: Mutex::default(),
            followers: AtomicUsize::new(0),
            permits: FairPermits::new(followers),
            waker,
            event: event_stream::encode_without_id("change", "{}").into(),
        }
    }

    /// Tells those who follow the directory of this path, or one below it.
    pub(crate) fn announce(&self, path: &[u8]) {
        if self.followers.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut recent = self.recent();
        recent.paths.push_back(path.into());
        if recent.paths.len() > KEPT {
            recent.paths.pop_front();
            recent.before += 1;
        }
        drop(recent);
        self.waker.wake();
    }

    /// Follows this directory from now on; `None` if this client, or all together, follow too many.
    pub(crate) fn follow(
        self: &Arc<Self>,
        directory: SharePath,
        judge: Judge,
        from: ClientAddress,
    ) -> Option<Follower> {
        let permit = self.permits.take(from.key())?;
        self.followers.fetch_add(1, Ordering::SeqCst);
        let seen = self.recent().end();
        Some(Follower {
            changes: Arc::clone(self),
            directory,
            judge,
            from,
            seen,
            credential: None,
            _permit: permit,
        })
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    /// The number of changes so far.
    fn end(&self) -> u64 {
        self.before + self.paths.len() as u64
    }

    /// Whether this directory may have changed after the first `seen` changes.
    fn concern(&self, directory: &SharePath, seen: u64) -> bool {
        let Some(known) = seen.checked_sub(self.before) else { return true };
        self.paths.iter().skip(known as usize).any(|path| concerns(path, directory.as_bytes()))
    }
}

/// Whether a change of this path is seen in the directory: it is an entry of it, the directory itself, or one above.
fn concerns(path: &[u8], directory: &[u8]) -> bool {
    let (above, _) =
        path.iter().rposition(|byte| *byte == b'/').map_or((&b""[..], path), |at| path.split_at(at));
    let is_above =
        || directory.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
    above == directory || is_above()
}

impl Follower {
    /// The client that follows.
    pub(crate) fn client(&self) -> ClientAddress {
        self.from
    }

    /// Whether it may still follow.
    pub(crate) fn may_go_on(&self) -> bool {
        self.credential.as_ref().is_none_or(|credential| credential.holds())
            && self.judge.check::<ToList>(&self.directory).is_ok()
    }

    /// What comes next: one event for all changes since the last.
    pub(crate) fn next(&mut self) -> NextBytes {
        let recent = self.changes.recent();
        let (has_changed, end) = (recent.concern(&self.directory, self.seen), recent.end());
        drop(recent);
        self.seen = end;
        match has_changed {
            false => NextBytes::Nothing,
            true if self.may_go_on() => NextBytes::Bytes(Arc::clone(&self.changes.event)),
            true => NextBytes::Over,
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.changes.followers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::access::{Access, Principal, Rights};
    use crate::net::peer::Peer;

    #[test]
    fn a_change_concerns_the_directory_and_those_below() {
        let table: [(&str, &str, bool); 10] = [
            ("a.txt", "", true),
            ("sub/a.txt", "", false),
            ("sub/a.txt", "sub", true),
            ("sub/a.txt", "subs", false),
            ("sub/deep/a.txt", "sub", false),
            ("sub", "sub/deep", true),
            ("sub", "sub", true),
            ("sub", "", true),
            ("su", "sub", false),
            ("other", "sub", false),
        ];
        for (path, directory, expected) in table {
            assert_eq!(concerns(path.as_bytes(), directory.as_bytes()), expected, "{path} in {directory}");
        }
    }

    fn changes(followers: usize) -> Arc<DirectoryChanges> {
        Arc::new(DirectoryChanges::new(followers, Arc::new(Waker::new().expect("a descriptor"))))
    }

    fn follow(changes: &Arc<DirectoryChanges>, directory: &str) -> Option<Follower> {
        let (one, _other) = UnixStream::pair().expect("two sockets");
        let from = ClientAddress::of_peer(Peer::of_unix(&one));
        let judge = Access::new(Rights::VIEW).judge(&Principal::anonymous(None));
        changes.follow(SharePath::parse(directory.as_bytes()).expect("a path"), judge, from)
    }

    fn events(follower: &mut Follower) -> usize {
        std::iter::from_fn(|| matches!(follower.next(), NextBytes::Bytes(_)).then_some(())).take(9).count()
    }

    #[test]
    fn many_changes_are_one_event_and_none_is_missed() {
        let changes = changes(8);
        changes.announce(b"sub/before");
        let mut follower = follow(&changes, "sub").expect("a permit");
        assert_eq!(events(&mut follower), 0);
        changes.announce(b"sub/a");
        changes.announce(b"sub/b");
        changes.announce(b"other");
        assert_eq!(events(&mut follower), 1);
        (0..=KEPT).for_each(|_| changes.announce(b"other"));
        assert_eq!(events(&mut follower), 1, "it cannot know");
        changes.announce(b"other");
        assert_eq!(events(&mut follower), 0);
    }

    #[test]
    fn followers_are_limited_and_nothing_is_kept_without_any() {
        let changes = changes(2);
        let first = follow(&changes, "").expect("a permit");
        assert!(follow(&changes, "").is_none(), "a client leaves as many as it has");
        changes.announce(b"a");
        assert_eq!(changes.recent().end(), 1);
        drop(first);
        changes.announce(b"b");
        assert_eq!(changes.recent().end(), 1);
        assert!(follow(&changes, "").is_some());
    }
}
