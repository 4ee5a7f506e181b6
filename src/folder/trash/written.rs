//! Which files the trash does not keep: mainly those that their own writer replaces or removes within a minute.
//!
//! The server remembers, in memory, which client has written which file recently. A file that it does not remember, or
//! that another program has changed since, is always kept.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::Stat;

use crate::folder::remover::Remover;
use crate::folder::root::Identity;

/// How many files are remembered; the oldest make room. They take about a megabyte.
const MOST: usize = 4_096;
/// If the writer of a file removes it within this time, the file is not kept. If the writer replaces it repeatedly, one
/// version is kept in each period of this length.
const MOMENT: Duration = Duration::from_secs(60);

/// The files that were written lately.
#[derive(Default)]
pub(super) struct WrittenFiles {
    files: HashMap<Identity, WrittenFile>,
    /// The files in the order in which they were written.
    order: BTreeMap<u64, Identity>,
    next: u64,
}

#[derive(Clone)]
struct WrittenFile {
    number: u64,
    content: Content,
    writer: Arc<str>,
    /// Whether it was written under a name of litter.
    is_litter: bool,
    /// When its writer created a file of this name; `None` if a file of another client had the name before.
    made: Option<Instant>,
    /// When a version of it was kept last.
    kept: Option<Instant>,
}

/// The length and the time of a file: they show whether another program has changed it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Content {
    length: i64,
    modified: (i64, u64),
}

/// What happens to the old file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Replaced,
    Removed,
}

impl Content {
    fn of(stat: &Stat) -> Self {
        Self { length: stat.st_size, modified: (stat.st_mtime, stat.st_mtime_nsec) }
    }
}

impl WrittenFiles {
    /// Whether the trash need not keep this file, which this client replaces or removes now.
    pub(super) fn is_dispensable(
        &self,
        stat: &Stat,
        name: &OsStr,
        change: Change,
        remover: &Remover,
        now: Instant,
    ) -> bool {
        if stat.st_size == 0 {
            return true;
        }
        let Some(file) = self.files.get(&Identity::of(stat)) else { return false };
        let is_lately = |time: Option<Instant>| time.is_some_and(|time| now.duration_since(time) < MOMENT);
        let (time, counts) = match change {
            Change::Replaced => (file.kept, true),
            // If a removed file is not kept, no version of it is left.
            Change::Removed => (file.made, remover.is_known()),
        };
        // A file that was moved to such a name is not litter.
        let is_litter = file.is_litter && is_litter(name);
        let is_own = file.content == Content::of(stat) && *file.writer == *remover.writer;
        is_own && (is_litter || (counts && is_lately(time)))
    }

    /// Remembers that a client has written this file. If the name had an old file, `old` is its identity, and whether
    /// the trash keeps it.
    pub(super) fn wrote(
        &mut self,
        new: &Stat,
        name: &OsStr,
        old: Option<(Identity, bool)>,
        writer: &str,
        now: Instant,
    ) {
        let (made, kept) = match old {
            None => (Some(now), None),
            Some((old, is_kept)) => {
                // The history of a file that another client has written does not count for this client.
                let old = self.forget(old).filter(|old| *old.writer == *writer);
                old.map_or((None, None), |old| (old.made, if is_kept { Some(now) } else { old.kept }))
            }
        };
        let identity = Identity::of(new);
        self.forget(identity);
        while self.files.len() >= MOST
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.files.remove(&oldest);
        }
        let number = self.next;
        self.next += 1;
        let (content, is_litter) = (Content::of(new), is_litter(name));
        let file = WrittenFile { number, content, writer: writer.into(), is_litter, made, kept };
        self.order.insert(number, identity);
        self.files.insert(identity, file);
    }

    fn forget(&mut self, identity: Identity) -> Option<WrittenFile> {
        let file = self.files.remove(&identity)?;
        self.order.remove(&file.number);
        Some(file)
    }
}

