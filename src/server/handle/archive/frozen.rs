//! What a zip will contain, before its first byte is sent: a walk that runs as a job, a slice at a time.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::mem;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::common::{leave_out, name_of_entry};
use crate::archive::ArchiveError;
use crate::archive::zip::{ENTRIES_LIMIT, ZipBuilder, ZipLayout};
use crate::blocking::Blocking;
use crate::folder::{Error, FileVersion, Walk, WalkStep};
use crate::http::validators::EntityTag;
use crate::path::SharePath;
use crate::server::client_key::ClientKey;
use crate::server::jobs::fair_permits::{FairPermit, FairPermits};

/// How many entries are examined before other jobs get their turn.
const LOOKS: usize = 1024;

/// How many bytes of a SHA-256 make the tag of a zip: enough that no two zips have the same.
const TAG: usize = 16;

/// How many bytes of memory one permit allows.
const PER_PERMIT: usize = 300 * 1024;

/// How many permits for memory there are, 300 MB in all. One client gets half: enough for a zip of the maximum number
/// of entries whose paths have about 80 bytes.
pub(crate) const PERMITS: usize = 1000;

/// The memory for one entry besides its name, in bytes: its data here and in the layout, and its checksum.
const PER_ENTRY: usize = 256;

/// How many copies of a name are kept: in the path, in the layout and, until the layout is made, among the
/// names that are taken.
const COPIES: usize = 3;

/// How many additional bytes a byte of a name takes if it is written as `%XX`, as it is in the last two of these
/// copies.
const ESCAPED: usize = 2 * 2;

/// The content of a zip. Its files are opened again when they are sent.
#[derive(Debug)]
pub(super) struct Frozen {
    pub layout: ZipLayout,
    /// The entries, by number.
    pub entries: Vec<FrozenEntry>,
    /// The entity tag. If it is strong, it identifies the bytes of the zip.
    pub etag: Option<EntityTag<'static>>,
    /// The permits for the memory, which are returned when it is freed.
    _permits: Vec<FairPermit>,
}

/// A directory or a file in the zip.
#[derive(Debug)]
pub(super) struct FrozenEntry {
    pub path: SharePath,
    modified: SystemTime,
    /// `None` for a directory.
    pub file: Option<FrozenFile>,
}

/// What is known about a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrozenFile {
    /// Its length in bytes.
    pub len: u64,
    pub version: FileVersion,
    /// Whether any change of the content changes the version.
    pub is_settled: bool,
}

/// A walk that is under way.
#[derive(Debug)]
pub(super) struct Freezing {
    name: Vec<u8>,
    /// The length of the path at which the walk began.
    skip: usize,
    walk: Walk,
    /// The maximum number of entries: [`ENTRIES_LIMIT`], and fewer in tests.
    limit: usize,
    entries: Vec<FrozenEntry>,
    /// The memory that the entries take.
    bytes: usize,
    client: ClientKey,
    permits: Vec<FairPermit>,
}

/// Why there is no zip.
#[derive(Debug)]
pub(super) enum CannotFreeze {
    /// It would have more than [`ENTRIES_LIMIT`] entries.
    TooLarge,
    /// There is no such entry among the chosen ones.
    Missing(OsString),
    /// Other zips use the memory.
    NoMemory,
    /// The directory cannot be read.
    Folder(Error),
}

impl Freezing {
    /// Starts a zip of this name for this client. The names of its entries leave out the first `skip` bytes of their
    /// paths.
    pub(super) fn new(name: Vec<u8>, skip: usize, walk: Walk, client: ClientKey) -> Self {
        Self {
            name,
            skip,
            walk,
            limit: ENTRIES_LIMIT,
            entries: Vec::new(),
            bytes: 0,
            client,
            permits: Vec::new(),
        }
    }

    /// Walks for one slice. `None` if the walk is not done.
    pub(super) fn proceed(
        &mut self,
        memory: &FairPermits,
        disk: Blocking<'_>,
    ) -> Result<Option<Frozen>, CannotFreeze> {
        for _ in 0..LOOKS {
            let (path, modified, file) = match self.walk.step(disk).map_err(CannotFreeze::Folder)? {
                WalkStep::Directory { path, modified } => (path, modified, None),
                WalkStep::File { path, open } => {
                    let (len, version) = (open.facts.len, open.facts.version);
                    let is_settled = version.is_settled(SystemTime::now());
                    (path, open.facts.modified, Some(FrozenFile { len, version, is_settled }))
                }
                WalkStep::Lost(path, error) => {
                    leave_out(&path, &error);
                    continue;
                }
                WalkStep::Missing(name) => return Err(CannotFreeze::Missing(name)),
                WalkStep::Nothing => continue,
                WalkStep::End => return Ok(Some(self.finish())),
            };
            if self.entries.len() >= self.limit {
                return Err(CannotFreeze::TooLarge);
            }
            self.bytes += memory_of(&path, &self.name);
            while self.bytes > self.permits.len() * PER_PERMIT {
                self.permits.push(memory.take(self.client).ok_or(CannotFreeze::NoMemory)?);
            }
            self.entries.push(FrozenEntry { path, modified, file });
        }
        Ok(None)
    }

