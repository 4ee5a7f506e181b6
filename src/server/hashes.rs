//! SHA-256 of files: computed once per version, cached, and never of a mixture of versions.
//!
//! A hash is computed in slices. After each slice, the job goes back to the queue, so a long file does not delay the
//! commits that are queued behind it. Ten requests for one file share one computation: the next of their jobs computes
//! the next slice.
//!
//! A hash belongs to one version of the file. A change during the computation makes another version, which is detected
//! at the end, unless the change happens within one tick of the file system's clock. So the computation for a file that
//! was just written starts a moment later. (A program that writes through a memory map need not update the file's times
//! at once; that cannot be noticed.) If the clock ticks in whole seconds, this delay would be too long. Then the hash
//! of an unsettled version is returned with a weak tag, and is neither cached nor shared.
//!
//! This module knows nothing about requests; `handle::checksum` serves them.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::folder::{Facts, FileVersion, OpenFile};
use crate::server::client_key::ClientKey;
use crate::server::jobs::fair_permits::{FairPermit, FairPermits};

/// How many hashes are cached; with their versions they take less than a megabyte.
const MOST_KNOWN: usize = 4096;

/// The maximum number of files that are hashed at once; one client gets at most half. Each needs a descriptor, and
/// those are scarce.
const MOST_UNDER_WAY: usize = 32;

/// How many bytes of a file are hashed before other jobs get their turn: a few hundredths of a second.
const SLICE: u64 = 16 << 20;

/// How many bytes are read at once.
const BLOCK: usize = 64 * 1024;

/// Longer than the tick of any clock that file systems use for times (Linux: at most 10 ms).
const TICK: Duration = Duration::from_millis(20);

/// A SHA-256 (FIPS 180-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hash([u8; 32]);

/// The cached hashes, and those being computed.
#[derive(Debug)]
pub(super) struct Digests {
    inner: Mutex<Inner>,
    permits: FairPermits,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<FileVersion, Hash>,
    /// The cached versions, the oldest first.
    order: VecDeque<FileVersion>,
    under_way: Vec<UnderWay>,
}

/// A computation that a request waits for.
#[derive(Debug)]
struct UnderWay {
    /// The version of the file, if other requests for it may share this computation.
    version: Option<FileVersion>,
    hashing: Weak<Mutex<Hashing>>,
}

/// A file that is being hashed.
#[derive(Debug)]
pub(super) struct Hashing {
    file: File,
    facts: Facts,
    /// Whether the version was settled before the first byte was read.
    is_settled: bool,
    hasher: Sha256,
    offset: u64,
    /// Set at the end.
    end: Option<Result<Hash, HashError>>,
    /// Returned when no request waits for the hash any more.
    _permit: FairPermit,
}

/// Why there is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HashError {
    /// The file changed meanwhile.
    Changed,
    /// The file could not be read.
    Unreadable(io::ErrorKind),
}

/// The result of [`Digests::find`].
#[derive(Debug)]
pub(super) enum HashLookup {
    /// It is cached.
    Yes(Hash),
    /// It has to be computed.
    NotYet(Arc<Mutex<Hashing>>),
    /// Too many others are being computed.
    TooMany,
}

impl Default for Digests {
    fn default() -> Self {
        Self { inner: Mutex::default(), permits: FairPermits::new(MOST_UNDER_WAY) }
    }
}

impl Digests {
    /// The hash of a file that was opened just before `now`, or its computation, on behalf of this client.
    pub(super) fn find(&self, open: OpenFile, now: SystemTime, client: ClientKey) -> HashLookup {
        let version = open.facts.version;
        let is_settled = version.is_settled(now);
        let mut inner = self.lock();
        if let Some(hash) = inner.known.get(&version) {
            return HashLookup::Yes(*hash);
        }
        let mut shared = inner.under_way.iter().filter(|it| it.version == Some(version));
        if let Some(hashing) = shared.find_map(|it| it.hashing.upgrade()) {
            return HashLookup::NotYet(hashing);
        }
        inner.under_way.retain(|it| it.hashing.strong_count() > 0);
        let Some(permit) = self.permits.take(client) else { return HashLookup::TooMany };
        let hashing = Arc::new(Mutex::new(Hashing::new(open, is_settled, permit)));
        let version = is_settled.then_some(version);
        inner.under_way.push(UnderWay { version, hashing: Arc::downgrade(&hashing) });
        HashLookup::NotYet(hashing)
    }

