//! A file on its way in: there whole, or not at all.
//!
//! ```text
//! Folder::receive ──> Incoming ── write, write, … ──> commit ──> Saved
//!                        │
//!                        └─ dropped: gone, nothing is left
//! ```
//!
//! Until [`commit`](Incoming::commit) nobody sees the file, nor the directories that it needs and that are
//! missing. Then it is synced and appears under its name in one step; a reader gets the old file or the new
//! one. An old file is replaced, not written over: whoever reads it goes on reading it, and the new one has
//! the usual mode and owner. So is a symbolic link to a file: the link goes, and the file that it led to
//! stays as it was.
//!
//! Knows nothing of protocols; a precondition of theirs arrives as a [`Guard`].

use super::place::Place;
use super::temporary::Temporary;
use super::{Error, OnConflict, SharePath, Shared, Version, root};
use cap_std::fs::Dir;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::{Arc, PoisonError};
use std::{fmt, io};

/// How often another program may take the name between our look and our step. This server's own commits
/// cannot: they go one at a time.
const TRIES: usize = 16;
/// How many `name (N).ext` are tried. One more file of the same name means that somebody's loop has gone
/// wild.
const MOST_COPIES: u32 = 9_999;

/// A file that is being received. Dropped without a commit, it leaves nothing.
pub struct Incoming {
    shared: Arc<Shared>,
    place: Place,
    /// None once a write has failed: the space that it took is free again at once.
    temporary: Option<Temporary>,
    received: u64,
}

/// What must be true of the name at the moment of the commit, whatever the folder's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Guard {
    /// Nothing in particular.
    None,
    /// No file has the name.
    MustBeNew,
    /// Some file has the name.
    MustExist,
    /// The file that has the name is still this one.
    MustBe(Version),
}

/// A file that was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// The name that it has now; [`OnConflict::Rename`] may have changed it.
    pub path: SharePath,
    /// Its size in bytes.
    pub size: u64,
    /// Whether the name is new, and no file was replaced.
    pub created: bool,
}

