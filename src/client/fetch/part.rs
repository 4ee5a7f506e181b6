//! A download that is not complete: `name.part`, and beside it `name.part.from`, which notes of which version of which
//! file it is a part.
//!
//! ```text
//! Found ── go_on ──> Part ── finish ──> the file
//!   └───── begin ──>  ^ └── dropped ──> what was written stays
//! nothing ── begin ───┘
//! ```
//!
//! What was written stays when the program ends, however it ends. The next run goes on from there only if the
//! server confirms the version; otherwise it begins again, so a file is never put together from two versions.
//!
//! This file knows nothing of servers: it is told what their answers said.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::time::SystemTime;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, fsync, openat, renameat, statat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::downloads::{Spot, is_regular};
use crate::client::error::Error;

/// Files up to this length, in bytes, are begun anew after a break: to note of which version they are would cost more
/// than to fetch them again.
pub(super) const NOTED_FROM: u64 = 64 * 1024;

/// The longest notes that are read, in bytes: an address, an entity tag, two numbers.
pub(super) const LONGEST_NOTES: u64 = 64 * 1024;

/// What a new file may be, before the umask takes its part.
pub(super) const MODE: Mode =
    Mode::RUSR.union(Mode::WUSR).union(Mode::RGRP).union(Mode::WGRP).union(Mode::ROTH).union(Mode::WOTH);

/// Which version of which file this is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
pub(super) struct Found {
    file: File,
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
    spot: Spot,
    length: u64,
    /// Whether there are notes about it, so that another run can go on with it.
    noted: bool,
}

impl Found {
    /// The part of this place, if it is one of this address.
    pub(super) fn look(spot: &Spot, from: &str) -> Result<Option<Self>, Error> {
        let Some(version) = read_notes(spot).filter(|version| version.from == from) else { return Ok(None) };
        let file = match open(spot, OFlags::empty()) {
            Err(Error::Local(_, _, error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let there = file.metadata().map_err(|error| failed(spot, error))?.len();
        // Of a part that is whole the last byte is asked for again: the answer tells whether it still holds.
        let offset = there.min(version.length.saturating_sub(1));
        Ok((offset > 0).then(|| Self { file, spot: spot.clone(), version, offset }))
    }

    /// Goes on where it stopped.
    pub(super) fn go_on(mut self) -> Result<Part, Error> {
        let offset = self.offset;
        let sought = self.file.set_len(offset).and_then(|()| self.file.seek(SeekFrom::Start(offset)));
        sought.map_err(|error| failed(&self.spot, error))?;
        Ok(Part { file: self.file, spot: self.spot, length: offset, noted: true })
    }

    /// Begins again: the file has changed.
    pub(super) fn begin(self, version: Option<&Version>) -> Result<Part, Error> {
        Part::anew(self.file, self.spot, version)
    }

    /// Throws it away.
    pub(super) fn discard(self) {
        self.spot.remove(&self.spot.notes());
        self.spot.remove(&self.spot.part());
    }
}

impl Part {
    /// Begins a part of this version; without one, what comes cannot be gone on with.
    pub(super) fn begin(spot: Spot, version: Option<&Version>) -> Result<Self, Error> {
        let file = open(&spot, OFlags::CREATE)?;
        Self::anew(file, spot, version)
    }

    fn anew(mut file: File, spot: Spot, version: Option<&Version>) -> Result<Self, Error> {
        // In this order: at no moment do the notes tell of another version than the bytes are of.
        empty(&mut file).map_err(|error| failed(&spot, error))?;
        let noted = version.filter(|version| version.length > NOTED_FROM);
        match noted {
            Some(version) => write_notes(&spot, version).map_err(|error| failed(&spot, error))?,
            None => spot.remove(&spot.notes()),
        }
        Ok(Self { file, spot, length: 0, noted: noted.is_some() })
    }

    /// One that has come whole, by another way, and has notes.
    pub(super) fn whole(file: File, spot: Spot, length: u64) -> Self {
        Self { file, spot, length, noted: true }
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
    pub(super) fn content(&mut self) -> Result<&mut File, Error> {
        self.file.rewind().map_err(|error| failed(&self.spot, error))?;
        Ok(&mut self.file)
    }

    /// Gives it the server's time.
    pub(super) fn date(&self, modified: SystemTime) -> Result<(), Error> {
        self.file.set_modified(modified).map_err(|error| failed(&self.spot, error))
    }

    /// Puts what was written on the disk.
    pub(super) fn sync(&self) -> Result<(), Error> {
        fsync(&self.file).map_err(|error| failed(&self.spot, error.into()))
    }

    /// Puts it in its place.
    pub(super) fn appear(&self) -> Result<(), Error> {
        take_place(&self.spot)?;
        if self.noted {
            self.spot.remove(&self.spot.notes());
        }
        Ok(())
    }

    /// Throws it away.
    pub(super) fn discard(self) {
        self.spot.remove(&self.spot.notes());
        self.spot.remove(&self.spot.part());
    }

    /// Leaves it for the next run, or throws it away where that could not go on with it; how much of it need not come
    /// again, in bytes.
    pub(super) fn leave(self) -> u64 {
        if self.noted {
            return self.length;
        }
        self.discard();
        0
    }
}

pub(super) fn failed(spot: &Spot, error: io::Error) -> Error {
    Error::Local("write", spot.path.with_file_name(spot.part()), error)
}

/// Gives what has the part's name its own. A link or a directory that has come there meanwhile stays what it is.
pub(super) fn take_place(spot: &Spot) -> Result<(), Error> {
    spot.look()?;
    let Spot { dir, name, path } = spot;
    renameat(dir, spot.part(), dir, name).map_err(|error| Error::Local("write", path.clone(), error.into()))
}

/// Opens and locks the part. A link is not followed, and a FIFO not waited for.
pub(super) fn open(spot: &Spot, flags: OFlags) -> Result<File, Error> {
    let flags = flags | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = openat(&spot.dir, spot.part(), flags, MODE).map_err(|error| failed(spot, error.into()))?;
    let file = File::from(file);
    if !file.metadata().is_ok_and(|metadata| is_regular(&metadata)) {
        return Err(Error::Occupied(spot.path.with_file_name(spot.part())));
    }
    // A file system without locks has no way to tell.
    let locked = flock(&file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK);
    if locked && is_there(&file, spot) { Ok(file) } else { Err(Error::Busy(spot.path.clone())) }
}

/// Throws away what an earlier run left. For a file system to do so is work even where nothing is.
fn empty(file: &mut File) -> io::Result<()> {
    if file.metadata()?.len() > 0 { file.set_len(0).and_then(|()| file.rewind()) } else { Ok(()) }
}

/// Whether the part still has its name: whoever had locked it may just have put it in its place.
fn is_there(file: &File, spot: &Spot) -> bool {
    let named = statat(&spot.dir, spot.part(), AtFlags::SYMLINK_NOFOLLOW);
    fstat(file)
        .is_ok_and(|ours| named.is_ok_and(|named| (named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)))
}

fn read_notes(spot: &Spot) -> Option<Version> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(openat(&spot.dir, spot.notes(), flags, Mode::empty()).ok()?);
    let mut json = Vec::new();
    file.take(LONGEST_NOTES).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Whatever was there under the notes' name is replaced, not followed.
fn write_notes(spot: &Spot, version: &Version) -> io::Result<()> {
    spot.remove(&spot.notes());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(openat(&spot.dir, spot.notes(), flags, MODE)?);
    // Strings and a number: there is nothing in it that could not be written.
    file.write_all(&serde_json::to_vec(version).unwrap_or_default())
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
