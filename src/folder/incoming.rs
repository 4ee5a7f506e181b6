//! A file that is being received: it appears whole, or not at all.
//!
//! ```text
//! Folder::receive ──> Incoming ── write, write, … ──> commit ──> Saved
//!                        │
//!                        └─ dropped: removed without a trace
//! ```
//!
//! Until [`commit`](Incoming::commit), neither the file nor its missing parent directories are visible. Then the file is
//! synced and appears under its name in one atomic step; a reader gets the old file or the new one. An old file is
//! replaced, not overwritten: a client that reads it keeps reading it, and the new file gets its
//! [`attributes`](super::attributes). A symbolic link to a file is replaced too: the link goes, its target stays
//! unchanged, and the new file gets the attributes of any new file.
//!
//! Knows no protocol; a precondition of a request arrives as a [`Guard`].

use super::commit::save;
use super::place::Place;
use super::temporary::Temporary;
use super::{Error, FileVersion, SharePath, Shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::{fmt, io};

/// A file that is being received. Dropped without a commit, it leaves nothing.
pub struct Incoming {
    shared: Arc<Shared>,
    place: Place,
    /// `None` once a write has failed, which frees its space at once.
    temporary: Option<Temporary>,
    received: u64,
}

/// What must hold for the name at the moment of the commit, in addition to the folder's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guard {
    /// No condition.
    None,
    /// No file has this name.
    MustBeNew,
    /// Some file has this name.
    MustExist,
    /// This version of the file still has the name.
    MustBe(FileVersion),
}

/// A file that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its final name, which [`OnConflict::Rename`](super::OnConflict::Rename) may have changed.
    pub path: SharePath,
    /// Its size in bytes.
    pub size: u64,
    /// Whether the name is new, so that no file was replaced.
    pub created: bool,
}

impl Incoming {
    pub(super) fn new(shared: Arc<Shared>, place: Place) -> Result<Self, Error> {
        let temporary = Temporary::create(place.nearest(), shared.save_methods.of(place.nearest()))?;
        Ok(Self { shared, place, temporary: Some(temporary), received: 0 })
    }

    /// How many bytes have arrived.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next bytes. After an error the file is lost, and can only be dropped.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.try_write(bytes);
        if written.is_err() {
            self.temporary = None;
        }
        written
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let count = bytes.len() as u64;
        let received = self.received.saturating_add(count);
        self.shared.was_not_replaced()?;
        self.shared.rules.admit_size(received)?;
        let _in_flight = self.shared.reserve.begin(count, self.place.nearest())?;
        self.temporary.as_mut().ok_or_else(lost)?.write(bytes)?;
        self.received = received;
        Ok(())
    }

    /// Gives the file its name. When this returns, it is on the disk, and so is the name (unless
    /// [`Rules::durable`](super::Rules::durable) is off). It may wait for the disk, a second or more.
    ///
    /// A guard that does not hold is [`Error::Changed`]. A name that was taken while the file arrived is
    /// treated as the rules say, as if it had been taken before.
    pub fn commit(self, guard: Guard) -> Result<Saved, Error> {
        let Self { shared, place, temporary, received } = self;
        let mut temporary = temporary.ok_or_else(lost)?;
        save(&shared, &place, &mut temporary, received, guard)
    }
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("received", &self.received).finish_non_exhaustive()
    }
}

fn lost() -> Error {
    Error::Io(io::Error::other("an earlier part of the file could not be written"))
}

impl Guard {
    pub(super) fn check(self, occupant: Option<FileVersion>) -> Result<(), Error> {
        let holds = match self {
            Self::None => true,
            Self::MustBeNew => occupant.is_none(),
            Self::MustExist => occupant.is_some(),
            Self::MustBe(version) => occupant == Some(version),
        };
        if holds { Ok(()) } else { Err(Error::Changed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards() {
        let file = std::fs::File::open("/").expect("a root");
        let version = super::super::Facts::new(&rustix::fs::fstat(file).expect("its facts"), 0).version;
        let table = [
            ("none, free", Guard::None, None, true),
            ("none, taken", Guard::None, Some(version), true),
            ("new, free", Guard::MustBeNew, None, true),
            ("new, taken", Guard::MustBeNew, Some(version), false),
            ("any, free", Guard::MustExist, None, false),
            ("any, taken", Guard::MustExist, Some(version), true),
            ("this one, free", Guard::MustBe(version), None, false),
            ("this one, the same", Guard::MustBe(version), Some(version), true),
        ];
        for (case, guard, occupant, holds) in table {
            assert_eq!(guard.check(occupant).is_ok(), holds, "{case}");
        }
    }
}