impl Incoming {
    pub(super) fn new(shared: Arc<Shared>, place: Place) -> Result<Self, Error> {
        let temporary = Temporary::create(place.nearest(), shared.manner)?;
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

/// Gives a whole file of this size its name, as [`Incoming::commit`] says.
pub(super) fn save(
    shared: &Shared,
    place: &Place,
    temporary: &mut Temporary,
    size: u64,
    guard: Guard,
) -> Result<Saved, Error> {
    let durable = shared.rules.durable;
    if !place.has_directory() && matches!(guard, Guard::MustExist | Guard::MustBe(_)) {
        return Err(Error::Changed);
    }
    if durable {
        temporary.sync()?;
    }
    shared.stays()?;
    let dir = place.make_directory(durable)?;
    // Before the name is there: whoever is told that it could not be done finds nothing done.
    let names = durable.then(|| root::Sync::of(&dir)).transpose()?;
    let (path, created) = match publish(shared, place, &dir, temporary, guard) {
        Err(error) if error.is_of_another_disk() => {
            shared.reserve.admit(Some(size), &dir)?;
            let mut copy = temporary.copy_to(&dir, shared.manner)?;
            if durable {
                copy.sync()?;
            }
            publish(shared, place, &dir, &mut copy, guard)?
        }
        published => published?,
    };
    if let Some(names) = names {
        names.now()?;
    }
    Ok(Saved { path, size, created })
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("received", &self.received).finish_non_exhaustive()
    }
}

/// The step that readers see. One commit at a time, so that of two with the same guard only one finds that it
/// holds.
fn publish(
    shared: &Shared,
    place: &Place,
    dir: &Arc<Dir>,
    temporary: &mut Temporary,
    guard: Guard,
) -> Result<(SharePath, bool), Error> {
    let _one_at_a_time = shared.commits.lock().unwrap_or_else(PoisonError::into_inner);
    shared.stays()?;
    for _ in 0..TRIES {
        let occupant = place.occupant(&shared.root, dir)?;
        guard.check(occupant)?;
        match (occupant, shared.rules.on_conflict) {
            (None, _) => match temporary.appear(dir, place.name()) {
                Ok(()) => return Ok((place.path().clone(), true)),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            },
            (Some(_), OnConflict::Refuse) => return Err(Error::Exists),
            (Some(_), OnConflict::Rename) => return Ok((appear_beside(place, dir, temporary)?, true)),
            (Some(_), OnConflict::Overwrite) => {
                temporary.replace(dir, place.name())?;
                return Ok((place.path().clone(), false));
            }
        }
    }
    Err(Error::Exists)
}

/// Takes the first name that is free of `name (1).ext`, `name (2).ext`, …
fn appear_beside(place: &Place, dir: &Dir, temporary: &Temporary) -> Result<SharePath, Error> {
    for number in 1..=MOST_COPIES {
        let name = numbered(place.name(), number);
        // A path so long that the number does not fit has no other name.
        let path = place.path().parent().and_then(|parent| parent.join(&name).ok()).ok_or(Error::Exists)?;
        match temporary.appear(dir, &name) {
            Ok(()) => return Ok(path),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Exists)
}

/// `a.txt` becomes `a (1).txt`. A name that would grow too long loses the end of its stem, or else of its
/// extension.
fn numbered(name: &OsStr, number: u32) -> OsString {
    let bytes = name.as_bytes();
    let dot = bytes.iter().rposition(|&byte| byte == b'.').filter(|&at| at > 0).unwrap_or(bytes.len());
    let (stem, extension) = bytes.split_at_checked(dot).unwrap_or((bytes, b""));
    let number = format!(" ({number})");
    let room = super::path::LONGEST_SEGMENT - number.len();
    let extension = shortened(extension, room - 1);
    let stem = shortened(stem, room - extension.len());
    OsString::from_vec([stem, number.as_bytes(), extension].concat())
}

/// The first `most` bytes, or a little less where a character of UTF-8 would be cut.
fn shortened(bytes: &[u8], most: usize) -> &[u8] {
    let Some((cut, rest)) = bytes.split_at_checked(most) else { return bytes };
    let goes_on = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    if !rest.first().is_some_and(goes_on) {
        return cut;
    }
    let start = cut.iter().rposition(|byte| !goes_on(byte)).filter(|&at| at > 0);
    start.and_then(|at| cut.get(..at)).unwrap_or(cut)
}

fn lost() -> Error {
    Error::Io(io::Error::other("an earlier part of the file could not be written"))
}

impl Guard {
    fn check(self, occupant: Option<Version>) -> Result<(), Error> {
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
    fn names_are_numbered() {
        let long = "x".repeat(255);
        let long_extension = format!("a.{}", "x".repeat(253));
        let umlauts = format!("{}a.txt", "\u{e4}".repeat(125));
        let table = [
            ("a file", "a.txt", 1, "a (1).txt".to_owned()),
            ("two dots", "a.tar.gz", 12, "a.tar (12).gz".to_owned()),
            ("no extension", "README", 2, "README (2)".to_owned()),
            ("a hidden name is no extension", ".profile", 1, ".profile (1)".to_owned()),
            ("a dot at the end", "a.", 1, "a (1).".to_owned()),
            ("the longest name", &long, 1, format!("{} (1)", "x".repeat(251))),
            ("the longest extension", &long_extension, 1, format!("a (1).{}", "x".repeat(249))),
            ("no half characters", &umlauts, 1, format!("{} (1).txt", "\u{e4}".repeat(123))),
        ];
        for (case, name, number, expected) in table {
            let numbered = numbered(OsStr::new(name), number);
            assert_eq!(numbered, OsString::from(expected), "{case}");
            assert!(numbered.len() <= super::super::LONGEST_SEGMENT, "{case}");
        }
    }

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
