//! A download that is not complete: `name.part`, and notes that tell of which version of which file it is a part.
//!
//! ```text
//! ExistingPart ── go_on ──> Part ── finish ──> the file
//!  └────────── begin ──>  ^ └── dropped ──> what was written stays
//! nothing ─── begin ──────┘
//! ```
//!
//! What was written stays when the program ends, however it ends. The next run goes on from there only if the
//! server confirms the version; otherwise it begins again, so a file is never put together from two versions.
//!
//! This file knows nothing of servers: it is told what their answers said. Where a part is kept is `part_name`'s.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write};
use std::time::SystemTime;

use rustix::fs::{Mode, fsync, renameat};
use rustix::io::Errno;

use super::access;
use super::part_name::{self, Begun, Left, Notes, PartName};
use super::record;
use super::spot::Spot;
use crate::client::error::ClientError;
use crate::durable::name::rename_new;

/// Files up to this length, in bytes, are begun anew after a break: to resume one would cost more than to fetch it again.
pub(super) const NOTED_FROM: u64 = 64 * 1024;

/// Which version of which file this is a part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// Its address.
    pub(super) from: String,
    /// Its strong validator: its entity tag, or else its Last-Modified (RFC 9110 §13.1.5).
    pub(super) validator: String,
    /// Its length in bytes.
    pub(super) length: u64,
}

/// A part that an earlier run left, with enough in it to go on. It is locked.
#[derive(Debug)]
pub(super) struct ExistingPart {
    file: File,
    name: PartName,
    spot: Spot,
    /// Of what it is a part.
    pub(super) version: Version,
    /// From which byte on the rest is asked for.
    pub(super) offset: u64,
}

/// A file on its way in. It is locked: there is one writer.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    name: PartName,
    spot: Spot,
    length: u64,
    /// Whether another run can go on with it.
    can_go_on: bool,
}

impl Version {
    /// The version that a part's notes tell, if they tell one of this address.
    pub(super) fn noted(notes: &Notes, from: &str) -> Option<Self> {
        let (validator, length) = (notes.validator.clone()?, notes.length?);
        (notes.from == from).then(|| Self { from: from.to_owned(), validator, length })
    }

    pub(super) fn notes(&self) -> Notes {
        Notes::new(&self.from, Some(self.validator.clone()), Some(self.length))
    }
}

impl ExistingPart {
    /// The part of this place, if it is one of its address.
    pub(super) fn look(spot: &Spot) -> Result<Option<Self>, ClientError> {
        for name in PartName::all(spot) {
            let Some(Left { name, file, notes, pieces, .. }) = name.left()? else { continue };
            let Some(version) = Version::noted(&notes, &spot.from).filter(|_| pieces.is_empty()) else {
                continue;
            };
            let there = file.metadata().map_err(|error| name.failed(error))?.len();
            // Of a part that is whole the last byte is asked for again: the answer tells whether it still holds.
            let offset = there.min(version.length.saturating_sub(1));
            if offset > 0 {
                return Ok(Some(Self { file, name, spot: spot.clone(), version, offset }));
            }
        }
        Ok(None)
    }

    /// Goes on where it stopped.
    pub(super) fn go_on(mut self) -> Result<Part, ClientError> {
        let offset = self.offset;
        let sought = self.file.set_len(offset).and_then(|()| self.file.seek(SeekFrom::Start(offset)));
        sought.map_err(|error| self.name.failed(error))?;
        Ok(Part { file: self.file, name: self.name, spot: self.spot, length: offset, can_go_on: true })
    }

    /// Begins again: the file has changed.
    pub(super) fn begin(self, version: Option<&Version>) -> Result<Part, ClientError> {
        let spot = self.spot.clone();
        self.discard();
        Part::begin(spot, version)
    }

    /// Throws it away.
    pub(super) fn discard(self) {
        self.name.clear(&self.file);
    }
}

impl Part {
    /// Begins a part of this version; without one, what comes cannot be gone on with.
    pub(super) fn begin(spot: Spot, version: Option<&Version>) -> Result<Self, ClientError> {
        let version = version.filter(|version| version.length > NOTED_FROM);
        let notes = version.map_or_else(|| Notes::new(&spot.from, None, None), Version::notes);
        let Begun { name, file, .. } = part_name::begin(&spot, &notes)?;
        Ok(Self { file, name, spot, length: 0, can_go_on: version.is_some() })
    }

    /// One that has come whole, by another way.
    pub(super) fn whole(file: File, name: PartName, spot: Spot, length: u64) -> Self {
        Self { file, name, spot, length, can_go_on: true }
    }

    /// How much of it is there, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Where it will be.
    pub(super) fn spot(&self) -> &Spot {
        &self.spot
    }

    /// What is in it, to be read from its start.
    pub(super) fn content(&mut self) -> Result<&mut File, ClientError> {
        self.file.rewind().map_err(|error| self.name.failed(error))?;
        Ok(&mut self.file)
    }

    /// Gives it the server's time, where that is known, and its record.
    pub(super) fn date(&self, modified: Option<SystemTime>) -> Result<(), ClientError> {
        date(&self.file, &self.spot, modified).map_err(|error| self.name.failed(error))
    }

    /// Puts what was written on the disk.
    pub(super) fn sync(&self) -> Result<(), ClientError> {
        fsync(&self.file).map_err(|error| self.name.failed(error.into()))
    }

    /// Puts it in its place.
    pub(super) fn appear(&self) -> Result<(), ClientError> {
        if !self.name.is_named(&self.file) {
            return Err(self.name.failed(Errno::NOENT.into()));
        }
        take_place(&self.name, &self.spot)
    }

    /// Throws it away.
    pub(super) fn discard(self) {
        self.name.clear(&self.file);
    }

    /// Leaves it for the next run, or throws it away where that could not go on with it; how much of it need not come
    /// again, in bytes.
    pub(super) fn leave(self) -> u64 {
        if self.can_go_on {
            return self.length;
        }
        self.discard();
        0
    }
}

/// Gives what has the part's name its own. What has come there meanwhile, and is not to be replaced, stays what it is.
pub(super) fn take_place(part: &PartName, spot: &Spot) -> Result<(), ClientError> {
    let Spot { dir, name, path, .. } = spot;
    let renamed = if spot.may_be_taken()? {
        renameat(dir, &part.part, dir, name)
    } else {
        rename_new(dir, &part.part, name)
    };
    match renamed {
        Ok(()) => part.remove_notes(),
        Err(Errno::EXIST) => return Err(ClientError::Exists(path.clone())),
        Err(error) => return Err(ClientError::Local("write", path.clone(), error.into())),
    }
    Ok(())
}

/// Gives a file that is whole the server's time, then the record of the download, which holds that time, and the
/// permissions of the file that it replaces.
pub(super) fn date(file: &File, spot: &Spot, modified: Option<SystemTime>) -> io::Result<()> {
    modified.map_or(Ok(()), |modified| file.set_modified(modified))?;
    record::write(file, &spot.from);
    // After that: it may not be written any more.
    access::keep(file, spot, Mode::empty());
    Ok(())
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