    /// The zip: in the order of the names, so that another walk through the same files makes the same one.
    fn finish(&mut self) -> Frozen {
        let mut entries = mem::take(&mut self.entries);
        entries.sort_unstable_by(|one, other| one.path.as_bytes().cmp(other.path.as_bytes()));
        let (mut zip, mut hasher, mut is_settled) = (ZipBuilder::default(), Sha256::new(), true);
        entries.retain(|entry| {
            let name = name_of_entry(&self.name, &entry.path, self.skip);
            let added = match &entry.file {
                None => zip.directory(&name, entry.modified),
                Some(file) => zip.file(&name, file.len, entry.modified),
            };
            match added {
                Ok(()) => {
                    entry.hash(&name, &mut hasher);
                    is_settled &= entry.file.is_none_or(|file| file.is_settled);
                    true
                }
                Err(error @ (ArchiveError::Refused(_) | ArchiveError::Full { .. })) => {
                    leave_out(&entry.path, &error);
                    false
                }
            }
        });
        let mut digest = String::new();
        for byte in hasher.finalize().iter().take(TAG) {
            // Writing to a String cannot fail.
            let _ = write!(digest, "{byte:02x}");
        }
        let etag = if is_settled {
            EntityTag::strong(digest.into_bytes())
        } else {
            EntityTag::weak(format!("{digest}-young").into_bytes())
        };
        Frozen { layout: zip.finish(), entries, etag, _permits: mem::take(&mut self.permits) }
    }
}

/// The maximum memory that an entry takes, in bytes, in a zip of this name.
fn memory_of(path: &SharePath, name: &[u8]) -> usize {
    let bytes = || path.as_bytes().iter().chain(name);
    let escaped = bytes().filter(|byte| !byte.is_ascii() || **byte == b'\\').count();
    PER_ENTRY + COPIES * bytes().count() + ESCAPED * escaped
}

impl FrozenEntry {
    /// Feeds the hasher everything that the bytes of the zip depend on.
    fn hash(&self, name: &[u8], hasher: &mut Sha256) {
        let since = self.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let version = self.file.map_or_else(String::new, |file| file.version.to_string());
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update(since.as_secs().to_le_bytes());
        hasher.update((version.len() as u64).to_le_bytes());
        hasher.update(version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Access, Principal, Rights};
    use crate::folder::{Folder, Rules};

    const CLIENT: ClientKey = ClientKey::Here;

    fn freezing(folder: &std::path::Path) -> Freezing {
        let folder = Folder::open_at(folder, Rules::default()).expect("a folder");
        let (access, root) = (Access::new(Rights::VIEW), SharePath::root());
        let grant = access.check(&Principal::anonymous(None), &root).expect("granted");
        let judge = access.judge(&Principal::anonymous(None));
        let walk = folder.walk(&grant, judge, Blocking::own_thread()).expect("a walk");
        Freezing::new(b"top".to_vec(), 0, walk, CLIENT)
    }

    fn work(mut freezing: Freezing, memory: &FairPermits) -> Result<Frozen, CannotFreeze> {
        loop {
            if let Some(frozen) = freezing.proceed(memory, Blocking::own_thread())? {
                return Ok(frozen);
            }
        }
    }

    #[test]
    fn the_same_files_make_the_same_zip_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["c", "a", "b"] {
            std::fs::write(folder.path().join(name), name).expect("written");
        }
        let memory = FairPermits::new(PERMITS);
        let freeze = || work(freezing(folder.path()), &memory).expect("frozen");
        let frozen = freeze();
        let paths = frozen.entries.iter().map(|entry| entry.path.as_bytes());
        assert_eq!(paths.collect::<Vec<_>>(), [b"".as_slice(), b"a", b"b", b"c"]);
        let tag = frozen.etag.as_ref().expect("a tag");
        assert_eq!((freeze().etag.as_ref(), tag.is_weak()), (Some(tag), false));
        std::fs::write(folder.path().join("b"), "B").expect("written");
        assert_ne!(freeze().etag.as_ref(), Some(tag), "another content");
    }

    #[test]
    fn entries_and_memory_are_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["a", "b"] {
            std::fs::write(folder.path().join(name), "").expect("written");
        }
        let memory = FairPermits::new(2);
        for (limit, is_frozen) in [(2, false), (3, true)] {
            let result = work(Freezing { limit, ..freezing(folder.path()) }, &memory);
            assert_eq!(result.is_ok(), is_frozen, "the directory counts, too: {result:?}");
            assert!(is_frozen || matches!(result, Err(CannotFreeze::TooLarge)));
        }
        let kept = work(freezing(folder.path()), &memory).expect("frozen");
        let none_left = work(freezing(folder.path()), &memory);
        assert!(matches!(none_left, Err(CannotFreeze::NoMemory)), "{none_left:?}");
        drop(kept);
        assert!(work(freezing(folder.path()), &memory).is_ok(), "the memory was given back");
    }

    #[test]
    fn long_names_take_more_memory() {
        let memory = |path: &[u8]| memory_of(&SharePath::parse(path).expect("a path"), b"top");
        assert_eq!(memory(b"a"), PER_ENTRY + COPIES * 4);
        assert_eq!(memory(&[b'a'; 200]), PER_ENTRY + COPIES * 203);
        assert_eq!(memory(b"\xff\\"), PER_ENTRY + COPIES * 5 + ESCAPED * 2);
        // The maximum number of entries fits into the half that one client gets.
        assert!(ENTRIES_LIMIT * memory(&[b'a'; 77]) <= PERMITS / 2 * PER_PERMIT);
    }
}
