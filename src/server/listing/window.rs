//! The part of a directory that is in memory while its listing is sent.
//!
//! A listing is sorted, so all names have to be read before the first can be sent. But they need not all be kept: a
//! window holds as many of the first names as there is memory for. Once these have been sent, the directory is read
//! again for the next window. Usually all entries fit. Memory beyond a window's own share comes from a pool for all
//! listings. So a thousand clients that request a large directory, and do not read the response, cost little.
//!
//! An entry that is created, renamed or deleted between two readings may be listed or not. No entry is listed twice,
//! unless the listing is sorted by size or time and this changes meanwhile.

use std::ffi::OsStr;

use crate::access::{Grant, ToList};
use crate::blocking::Blocking;
use crate::folder::{Candidate, DirEntry, EntryKind, Error, Folder, Scan};
use crate::server::jobs::permits::{Permit, Permits};
use crate::server::listing::sort_order::SortOrder;

/// How much a window may hold without the pool, in bytes: about 900 entries.
const OWN: usize = 128 * 1024;

/// How many bytes one permit of the pool allows.
const SHARE: usize = 64 * 1024;

/// Permits in the pool: 8 MiB, enough for a listing of about 60,000 entries at once.
pub(crate) const SHARES: usize = 128;

/// What an entry takes besides its name and its key, in bytes, including the allocator's overhead.
const OVERHEAD: usize = size_of::<Row>() + 32;

/// The entries of a directory, one window after the other.
#[derive(Debug)]
pub(crate) struct Windows {
    folder: Folder,
    directory: Grant<'static, ToList>,
    order: SortOrder,
    pool: Permits,
    /// The rest of the window, with the next entry last.
    rows: Vec<Row>,
    held: Vec<Permit>,
    /// The key and name of the last entry of the window; `None` if nothing follows.
    last: Option<Row>,
}

/// An entry and its sort key; the name decides between equal keys.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    key: Vec<u8>,
    entry: DirEntry,
}

/// What a directory contains.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub directories: usize,
    pub files: usize,
    /// The total size of the files, in bytes.
    pub bytes: u64,
}

impl Windows {
    /// Reads a directory for the first time, and counts its entries.
    pub(crate) fn open(
        folder: &Folder,
        directory: &Grant<'_, ToList>,
        order: SortOrder,
        pool: &Permits,
        disk: Blocking<'_>,
    ) -> Result<(Self, Count), Error> {
        let mut windows = Self {
            folder: folder.clone(),
            directory: directory.clone().into_owned(),
            order,
            pool: pool.clone(),
            rows: Vec::new(),
            held: Vec::new(),
            last: None,
        };
        let mut count = Count::default();
        windows.read(None, |entry| count.add(entry), disk)?;
        Ok((windows, count))
    }

    /// The next entry. `None` at the end, and at the end of the window: then call [`Self::go_on`].
    pub(crate) fn next(&mut self) -> Option<DirEntry> {
        let row = self.rows.pop();
        if row.is_none() {
            (self.rows, self.held) = (Vec::new(), Vec::new());
        }
        row.map(|row| row.entry)
    }

    /// Reads the directory again for the entries after the window; false if there are none. Blocks on the disk.
    pub(crate) fn go_on(&mut self, disk: Blocking<'_>) -> Result<bool, Error> {
        let Some(last) = self.last.take() else { return Ok(false) };
        self.read(Some(&last), |_| {}, disk)?;
        Ok(true)
    }

    fn read(
        &mut self,
        after: Option<&Row>,
        mut seen: impl FnMut(&DirEntry),
        disk: Blocking<'_>,
    ) -> Result<(), Error> {
        let mut scan = self.folder.scan(&self.directory, disk)?;
        let mut selection =
            Selection { pool: &self.pool, rows: Vec::new(), held: Vec::new(), bytes: 0, bound: None };
        while let Some(candidate) = scan.next() {
            let candidate = candidate?;
            // All entries are counted at the first reading; later, those that are known to lie outside are skipped.
            if after.is_some_and(|after| !self.may_be_between(&candidate, after, selection.bound.as_ref())) {
                continue;
            }
            let Some(row) = self.row(&scan, candidate, disk) else { continue };
            seen(&row.entry);
            if after.is_none_or(|after| *after < row) {
                selection.add(row);
            }
        }
        let Selection { mut rows, held, bound, .. } = selection;
        rows.sort_unstable();
        self.last = rows.last().filter(|_| bound.is_some()).map(Row::outline);
        rows.reverse();
        (self.rows, self.held) = (rows, held);
        Ok(())
    }

    fn row(&self, scan: &Scan, candidate: Candidate, disk: Blocking<'_>) -> Option<Row> {
        let entry = scan.look(candidate, disk)?;
        Some(Row { key: self.order.key(&entry), entry })
    }