    /// Computes the next slice of a hash. Reads the disk, and may wait for another job that computes the same hash.
    pub(super) fn proceed(&self, hashing: &Mutex<Hashing>) -> Option<Result<Hash, HashError>> {
        let mut hashing = hashing.lock().unwrap_or_else(PoisonError::into_inner);
        if hashing.end.is_none() {
            hashing.end =
                hashing.advance().unwrap_or_else(|error| Some(Err(HashError::Unreadable(error.kind()))));
            if let Some(end) = hashing.end
                && hashing.is_settled
            {
                self.lock().settle(hashing.facts.version, end);
            }
        }
        hashing.end
    }

    /// Clears the cache: the shared folder is another directory now.
    pub(super) fn clear(&self) {
        *self.lock() = Inner::default();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Ends a computation; evicts the oldest hash if necessary.
    fn settle(&mut self, version: FileVersion, end: Result<Hash, HashError>) {
        self.under_way.retain(|it| it.version != Some(version));
        let Ok(hash) = end else { return };
        if self.known.insert(version, hash).is_none() {
            self.order.push_back(version);
        }
        if self.order.len() > MOST_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

impl Hashing {
    fn new(open: OpenFile, is_settled: bool, permit: FairPermit) -> Self {
        let OpenFile { file, facts, .. } = open;
        Self { file, facts, is_settled, hasher: Sha256::new(), offset: 0, end: None, _permit: permit }
    }

    /// Hashes the next slice; at the end of the file, checks that it was one version throughout.
    fn advance(&mut self) -> io::Result<Option<Result<Hash, HashError>>> {
        if self.offset == 0 && !self.facts.renewed(&self.file)?.were_true_for(TICK, SystemTime::now()) {
            std::thread::sleep(TICK);
        }
        let mut block = vec![0; BLOCK];
        let end = self.offset + SLICE;
        while self.offset < end {
            match self.file.read_at(&mut block, self.offset) {
                Ok(0) => return self.finish().map(Some),
                Ok(count) => {
                    self.hasher.update(block.get(..count).unwrap_or_default());
                    self.offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn finish(&mut self) -> io::Result<Result<Hash, HashError>> {
        let is_still = self.facts.renewed(&self.file)?.version == self.facts.version;
        let hash = Hash(std::mem::take(&mut self.hasher).finalize().into());
        Ok(if is_still { Ok(hash) } else { Err(HashError::Changed) })
    }
}

/// Writes 64 hexadecimal digits.
impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Access, Principal, Rights};
    use crate::blocking::Blocking;
    use crate::folder::{Folder, Node, Rules};
    use crate::path::SharePath;

    const CLIENT: ClientKey = ClientKey::Here;

    /// The SHA-256 of an empty input.
    const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn open(path: &std::path::Path) -> OpenFile {
        let folder = Folder::open_at(path.parent().expect("a folder"), Rules::default()).expect("a folder");
        let name = SharePath::root().join(path.file_name().expect("a name")).expect("a path");
        let file = Access::new(Rights::VIEW).check(&Principal::anonymous(None), &name).expect("all may read");
        match folder.open(&file, Blocking::own_thread()) {
            Ok(Node::File(open)) => open,
            other => panic!("no file: {other:?}"),
        }
    }

    /// Computes a hash to its end; returns the number of slices and the result.
    fn work(digests: &Digests, open: OpenFile) -> (usize, Result<Hash, HashError>) {
        let HashLookup::NotYet(hashing) = digests.find(open, SystemTime::now(), CLIENT) else {
            panic!("it is not cached")
        };
        let mut slices = 1;
        loop {
            if let Some(end) = digests.proceed(&hashing) {
                return (slices, end);
            }
            slices += 1;
        }
    }

    #[test]
    fn a_hash_is_computed_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "").expect("written");
        let digests = Digests::default();
        let (_, hash) = work(&digests, open(&path));
        assert_eq!(hash.expect("hashed").to_string(), OF_NOTHING);
        assert!(
            matches!(digests.find(open(&path), SystemTime::now(), CLIENT), HashLookup::Yes(_)),
            "remembered"
        );
        std::fs::write(&path, "other").expect("written");
        assert!(
            matches!(digests.find(open(&path), SystemTime::now(), CLIENT), HashLookup::NotYet(_)),
            "another version"
        );
    }

    #[test]
    fn the_hash_of_an_unsettled_version_is_not_cached() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, "a").expect("written");
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let open = || {
            // As on a file system whose clock ticks in whole seconds.
            let file = File::options().write(true).open(&path).expect("the file exists");
            file.set_modified(second).expect("set");
            super::tests::open(&path)
        };
        let table = [
            ("within the second", 0, false),
            ("before it: the clocks differ", -5, false),
            ("one second later", 1, false),
            ("two seconds later", 2, true),
        ];
        for (name, seconds, is_remembered) in table {
            let digests = Digests::default();
            let age = Duration::from_secs(u64::from(i32::unsigned_abs(seconds)));
            let now = if seconds < 0 { second - age } else { second + age };
            let first = open();
            let (HashLookup::NotYet(one), HashLookup::NotYet(other)) = (
                digests.find(super::tests::open(&path), now, CLIENT),
                digests.find(super::tests::open(&path), now, CLIENT),
            ) else {
                panic!("{name}: it is not cached")
            };
            assert_eq!(Arc::ptr_eq(&one, &other), is_remembered, "{name}: shared");
            assert!(matches!(digests.proceed(&one), Some(Ok(_))), "{name}: computed");
            drop((one, other));
            let again = digests.find(first, second + Duration::from_secs(9), CLIENT);
            assert_eq!(matches!(again, HashLookup::Yes(_)), is_remembered, "{name}");
        }
    }

    #[test]
    fn requests_for_the_same_file_share_the_computation() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        File::create(&path).and_then(|file| file.set_len(SLICE + 1)).expect("a long file");
        let digests = Digests::default();
        let HashLookup::NotYet(first) = digests.find(open(&path), SystemTime::now(), CLIENT) else {
            panic!("it is not cached")
        };
        let HashLookup::NotYet(second) = digests.find(open(&path), SystemTime::now(), CLIENT) else {
            panic!("it is not cached")
        };
        assert!(digests.proceed(&first).is_none(), "a slice");
        assert!(
            digests.proceed(&second).is_some_and(|end| end.is_ok()),
            "the other request continues from there"
        );
        assert_eq!(digests.proceed(&first), digests.proceed(&second));
    }

