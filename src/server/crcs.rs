//! CRC-32 of files, remembered by version: a zip that is sent again, or resumed, need not read the files twice.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::folder::FileVersion;

/// How many checksums are remembered; with their versions they take about 8 MB.
const MOST: usize = 65_536;

/// The checksums that were computed recently.
#[derive(Debug, Default)]
pub(super) struct Crcs(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    crcs: HashMap<FileVersion, u32>,
    /// The versions, the oldest first.
    order: VecDeque<FileVersion>,
}

impl Crcs {
    /// The checksum of this version, if it is remembered.
    pub(super) fn get(&self, version: &FileVersion) -> Option<u32> {
        self.lock().crcs.get(version).copied()
    }

    /// Remembers a checksum, and forgets the oldest if there are too many. The version must have been settled before its
    /// first byte was read.
    pub(super) fn insert(&self, version: FileVersion, crc: u32) {
        let mut known = self.lock();
        if known.crcs.insert(version, crc).is_none() {
            known.order.push_back(version);
        }
        if known.order.len() > MOST
            && let Some(oldest) = known.order.pop_front()
        {
            known.crcs.remove(&oldest);
        }
    }

    /// Forgets all: the shared folder is another directory now.
    pub(super) fn clear(&self) {
        *self.lock() = Known::default();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Access, Principal, Rights};
    use crate::blocking::Blocking;
    use crate::folder::{Folder, Node, Rules};
    use crate::path::SharePath;

    fn version(folder: &std::path::Path, name: &str) -> FileVersion {
        std::fs::write(folder.join(name), "").expect("written");
        let path = SharePath::parse(name.as_bytes()).expect("a path");
        let folder = Folder::open_at(folder, Rules::default()).expect("a folder");
        let access = Access::new(Rights::VIEW);
        let grant = access.check(&Principal::anonymous(None), &path).expect("granted");
        match folder.open(&grant, Blocking::own_thread()) {
            Ok(Node::File(open)) => open.facts.version,
            other => panic!("no file: {other:?}"),
        }
    }

    #[test]
    fn memory_is_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let [old, new] = ["old", "new"].map(|name| version(folder.path(), name));
        let crcs = Crcs::default();
        crcs.insert(old, 1);
        crcs.lock().order.extend(std::iter::repeat_n(new, MOST - 1));
        assert_eq!((crcs.get(&old), crcs.get(&new)), (Some(1), None));
        crcs.insert(new, 2);
        assert_eq!((crcs.get(&old), crcs.get(&new)), (None, Some(2)), "the oldest is forgotten");
        crcs.clear();
        assert_eq!(crcs.get(&new), None);
    }
}