    /// Whether a name may lie between these rows, as far as the name alone shows.
    fn may_be_between(&self, candidate: &Candidate, after: &Row, bound: Option<&Row>) -> bool {
        let Some(is_directory) = candidate.is_directory() else { return true };
        let name = candidate.name();
        self.order.key_by_name(name, is_directory).is_none_or(|key| {
            let place = (key.as_slice(), name);
            place > after.place() && bound.is_none_or(|bound| place < bound.place())
        })
    }
}

/// The first of all added rows, as many as there is memory for.
struct Selection<'a> {
    pool: &'a Permits,
    rows: Vec<Row>,
    held: Vec<Permit>,
    bytes: usize,
    /// The first row that was left out; rows after it are left out too.
    bound: Option<Row>,
}

impl Selection<'_> {
    fn add(&mut self, row: Row) {
        if self.bound.as_ref().is_some_and(|bound| row >= *bound) {
            return;
        }
        self.bytes += row.weight();
        self.rows.push(row);
        if self.bytes <= OWN + self.held.len() * SHARE {
            return;
        }
        match self.pool.take() {
            Some(permit) => self.held.push(permit),
            None => self.cut(),
        }
    }

    /// Drops the later half.
    fn cut(&mut self) {
        let half = (self.rows.len() / 2).max(1);
        if half < self.rows.len() {
            let (_, bound, _) = self.rows.select_nth_unstable(half);
            self.bound = Some(bound.outline());
            self.rows.truncate(half);
        }
        self.bytes = self.rows.iter().map(Row::weight).sum();
    }
}

impl Row {
    fn place(&self) -> (&[u8], &OsStr) {
        (&self.key, &self.entry.name)
    }

    fn weight(&self) -> usize {
        OVERHEAD + self.key.len() + self.entry.name.len()
    }

    /// A copy of what determines its position.
    fn outline(&self) -> Self {
        Self { key: self.key.clone(), entry: self.entry.clone() }
    }
}

impl Ord for Row {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Count {
    /// How many entries there are.
    pub(crate) fn entries(&self) -> usize {
        self.directories + self.files
    }

    fn add(&mut self, entry: &DirEntry) {
        match entry.kind {
            EntryKind::Directory => self.directories += 1,
            EntryKind::File { len } => {
                self.files += 1;
                self.bytes = self.bytes.saturating_add(len);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Access, Principal, Rights};
    use crate::folder::Rules;
    use crate::path::SharePath;

    fn root() -> Grant<'static, ToList> {
        let root = SharePath::root();
        Access::new(Rights::VIEW)
            .check(&Principal::anonymous(None), &root)
            .expect("all may list")
            .into_owned()
    }

    /// All entries of a listing in this order, and how often the directory was read.
    fn read_all(folder: &Folder, order: SortOrder, pool: &Permits) -> (Vec<String>, usize) {
        let (mut windows, _) =
            Windows::open(folder, &root(), order, pool, Blocking::own_thread()).expect("a directory");
        let (mut names, mut readings) = (Vec::new(), 1);
        loop {
            let rows: usize = windows.rows.iter().map(Row::weight).sum();
            assert!(rows <= OWN + windows.held.len() * SHARE, "{rows} bytes");
            while let Some(entry) = windows.next() {
                names.push(entry.name.into_string().expect("text"));
            }
            if !windows.go_on(Blocking::own_thread()).expect("the file exists") {
                return (names, readings);
            }
            readings += 1;
        }
    }

    #[test]
    fn a_listing_is_the_same_in_one_window_and_in_many() {
        let place = tempfile::tempdir().expect("a folder");
        for number in 0..3000usize {
            let name = place.path().join(format!("{}-a usual name {number}", number % 7));
            if number % 10 == 0 {
                std::fs::create_dir(name).expect("made");
            } else {
                std::fs::write(name, vec![b'x'; number % 5]).expect("written");
            }
        }
        let folder = Folder::open_at(place.path(), Rules::default()).expect("a folder");
        let (plenty, none) = (Permits::new(SHARES), Permits::new(0));
        for order in ["name", "-name", "size", "-size", "time", "-time"] {
            let order = SortOrder::parse(order).expect("an order");
            let (all, readings) = read_all(&folder, order, &plenty);
            assert_eq!((all.len(), readings), (3000, 1), "{order:?}");
            let (same, readings) = read_all(&folder, order, &none);
            assert!(readings > 3, "{order:?}: {readings}");
            assert!(same == all, "{order:?}");
        }
        let permits: Vec<_> = std::iter::from_fn(|| plenty.take()).collect();
        assert_eq!(permits.len(), SHARES, "all permits are returned");
    }

    #[test]
    fn entries_are_counted_once() {
        let place = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(place.path().join("d")).expect("made");
        for name in ["a", "b"] {
            std::fs::write(place.path().join(name), "four").expect("written");
        }
        let folder = Folder::open_at(place.path(), Rules::default()).expect("a folder");
        let (_, count) =
            Windows::open(&folder, &root(), SortOrder::default(), &Permits::new(0), Blocking::own_thread())
                .expect("read");
        assert_eq!(count, Count { directories: 1, files: 2, bytes: 8 });
        assert_eq!(count.entries(), 3);
    }
}