/// Whether programs make and remove files of this name by themselves: the Finder's `._x` and `.DS_Store`, Office's `~$x`,
/// `LibreOffice`'s `.~lock.x#`.
fn is_litter(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let is_lock = || name.starts_with(b".~lock.") && name.ends_with(b"#");
    name == b".DS_Store" || name.starts_with(b"._") || name.starts_with(b"~$") || is_lock()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> Remover {
        Remover::of_owner(name.to_owned(), None)
    }
    use std::fs::File;
    use std::io::Write as _;

    fn written(length: usize) -> (File, Stat) {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(&vec![b'x'; length]).expect("written");
        let stat = rustix::fs::fstat(&file).expect("its facts");
        (file, stat)
    }

    #[test]
    fn what_is_not_kept() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let (_file, stat) = written(3);
        let (_empty, empty) = written(0);
        let mut files = WrittenFiles::default();
        let name = OsStr::new("a");
        let is_dispensable = |files: &WrittenFiles, change, writer, seconds| {
            files.is_dispensable(&stat, name, change, &user(writer), at(seconds))
        };
        for change in [Change::Replaced, Change::Removed] {
            assert!(!is_dispensable(&files, change, "ann", 0), "{change:?}: nobody knows who wrote it");
            assert!(files.is_dispensable(&empty, name, change, &user("ann"), now), "{change:?}: empty");
        }
        files.wrote(&stat, name, None, "ann", now);
        let table = [
            (Change::Removed, "ann", 59, true),
            (Change::Removed, "ann", 60, false),
            (Change::Removed, "bob", 0, false),
            (Change::Replaced, "ann", 0, false),
        ];
        for (change, writer, seconds, expected) in table {
            assert_eq!(
                is_dispensable(&files, change, writer, seconds),
                expected,
                "{change:?} {writer} {seconds}"
            );
        }
        let mut changed = stat;
        changed.st_mtime += 1;
        assert!(
            !files.is_dispensable(&changed, name, Change::Removed, &user("ann"), now),
            "another program wrote it"
        );
        files.wrote(&stat, name, None, "192.0.2.1", now);
        let at_address = Remover::at_address("192.0.2.1".to_owned());
        let with_a_new_cookie = Remover { owner: Some("undo 1".to_owned()), ..at_address.clone() };
        for remover in [at_address, with_a_new_cookie] {
            let is_dispensable = files.is_dispensable(&stat, name, Change::Removed, &remover, now);
            assert!(!is_dispensable, "another client may have this address: {remover:?}");
        }
    }

    #[test]
    fn only_the_writers_own_litter_is_not_kept() {
        let now = Instant::now();
        let later = now + 2 * MOMENT;
        let (_file, stat) = written(3);
        let mut files = WrittenFiles::default();
        let (plain, litter) = (OsStr::new("a"), OsStr::new("~$a"));
        for change in [Change::Replaced, Change::Removed] {
            let is_dispensable = |files: &WrittenFiles, name, writer| {
                files.is_dispensable(&stat, name, change, &user(writer), later)
            };
            assert!(!is_dispensable(&files, litter, "ann"), "{change:?}: nobody knows who wrote it");
            files.wrote(&stat, plain, None, "ann", now);
            assert!(!is_dispensable(&files, litter, "ann"), "{change:?}: it was moved there");
            files.wrote(&stat, litter, None, "ann", now);
            assert!(is_dispensable(&files, litter, "ann"), "{change:?}: litter");
            assert!(!is_dispensable(&files, litter, "bob"), "{change:?}: another's");
            assert!(!is_dispensable(&files, plain, "ann"), "{change:?}: it was moved away");
            files.forget(Identity::of(&stat));
        }
    }

    #[test]
    fn one_version_a_minute() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let versions: Vec<_> = (0..5).map(|_| written(3)).collect();
        let stat = |number: usize| versions[number].1;
        let replaced = |number, kept| Some((Identity::of(&stat(number)), kept));
        let mut files = WrittenFiles::default();
        let is_dispensable = |files: &WrittenFiles, number, writer, seconds| {
            files.is_dispensable(&stat(number), OsStr::new("a"), Change::Replaced, &user(writer), at(seconds))
        };
        files.wrote(&stat(0), OsStr::new("a"), None, "ann", at(0));
        assert!(!is_dispensable(&files, 0, "ann", 10), "the first version");
        files.wrote(&stat(1), OsStr::new("a"), replaced(0, true), "ann", at(10));
        assert!(is_dispensable(&files, 1, "ann", 20), "a version was kept ten seconds ago");
        assert!(!is_dispensable(&files, 1, "bob", 20), "another's is kept");
        files.wrote(&stat(2), OsStr::new("a"), replaced(1, false), "ann", at(20));
        assert!(is_dispensable(&files, 2, "ann", 69), "the last one kept is less than a minute old");
        assert!(!is_dispensable(&files, 2, "ann", 70), "a minute later");
        let removed = |files: &WrittenFiles, number, writer, seconds| {
            files.is_dispensable(&stat(number), OsStr::new("a"), Change::Removed, &user(writer), at(seconds))
        };
        assert!(removed(&files, 2, "ann", 59), "ann alone has made it");
        files.wrote(&stat(3), OsStr::new("a"), replaced(2, true), "bob", at(30));
        assert!(!removed(&files, 3, "bob", 31), "bob has replaced a file of ann's");
        assert!(!is_dispensable(&files, 3, "ann", 31), "it is bob's now");
    }

    #[test]
    fn the_oldest_make_room() {
        let mut files = WrittenFiles::default();
        let (_file, stat) = written(1);
        let numbered = |number: usize| {
            let mut stat = stat;
            stat.st_ino = number as u64;
            stat
        };
        for number in 0..=MOST {
            files.wrote(&numbered(number), OsStr::new("a"), None, "ann", Instant::now());
        }
        assert_eq!((files.files.len(), files.order.len()), (MOST, MOST));
        assert!(!files.files.contains_key(&Identity::of(&numbered(0))));
        assert!(files.files.contains_key(&Identity::of(&numbered(1))));
    }

    #[test]
    fn litter() {
        for name in ["._a", ".DS_Store", "~$a.docx", ".~lock.a.odt#"] {
            assert!(is_litter(OsStr::new(name)), "{name}");
        }
        for name in ["a", ".a", "_.a", "~a", ".~lock.a", "DS_Store"] {
            assert!(!is_litter(OsStr::new(name)), "{name}");
        }
    }
}
