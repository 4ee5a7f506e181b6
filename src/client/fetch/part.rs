//! An incomplete download: `name.part`, with notes that identify the file and its version.
//!
//! ```text
//! ExistingPart ── resume ──> Part ── appear ──> the file
//!  └────────── begin ──>     ^ └── dropped ──> what was written stays
//! nothing ──── begin ────────┘
//! ```
//!
//! What was written stays when the program ends, even if it is killed. The next run resumes only if the server confirms
//! the version. Otherwise it starts again, so a file is never joined from two versions.
//!
//! Knows nothing of servers. `part_name` says where a part is kept.

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

/// Files up to this length, in bytes, start again after a lost connection: resuming such a file would cost more.
pub(super) const NOTED_FROM: u64 = 64 * 1024;

/// A version of a file on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// Its address.
    pub(super) from: String,
    /// Its strong validator: its entity tag, or else its Last-Modified (RFC 9110 §13.1.5).
    pub(super) validator: String,
    /// Its length in bytes.
    pub(super) length: u64,
}

/// A part of an earlier run that can be resumed. It is locked.
#[derive(Debug)]
pub(super) struct ExistingPart {
    file: File,
    name: PartName,
    spot: Spot,
    /// The version that it is a part of.
    pub(super) version: Version,
    /// The first byte of the rest.
    pub(super) offset: u64,
}

/// A part that is being written. It is locked, so there is one writer.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    name: PartName,
    spot: Spot,
    length: u64,
    /// Whether another run can resume it.
    is_resumable: bool,
}

impl Version {
    /// The version in a part's notes, if they belong to this address.
    pub(super) fn noted(notes: &Notes, from: &str) -> Option<Self> {
        let (validator, length) = (notes.validator.clone()?, notes.length?);
        (notes.from == from).then(|| Self { from: from.to_owned(), validator, length })
    }

    pub(super) fn notes(&self) -> Notes {
        Notes::new(&self.from, Some(self.validator.clone()), Some(self.length))
    }
}

impl ExistingPart {
    /// The part of this file, if there is one and it belongs to this address.
    pub(super) fn look(spot: &Spot) -> Result<Option<Self>, ClientError> {
        for name in PartName::all(spot) {
            let Some(Left { name, file, notes, pieces, .. }) = name.left()? else { continue };
            let Some(version) = Version::noted(&notes, &spot.from).filter(|_| pieces.is_empty()) else {
                continue;
            };
            let there = file.metadata().map_err(|error| name.failed(error))?.len();
            // If a part is complete, its last byte is requested again: the response confirms the version.
            let offset = there.min(version.length.saturating_sub(1));
            if offset > 0 {
                return Ok(Some(Self { file, name, spot: spot.clone(), version, offset }));
            }
        }
        Ok(None)
    }

    /// Continues where it stopped.
    pub(super) fn resume(mut self) -> Result<Part, ClientError> {
        let offset = self.offset;
        let sought = self.file.set_len(offset).and_then(|()| self.file.seek(SeekFrom::Start(offset)));
        sought.map_err(|error| self.name.failed(error))?;
        Ok(Part { file: self.file, name: self.name, spot: self.spot, length: offset, is_resumable: true })
    }

    /// Starts again, because the file has changed.
    pub(super) fn begin(self, version: Option<&Version>) -> Result<Part, ClientError> {
        let spot = self.spot.clone();
        self.discard();
        Part::begin(spot, version)
    }

    /// Removes it.
    pub(super) fn discard(self) {
        self.name.clear(&self.file);
    }
}

impl Part {
    /// Begins a part of this version; without a version it cannot be resumed.
    pub(super) fn begin(spot: Spot, version: Option<&Version>) -> Result<Self, ClientError> {
        let version = version.filter(|version| version.length > NOTED_FROM);
        let notes = version.map_or_else(|| Notes::new(&spot.from, None, None), Version::notes);
        let Begun { name, file, .. } = part_name::begin(&spot, &notes)?;
        Ok(Self { file, name, spot, length: 0, is_resumable: version.is_some() })
    }

    /// A part that `split` has completed.
    pub(super) fn whole(file: File, name: PartName, spot: Spot, length: u64) -> Self {
        Self { file, name, spot, length, is_resumable: true }
    }

    /// How much of it was received, in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Its place.
    pub(super) fn spot(&self) -> &Spot {
        &self.spot
    }

    /// Its content, from the start.
    pub(super) fn content(&mut self) -> Result<&mut File, ClientError> {
        self.file.rewind().map_err(|error| self.name.failed(error))?;
        Ok(&mut self.file)
    }

    /// Sets the server's time, if it is known, and the download record.
    pub(super) fn date(&self, modified: Option<SystemTime>) -> Result<(), ClientError> {
        date(&self.file, &self.spot, modified).map_err(|error| self.name.failed(error))
    }

    /// Syncs its content.
    pub(super) fn sync(&self) -> Result<(), ClientError> {
        fsync(&self.file).map_err(|error| self.name.failed(error.into()))
    }

    /// Gives the file its own name.
    pub(super) fn appear(&self) -> Result<(), ClientError> {
        if !self.name.is_named(&self.file) {
            return Err(self.name.failed(Errno::NOENT.into()));
        }
        take_place(&self.name, &self.spot)
    }

    /// Removes it.
    pub(super) fn discard(self) {
        self.name.clear(&self.file);
    }

    /// Keeps the part for the next run, or removes it if the next run could not resume it. Returns how many bytes need
    /// not be received again.
    pub(super) fn leave(self) -> u64 {
        if self.is_resumable {
            return self.length;
        }
        self.discard();
        0
    }
}

/// Renames a part to its own name. A file that was created there meanwhile stays, unless it may be replaced.
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

/// Sets the time of a complete file, and then its download record, which contains this time. Last, the file gets the
/// permissions of the file that it replaces.
pub(super) fn date(file: &File, spot: &Spot, modified: Option<SystemTime>) -> io::Result<()> {
    modified.map_or(Ok(()), |modified| file.set_modified(modified))?;
    record::write(file, &spot.from);
    // Last, because it may take away the right to write.
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
pub(super) mod tests;
