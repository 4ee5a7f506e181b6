//! Files that have come whole are put on the disk and into their places, while the workers fetch the next.
//!
//! To wait for the disk after each of many small files would take longer than to fetch them. So whatever has arrived
//! while the disk was busy is one batch: it is put down and synced together, then each file gets its name, then the
//! names are synced.
//! A file that has its name is on the disk: also after a power failure it is whole, or still a part.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};
use std::time::SystemTime;

use rustix::fs::{Mode, OFlags, fstat, fsync, openat, syncfs};

use super::incoming::{Incoming, Whole};
use super::{Fetched, Outcome};
use crate::client::error::Error;

/// The largest batch: each of its files is open, and as many may wait in memory.
pub(super) const BATCH: usize = 256;

/// From so many files on, the whole file system is synced at once: a call for each costs more, however little is left
/// to write.
const MANY: usize = 4;

/// A file that has come whole.
#[derive(Debug)]
pub(super) struct Landed {
    pub(super) incoming: Incoming,
    pub(super) fetched: Fetched,
    /// When the server says that it was last modified.
    pub(super) modified: Option<SystemTime>,
}

/// The same, on the file system, with the server's time.
struct Down {
    file: Whole,
    fetched: Fetched,
}

/// Settles what lands, until nothing more can.
pub(super) fn run(landing: &Receiver<(usize, Landed)>, sync: bool, told: &Sender<(usize, Outcome)>) {
    while let Ok(first) = landing.recv() {
        let batch = std::iter::once(first).chain(landing.try_iter().take(BATCH - 1));
        let (numbers, landed): (Vec<_>, Vec<_>) = batch.unzip();
        for outcome in numbers.into_iter().zip(settle(landed, sync)) {
            // Whoever is told waits until the last file is settled.
            let _ = told.send(outcome);
        }
    }
}

/// Settles these, and says what became of each, in their order.
fn settle(batch: Vec<Landed>, sync: bool) -> Vec<Outcome> {
    let down: Vec<_> = batch.into_iter().map(Landed::put_down).collect();
    let each = sync && !(down.len() >= MANY && sync_together(down.iter().flatten()));
    let named: Vec<_> = down.into_iter().map(|down| down.and_then(|down| down.name(each))).collect();
    if sync {
        sync_names(named.iter().flatten());
    }
    named.into_iter().map(|named| named.map(|down| down.fetched)).collect()
}

impl Landed {
    /// Settles this one.
    pub(super) fn settle(self, sync: bool) -> Outcome {
        let named = self.put_down()?.name(sync)?;
        if sync {
            sync_names(std::iter::once(&named));
        }
        Ok(named.fetched)
    }

    fn put_down(self) -> Result<Down, Error> {
        let file = self.incoming.put_down()?;
        self.modified.map_or(Ok(()), |modified| file.date(modified))?;
        Ok(Down { file, fetched: self.fetched })
    }
}

impl Down {
    /// Puts it in its place; on the disk before, if asked to.
    fn name(self, sync: bool) -> Result<Self, Error> {
        if sync {
            self.file.sync()?;
        }
        self.file.appear()?;
        Ok(self)
    }
}

/// Whether all of these are on the disk now.
fn sync_together<'d>(batch: impl Iterator<Item = &'d Down>) -> bool {
    let mut disks = HashMap::new();
    for down in batch {
        let dir = &down.file.spot().dir;
        let Ok(stat) = fstat(&**dir) else { return false };
        disks.entry(stat.st_dev).or_insert(dir);
    }
    disks.into_values().all(|dir| {
        // A directory may be open for its path only; what is opened here is not.
        openat(&**dir, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .and_then(syncfs)
            .is_ok()
    })
}

/// Makes the names outlast a crash. A directory that cannot be read, or a file system that cannot do it, does without:
/// the files are there all the same.
fn sync_names<'d>(batch: impl Iterator<Item = &'d Down>) {
    let mut seen: Vec<&Path> = Vec::new();
    for down in batch {
        let spot = down.file.spot();
        let parent = spot.path.parent().unwrap_or(Path::new(""));
        if seen.iter().any(|known| known.as_os_str().as_bytes() == parent.as_os_str().as_bytes()) {
            continue;
        }
        seen.push(parent);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let _ = openat(&*spot.dir, ".", flags, Mode::empty()).and_then(fsync);
    }
}
