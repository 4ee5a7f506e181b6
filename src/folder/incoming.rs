//! A file that is being received: it appears whole, or not at all.
//!
//! ```text
//! Folder::receive ──> Incoming ── write, write, … ──> commit ──> Saved
//!                        │
//!                        └─ dropped: removed without a trace
//! ```
//!
//! Until [`commit`](Incoming::commit), neither the file nor its missing parent directories are visible. Then the file
//! is synced and appears under its name in one atomic step; a reader gets the old file or the new one. An old file is
//! replaced, not overwritten: a client that reads it keeps reading it, and the new file gets its
//! [`attributes`](super::attributes). A symbolic link to a file is replaced too. The link disappears, its target stays
//! unchanged, and the new file gets the attributes of a new file.
//!
//! Knows nothing of protocols; a precondition of a request arrives as a [`Guard`].

use std::sync::Arc;
use std::time::SystemTime;
use std::{fmt, io};

use super::commit::{CommitTerms, Origin, Saved, save};
use super::error::Error;
use super::guard::Guard;
use super::place::Place;
use super::remover::Remover;
use super::shared::Shared;
use super::stale;
use super::temporary::Temporary;
use crate::access::{Grant, ToWrite};
use crate::blocking::Blocking;
use crate::path::SharePath;

/// A file that is being received. Dropped without a commit, it leaves nothing.
pub struct Incoming {
    shared: Arc<Shared>,
    place: Place,
    grant: Grant<'static, ToWrite>,
    /// `None` once a write has failed, which frees its space at once.
    temporary: Option<Temporary>,
    received: u64,
    modified: Option<SystemTime>,
}

impl Incoming {
    /// Begins to receive a file of this size, if the size is known.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        grant: &Grant<'_, ToWrite>,
        size: Option<u64>,
    ) -> Result<Self, Error> {
        let (place, temporary) = stale::retry(|| {
            let place = shared.find_place(grant, size)?;
            shared.admit_space(size, place.nearest(), grant.may_remove())?;
            let temporary = Temporary::create(place.nearest(), shared.save_methods.of(place.nearest()))?;
            Ok::<_, Error>((place, temporary))
        })?;
        let (shared, grant) = (Arc::clone(shared), grant.clone().into_owned());
        Ok(Self { shared, place, grant, temporary: Some(temporary), received: 0, modified: None })
    }

    /// The path that it will have, unless its name is taken and another is chosen.
    pub fn path(&self) -> &SharePath {
        self.grant.path()
    }

    /// Gives the file this time when it is committed, instead of the time of its last write.
    pub fn set_modified(&mut self, modified: Option<SystemTime>) {
        self.modified = modified;
    }

    /// How many bytes have arrived.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next bytes. After an error the file is lost, and can only be dropped.
    pub fn write(&mut self, bytes: &[u8], _: Blocking<'_>) -> Result<(), Error> {
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
        let dir = self.place.nearest();
        let begin = || self.shared.reserve.begin(count, dir);
        let _in_flight = self.shared.with_room(count, dir, self.grant.may_remove(), begin)?;
        self.temporary.as_mut().ok_or_else(lost)?.write(bytes)?;
        self.received = received;
        Ok(())
    }

    /// Gives the file its name. When this returns, both the file and its name are on the disk (unless
    /// [`Rules::durable`](super::Rules::durable) is off). It may wait for the disk, for a second or more.
    ///
    /// If the guard does not hold, this fails with [`Error::Changed`]. If another file got the name in the meantime,
    /// the rules apply as if it had had the name from the start.
    pub fn commit(self, guard: Guard, remover: &Remover, _: Blocking<'_>) -> Result<Saved, Error> {
        let Self { shared, place, grant, temporary, received, modified } = self;
        let mut temporary = temporary.ok_or_else(lost)?;
        let terms = CommitTerms {
            size: received,
            modified,
            guard,
            makes_parents: true,
            remover,
            origin: Origin::Client,
        };
        save(&shared, &place, &grant, &mut temporary, &terms)
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