    #[test]
    fn a_file_that_changes_during_hashing_has_no_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        let file = File::create(&path).expect("made");
        file.set_len(SLICE + 1).expect("a long file");
        let digests = Digests::default();
        let HashLookup::NotYet(hashing) = digests.find(open(&path), SystemTime::now(), CLIENT) else {
            panic!("it is not cached")
        };
        assert!(digests.proceed(&hashing).is_none(), "a slice");
        // Of the same length, but with another byte in the slice that has been read.
        file.write_all_at(b"x", 0).expect("written");
        assert_eq!(digests.proceed(&hashing), Some(Err(HashError::Changed)));
        let (slices, hash) = work(&digests, open(&path));
        assert!(slices == 2 && hash.is_ok(), "the changed file has a hash");
    }

    #[test]
    fn memory_and_descriptors_are_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |number: usize| folder.path().join(number.to_string());
        let digests = Digests::default();
        let mut under_way = Vec::new();
        for number in 0..=MOST_UNDER_WAY / 2 {
            std::fs::write(path(number), "x").expect("written");
            under_way.push(digests.find(open(&path(number)), SystemTime::now(), CLIENT));
        }
        assert!(matches!(under_way.pop(), Some(HashLookup::TooMany)), "a client gets half");
        let find = |client| digests.find(open(&path(MOST_UNDER_WAY / 2)), SystemTime::now(), client);
        assert!(matches!(find(ClientKey::User(1)), HashLookup::NotYet(_)), "another client gets some");
        under_way.clear();
        assert!(matches!(find(CLIENT), HashLookup::NotYet(_)), "the others were dropped");
        let version = open(&path(0)).facts.version;
        let mut inner = Inner::default();
        inner.order.extend(std::iter::repeat_n(version, MOST_KNOWN));
        inner.settle(open(&path(1)).facts.version, Ok(Hash([0; 32])));
        assert_eq!((inner.order.len(), inner.known.len()), (MOST_KNOWN, 1), "the oldest is evicted");
    }
}
