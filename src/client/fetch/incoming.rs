//! A file that is being received: a part on the disk, or a buffer in memory.
//!
//! A short file starts again after a lost connection, so it need not be on the disk before it is complete. It is held
//! in memory until `settle` writes it. With many short files the disk is the bottleneck. Only one thread at a time can
//! create a name in a directory, so workers that created files themselves would block each other.

use std::io::{self, Write};
use std::time::SystemTime;

use super::anonymous::AnonymousFile;
use super::digest::{self, Sum};
use super::part::{NOTED_FROM, Part, Version};
use super::spot::Spot;
use crate::client::error::ClientError;

/// The longest content that is held in memory, in bytes. Files up to it are not resumed anyway.
const HELD_UP_TO: u64 = NOTED_FROM;

/// A file that is being received.
#[derive(Debug)]
pub(super) enum IncomingDownload {
    /// On the disk.
    Part(Part),
    /// In memory.
    Held(Held),
}

/// A short file, in memory.
#[derive(Debug)]
pub(super) struct Held {
    spot: Spot,
    content: Vec<u8>,
}

/// A complete file on the file system, not yet under its own name.
#[derive(Debug)]
pub(super) enum Whole {
    /// It has the name of a part.
    Part(Part),
    /// It has no name.
    Anonymous(AnonymousFile),
}

impl IncomingDownload {
    /// Begins to receive content of this version and length, as far as they are known.
    pub(super) fn begin(
        spot: Spot,
        version: Option<&Version>,
        length: Option<u64>,
    ) -> Result<Self, ClientError> {
        match length.filter(|length| *length <= HELD_UP_TO).map(usize::try_from) {
            Some(Ok(length)) => Ok(Self::Held(Held { spot, content: Vec::with_capacity(length) })),
            _ => Part::begin(spot, version).map(Self::Part),
        }
    }

    /// Begins to receive content of unknown length. It is held in memory until it is too long.
    pub(super) fn begin_unknown(spot: Spot) -> Self {
        Self::Held(Held { spot, content: Vec::new() })
    }

    /// Moves the content to the disk if these additional bytes are too many for memory.
    pub(super) fn with_space(self, bytes: usize) -> Result<Self, ClientError> {
        let Held { spot, content } = match self {
            Self::Held(held) if held.content.len() as u64 + bytes as u64 > HELD_UP_TO => held,
            other => return Ok(other),
        };
        Ok(Self::Part(part_with(spot, &content)?))
    }

    /// How much of it was received, in bytes.
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Part(part) => part.length(),
            Self::Held(held) => held.content.len() as u64,
        }
    }

    /// Its place.
    pub(super) fn spot(&self) -> &Spot {
        match self {
            Self::Part(part) => part.spot(),
            Self::Held(held) => &held.spot,
        }
    }

    /// The SHA-256 of its content so far.
    pub(super) fn sum(&mut self) -> Result<Sum, ClientError> {
        let path = self.spot().path.clone();
        let sum = match self {
            Self::Part(part) => digest::of(part.content()?),
            Self::Held(held) => digest::of(&mut &*held.content),
        };
        sum.map_err(|error| ClientError::Local("read", path, error))
    }

    /// Writes the content to the file system, unless it is already there.
    pub(super) fn put_down(self) -> Result<Whole, ClientError> {
        let Held { spot, content } = match self {
            Self::Part(part) => return Ok(Whole::Part(part)),
            Self::Held(held) => held,
        };
        if let Some(file) = AnonymousFile::write(&spot, &content)? {
            return Ok(Whole::Anonymous(file));
        }
        Ok(Whole::Part(part_with(spot, &content)?))
    }

    /// Removes it.
    pub(super) fn discard(self) {
        if let Self::Part(part) = self {
            part.discard();
        }
    }

    /// Keeps the file for the next run, or removes it if the next run could not resume it. Returns how many bytes need
    /// not be received again.
    pub(super) fn leave(self) -> u64 {
        match self {
            Self::Part(part) => part.leave(),
            Self::Held(_) => 0,
        }
    }
}

/// A part with this content, which no other run can resume.
fn part_with(spot: Spot, content: &[u8]) -> Result<Part, ClientError> {
    let path = spot.path.clone();
    let mut part = Part::begin(spot, None)?;
    match part.write_all(content) {
        Ok(()) => Ok(part),
        Err(error) => {
            part.discard();
            Err(ClientError::Local("write", path, error))
        }
    }
}

impl Write for IncomingDownload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Part(part) => part.write(bytes),
            Self::Held(held) => held.content.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Whole {
    /// Its place.
    pub(super) fn spot(&self) -> &Spot {
        match self {
            Self::Part(part) => part.spot(),
            Self::Anonymous(file) => file.spot(),
        }
    }

    /// Sets the server's time, if it is known, and the download record.
    pub(super) fn date(&self, modified: Option<SystemTime>) -> Result<(), ClientError> {
        match self {
            Self::Part(part) => part.date(modified),
            Self::Anonymous(file) => file.date(modified),
        }
    }

    /// Syncs its content.
    pub(super) fn sync(&self) -> Result<(), ClientError> {
        match self {
            Self::Part(part) => part.sync(),
            Self::Anonymous(file) => file.sync(),
        }
    }

    /// Gives the file its own name.
    pub(super) fn appear(&self) -> Result<(), ClientError> {
        match self {
            Self::Part(part) => part.appear(),
            Self::Anonymous(file) => file.appear(),
        }
    }

    /// Removes it.
    pub(super) fn discard(self) {
        if let Self::Part(part) = self {
            part.discard();
        }
    }

    /// Keeps the part for the next run, or removes it if the next run could not resume it.
    pub(super) fn leave(self) {
        if let Self::Part(part) = self {
            part.leave();
        }
    }
}
